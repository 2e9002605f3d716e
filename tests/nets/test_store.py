"""The store gives back what was trained, and nothing that was damaged or disguised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from hepml_lib.nets import EFN, MLP, PFN, DeepSets, store

CARD = {
    "data": {"sample": "top_jets", "split": "train", "events": 10_000, "seed": 1},
    "seed": 1,
    "command": "hepml train tagging.pfn",
    "figure": "AUC 0.965 [0.962, 0.968] on 8000 test jets",
    "limits": "jets of 550-650 GeV only",
}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HEPML_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data" / "models"


@pytest.mark.parametrize(
    "network",
    [
        MLP(3, outputs=2, hidden=(5,), dropout=0.1).standardise(torch.randn(50, 3)),
        DeepSets(3, phi=(4, 5), rho=(6,)),
        PFN(4),
        EFN(outputs=3),
    ],
)
def test_what_comes_back_is_what_was_stored(folder, network):
    store.save("tagging.some", network, CARD)
    loaded, card = store.load("tagging.some")
    assert type(loaded) is type(network)
    assert not loaded.training
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)
    assert card["parameters"] == sum(p.numel() for p in network.parameters())
    assert {**card, **CARD} == card
    assert card["versions"]["torch"] == torch.__version__
    assert store.names() == ["tagging.some"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "tagging.some.json",
        "tagging.some.safetensors",
    ]


def test_loading_leaves_the_random_state_alone(folder):
    store.save("m", MLP(2), CARD)
    before = torch.random.get_rng_state()
    store.load("m")
    assert torch.equal(before, torch.random.get_rng_state())


def test_data_folder_goes_before_the_cache(folder, tmp_path):
    store.save("m", MLP(2), {**CARD, "seed": 1})
    store.save("m", MLP(2), {**CARD, "seed": 2}, folder=tmp_path / "cache" / "models")
    store.save("n", MLP(2), {**CARD, "seed": 3}, folder=tmp_path / "cache" / "models")
    assert store.card("m")["seed"] == 1
    assert store.card("n")["seed"] == 3
    assert store.names() == ["m", "n"]


def test_unknown_name_suggests_the_nearest(folder):
    store.save("tagging.pfn", PFN(4), CARD)
    with pytest.raises(ValueError, match=r"did you mean 'tagging.pfn'"):
        store.load("tagging.pnf")


def test_damage_is_named(folder):
    path = store.save("m", MLP(2), CARD)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"m.safetensors is damaged"):
        store.load("m")
    path.unlink()
    with pytest.raises(ValueError, match=r"m.safetensors is missing"):
        store.load("m")
    card = path.with_suffix(".json")
    card.write_text(card.read_text()[:100])
    with pytest.raises(ValueError, match=r"m.json is damaged"):
        store.load("m")
    card.write_text("{}")
    with pytest.raises(ValueError, match=r"m.json is no model card: it lacks command, data"):
        store.load("m")


@pytest.mark.parametrize(
    "architecture", ["os.system", "dense.nn", "store.load", "..training.fit", "dense.Sequence", "x"]
)
def test_card_cannot_name_code_outside_the_networks(folder, architecture):
    path = store.save("m", MLP(2), CARD)
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**card, "architecture": architecture}))
    with pytest.raises(ValueError, match=r"no network of hepml_lib.nets"):
        store.load("m")


def test_card_that_does_not_fit_its_weights_is_refused(folder):
    path = store.save("m", MLP(2), CARD)
    card = json.loads(path.with_suffix(".json").read_text())
    for arguments in ({"inputs": 3}, {"entries": 2}):
        path.with_suffix(".json").write_text(json.dumps({**card, "arguments": arguments}))
        with pytest.raises(ValueError, match="does not describe its weights"):
            store.load("m")


def test_useless_models_and_cards_are_refused(folder):
    with pytest.raises(ValueError, match="does not state: figure, limits"):
        store.save("m", MLP(2), {"command": "", "data": {}, "seed": 1})
    with pytest.raises(ValueError, match="no model name"):
        store.save("../m", MLP(2), CARD)
    with pytest.raises(ValueError, match=r"only networks of hepml_lib.nets"):
        store.save("m", nn.Linear(2, 1), CARD)
    assert store.names() == []


def test_tensors_and_record_travel_together(tmp_path):
    path = tmp_path / "deep" / "state.safetensors"
    store.write_tensors(path, {"x": torch.arange(3.0)[1:]}, {"loss": 0.1 + 0.2})
    tensors, record = store.read_tensors(path)
    assert torch.equal(tensors["x"], torch.tensor([1.0, 2.0]))
    assert record == {"loss": 0.1 + 0.2}
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged"):
        store.read_tensors(path)
