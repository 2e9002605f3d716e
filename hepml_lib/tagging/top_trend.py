"""What the rejection of the top taggers depends on: jets to learn from, training, the detector.

``python -m hepml_lib.tagging.top_trend`` trains some of the taggers on fewer jets, longer, and on
jets without detector, lets the stored ones vote, and writes ``data/results/top_trend.json``. It
takes two hours on one core, most of them to generate collisions; scores are kept in the cache, so
that a stopped run resumes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
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
from hepml_lib.tagging import top_holdout
from hepml_lib.tagging.models import TOP

__all__ = ["NAMES", "PARTICLE_LEVEL", "STUDIES", "VOTERS", "Study", "measure", "particle_level"]

PARTICLE_LEVEL = replace(
    top_jets.RECIPE,
    name="top_jets_particles",
    title="hadronic top jets against QCD jets at 600 GeV, without detector",
    make=partial(top_jets.make, response=False),
)
"""The same collisions as `top_jets`, with every stable particle measured perfectly."""


class Study(NamedTuple):
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


STUDIES = {
    "10 000 jets": Study(10_000),
    "40 000 jets": Study(40_000, trainings=3),
    "40 000 jets, longer": Study(40_000, longer=2),
    "40 000 jets, no detector": Study(40_000, detector=False),
}
"""Beside the stored taggers, of 200 000 jets."""

NAMES = ("trees", "nsub", "efp", "cnn", "lorentz")
"""Taggers that are studied: the baselines, an image, and a network on four-momenta."""

VOTERS = ("cnn", "particlenet_lite", "particlenet", "particle_transformer", "lorentz")
"""Taggers whose logits are averaged: all that see how particles lie to each other."""

STORED = f"{top_holdout.TRAINED:,} jets".replace(",", " ")
_QUICK = ("nsub", "cnn")
_BASELINES = (*top_holdout.BASELINES, "lorentz")
_TEST = {True: 100_000, False: 50_000}


def particle_level(split: str, jets: int) -> ak.Array:
    """Jets without detector, as `samples.load` gives those with it; generated where missing."""
    chunks = range(-(-jets // PARTICLE_LEVEL.chunk))
    files = generate.ensure(PARTICLE_LEVEL, split, chunks)
    return PARTICLE_LEVEL.decode(join([storage.read(file) for file in files]))[:jets]


def measure() -> Path:
    """Train, score, and write the record; return its file."""
    test = {detector: _load("test", jets, detector) for detector, jets in _TEST.items()}
    scores = {STORED: _stored(test[True])}
    for title, study in STUDIES.items():
        scores[title] = {
            name: [
                _scores(study, name, number, test[study.detector])
                for number in range(study.trainings if name in _QUICK else 1)
            ]
            for name in NAMES
            if study.longer == 1 or name in _networks()
        }
    entries: dict[str, dict[str, Any]] = {}
    for title, found in scores.items():
        detector = title not in STUDIES or STUDIES[title].detector
        entries |= _figures(title, found, test[detector])
    for name in TOP:
        if (key := f"{name}, {STORED}") in entries:
            model = f"tagging.{name}"
            entries[key] |= {"model": model, "sha256": store.card(model)["sha256"]}
    return records.write(
        "top_trend",
        {
            "command": "python -m hepml_lib.tagging.top_trend",
            "data": f"top_jets, the first {_TEST[True]} jets of test; without detector the first "
            f"{_TEST[False]} of the same collisions",
            "taggers": entries,
        },
    )


def _figures(
    title: str, found: dict[str, list[NDArray]], jets: ak.Array
) -> dict[str, dict[str, Any]]:
    """Figures of every training of a study, compared within the study."""
    label, event = np.asarray(jets.label), np.asarray(jets.event)
    entries = {}
    for name, trainings in found.items():
        for number, score in enumerate(trainings):
            baselines = {
                other: found[other][min(number, len(found[other]) - 1)]
                for other in _BASELINES
                if other in found and other != name
            }
            key = f"{name}, {title}" + (f", training {number + 1}" if number else "")
            entries[key] = top_holdout.figures(score, label, event, baselines, (0.5,))
    return entries


def _networks() -> list[str]:
    return [name for name in NAMES if name in TOP and TOP[name].epochs]


def _load(split: str, jets: int, detector: bool) -> ak.Array:
    if detector:
        return samples.load("top_jets", split=split, events=jets)
    return particle_level(split, jets)


def _stored(test: ak.Array) -> dict[str, list[NDArray]]:
    """Scores of the committed taggers, and of the mean of the voters' logits."""
    every = samples.load("top_jets", split="test", events=top_holdout.JETS)
    names = dict.fromkeys((*NAMES[1:], *VOTERS))
    found = {name: top_holdout.scored(f"tagging.{name}", name, every) for name in names}
    found["trees"] = top_holdout.trees(every)
    found["vote"] = np.mean([found[name] for name in VOTERS], axis=0)
    return {name: [score[: len(test)]] for name, score in found.items()}


def _scores(study: Study, name: str, number: int, test: ak.Array) -> NDArray:
    """Logits of `test` by a tagger trained for a study."""
    key = f"{name}-{study.jets}-{'x'.join(map(str, study[1:3]))}-{number}"

    def compute() -> NDArray:
        jets = _load("train", study.jets, study.detector)
        if name == "trees":
            return top_holdout.six_trees(jets, test)
        data = []
        for part in (jets, _load("validation", 2000, study.detector)):
            target = torch.tensor(np.asarray(part.label))
            data.append(training.Data(TOP[name].inputs(part, progress=True), target))
        model, _ = TOP[name].train(
            *data,
            epochs=study.longer * TOP[name].epochs.get("full", 0),
            seed=settings.seed("trend", name, str(number)),
            checkpoint=settings.cache_dir() / "checkpoints" / f"trend.{key}",
        )
        return training.predict(model, TOP[name].inputs(test, progress=True), batch_size=256)

    return records.kept(f"trend-{key}", len(test), compute)


if __name__ == "__main__":
    print(measure())
