"""The taggers of top jets at full scale, measured on many jets that no training saw.

``python -m hepml_lib.tagging.top_holdout`` scores 100 000 top and 100 000 QCD jets of the test
split with every stored tagger and writes the figures to ``data/results/top_taggers.json``. Scores
are kept in the cache, so that a stopped run resumes and a new tagger costs its own scores only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import metrics, records, samples, settings, training
from hepml_lib.metrics import Estimate
from hepml_lib.nets import store
from hepml_lib.tagging.observables import HIGH_LEVEL, high_level
from hepml_lib.tagging.taggers import TAGGERS, inputs

__all__ = [
    "BASELINES",
    "JETS",
    "SIX",
    "TRAINED",
    "figures",
    "measure",
    "scored",
    "six_trees",
    "trees",
]

JETS = 200_000
"""Test jets that are scored."""

TRAINED = 200_000
"""Jets that the stored taggers learned from."""

EFFICIENCIES = (0.5, 0.3)
SIX = ("mass", "multiplicity", "width", "momentum_dispersion", "tau21", "tau32")
"""Observables of the trees that the networks are compared with."""

BASELINES = ("trees", "nsub", "efp")
"""Taggers on observables: each other one is compared with them."""

_GRID = np.round(np.linspace(0.1, 0.9, 33), 4)
_TIMED = 4096

Scores = dict[str, list[NDArray]]


def measure(jets: int = JETS) -> Path:
    """Score held-out jets with every stored tagger, write the figures, and return their file.

    A tagger trained with ``HEPML_SEED`` = 2, 3, … beside 1 lends its scatter.
    """
    test = samples.load("top_jets", split="test", events=jets)
    label, event = np.asarray(test.label), np.asarray(test.event)
    scores: Scores = {"trees": [trees(test)]}
    found: dict[str, dict[str, Any]] = {"trees": {"trainings": 1}}
    for name in TAGGERS:
        stored = [each for each in store.names() if _is(each, name)]
        if f"tagging.{name}" not in stored:
            continue
        scores[name] = [scored(each, name, test) for each in stored]
        card = store.card(f"tagging.{name}")
        found[name] = {key: card[key] for key in ("parameters", "seconds", "sha256")}
        found[name] |= {
            "model": f"tagging.{name}",
            "trainings": len(stored),
            "microseconds": _microseconds(name, test),
        }
    for name, entry in found.items():
        first, *others = scores[name]
        baselines = {other: scores[other][0] for other in BASELINES if other in scores}
        entry |= figures(first, label, event, {k: s for k, s in baselines.items() if k != name})
        for figure, metric in _metrics(event).items():
            values = [entry[figure]["value"], *(metric(s, label).value for s in others)]
            entry[f"{figure} of each training"] = values
        band = metrics.roc_band(first, label, _GRID, events=event)
        entry["roc"] = {key: np.asarray(value).tolist() for key, value in asdict(band).items()}
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


def figures(
    score: NDArray,
    label: NDArray,
    event: NDArray,
    baselines: dict[str, NDArray],
    efficiencies: Sequence[float] = EFFICIENCIES,
) -> dict[str, Any]:
    """Figures of one column of scores, and its rejection over that of each of the baselines."""
    found: dict[str, Any] = {
        name: asdict(metric(score, label)) for name, metric in _metrics(event, efficiencies).items()
    }
    for other, reference in baselines.items():
        ratio = metrics.compare(
            metrics.rejection, score, reference, label, events=event, ratio=True, efficiency=0.5
        )
        found[f"rejection at 0.5 over {other}"] = asdict(ratio)
    return found


def _metrics(
    event: NDArray, efficiencies: Sequence[float] = EFFICIENCIES
) -> dict[str, Callable[..., Estimate]]:
    rejections: dict[str, Callable[..., Estimate]] = {
        f"rejection at {efficiency}": partial(
            metrics.rejection, efficiency=efficiency, events=event
        )
        for efficiency in efficiencies
    }
    return {
        "AUC": partial(metrics.auc, events=event),
        "accuracy": partial(metrics.accuracy, events=event),
    } | rejections


def scored(stored: str, name: str, jets: ak.Array) -> NDArray:
    """Logits that a stored model, a training of the tagger `name`, gives; kept in the cache."""
    model, card = store.load(stored)

    def compute() -> NDArray:
        return training.predict(model, inputs(name, jets, progress=True), batch_size=256)

    return records.kept(card["sha256"][:16], len(jets), compute)


def trees(jets: ak.Array) -> NDArray:
    """Logits of `six_trees` after as many jets as the stored taggers; kept in the cache."""

    def compute() -> NDArray:
        train = samples.load("top_jets", split="train", events=TRAINED)
        return six_trees(train, jets)

    return records.kept(f"trees-{TRAINED}", len(jets), compute)


def six_trees(train: ak.Array, jets: ak.Array) -> NDArray[np.float64]:
    """Logits of `jets` by boosted trees on `SIX` observables, trained here on `train`.

    They are not stored: scikit-learn's trees know no format but pickle.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = [HIGH_LEVEL.index(name) for name in SIX]
    trees = HistGradientBoostingClassifier(
        max_iter=1000,
        learning_rate=0.05,
        early_stopping=True,
        random_state=settings.seed("holdout", "trees"),
    ).fit(high_level(train)[:, columns], np.asarray(train.label))
    return trees.decision_function(high_level(jets)[:, columns])


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
