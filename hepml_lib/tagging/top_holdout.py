"""The taggers of top jets at full scale, measured on many jets that no training saw.

``python -m hepml_lib.tagging.top_holdout`` scores 100 000 top and 100 000 QCD jets of the test
split with every stored tagger and writes the figures to ``data/results/top_taggers.json``. Scores
are kept in the cache, so that a stopped run resumes and a new tagger costs its own scores only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import metrics, samples, settings, training
from hepml_lib.metrics import Estimate
from hepml_lib.nets import store
from hepml_lib.tagging import records
from hepml_lib.tagging.observables import HIGH_LEVEL, high_level
from hepml_lib.tagging.taggers import TAGGERS, inputs

__all__ = ["SIX", "measure"]

JETS = 200_000
TRAINED = 200_000
EFFICIENCIES = (0.5, 0.3)
SIX = ("mass", "multiplicity", "width", "momentum_dispersion", "tau21", "tau32")
"""Observables of the trees that the networks are compared with."""

_BASELINES = ("trees", "nsub", "efp")
_GRID = np.round(np.linspace(0.1, 0.9, 33), 4)
_TIMED = 4096

Scores = dict[str, list[NDArray]]


def measure(jets: int = JETS) -> Path:
    """Score held-out jets with every stored tagger, write the figures, and return their file.

    A tagger trained with ``HEPML_SEED`` = 2, 3, … beside 1 lends its scatter.
    """
    test = samples.load("top_jets", split="test", events=jets)
    label, event = np.asarray(test.label), np.asarray(test.event)
    scores: Scores = {"trees": [_trees(test)]}
    found: dict[str, dict[str, Any]] = {"trees": {"trainings": 1}}
    for name in TAGGERS:
        stored = [each for each in store.names() if _is(each, name)]
        if f"tagging.{name}" not in stored:
            continue
        scores[name] = [_scores(each, name, test) for each in stored]
        card = store.card(f"tagging.{name}")
        found[name] = {key: card[key] for key in ("parameters", "seconds", "sha256")}
        found[name] |= {
            "model": f"tagging.{name}",
            "trainings": len(stored),
            "microseconds": _microseconds(name, test),
        }
    for name, entry in found.items():
        first, *others = scores[name]
        for figure, metric in _figures(event).items():
            entry[figure] = asdict(metric(first, label))
            values = [entry[figure]["value"], *(metric(s, label).value for s in others)]
            entry[f"{figure} of each training"] = values
        band = metrics.roc_band(first, label, _GRID, events=event)
        entry["roc"] = {key: np.asarray(value).tolist() for key, value in asdict(band).items()}
        for other in set(_BASELINES) & set(scores) - {name}:
            entry[f"rejection at 0.5 over {other}"] = asdict(
                metrics.paired(
                    metrics.rejection, first, scores[other][0], label,
                    events=event, ratio=True, efficiency=0.5,
                )
            )  # fmt: skip
    return records.write(
        "top_taggers",
        {
            "command": "python -m hepml_lib.tagging.top_holdout",
            "data": f"top_jets, the first {jets} jets of test: {int((label == 0).sum())} QCD",
            "taggers": found,
        },
    )


def _is(stored: str, name: str) -> bool:
    """Whether a stored model is a training of this tagger, with whatever seed."""
    return stored == f"tagging.{name}" or stored.startswith(f"tagging.{name}.seed")


def _figures(event: NDArray) -> dict[str, Callable[..., Estimate]]:
    rejections: dict[str, Callable[..., Estimate]] = {
        f"rejection at {efficiency}": partial(
            metrics.rejection, efficiency=efficiency, events=event
        )
        for efficiency in EFFICIENCIES
    }
    return {
        "AUC": partial(metrics.auc, events=event),
        "accuracy": partial(metrics.accuracy, events=event),
    } | rejections


def _scores(stored: str, name: str, jets: ak.Array) -> NDArray:
    model, card = store.load(stored)

    def compute() -> NDArray:
        return training.predict(model, inputs(name, jets, progress=True), batch_size=256)

    return records.kept(card["sha256"][:16], len(jets), compute)


def _trees(jets: ak.Array) -> NDArray:
    """Boosted trees on six observables, trained here: scikit-learn's trees cannot be stored."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = [HIGH_LEVEL.index(name) for name in SIX]

    def compute() -> NDArray:
        train = samples.load("top_jets", split="train", events=TRAINED)
        trees = HistGradientBoostingClassifier(
            max_iter=1000,
            learning_rate=0.05,
            early_stopping=True,
            random_state=settings.seed("holdout", "trees"),
        ).fit(high_level(train)[:, columns], np.asarray(train.label))
        return trees.decision_function(high_level(jets)[:, columns])

    return records.kept(f"trees-{TRAINED}", len(jets), compute)


def _microseconds(name: str, jets: ak.Array) -> float:
    """Time of the network alone per jet, one core, in batches of 256; the best of three."""
    model, _ = store.load(f"tagging.{name}")
    tensors = inputs(name, jets[:_TIMED])
    times = []
    for _ in range(3):
        start = time.perf_counter()
        training.predict(model, tensors, batch_size=256)
        times.append(time.perf_counter() - start)
    return round(1e6 * min(times) / _TIMED, 1)


if __name__ == "__main__":
    print(measure())
