"""The flavour taggers at full scale, measured on jets that no training saw.

At 70 % efficiency for b jets one light jet in some hundred passes: the committed test split of
`flavour_jets` is too small for that. Every stored tagger is measured.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import metrics, records, samples, training
from hepml_lib.metrics import Estimate
from hepml_lib.nets import store
from hepml_lib.tagging import flavour, impact
from hepml_lib.tagging.flavour import CHARM
from hepml_lib.tagging.flavour_models import FLAVOUR

__all__ = ["measure"]

JETS = 300_000
"""Test jets that are scored."""

TRAINED = 28_000
"""Jets that the impact likelihood learns from."""

_EFFICIENCIES = (0.70, 0.77, 0.85)
_AGAINST = {"light": 0, "c": 4}
_PAIRS = (
    ("sets", "impact likelihood"),
    ("transformer", "sets"),
    ("alone", "sets"),
    ("transformer", "alone"),
    ("pairs", "sets"),
    ("pairs", "transformer"),
)


def measure() -> dict[str, Any]:
    """Score `JETS` held-out jets with every stored tagger.

    Returns
    -------
    dict
        ``data`` and ``taggers``: areas, rejections, and rejections over those of others.
    """
    test = samples.load("flavour_jets", split="test", events=JETS)
    label, event = np.asarray(test.label), np.asarray(test.event)
    tracks = impact.tracks_of(test)
    scores = {"impact likelihood": _likelihood(tracks)}
    entries: dict[str, dict[str, Any]] = {"impact likelihood": {}}
    for name in FLAVOUR:
        model = f"tagging.flavour_{name}"
        if model in store.names():
            card = store.card(model)
            scores[name] = flavour.discriminant(_logits(model, name, test, tracks), CHARM)
            entries[name] = {key: card[key] for key in ("parameters", "seconds", "sha256")}
            entries[name]["model"] = model
    for other, code in _AGAINST.items():
        chosen = np.isin(label, (5, code))
        truth, groups = label[chosen] == 5, event[chosen]
        for name, score in scores.items():
            area = metrics.auc(score[chosen], truth, events=groups)
            entries[name][f"AUC, {other}"] = asdict(area)
            for efficiency in _EFFICIENCIES:
                value = metrics.rejection(score[chosen], truth, efficiency, events=groups)
                entries[name][f"{other}, {efficiency:.0%}"] = asdict(value)
        for a, b in _PAIRS:
            if {a, b} <= set(scores):
                ratio = _ratio(scores[a][chosen], scores[b][chosen], truth, groups)
                entries[a][f"{other}, 70%, over {b}"] = asdict(ratio)
    return {
        "data": f"flavour_jets, the first {JETS} jets of test: {(label == 0).sum()} light",
        "taggers": entries,
    }


def _logits(model: str, name: str, jets: ak.Array, tracks: impact.Tracks) -> NDArray:
    network, card = store.load(model)

    def compute() -> NDArray:
        return training.predict(network, FLAVOUR[name].inputs(jets, tracks))

    return records.cached_scores(card["sha256"][:16], jets, compute)


def _likelihood(tracks: impact.Tracks) -> NDArray:
    train = samples.load("flavour_jets", split="train", events=TRAINED)
    known = impact.tracks_of(train)
    densities = impact.ImpactLikelihood(known, impact.good_tracks(known), train.label)
    return densities.score(tracks, impact.good_tracks(tracks))


def _ratio(a: NDArray, b: NDArray, truth: NDArray, groups: NDArray) -> Estimate:
    return metrics.compare(
        metrics.rejection, a, b, truth, events=groups, ratio=True, efficiency=0.70
    )
