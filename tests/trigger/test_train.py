"""The recipe of the committed networks: what is stored, where, and what its card says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from hepml_lib import settings
from hepml_lib.nets import store
from hepml_lib.trigger import train


def test_a_quick_training_stays_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path))
    monkeypatch.setenv("HEPML_SCALE", "quick")
    monkeypatch.setattr(train, "train_autoencoder", partial(train.train_autoencoder, epochs=1))
    path = train.RECIPES["anomaly"](checkpoint=tmp_path / "check")
    assert tmp_path in path.parents
    assert (tmp_path / "check.0").exists()


@pytest.mark.parametrize("name", sorted(train.RECIPES))
def test_the_cards_say_how_the_networks_were_chosen(name: str) -> None:
    card = store.card(f"trigger.{name}")
    assert "no hidden signal" in card["chosen"]
    assert card["command"] == f"HEPML_SCALE=full hepml train trigger.{name}"
    assert card["beta"] == train.BETA
    assert settings.seed("train", f"trigger.{name}") <= card["seed"]
