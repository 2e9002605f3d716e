"""The flavour taggers at full scale, measured on jets that no training saw.

``python -m hepml_lib.tagging.flavour_holdout`` scores 300 000 jets of the test split of
`flavour_jets` with every stored tagger and writes the figures to ``data/results/flavour.json``. At
70 % efficiency for b jets one light jet in some hundred passes: the committed test split is too
small for that.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepml_lib import metrics, records, samples, training
from hepml_lib.metrics import Estimate
from hepml_lib.nets import store
from hepml_lib.tagging import flavour, flavour_train, impact

__all__ = ["CHARM", "measure"]

JETS = 300_000
TRAINED = 28_000
CHARM = 0.1
"""f_c of the discriminant."""

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


def measure(jets: int = JETS) -> Path:
    """Score held-out jets with every stored tagger, write the figures, and return their file."""
    test = samples.load("flavour_jets", split="test", events=jets)
    label, event = np.asarray(test.label), np.asarray(test.event)
    tracks = impact.tracks_of(test)
    scores = {"impact likelihood": _likelihood(tracks)}
    found: dict[str, dict[str, Any]] = {"impact likelihood": {}}
    for name, tagger in flavour_train.NETWORKS.items():
        model = f"tagging.flavour_{name}"
        if model not in store.names():
            continue
        network, card = store.load(model)
        inputs = flavour_train.inputs(test, tracks, tagger.pairs)
        scores[name] = flavour.discriminant(training.predict(network, inputs), CHARM)
        found[name] = {key: card[key] for key in ("parameters", "seconds", "sha256")}
        found[name]["model"] = model
    for other, code in _AGAINST.items():
        chosen = np.isin(label, (5, code))
        truth, groups = label[chosen] == 5, event[chosen]
        for name, score in scores.items():
            area = metrics.auc(score[chosen], truth, events=groups)
            found[name][f"AUC, {other}"] = asdict(area)
            for efficiency in _EFFICIENCIES:
                value = metrics.rejection(score[chosen], truth, efficiency, events=groups)
                found[name][f"{other}, {efficiency:.0%}"] = asdict(value)
        for a, b in _PAIRS:
            if {a, b} <= set(scores):
                ratio = _ratio(scores[a][chosen], scores[b][chosen], truth, groups)
                found[a][f"{other}, 70%, over {b}"] = asdict(ratio)
    return records.write(
        "flavour",
        {
            "command": "python -m hepml_lib.tagging.flavour_holdout",
            "data": f"flavour_jets, the first {jets} jets of test: {(label == 0).sum()} light",
            "taggers": found,
        },
    )


def _likelihood(tracks: impact.Tracks) -> NDArray:
    train = samples.load("flavour_jets", split="train", events=TRAINED)
    known = impact.tracks_of(train)
    densities = impact.ImpactLikelihood(known, impact.good_tracks(known), train.label)
    return densities.score(tracks, impact.good_tracks(tracks))


def _ratio(a: NDArray, b: NDArray, truth: NDArray, groups: NDArray) -> Estimate:
    return metrics.compare(
        metrics.rejection, a, b, truth, events=groups, ratio=True, efficiency=0.70
    )


if __name__ == "__main__":
    print(measure())
