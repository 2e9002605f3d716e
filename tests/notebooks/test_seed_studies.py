"""The guard of every claim rests on a seed study beside its notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepml_lib.page import studies

_ROOT = Path(__file__).resolve().parents[2]
_NOTEBOOKS = sorted(
    path.relative_to(_ROOT).as_posix()
    for path in (_ROOT / "book").rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)


@pytest.mark.parametrize("notebook", _NOTEBOOKS)
def test_guards(notebook: str) -> None:
    assert studies.check_study(_ROOT / notebook) == []


def test_every_study_has_its_notebook() -> None:
    for study in (_ROOT / "book").rglob("*.seeds.json"):
        notebook = study.with_name(study.name.replace(".seeds.json", ".ipynb"))
        assert notebook.exists(), f"{study} belongs to no notebook"
