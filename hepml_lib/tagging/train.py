"""Trainings of the taggers, as ``hepml train tagging.<name>`` runs them.

At quick scale a network learns from the committed jets; at full scale from 200 000, which are
generated first. Weights and card go to the store, under ``tagging.<name>``; with another seed than
the book's, under ``tagging.<name>.seed<HEPML_SEED>``, to see how figures scatter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hepml_lib import metrics, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.tagging import flavour_train, taggers
from hepml_lib.tagging.linear import logistic_regression

__all__ = ["RECIPES", "fit", "train"]

_JETS = {"quick": 10_000, "full": 200_000}


def train(name: str, checkpoint: Path | None = None) -> Path:
    """Train one of `taggers.TAGGERS` on `top_jets`; return the path of its weights."""
    tagger, scale = taggers.TAGGERS[name], settings.scale()
    wanted = {"train": _JETS[scale], "validation": None, "test": None}
    data = {}
    for split, count in wanted.items():
        jets = samples.load("top_jets", split=split, events=count)
        target = torch.tensor(np.asarray(jets.label))
        data[split] = training.Data(taggers.inputs(name, jets, progress=True), target)
    seed = settings.seed("train", f"tagging.{name}")
    model, course = fit(
        name,
        data["train"],
        data["validation"],
        epochs=tagger.epochs.get(scale, 0),
        seed=seed,
        checkpoint=checkpoint
        or settings.cache_dir() / "checkpoints" / f"tagging.{name}.{scale}.{settings.base_seed()}",
    )
    scores = training.predict(model, data["test"], batch_size=256)
    figure = metrics.auc(scores, data["test"].target.numpy(), events=jets.event)
    card = {
        "data": f"top_jets, {_JETS[scale]} jets of train; {tagger.sees}",
        "seed": seed,
        "command": f"HEPML_SCALE={scale} hepml train tagging.{name}",
        "figure": f"AUC {figure} on the test split",
        "limits": "jets of 550 to 650 GeV from this generator and detector, without pileup",
        **course,
    }
    ours = settings.base_seed() == 1
    # What is not meant for the book stays in the user's cache.
    folder = None if scale == "full" and ours else settings.cache_dir() / "models"
    stored = f"tagging.{name}" if ours else f"tagging.{name}.seed{settings.base_seed()}"
    return store.save(stored, model, card, folder)


def fit(
    name: str,
    train: training.Data,
    validation: training.Data,
    *,
    epochs: int,
    seed: int,
    checkpoint: Path | None = None,
) -> tuple[nn.Module, dict[str, int]]:
    """A new network of one of `taggers.TAGGERS`, trained, and how: CPU seconds, passes.

    The linear model has a formula; `epochs` and `seed` are nothing to it.
    """
    tagger = taggers.TAGGERS[name]
    if tagger.network is None:
        start = time.process_time()
        linear = logistic_regression(train.inputs[0], train.target)
        return linear, {"seconds": round(time.process_time() - start)}
    with training.seeded(seed):
        model: Any = tagger.network()
    if hasattr(model, "standardise"):
        model.standardise(train.inputs[0])
    history = training.fit(
        model,
        train,
        validation,
        epochs=epochs,
        batch_size=128,
        lr=tagger.lr,
        schedule=tagger.schedule,
        seed=seed,
        checkpoint=checkpoint,
    )
    return model, {"epochs": len(history.train_loss), "seconds": round(history.total_seconds)}


RECIPES: dict[str, Callable[..., Path]] = {
    **{name: partial(train, name) for name in taggers.TAGGERS},
    **flavour_train.RECIPES,
}
