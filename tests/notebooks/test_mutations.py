"""Every notebook holds assertions that fail when its physics is wrong.

Each entry of mutations.toml changes one piece of a notebook's code, as a mistake would, and names
the cell whose assertion must then fail.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

import execute
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


@pytest.mark.parametrize(
    "mutation", _MUTATIONS, ids=[f"{Path(m['notebook']).stem}: {m['mistake']}" for m in _MUTATIONS]
)
def test_a_mistake_fails_the_assertion(
    mutation: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = mutation["notebook"]
    content: Any = nbformat.read(_ROOT / name, as_version=4)
    cells = [cell for cell in content.cells if cell.cell_type == "code"]
    sources = [cell.source for cell in cells]
    place = _position(sources, mutation["find"], "find", name)
    target = _position(sources, mutation["fails"], "fails", name)
    cells[place].source = sources[place] = sources[place].replace(
        mutation["find"], mutation["replace"]
    )
    kept = needed(sources, target)
    assert place in kept, f"{name}: {mutation['fails']!r} does not depend on {mutation['find']!r}"
    content.cells = [cells[index] for index in kept]

    monkeypatch.setenv("HEPML_BUILD", str(tmp_path))
    monkeypatch.setenv("HEPML_NOTEBOOK", name)
    monkeypatch.setenv("PYTHONPATH", str(_ROOT), prepend=os.pathsep)
    with pytest.raises(CellExecutionError) as failure:
        execute.run_cells(content, (_ROOT / name).parent)
    assert failure.value.ename == "AssertionError", str(failure.value)
    failed = next(
        cell for cell in content.cells if any(o.output_type == "error" for o in cell.outputs)
    )
    assert mutation["fails"] in failed.source, f"another cell failed: {failure.value}"
