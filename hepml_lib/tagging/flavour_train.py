"""Trainings of the flavour taggers, as ``hepml train tagging.flavour_<name>`` runs them.

At quick scale a network learns from the committed jets; at full scale from 200 000, which are
generated first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from torch import nn

from hepml_lib import metrics, nets, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.nets.flavour import MultiTask, TrackRecurrent, TrackTransformer
from hepml_lib.tagging import flavour

__all__ = ["JETS", "NETWORKS", "RECIPES", "data", "fit", "train"]

JETS = {"quick": 28_000, "full": 200_000}
_INPUTS, _OUTPUTS = len(flavour.FEATURES), len(flavour.FLAVOURS)


class Network(NamedTuple):
    """A flavour tagger: its network, its passes over the jets, whether origin and vertex help."""

    make: Callable[[], nn.Module]
    epochs: int
    auxiliary: bool = False


NETWORKS = {
    "sets": Network(lambda: nets.DeepSets(_INPUTS, _OUTPUTS, (100, 100, 128), (100, 100)), 20),
    "recurrent": Network(lambda: TrackRecurrent(_INPUTS, _OUTPUTS), 12),
    "alone": Network(lambda: TrackTransformer(_INPUTS, _OUTPUTS), 8),
    "transformer": Network(lambda: TrackTransformer(_INPUTS, _OUTPUTS), 8, auxiliary=True),
}
"""Name → tagger. `alone` is the transformer without its auxiliary tasks."""


def data(jets: ak.Array) -> training.Data:
    """Features, targets and balancing weights of jets."""
    tracks = flavour.tracks_of(jets)
    return training.Data(
        tuple(flavour.track_tensors(jets, tracks)),
        flavour.targets(jets, tracks),
        flavour.balancing_weights(jets),
    )


def fit(
    network: nn.Module,
    train: training.Data,
    validation: training.Data,
    auxiliary: bool = False,
    **options: Any,
) -> training.History:
    """Train a flavour tagger in place; with `auxiliary` also on the origins and the vertices."""
    model = MultiTask(network) if isinstance(network, TrackTransformer) and auxiliary else network
    loss: Any = flavour.multitask_loss if auxiliary else flavour.flavour_loss
    plan: dict[str, Any] = {"batch_size": 256, "lr": 2e-3, "schedule": "one-cycle", **options}
    history = training.fit(model, train, validation, loss=loss, **plan)
    network.eval()
    return history


def train(name: str, checkpoint: Path | None = None) -> Path:
    """Train one of `NETWORKS` on `flavour_jets`; return the path of its weights."""
    tagger, scale = NETWORKS[name], settings.scale()
    parts = {
        split: samples.load("flavour_jets", split=split, events=count)
        for split, count in {"train": JETS[scale], "validation": None, "test": None}.items()
    }
    seed = settings.seed("train", f"tagging.flavour_{name}")
    with training.seeded(seed):
        network = tagger.make()
    history = fit(
        network,
        data(parts["train"]),
        data(parts["validation"]),
        tagger.auxiliary,
        epochs=tagger.epochs,
        seed=seed,
        checkpoint=checkpoint
        or settings.cache_dir() / "checkpoints" / f"tagging.flavour_{name}.{scale}",
    )
    test = parts["test"]
    chosen = np.isin(test.label, (0, 5))
    score = flavour.discriminant(
        training.predict(network, tuple(flavour.track_tensors(test[chosen])))
    )
    area = metrics.auc(score, test.label[chosen] == 5, events=test.event[chosen])
    card = {
        "data": f"flavour_jets, {JETS[scale]} jets of train, balanced in pT and eta",
        "seed": seed,
        "command": f"HEPML_SCALE={scale} hepml train tagging.flavour_{name}",
        "figure": f"AUC {area} of b against light jets of the test split",
        "limits": "jets of top pairs above 20 GeV without pileup, from this detector",
        "epochs": len(history.train_loss),
        "seconds": round(history.total_seconds),
    }
    folder = None if scale == "full" else settings.cache_dir() / "models"
    return store.save(f"tagging.flavour_{name}", network, card, folder)


RECIPES: dict[str, Callable[..., Path]] = {
    f"flavour_{name}": partial(train, name) for name in NETWORKS
}
