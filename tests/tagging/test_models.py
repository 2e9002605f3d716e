"""The trainings that `hepml train` runs, on few jets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hepml_lib import settings, training
from hepml_lib.nets import store
from hepml_lib.tagging import models, top_models


@pytest.fixture
def few_jets(tmp_path, monkeypatch, made_up_jets):
    """Three splits of made-up jets in place of the sample, and one epoch."""

    def load(name, split, events):
        count, first = {"train": (120, 0), "validation": (60, 120), "test": (90, 180)}[split]
        return made_up_jets(count, seed=first, first=first)

    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    # The networks of the book come first where both are there.
    monkeypatch.setattr(store, "_folders", lambda: [settings.cache_dir() / "models"])
    monkeypatch.setattr(top_models.samples, "load", load)
    monkeypatch.setattr(top_models, "_PIECE", 50)


def trained(name):
    """File of the weights after one epoch, or none for the linear model."""
    entry = models.TOP[name]
    return training.train_stored(replace(entry, epochs={"quick": 1} if entry.epochs else {}))


@pytest.mark.parametrize("name", models.TOP)
def test_trains_stores_and_scores(name, few_jets, made_up_jets) -> None:
    path = trained(name)
    # At quick scale nothing goes into the repository.
    assert path == settings.cache_dir() / "models" / f"tagging.{name}.safetensors"
    model, card = store.load(f"tagging.{name}")
    assert sum(p.numel() for p in model.parameters()) == card["parameters"]
    assert card["figure"].startswith("AUC 0.")
    assert card["command"] == f"HEPML_SCALE=quick hepml train tagging.{name}"
    assert card["data"] == f"top_jets, 120 jets of train; {models.TOP[name].sees}"
    checkpoint = settings.cache_dir() / "checkpoints" / f"tagging.{name}.quick.{card['seed']}"
    assert checkpoint.exists() == (name != "efp")
    scores = models.TOP[name].score(made_up_jets(70, seed=9))
    assert scores.shape == (70,)
    assert np.isfinite(scores).all()


def test_another_seed_is_another_model(few_jets, monkeypatch) -> None:
    trained("nsub")
    monkeypatch.setenv("HEPML_SEED", "2")
    assert trained("nsub").name == "tagging.nsub.seed2.safetensors"
    first, second = (store.card(name) for name in ("tagging.nsub", "tagging.nsub.seed2"))
    assert first["seed"] != second["seed"]
    assert first["sha256"] != second["sha256"]


def test_sizes_are_near_the_published_ones() -> None:
    """TopoDNN 59k, N-subjettiness with eight bodies 57k (1902.09914), ParticleNet-Lite 26k."""
    sizes = {
        name: sum(p.numel() for p in models.TOP[name].network(None).parameters())
        for name in ("topodnn", "nsub", "particlenet_lite")
    }
    # The published Lite has two outputs, of which ours needs one: 129 parameters fewer.
    assert sizes == {"topodnn": 60_787, "nsub": 57_451, "particlenet_lite": 26_416 - 129}


def test_inputs_do_not_depend_on_the_pieces(made_up_jets, monkeypatch) -> None:
    jets = made_up_jets(30)
    whole = models.TOP["particle_transformer"].inputs(jets)
    monkeypatch.setattr(top_models, "_PIECE", 7)
    for name, tensor in models.TOP["particle_transformer"].inputs(jets).items():
        assert (tensor == whole[name]).all()


def test_every_stored_tagger_has_its_row() -> None:
    stored = {name for name in store.names() if name.startswith("tagging.")}
    assert stored == set(models.MODELS)
    assert all(name == entry.name for name, entry in models.MODELS.items())


@pytest.mark.parametrize("name", models.TOP)
def test_a_stored_network_reads_what_its_row_says(name, made_up_jets) -> None:
    network, _ = store.load(f"tagging.{name}")
    inputs = models.TOP[name].inputs(made_up_jets(4))
    assert training.predict(network, inputs).shape == (4,)
