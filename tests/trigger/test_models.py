"""The recipe of the committed networks: what is stored, where, and what its card says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hepml_lib import settings, training
from hepml_lib.nets import store
from hepml_lib.trigger import l1_models, models


def test_a_quick_training_stays_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    monkeypatch.setenv("HEPML_SCALE", "quick")
    monkeypatch.setattr(store, "_folders", lambda: [tmp_path / "models"])
    entry = replace(models.MODELS["trigger.anomaly"], epochs={"quick": 1}, trainings={"quick": 2})
    path = training.train_stored(entry)
    assert tmp_path in path.parents
    card = store.card("trigger.anomaly")
    seeds = {int(file.name.rpartition(".")[2]) for file in (tmp_path / "checkpoints").iterdir()}
    assert len(seeds) == 2
    assert card["seed"] in seeds
    assert card["chosen"].startswith("from 2 trainings, 0.")
    assert "no hidden signal" in card["chosen"]


@pytest.mark.parametrize("name", ["anomaly", "anomaly_fixed"])
def test_the_cards_say_how_the_networks_were_chosen(name: str) -> None:
    card = store.card(f"trigger.{name}")
    assert "no hidden signal" in card["chosen"]
    assert card["beta"] == models.BETA
    assert settings.seed("train", f"trigger.{name}") <= card["seed"]


def test_every_stored_network_has_its_row_and_its_command() -> None:
    stored = {name for name in store.names() if name.startswith("trigger.")}
    book = {name for name, entry in models.MODELS.items() if entry.in_the_book}
    assert book == stored & set(models.MODELS)
    for name in book:
        assert store.card(name)["command"] == f"HEPML_SCALE=full hepml train {name}"


def test_the_best_of_several_trainings_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    monkeypatch.setattr(store, "_folders", lambda: [tmp_path / "models"])
    values = iter([0.2, 0.7, 0.4])
    monkeypatch.setattr(models.AnomalyDetector, "choice", lambda *_: (next(values), "a guess"))
    monkeypatch.setattr(models.AnomalyDetector, "figure", lambda *_: "none")
    monkeypatch.setattr(models.AnomalyDetector, "data", lambda *_: _few_events())
    entry = replace(models.MODELS["trigger.anomaly"], epochs={"quick": 1}, trainings={"quick": 3})
    training.train_stored(entry)
    card = store.card("trigger.anomaly")
    assert card["seed"] == settings.seed("train", "trigger.anomaly") + 1
    assert card["chosen"] == "from 3 trainings, 0.700 by a guess"


def _few_events() -> training.Data:
    x = torch.linspace(-1, 1, 57 * 40).reshape(40, 57)
    return training.Data((x,), x)


def test_a_kind_continues_from_the_start_of_its_family(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    monkeypatch.setattr(store, "_folders", lambda: [tmp_path / "models"])
    monkeypatch.setattr(l1_models, "JETS", 600)
    for name, entry in l1_models.MODELS.items():
        monkeypatch.setitem(l1_models.MODELS, name, replace(entry, epochs={"quick": 1}))
    network = l1_models.network("MLP", 8, "pruned 6")
    assert store.names() == ["trigger.l1_MLP8_pruned6", "trigger.l1_MLP8_start"]
    start, pruned = (store.card(name) for name in reversed(store.names()))
    assert start["seed"] == pruned["seed"]
    assert network.weight_bits == 6
    kept = [layer.kept.mean().item() for layer in network.whole]
    assert max(kept) < 0.55
    # Once stored it is not trained again.
    monkeypatch.setattr(training, "train_stored", None)
    l1_models.network("MLP", 8, "pruned 6")


def test_what_is_not_in_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'trigger.l1_MLP8_trained[468]'"):
        l1_models.network("MLP", 8, "trained 5")
    with pytest.raises(ValueError, match="no network"):
        l1_models.network("IN", 32, "float")
