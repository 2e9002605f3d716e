"""The taggers of top jets at full scale, measured on many jets that no training saw.

Every stored tagger is measured, and trees that are trained here. A tagger trained with
``HEPML_SEED`` = 2, 3, … beside 1 lends its scatter. A new tagger costs its own scores only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import metrics, records, samples, settings, training
from hepml_lib.metrics import Estimate
from hepml_lib.nets import store
from hepml_lib.tagging.observables import JET_OBSERVABLES, jet_observables
from hepml_lib.tagging.top_models import TOP

__all__ = [
    "BASELINES",
    "JETS",
    "SIX",
    "TRAINED",
    "figures",
    "measure",
    "six_trees",
    "stored_scores",
    "tree_scores",
]

JETS = 200_000
"""Test jets that are scored."""

TRAINED = 200_000
"""Jets that the stored taggers learned from."""

SIX = ("mass", "multiplicity", "width", "momentum_dispersion", "tau21", "tau32")
"""Observables of the trees that the networks are compared with."""

BASELINES = ("trees", "nsub", "efp")
"""Taggers on observables: each other one is compared with them."""

_EFFICIENCIES = (0.5, 0.3)
_GRID = np.round(np.linspace(0.1, 0.9, 33), 4)
_TIMED = 4096


def measure() -> dict[str, Any]:
    """Score `JETS` held-out jets with every stored tagger and with trees.

    Returns
    -------
    dict
        ``data`` and ``taggers``: areas, rejections, those over the baselines', and ROC curves.
    """
    test = samples.load("top_jets", split="test", events=JETS)
    label, event = np.asarray(test.label), np.asarray(test.event)
    scores = {"trees": [tree_scores(test)]}
    entries: dict[str, dict[str, Any]] = {"trees": {"trainings": 1}}
    for name in TOP:
        stored = [model for model in store.names() if _is(model, name)]
        if f"tagging.{name}" not in stored:
            continue
        scores[name] = [stored_scores(model, name, test) for model in stored]
        card = store.card(f"tagging.{name}")
        entries[name] = {key: card[key] for key in ("parameters", "seconds", "sha256")} | {
            "model": f"tagging.{name}",
            "trainings": len(stored),
            "microseconds": _microseconds(name, test),
        }
    baselines = {name: scores[name][0] for name in BASELINES if name in scores}
    for name, entry in entries.items():
        first, *others = scores[name]
        entry |= figures(first, label, event, {k: s for k, s in baselines.items() if k != name})
        for figure, metric in _metrics(event, _EFFICIENCIES).items():
            values = [entry[figure]["value"], *(metric(s, label).value for s in others)]
            entry[f"{figure} of each training"] = values
        band = metrics.roc_band(first, label, _GRID, events=event)
        entry["roc"] = {key: np.asarray(value).tolist() for key, value in asdict(band).items()}
    return {
        "data": f"top_jets, the first {JETS} jets of test: {int((label == 0).sum())} QCD",
        "taggers": entries,
    }


def _is(stored: str, name: str) -> bool:
    """Whether a stored model is a training of this tagger, with whatever seed."""
    return stored == f"tagging.{name}" or stored.startswith(f"tagging.{name}.seed")


def figures(
    score: NDArray,
    label: NDArray,
    event: NDArray,
    baselines: dict[str, NDArray],
    efficiencies: Sequence[float] = _EFFICIENCIES,
) -> dict[str, Any]:
    """Figures of one column of scores, and its rejection over that of each of the baselines.

    Parameters
    ----------
    score, label, event
        Score, 1 for a top jet, and number of the collision; each of shape (n,).
    baselines
        Scores of the same jets, by name.
    efficiencies
        At which the rejection is taken; ratios are taken at 0.5.

    Returns
    -------
    dict
        Estimates as dictionaries.
    """
    estimates = {
        name: metric(score, label) for name, metric in _metrics(event, efficiencies).items()
    }
    for other, reference in baselines.items():
        estimates[f"rejection at 0.5 over {other}"] = metrics.compare(
            metrics.rejection, score, reference, label, events=event, ratio=True, efficiency=0.5
        )
    return {name: asdict(estimate) for name, estimate in estimates.items()}


def _metrics(event: NDArray, efficiencies: Sequence[float]) -> dict[str, Callable[..., Estimate]]:
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


def stored_scores(model: str, name: str, jets: ak.Array) -> NDArray:
    """Logits that a stored model gives, from the cache where they are.

    Parameters
    ----------
    model
        Name in the store.
    name
        Tagger of `tagging.top_models.TOP` that the model is a training of.
    jets
        Jets of `top_jets`.

    Returns
    -------
    ndarray
        Shape (n,).
    """
    network, card = store.load(model)

    def compute() -> NDArray:
        return training.predict(network, TOP[name].inputs(jets, progress=True), batch_size=256)

    return records.cached_scores(card["sha256"][:16], jets, compute)


def tree_scores(jets: ak.Array) -> NDArray:
    """Logits of `six_trees` after as many jets as the stored taggers, from the cache if there.

    Parameters
    ----------
    jets
        Jets of `top_jets`.

    Returns
    -------
    ndarray
        Shape (n,).
    """

    def compute() -> NDArray:
        return six_trees(samples.load("top_jets", split="train", events=TRAINED), jets)

    return records.cached_scores(f"trees-{TRAINED}-{_tree_seed()}", jets, compute)


def six_trees(train: ak.Array, jets: ak.Array) -> NDArray[np.float64]:
    """Logits by boosted trees on `SIX` observables, trained here.

    They are not stored: scikit-learn's trees know no format but pickle.

    Parameters
    ----------
    train, jets
        Jets to learn from, and jets to score.

    Returns
    -------
    ndarray
        Shape (n,), of `jets`.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = [JET_OBSERVABLES.index(name) for name in SIX]
    trees = HistGradientBoostingClassifier(
        max_iter=1000,
        learning_rate=0.05,
        early_stopping=True,
        random_state=_tree_seed(),
    ).fit(jet_observables(train)[:, columns], np.asarray(train.label))
    return trees.decision_function(jet_observables(jets)[:, columns])


def _tree_seed() -> int:
    return settings.seed("holdout", "trees")


def _microseconds(name: str, jets: ak.Array) -> float:
    """Time of the network alone per jet, one core, in batches of 256; the best of three."""
    model, _ = store.load(f"tagging.{name}")
    tensors = TOP[name].inputs(jets[:_TIMED])
    times = []
    for _ in range(3):
        start = time.perf_counter()
        training.predict(model, tensors, batch_size=256)
        times.append(time.perf_counter() - start)
    return round(1e6 * min(times) / _TIMED, 1)
