"""Run a notebook with many seeds and store how its figures scatter: what its guards rest on.

python book/_ext/seeds.py book/start/tour.ipynb --runs 20 --workers 2

The result lies beside the notebook, `tour.seeds.json`. An interrupted study resumes where it
stopped, unless the notebook's code, the library or the data have changed since.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from traitlets.config import Config

import execute
from hepml_lib import atomic, settings
from hepml_lib.page import results, studies

__all__ = ["study"]

_ROOT = Path(__file__).resolve().parents[2]
_CELL_TIMEOUT = 900


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
    """Records of one run in a folder of its own, failed assertions, and any other error.

    An assertion that fails does not stop the run: what the later cells measure is needed as well.
    """
    content = nbformat.read(notebook, as_version=4)
    error = ""
    with tempfile.TemporaryDirectory(prefix="hepml-seeds-") as folder:
        client = NotebookClient(
            content,
            timeout=_CELL_TIMEOUT,
            allow_errors=True,
            resources={"metadata": {"path": folder}},
            # No open port. Kernel and client have different folders, so the socket's is absolute.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}),
        )
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
    failed = []
    for cell in content.cells:
        expected = "raises-exception" in cell.metadata.get("tags", [])
        for output in cell.get("outputs", []):
            if output.output_type != "error" or expected:
                continue
            said = f"cell {cell.id!r}: {output.ename}: {output.evalue}"
            if output.ename == "AssertionError":
                failed.append(said)
            else:
                error = error or said
    return {"records": records, "failed": failed, "error": error}


async def _run_all(notebook: Path, seeds: range, workers: int) -> dict[int, dict[str, Any]]:
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
        ``notebook``, ``scale``, ``seeds``, ``figures`` as `studies.summary` gives them, and
        ``failed``, the assertions that did not hold, by seed.

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
        "figures": figures,
        "failed": {str(seed): run["failed"] for seed, run in outcomes.items() if run["failed"]},
    }
    target = path.with_suffix(".seeds.json")
    atomic.write(target, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return found


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


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how a notebook's figures scatter.")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--runs", type=int, default=studies.RUNS, help="seeds 1 to RUNS")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    arguments = parser.parse_args()
    try:
        found = study(arguments.notebook, arguments.runs, arguments.workers)
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
