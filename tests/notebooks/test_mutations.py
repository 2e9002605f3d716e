"""Every notebook holds assertions that fail when its physics is wrong.

Each entry of mutations.toml changes one piece of a notebook's code, as a mistake would, and names
the cell whose assertion must then fail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import pytest

import execute
from tests.notebooks import running
from tests.notebooks.slicing import needed

_ROOT = Path(__file__).resolve().parents[2]
_MUTATIONS = tomllib.loads(
    (Path(__file__).parent / "mutations.toml").read_text(encoding="utf-8")
).get("mutation", [])
_NOTEBOOKS = sorted(
    path.relative_to(_ROOT).as_posix()
    for path in (_ROOT / "book").rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)


def _position(sources: list[str], text: str, what: str, notebook: str) -> int:
    """The one cell that holds a text."""
    holding = [index for index, source in enumerate(sources) if text in source]
    assert len(holding) == 1, f"{notebook}: {what} {text!r} is in {len(holding)} cells, not in one"
    return holding[0]


@pytest.mark.parametrize("notebook", _NOTEBOOKS)
def test_every_notebook_has_a_mutation(notebook: str) -> None:
    assert notebook in {mutation["notebook"] for mutation in _MUTATIONS}


Run = Callable[[list[str], Path, dict[str, str]], running.Outcome]


@pytest.fixture(scope="session")
def pool() -> Iterator[ProcessPoolExecutor]:
    with running.processes() as executor:
        yield executor


@pytest.fixture
def run(pool: ProcessPoolExecutor, record_property: Callable[[str, object], None]) -> Run:
    """Run cells in a new process; its time is counted as the test's."""

    def run_elsewhere(cells: list[str], folder: Path, variables: dict[str, str]) -> running.Outcome:
        outcome = pool.submit(running.run, cells, folder, variables).result()
        record_property("cpu_elsewhere", outcome.cpu_seconds)
        return outcome

    return run_elsewhere


@pytest.mark.parametrize(
    "mutation", _MUTATIONS, ids=[f"{Path(m['notebook']).stem}: {m['mistake']}" for m in _MUTATIONS]
)
def test_a_mistake_fails_the_assertion(mutation: dict[str, str], tmp_path: Path, run: Run) -> None:
    name = mutation["notebook"]
    content = nbformat.read(_ROOT / name, as_version=4)
    sources = [cell.source for cell in content.cells if cell.cell_type == "code"]
    place = _position(sources, mutation["find"], "find", name)
    target = _position(sources, mutation["fails"], "fails", name)
    sources[place] = sources[place].replace(mutation["find"], mutation["replace"])
    kept = needed(sources, target)
    assert place in kept, f"{name}: {mutation['fails']!r} does not depend on {mutation['find']!r}"

    variables = execute.environment(_ROOT, tmp_path) | {"HEPML_NOTEBOOK": name}
    slice_of_page = [sources[index] for index in kept]
    outcome = run(slice_of_page, (_ROOT / name).parent, variables)
    assert outcome.cell is not None, f"{name}: no assertion fails"
    assert outcome.error == "AssertionError", outcome.details
    assert mutation["fails"] in slice_of_page[outcome.cell], f"another failed: {outcome.details}"


def test_cells_run_until_one_fails(tmp_path: Path, run: Run) -> None:
    cells = [
        "import os, sys\nfrom pathlib import Path",
        "display('shown')\nassert 'torch' in sys.modules, 'not imported beforehand'",
        "assert Path.cwd() == Path(os.environ['HERE'])",
        "1 / 0",
        "assert False, 'not reached'",
    ]
    variables = {"HERE": str(tmp_path.resolve())}
    outcome = run(cells, tmp_path, variables)
    assert (outcome.cell, outcome.error) == (3, "ZeroDivisionError"), outcome.details
    # The next one finds nothing of that.
    assert run(["assert 'os' not in globals()"], tmp_path, {}).cell is None
