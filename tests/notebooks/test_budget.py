"""Every notebook keeps within its time and memory, as the build measured them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

import build
import execute

# Processor time, which a busy machine does not lengthen; HEPML_BUDGET_FACTOR=2 is for a slow one.
_FACTOR = float(os.environ.get("HEPML_BUDGET_FACTOR", "1"))
_ROOT = Path(__file__).resolve().parents[2]
_TOC = yaml.safe_load((_ROOT / "_toc.yml").read_text(encoding="utf-8"))


@pytest.mark.pages
@pytest.mark.parametrize("notebook", build.notebooks(_ROOT, _TOC))
def test_time_and_memory(notebook: str) -> None:
    run = execute.cached(execute.open_cache(_ROOT, _ROOT / "_build"), _ROOT, notebook)
    assert run is not None, "the book is not built as it is now; run `make book`"
    assert run.cpu_seconds <= _FACTOR * execute.BUDGET_SECONDS
    assert run.peak_mb <= execute.BUDGET_MB
