"""Figures of the stored flavour taggers on jets that no training saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hepml_lib import records, settings, studies, training
from hepml_lib.nets import store
from hepml_lib.studies import flavour
from hepml_lib.tagging import flavour_models


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Deep Sets and transformer trained for one epoch on few jets, in a cache of the test."""
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    monkeypatch.setattr(flavour_models, "JETS", {"quick": 1000})
    monkeypatch.setattr(flavour, "TRAINED", 3000)
    monkeypatch.setattr(flavour, "JETS", 24_000)
    monkeypatch.setattr(records, "path", lambda name: tmp_path / f"{name}.json")
    monkeypatch.setattr(store, "_folders", lambda: [settings.cache_dir() / "models"])
    for name in ("sets", "transformer"):
        training.train_stored(replace(flavour_models.FLAVOUR[name], epochs={"quick": 1}))


def test_trainings_are_stored_and_measured(trained, monkeypatch):
    assert store.names() == ["tagging.flavour_sets", "tagging.flavour_transformer"]
    file = studies.run("flavour")
    taggers = records.read("flavour")["taggers"]
    assert set(taggers) == {"impact likelihood", "sets", "transformer"}
    entry = taggers["transformer"]
    assert entry["light, 85%"].value < entry["light, 70%"].value
    ratio = entry["c, 70%, over sets"].value
    assert ratio == pytest.approx(entry["c, 70%"].value / taggers["sets"]["c, 70%"].value)
    before = file.read_bytes()
    monkeypatch.setattr(training, "predict", lambda *_: pytest.fail("scored anew"))
    assert studies.run("flavour").read_bytes() == before
