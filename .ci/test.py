"""Everything that `make test` runs, in order, and at the end where the time went.

The first step that fails ends the run; the table comes all the same.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT / "book" / "_ext"))

import build  # noqa: E402
import execute  # noqa: E402

_SLOWEST = _ROOT / "_build" / "slowest_tests.json"
_PYTEST = (sys.executable, "-m", "pytest")
# nbval judges every cell; the build takes over what it ran, and runs only what it could not keep.
_STEPS: Mapping[str, Sequence[str]] = {
    "lint": ("make", "lint"),
    "unit tests": (*_PYTEST, "-n", "2", "-m", "not pages", "--slowest", str(_SLOWEST)),
    "notebooks": (
        *(*_PYTEST, "-n", "2", "--dist", "loadscope", "-o", "addopts="),
        *("--nbval-lax", "--nbval-cell-timeout", "600", "book"),
    ),
    "build": (sys.executable, "book/_ext/build.py", "--strict"),
    "pages, browser": (*_PYTEST, "-m", "pages", "tests/notebooks", "tests/browser"),
}


@dataclass(frozen=True)
class Spent:
    """What a step took; `cpu_seconds` counts every process that it started and waited for."""

    step: str
    seconds: float
    cpu_seconds: float
    passed: bool


def run(step: str, command: Sequence[str]) -> Spent:
    """Run a step in the checkout, its output on the terminal."""
    start, before = time.monotonic(), _cpu_of_children()
    status = subprocess.run(command, cwd=_ROOT, check=False).returncode
    return Spent(step, time.monotonic() - start, _cpu_of_children() - before, status == 0)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def notebook_runs(root: Path) -> list[execute.Run]:
    """What each notebook took when it last ran, the slowest first."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    cache = execute.open_cache(root, root / "_build")
    runs = [execute.cached(cache, root, notebook) for notebook in build.notebooks(root, toc)]
    return sorted(filter(None, runs), key=lambda run: -run.cpu_seconds)


def table(
    spent: Sequence[Spent], slowest: Sequence[tuple[str, float]], runs: Sequence[execute.Run]
) -> str:
    """Where the time went: steps, the slowest tests, the notebooks.

    Examples
    --------
    >>> print(table([Spent("lint", 62.0, 60.0, True)], [("tests/test_a.py::test_b", 9.0)], []))
    where the time went               wall [s]  CPU [s]
      lint                                  62       60
      total                                 62       60
    slowest unit tests                          CPU [s]
      tests/test_a.py::test_b                       9.0
    """
    total = sum(step.seconds for step in spent), sum(step.cpu_seconds for step in spent)
    lines = [f"{'where the time went':32s}{'wall [s]':>10s}{'CPU [s]':>9s}"]
    for step in spent:
        failed = "" if step.passed else "  FAILED"
        lines.append(f"  {step.step:30s}{step.seconds:10.0f}{step.cpu_seconds:9.0f}{failed}")
    lines.append(f"  {'total':30s}{total[0]:10.0f}{total[1]:9.0f}")
    if runs:
        lines.append(f"{'notebooks':32s}{'wall [s]':>10s}{'CPU [s]':>9s}{'MB':>7s}")
    for run in runs:
        name = run.notebook.removeprefix("book/")
        lines.append(f"  {name:30s}{run.seconds:10.0f}{run.cpu_seconds:9.0f}{run.peak_mb:7.0f}")
    if slowest:
        lines.append(f"{'slowest unit tests':42s}{'CPU [s]':>9s}")
    for name, seconds in slowest:
        lines.append(f"  {name:40s}{seconds:9.1f}")
    return "\n".join(lines)


def main() -> int:
    os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "1")
    _SLOWEST.unlink(missing_ok=True)
    spent: list[Spent] = []
    for step, command in _STEPS.items():
        spent.append(run(step, command))
        if not spent[-1].passed:
            break
    slowest = json.loads(_SLOWEST.read_text(encoding="utf-8")) if _SLOWEST.exists() else []
    runs = notebook_runs(_ROOT) if len(spent) > 2 else []
    print(f"\n{table(spent, slowest, runs)}", flush=True)
    if spent[-1].passed:
        return 0
    print(f"error: {spent[-1].step} failed", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
