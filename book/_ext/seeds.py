"""Run a notebook with many seeds and store how its figures scatter: what its guards rest on.

python book/_ext/seeds.py book/start/tour.ipynb --runs 20 --workers 2
python book/_ext/seeds.py book/start/tour.ipynb --renew

The result lies beside the notebook, `tour.seeds.json`. An interrupted study resumes where it
stopped, unless the notebook's code, the library or the data have changed since. After a change that
should leave every figure as it is, `--renew` repeats two seeds of a study: if they give what they
gave, the study stands, and says that it ran on what there is now.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from traitlets.config import Config

import execute
from hepml_lib import atomic, settings
from hepml_lib.page import provenance, results, studies

__all__ = ["renew", "study"]

_ROOT = Path(__file__).resolve().parents[2]
_CELL_TIMEOUT = 900

# Cells before the first and after the last note which files a run opens.
_WATCH = """
import sys
sys._hepml_opened = set()
sys.addaudithook(lambda event, details: event == "open" and sys._hepml_opened.add(details[0]))
"""
_REPORT = """
import json, os, sys
with open(os.path.join(os.environ["HEPML_BUILD"], "opened.json"), "w") as _hepml_file:
    json.dump([name for name in sys._hepml_opened if isinstance(name, str)], _hepml_file)
"""


def _relative(notebook: Path) -> str:
    return (
        notebook.relative_to(_ROOT).as_posix() if notebook.is_relative_to(_ROOT) else notebook.name
    )


def _inputs_hash(notebook: Path) -> str:
    """Hash of all that a run depends on besides its seed."""
    cells = nbformat.read(notebook, as_version=4).cells
    code = "\0".join(cell.source for cell in cells if cell.cell_type == "code")
    return hashlib.sha256((execute.fingerprint(_ROOT) + code).encode()).hexdigest()


async def _run(notebook: Path, seed: int) -> dict[str, Any]:
    """Records of one run in a folder of its own, what data it opened, what failed, other errors.

    An assertion that fails does not stop the run: what the later cells measure is needed as well.
    """
    content = nbformat.read(notebook, as_version=4)
    content.cells.insert(0, nbformat.v4.new_code_cell(_WATCH))
    content.cells.append(nbformat.v4.new_code_cell(_REPORT))
    error, opened = "", []
    with tempfile.TemporaryDirectory(prefix="hepml-seeds-") as folder:
        client = NotebookClient(
            content,
            timeout=_CELL_TIMEOUT,
            allow_errors=True,
            resources={"metadata": {"path": folder}},
            # No open port. Kernel and client have different folders, so the socket's is absolute.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}),
        )
        if execute.words_file(notebook).exists():
            shutil.copy(execute.words_file(notebook), folder)
        environment = os.environ | {
            "HEPML_SEED": str(seed),
            "HEPML_BUILD": folder,
            "HEPML_NOTEBOOK": _relative(notebook),
            "OMP_NUM_THREADS": "1",  # or runs side by side disturb each other
            "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        try:
            await client.async_execute(env=environment)
        except (CellTimeoutError, DeadKernelError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        copy = Path(folder) / notebook.name
        nbformat.write(content, copy)
        records = results.collect([copy])
        listed = Path(folder) / "opened.json"
        if listed.exists():
            opened = provenance.committed_data(json.loads(listed.read_text(encoding="utf-8")))
    failed = []
    for cell in content.cells:
        for output in cell.get("outputs", []):
            if output.output_type != "error":
                continue
            said = f"cell {cell.id!r}: {output.ename}: {output.evalue}"
            if output.ename == "AssertionError":
                failed.append(said)
            else:
                error = error or said
    return {"records": records, "opened": opened, "failed": failed, "error": error}


async def _run_all(notebook: Path, seeds: Sequence[int], workers: int) -> dict[int, dict[str, Any]]:
    """Outcome by seed, from the store of an interrupted study where it can be."""
    mark = _inputs_hash(notebook)
    store = settings.build_dir().resolve() / "seeds" / results.key(_relative(notebook))
    store.mkdir(parents=True, exist_ok=True)
    free = asyncio.Semaphore(workers)
    outcomes: dict[int, dict[str, Any]] = {}
    errors: list[str] = []

    async def one(seed: int) -> None:
        kept = store / f"{seed}.json"
        if kept.exists():
            outcome = json.loads(kept.read_text(encoding="utf-8"))
            if outcome["inputs"] == mark:
                outcomes[seed] = outcome
                return
        async with free:
            if errors:
                return
            start = time.monotonic()
            outcome = await _run(notebook, seed)
        if outcome["error"]:
            errors.append(f"seed {seed}: {outcome['error']}")
            return
        atomic.write(kept, json.dumps(outcome | {"inputs": mark}))
        problem = "; ".join(outcome["failed"])
        print(f"seed {seed:3d}  {time.monotonic() - start:6.1f} s  {problem}".rstrip(), flush=True)
        outcomes[seed] = outcome

    await asyncio.gather(*(one(seed) for seed in seeds))
    if errors:
        raise RuntimeError("\n".join(errors))
    return dict(sorted(outcomes.items()))


def study(notebook: str | Path, runs: int = studies.RUNS, workers: int = 2) -> dict[str, Any]:
    """Run a notebook with seeds 1 to `runs` and store the scatter of every figure beside it.

    Returns
    -------
    dict
        ``notebook``, ``scale``, ``seeds``, ``ran_on`` as `studies.ran_on` gives it, ``figures`` as
        `studies.summary` gives them, and ``failed``, the assertions that did not hold, by seed.

    Raises
    ------
    RuntimeError
        If a run ends with anything but a failed assertion. No other is started then; those that
        were complete are kept for the next try.
    ValueError
        If the notebook records nothing, or not the same figures with every seed.
    """
    path = Path(notebook).resolve()
    if not path.exists():
        raise FileNotFoundError(f"there is no notebook {notebook}")
    outcomes = asyncio.run(_run_all(path, range(1, runs + 1), workers))
    figures = studies.summary([run["records"] for run in outcomes.values()])
    if not figures:
        raise ValueError(f"{notebook} records no result; see hepml_lib.page.results")
    found = {
        "notebook": _relative(path),
        "scale": settings.scale(),
        "seeds": list(outcomes),
        "ran_on": studies.ran_on(path, _opened(outcomes)),
        "figures": figures,
        "failed": {str(seed): run["failed"] for seed, run in outcomes.items() if run["failed"]},
    }
    _write(path, found)
    return found


def renew(notebook: str | Path, workers: int = 2) -> list[str]:
    """Repeat the first and the last seed of a study; if all agrees, note what it ran on.

    Returns
    -------
    list of str
        What does not agree; if there is anything, the study stays as it is.

    Raises
    ------
    FileNotFoundError
        If there is no notebook, or no study beside it.
    RuntimeError
        If a run ends with anything but a failed assertion.
    """
    path = Path(notebook).resolve()
    for needed in (path, studies.path(path)):
        if not needed.exists():
            raise FileNotFoundError(f"there is no {needed}")
    stored = json.loads(studies.path(path).read_text(encoding="utf-8"))
    if stored["scale"] != settings.scale():
        return [f"the study ran at scale {stored['scale']!r}, this is {settings.scale()!r}"]
    outcomes = asyncio.run(_run_all(path, [stored["seeds"][0], stored["seeds"][-1]], workers))
    problems = []
    for seed, run in outcomes.items():
        problems += studies.stale(stored, seed, run["records"])
        problems += [f"seed {seed}: {said}" for said in run["failed"]]
    if not problems:
        _write(path, stored | {"ran_on": studies.ran_on(path, _opened(outcomes))})
    return problems


def _opened(outcomes: Mapping[int, Mapping[str, Any]]) -> set[str]:
    return {name for run in outcomes.values() for name in run["opened"]}


def _write(notebook: Path, content: Mapping[str, Any]) -> None:
    """Put a study beside its notebook, whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    atomic.write(studies.path(notebook), text + "\n")


def _verdict(figure: Mapping[str, Any]) -> str:
    if "guard" not in figure:
        return ""
    if figure["largest_guard"] < figure["null"]:
        return "the data do not decide: do not assert"
    return "ok" if figure["guard"] <= figure["largest_guard"] else "guard too high"


def report(found: Mapping[str, Any]) -> str:
    """The study as a table."""
    heads = ("mean", "retraining", "bootstrap", "s", "guard", "largest_guard")
    width = max(len(name) for name in found["figures"])
    lines = [" ".join(["figure".ljust(width), *(f"{h.replace('_', ' '):>13s}" for h in heads)])]
    for name, figure in found["figures"].items():
        cells = [f"{figure[h]:13.4g}" if h in figure else f"{'–':>13s}" for h in heads]
        lines.append(" ".join([name.ljust(width), *cells, _verdict(figure)]).rstrip())
    for seed, failed in found["failed"].items():
        lines += [f"seed {seed}: {said}" for said in failed]
    return "\n".join(lines)


def _renewed(notebook: Path, problems: Sequence[str]) -> int:
    if not problems:
        print(f"every figure is what it was with two seeds: {studies.path(notebook)} is renewed")
        return 0
    print(*problems, sep="\n")
    print(
        f"error: {len(problems)} figures are not what they were: repeat the whole study with "
        f"`make seeds NOTEBOOK={notebook}`",
        file=sys.stderr,
    )
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how a notebook's figures scatter.")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--runs", type=int, default=studies.RUNS, help="seeds 1 to RUNS")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    parser.add_argument("--renew", action="store_true", help="repeat two seeds of a study")
    arguments = parser.parse_args()
    try:
        if arguments.renew:
            return _renewed(arguments.notebook, renew(arguments.notebook, arguments.workers))
        found = study(arguments.notebook, arguments.runs, arguments.workers)
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
