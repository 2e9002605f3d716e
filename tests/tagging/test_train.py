"""The training that `hepml train` runs, on few jets."""

from __future__ import annotations

import pytest

from hepml_lib import settings
from hepml_lib.nets import store
from hepml_lib.tagging import train


@pytest.mark.parametrize("name", train.RECIPES)
def test_trains_stores_and_loads(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    monkeypatch.setattr(train, "_JETS", {"quick": 400})
    monkeypatch.setattr(train, "_EPOCHS", {"quick": 1})
    path = train.RECIPES[name]()
    # At quick scale nothing goes into the repository.
    assert path == settings.cache_dir() / "models" / f"tagging.{name}.safetensors"
    model, card = store.load(f"tagging.{name}")
    assert sum(p.numel() for p in model.parameters()) == card["parameters"]
    assert card["figure"].startswith("AUC 0.")
    assert card["command"] == f"HEPML_SCALE=quick hepml train tagging.{name}"
