"""The guard of every claim rests on a seed study beside its notebook, and that on what there is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hepml_lib import settings
from hepml_lib.page import studies

_ROOT = Path(__file__).resolve().parents[2]
_NOTEBOOKS = sorted(
    path.relative_to(_ROOT).as_posix()
    for path in (_ROOT / "book").rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)
# Studies that were made before they said what they ran on, or of which figures changed since. This
# list must shrink to nothing: `make seeds NOTEBOOK=... RENEW=1`, or without RENEW where that asks.
_TO_RENEW: set[str] = set()


@pytest.mark.parametrize("notebook", _NOTEBOOKS)
def test_guards(notebook: str) -> None:
    problems = studies.check_study(_ROOT / notebook)
    unknown = [problem for problem in problems if "ran on another version" in problem]
    assert [problem for problem in problems if problem not in unknown] == []
    assert bool(unknown) == (notebook in _TO_RENEW), unknown or "take it from the list"


def test_every_study_has_its_notebook() -> None:
    for study in (_ROOT / "book").rglob("*.seeds.json"):
        notebook = study.with_name(study.name.replace(".seeds.json", ".ipynb"))
        assert notebook.exists(), f"{study} belongs to no notebook"


@pytest.fixture(scope="module")
def measured() -> list[dict[str, Any]]:
    """Figures of the book as it was built."""
    file = _ROOT / "_build" / "results.json"
    assert file.exists(), "the book is not built; run `make book`"
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.pages
@pytest.mark.parametrize("notebook", _NOTEBOOKS)
def test_the_page_measures_what_its_study_measured(
    notebook: str, measured: list[dict[str, Any]]
) -> None:
    """A change of the library that moves a figure leaves the study behind."""
    file = studies.path(_ROOT / notebook)
    if not file.exists() or notebook in _TO_RENEW:
        return
    study = json.loads(file.read_text(encoding="utf-8"))
    if settings.base_seed() not in study["seeds"] or settings.scale() != study["scale"]:
        pytest.skip(f"the study has no seed {settings.base_seed()} at scale {settings.scale()}")
    records = [entry for entry in measured if entry["notebook"] == notebook]
    problems = studies.stale(study, settings.base_seed(), records)
    advice = f"the study is stale: run `make seeds NOTEBOOK={notebook}`"
    assert problems == [], os.linesep.join([advice, *problems])
