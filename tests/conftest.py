"""Settings that every test shares."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Two test processes run side by side; each works on one thread, as the notebooks do.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A failure must come back in the next run, and a slow machine is not a failure.
settings.register_profile("book", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("book")


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """A test draws the same numbers whichever tests ran before it in its process."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(1)


# Where the time goes. Wall time would blame whichever test ran beside a busy neighbour.
_COUNT = 20
_cpu_seconds: dict[str, float] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slowest",
        metavar="FILE",
        type=Path,
        help=f"print the {_COUNT} tests that took most processor time, and write them to FILE",
    )


def _cpu_now() -> float:
    """Processor time of this process and of those that it started and waited for [s]."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    item.user_properties.append(("cpu_start", _cpu_now()))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """The report of the teardown, which is last, carries the time of fixtures and test.

    A test that has work done by a process that it does not end records it as ``cpu_elsewhere``.
    """
    yield
    start = dict(item.user_properties)["cpu_start"]
    elsewhere = sum(value for name, value in item.user_properties if name == "cpu_elsewhere")
    item.user_properties.append(("cpu_seconds", _cpu_now() - start + elsewhere))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties:
        if name == "cpu_seconds":
            _cpu_seconds[report.nodeid] = value


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    file = config.getoption("--slowest")
    if file is None:
        return
    slowest = sorted(_cpu_seconds.items(), key=lambda entry: -entry[1])[:_COUNT]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(slowest), encoding="utf-8")
    total = sum(_cpu_seconds.values())
    terminalreporter.section(f"slowest of {len(_cpu_seconds)} tests, {total:.0f} CPU-seconds")
    for name, seconds in slowest:
        terminalreporter.write_line(f"{seconds:8.1f} s  {name}")
