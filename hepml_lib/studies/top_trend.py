"""What the rejection of the top taggers depends on: jets to learn from, training, the detector.

Some of the taggers are trained on fewer jets, longer, and on jets without detector, and the stored
ones vote.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray

from hepml_lib import records, samples, settings, training
from hepml_lib.nets import store
from hepml_lib.samples import generate, storage
from hepml_lib.samples.columns import join
from hepml_lib.samples.recipes import top_jets
from hepml_lib.studies import top_taggers
from hepml_lib.tagging.top_models import TOP

__all__ = ["NAMES", "PARTICLE_LEVEL", "PLANS", "STORED", "VOTERS", "Plan", "measure"]

PARTICLE_LEVEL = replace(
    top_jets.RECIPE, name="top_jets_particles", make=top_jets.make_particle_level
)
"""The same collisions as `top_jets`, with every stable particle measured perfectly."""


class Plan(NamedTuple):
    """One way to train.

    Attributes
    ----------
    jets
        To learn from.
    detector
        Whether the jets, those of the test too, went through the detector.
    longer
        Factor on the number of passes.
    trainings
        Number of trainings of the quick networks, from different first weights.
    """

    jets: int
    detector: bool = True
    longer: int = 1
    trainings: int = 1


PLANS = {
    "10 000 jets": Plan(10_000),
    "40 000 jets": Plan(40_000, trainings=3),
    "40 000 jets, longer": Plan(40_000, longer=2),
    "40 000 jets, no detector": Plan(40_000, detector=False),
}
"""Beside the stored taggers, of 200 000 jets."""

NAMES = ("trees", "nsub", "efp", "cnn", "lorentz")
"""Taggers that are studied: the baselines, an image, and a network on four-momenta."""

VOTERS = ("cnn", "particlenet_lite", "particlenet", "particle_transformer", "lorentz")
"""Taggers whose logits are averaged: all that see how particles lie to each other."""

STORED = f"{top_taggers.TRAINED:,} jets".replace(",", " ")
"""Title of the stored taggers."""

_QUICK = ("nsub", "cnn")
_BASELINES = (*top_taggers.BASELINES, "lorentz")
_TEST = {True: 100_000, False: 50_000}


def measure() -> dict[str, Any]:
    """Train, and score held-out jets.

    Returns
    -------
    dict
        ``data`` and ``taggers``: areas, rejections, and those over the baselines of the same plan.
    """
    test = {detector: _load("test", jets, detector) for detector, jets in _TEST.items()}
    entries = _figures(STORED, _stored(test[True]), test[True])
    for title, plan in PLANS.items():
        scores = {
            name: [
                _scores(plan, name, number, test[plan.detector])
                for number in range(plan.trainings if name in _QUICK else 1)
            ]
            for name in NAMES
            if plan.longer == 1 or _is_network(name)
        }
        entries |= _figures(title, scores, test[plan.detector])
    for name in TOP:
        if (key := f"{name}, {STORED}") in entries:
            model = f"tagging.{name}"
            entries[key] |= {"model": model, "sha256": store.card(model)["sha256"]}
    return {
        "data": f"top_jets, the first {_TEST[True]} jets of test; without detector the first "
        f"{_TEST[False]} of the same collisions",
        "taggers": entries,
    }


def _figures(
    title: str, scores: dict[str, list[NDArray]], jets: ak.Array
) -> dict[str, dict[str, Any]]:
    """Figures of every training of a plan, compared within the plan."""
    label, event = np.asarray(jets.label), np.asarray(jets.event)
    entries = {}
    for name, trainings in scores.items():
        for number, score in enumerate(trainings):
            baselines = {
                other: scores[other][min(number, len(scores[other]) - 1)]
                for other in _BASELINES
                if other in scores and other != name
            }
            key = f"{name}, {title}" + (f", training {number + 1}" if number else "")
            entries[key] = top_taggers.figures(score, label, event, baselines, (0.5,))
    return entries


def _is_network(name: str) -> bool:
    return name in TOP and bool(TOP[name].epochs)


def _load(split: str, jets: int, detector: bool) -> ak.Array:
    """Jets with or without detector; those that are missing are generated."""
    if detector:
        return samples.load("top_jets", split=split, events=jets)
    chunks = range(-(-jets // PARTICLE_LEVEL.chunk))
    files = generate.ensure(PARTICLE_LEVEL, split, chunks)
    return PARTICLE_LEVEL.decode(join([storage.read(file) for file in files]))[:jets]


def _stored(test: ak.Array) -> dict[str, list[NDArray]]:
    """Scores of the committed taggers, and of the mean of the voters' logits."""
    jets = samples.load("top_jets", split="test", events=top_taggers.JETS)
    names = dict.fromkeys((*NAMES[1:], *VOTERS))
    scores = {name: top_taggers.stored_scores(f"tagging.{name}", name, jets) for name in names}
    scores["trees"] = top_taggers.tree_scores(jets)
    scores["vote"] = np.mean([scores[name] for name in VOTERS], axis=0)
    return {name: [score[: len(test)]] for name, score in scores.items()}


def _scores(plan: Plan, name: str, number: int, test: ak.Array) -> NDArray:
    """Logits of `test` by a tagger trained as planned, from the cache where they are."""
    seed = settings.seed("trend", name, str(number))
    detector = "detector" if plan.detector else "particles"
    key = f"trend-{name}-{plan.jets}-{detector}-{plan.longer}-{seed}"

    def compute() -> NDArray:
        jets = _load("train", plan.jets, plan.detector)
        if name == "trees":
            return top_taggers.six_trees(jets, test)
        validation = _load("validation", 2000, plan.detector)
        model, _ = TOP[name].train(
            _data(name, jets),
            _data(name, validation),
            epochs=plan.longer * TOP[name].epochs.get("full", 0),
            seed=seed,
            checkpoint=settings.cache_dir() / "checkpoints" / key,
        )
        return training.predict(model, _data(name, test), batch_size=256)

    return records.cached_scores(key, test, compute)


def _data(name: str, jets: ak.Array) -> training.Data:
    target = torch.tensor(np.asarray(jets.label))
    return training.Data(TOP[name].inputs(jets, progress=True), target)
