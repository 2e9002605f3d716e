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
from torch import Tensor, nn

from hepml_lib import metrics, nets, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.nets.flavour import MultiTask, TrackRecurrent, TrackTransformer
from hepml_lib.tagging import flavour
from hepml_lib.tagging.impact import Tracks, tracks_of

__all__ = ["JETS", "NETWORKS", "RECIPES", "data", "fit", "inputs", "train"]

JETS = {"quick": 28_000, "full": 200_000}
_INPUTS, _OUTPUTS = len(flavour.FEATURES), len(flavour.FLAVOURS)


class Network(NamedTuple):
    """A flavour tagger.

    Attributes
    ----------
    make
        Makes the network, with first weights.
    epochs
        Passes over the jets.
    auxiliary
        Whether it learns origins and vertices as well.
    pairs
        Whether it is told where each two tracks cross.
    """

    make: Callable[[], nn.Module]
    epochs: int
    auxiliary: bool = False
    pairs: bool = False


NETWORKS = {
    "sets": Network(lambda: nets.DeepSets(_INPUTS, _OUTPUTS, (100, 100, 128), (100, 100)), 20),
    "recurrent": Network(lambda: TrackRecurrent(_INPUTS, _OUTPUTS), 12),
    "alone": Network(lambda: TrackTransformer(_INPUTS, _OUTPUTS), 8),
    "transformer": Network(lambda: TrackTransformer(_INPUTS, _OUTPUTS), 8, auxiliary=True),
    "pairs": Network(
        lambda: TrackTransformer(_INPUTS, _OUTPUTS, pairs=True), 10, auxiliary=True, pairs=True
    ),
}
"""Name → tagger. `alone` is the transformer without its auxiliary tasks."""


def inputs(jets: ak.Array, tracks: Tracks, pairs: bool = False) -> tuple[Tensor, ...]:
    """Tensors that a network is called with; with `pairs` the geometry of the tracks as well."""
    tensors = tuple(flavour.track_tensors(jets, tracks))
    return (*tensors, flavour.track_geometry(jets, tracks)) if pairs else tensors


def data(jets: ak.Array, pairs: bool = False) -> training.Data:
    """Inputs, targets and balancing weights of jets."""
    tracks = tracks_of(jets)
    return training.Data(
        inputs(jets, tracks, pairs),
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
        data(parts["train"], tagger.pairs),
        data(parts["validation"], tagger.pairs),
        tagger.auxiliary,
        epochs=tagger.epochs,
        seed=seed,
        checkpoint=checkpoint
        or settings.cache_dir() / "checkpoints" / f"tagging.flavour_{name}.{scale}",
    )
    test = parts["test"]
    test = test[np.isin(test.label, (0, 5))]
    score = flavour.discriminant(
        training.predict(network, inputs(test, tracks_of(test), tagger.pairs))
    )
    area = metrics.auc(score, test.label == 5, events=test.event)
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
