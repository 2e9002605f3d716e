"""What `make test` says of its time, and `make size` of the library."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

import execute

_BUSY = """
import subprocess, sys, time

def test_at_rest():
    time.sleep(0.3)

def test_busy():
    busy = "import time\\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
"""


def _script(root: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ci_{name}", root / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_slowest_tests_are_those_that_compute(root: Path, tmp_path: Path, workers: str) -> None:
    """Processor time of a test and of what it starts; a test that waits costs nothing."""
    (tmp_path / "conftest.py").write_bytes((root / "tests" / "conftest.py").read_bytes())
    (tmp_path / "test_times.py").write_text(_BUSY, encoding="utf-8")
    options = f"-n {workers} -p no:cacheprovider --rootdir . --slowest times/slowest.json"
    command = [sys.executable, "-m", "pytest", *options.split(), "-c", "/dev/null", "."]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout
    assert "slowest of 2 tests" in result.stdout
    times = json.loads((tmp_path / "times/slowest.json").read_text(encoding="utf-8"))
    assert [name.split("::")[1] for name, _ in times] == ["test_busy", "test_at_rest"]
    assert times[0][1] > 0.5 > 0.2 > times[1][1]


def test_the_table_names_the_step_that_failed(root: Path) -> None:
    ci = _script(root, "test")
    good = ci.run(
        "lint", [sys.executable, "-c", "while __import__('time').process_time() < 0.3: 0"]
    )
    bad = ci.run("notebooks", [sys.executable, "-c", "raise SystemExit(1)"])
    assert good.passed
    assert 0.3 < good.cpu_seconds < 2
    notebook = execute.Run("book/start/tour.ipynb", 31.4, 27.2, 812)
    lines = ci.table([good, bad], [("tests/test_a.py::test_b", 12.3)], [notebook]).splitlines()
    assert [line.split()[0] for line in lines if line.endswith("FAILED")] == ["notebooks"]
    assert "  start/tour.ipynb                      31       27    812" in lines
    assert lines[-1].split() == ["tests/test_a.py::test_b", "12.3"]


def test_lines_of_code_are_lines_that_do_something(root: Path, tmp_path: Path) -> None:
    size = _script(root, "size")
    source = '''"""Words."""
import numpy as np  # not counted

# Why it is so.
def invariant_mass(
    energy,
):
    """More words,

    on several lines.
    """
    text = """no
    docstring"""

    return np.sqrt(energy), text
'''
    assert size.code_lines(source) == 6
    cells = [
        nbformat.v4.new_code_cell("results.record('TAG-2', 'area', 0.9)"),
        nbformat.v4.new_code_cell("results.claim('better', gain, 0.1, row='TAG-3')"),
        nbformat.v4.new_code_cell("results.claim('no row', gain, 0.1)"),
    ]
    path = tmp_path / "tagging" / "page.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert list(size.rows([path])) == [("tagging", "TAG-2"), ("tagging", "TAG-3")]
