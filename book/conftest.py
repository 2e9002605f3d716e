"""nbval judges every cell; what the cells showed goes to the cache that the build reads.

So a notebook runs once where both are wanted. A notebook of which a cell failed or did not run is
not handed over, nor one that needs the state of widgets, which nbval does not keep: the build runs
those itself.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.plugin import IPyNbCell

import execute

_ROOT = Path(__file__).resolve().parents[1]
_BUILD = _ROOT / "_build"
_START = pytest.StashKey[float]()
_SHOWN = pytest.StashKey[dict[int, list[Any]]]()  # outputs of the cells that passed
_USAGE = "[__import__('resource').getrusage(who)[:3] for who in (0, -1)]"  # itself, its children


class _Handover:
    """Puts into the cache what the processes that run the notebooks report."""

    def __init__(self) -> None:
        self.cache = execute.open_cache(_ROOT, _BUILD)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == "executed" and report.when == "teardown":
                run, text = value
                executed = nbformat.reads(text, as_version=4)
                execute.store(self.cache, _ROOT, execute.Run(**run), executed)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("nbval_lax"):
        return
    os.environ.update(execute.environment(_ROOT, _BUILD))
    if not hasattr(config, "workerinput"):  # one process writes, not every one that runs notebooks
        config.pluginmanager.register(_Handover())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the kernel starts: the name under which the notebook's results are kept."""
    if isinstance(item, IPyNbCell) and _START not in item.parent.stash:
        os.environ["HEPML_NOTEBOOK"] = _name(item)
        item.parent.stash[_START] = time.monotonic()
        item.parent.stash[_SHOWN] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield
    if isinstance(item, IPyNbCell):
        item.parent.stash[_SHOWN][item.cell_num] = item.test_outputs


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last cell, while its kernel lives: report the notebook, if every cell passed."""
    if not isinstance(item, IPyNbCell) or (nextitem and nextitem.parent is item.parent):
        return
    executed, shown = copy.deepcopy(item.parent.nb), item.parent.stash[_SHOWN]
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    if set(shown) != set(range(len(cells))):
        return
    for number, cell in enumerate(cells):
        cell.execution_count = number + 1
        cell.outputs = nbformat.from_dict(shown[number])
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number + 1
    if execute.needs_widget_state(executed):
        return
    executed.metadata.language_info = _asked(item, "kernel_info")["language_info"]
    seconds = time.monotonic() - item.parent.stash[_START]
    run = execute.Run(_name(item), seconds, *_used(item))
    report = dataclasses.asdict(run), nbformat.writes(executed)
    item.user_properties.append(("executed", report))


def _name(cell: IPyNbCell) -> str:
    """Path of a cell's notebook from the root."""
    return cell.path.relative_to(_ROOT).as_posix()


def _used(cell: IPyNbCell) -> tuple[float, float]:
    """Processor time [s] and largest memory [MB] of the kernel and of what it started."""
    answer = _asked(cell, "execute", "", silent=True, user_expressions={"usage": _USAGE})
    text = answer["user_expressions"]["usage"]["data"]["text/plain"]
    user, system, peak = zip(*ast.literal_eval(text), strict=True)
    unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB on Linux
    return sum(user) + sum(system), max(peak) / unit


def _asked(cell: IPyNbCell, request: str, *arguments: Any, **options: Any) -> Any:
    """Answer of the kernel to a request of its client."""
    client = cell.parent.kernel.kc
    message = getattr(client, request)(*arguments, **options)
    while True:
        reply = client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == message:
            return reply["content"]
