"""Cells run without a kernel, in a process that begins with the libraries of the book imported.

A kernel and its imports take five seconds of processor time; a test of a few cells takes one.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "processes", "run"]

_LIBRARIES = [
    "awkward",
    "IPython.display",
    "matplotlib.figure",
    "plotly.graph_objects",
    "scipy.stats",
    "sklearn.ensemble",
    "torch",
    "uproot",
    "hepml_lib.nets",
    "hepml_lib.page.explore",
    "hepml_lib.page.results",
    "hepml_lib.plots",
    "hepml_lib.samples",
    "hepml_lib.training",
]


@dataclass(frozen=True)
class Outcome:
    """The cell that failed, counted from 0, its error and traceback; the processor time it took.

    `cell` is None if none failed.
    """

    cell: int | None
    error: str
    details: str
    cpu_seconds: float


def processes() -> ProcessPoolExecutor:
    """A new process for each task, with the libraries imported once for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LIBRARIES)
    return ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1)


def run(sources: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Outcome:
    """Run cells in a folder, under environment variables, up to the first that fails.

    For a process of its own: the working folder and the environment stay changed.
    """
    from IPython.display import display

    start = time.process_time()
    os.chdir(folder)
    os.environ.update(variables)
    names = {"__name__": "__main__", "display": display}
    for index, source in enumerate(sources):
        try:
            exec(compile(source, f"cell {index}", "exec"), names)
        except Exception as error:
            details = traceback.format_exc()
            return Outcome(index, type(error).__name__, details, time.process_time() - start)
    return Outcome(None, "", "", time.process_time() - start)
