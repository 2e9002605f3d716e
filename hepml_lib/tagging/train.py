"""Trainings of the taggers, as ``hepml train tagging.<name>`` runs them.

At quick scale a network learns from the committed jets; at full scale from 200 000, which are
generated first. Weights and card go to the store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hepml_lib import metrics, nets, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.tagging.features import Constituents, constituent_tensors

__all__ = ["RECIPES", "efn", "pfn"]

_JETS = {"quick": 10_000, "full": 200_000}
_EPOCHS = {"quick": 10, "full": 15}
_PARTICLES = 64

Inputs = Callable[[Constituents], tuple[torch.Tensor, ...]]


def pfn(checkpoint: Path | None = None) -> Path:
    """Train the particle-flow network on `top_jets`; return the path of its weights."""

    def inputs(jets: Constituents) -> tuple[torch.Tensor, ...]:
        return jets.features, jets.mask

    return _train("tagging.pfn", lambda features: nets.PFN(features), inputs, checkpoint)


def efn(checkpoint: Path | None = None) -> Path:
    """Train the energy-flow network on `top_jets`; return the path of its weights."""

    def inputs(jets: Constituents) -> tuple[torch.Tensor, ...]:
        return jets.fractions, jets.angles, jets.mask

    return _train("tagging.efn", lambda features: nets.EFN(), inputs, checkpoint)


RECIPES: dict[str, Callable[..., Path]] = {"efn": efn, "pfn": pfn}


def _train(
    name: str, network: Callable[[int], nn.Module], inputs: Inputs, checkpoint: Path | None
) -> Path:
    scale = settings.scale()
    count = {"train": _JETS[scale], "validation": None, "test": None}
    data: dict[str, training.Data] = {}
    for split, jets_wanted in count.items():
        jets = samples.load("top_jets", split=split, events=jets_wanted)
        tensors = constituent_tensors(jets, _PARTICLES, identity=True)
        data[split] = training.Data(inputs(tensors), torch.tensor(np.asarray(jets.label)))
    seed = settings.seed("train", name)
    with training.seeded(seed):
        model = network(tensors.features.shape[-1])
    history = training.fit(
        model,
        data["train"],
        data["validation"],
        epochs=_EPOCHS[scale],
        batch_size=128,
        lr=2e-3,
        seed=seed,
        checkpoint=checkpoint or settings.cache_dir() / "checkpoints" / f"{name}.{scale}",
    )
    scores = training.predict(model, data["test"])
    figure = metrics.auc(scores, data["test"].target.numpy(), events=jets.event)
    # What is not meant for the book stays in the user's cache.
    folder = None if scale == "full" else settings.cache_dir() / "models"
    return store.save(name, model, _card(name, seed, history, figure), folder)


def _card(
    name: str, seed: int, history: training.History, figure: metrics.Estimate
) -> dict[str, Any]:
    scale = settings.scale()
    return {
        "data": f"top_jets, {_JETS[scale]} jets of train, {_PARTICLES} constituents each",
        "seed": seed,
        "command": f"HEPML_SCALE={scale} hepml train {name}",
        "figure": f"AUC {figure} on the test split",
        "limits": "jets of 550 to 650 GeV from this generator and detector, without pileup",
        "epochs": len(history.train_loss),
        "seconds": round(history.total_seconds),
    }
