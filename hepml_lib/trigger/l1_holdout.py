"""Figures of the jet taggers for a chip, on all test jets.

``python -m hepml_lib.trigger.l1_holdout`` trains what is missing of the grid, rounds, counts
look-up tables, proves that network, whole numbers and adders agree on every test jet, and writes
``data/results/l1_jets.json``. It takes some ten minutes on one core; networks that are trained
already are not trained again.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm import tqdm

from hepml_lib import metrics, records, training
from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.trigger import l1_jets, l1_train
from hepml_lib.trigger.firmware import trace_jets

__all__ = ["CUTOFFS", "cost", "measure"]

CUTOFFS = (2, 4, 8)
"""Adders in a row between two registers."""

_TRACED = {"MLP": 32, "DS": 32, "IN": 8}
"""Most constituents for which adders are written: the search for shared sums takes minutes then."""

_REPLICAS = 100


def cost(network: JetNetwork, x: NDArray[np.float32]) -> dict[str, Any]:
    """Look-up tables and cycles of a fixed-point network, after three ways agreed on all of `x`.

    Raises
    ------
    AssertionError
        If torch, whole numbers and adders disagree on any jet.
    """
    whole = network.emulate(np.rint(x / network.entry.lsb))
    circuit = trace_jets(network)
    software = training.predict(network, torch.from_numpy(x))
    if not (whole * network.lsb == software).all():
        raise AssertionError("torch and whole numbers disagree")
    if not (circuit.predict(x.reshape(len(x), -1)) == software).all():
        raise AssertionError("torch and adders disagree")
    return {
        "luts": circuit.luts,
        "jets that agree": len(x),
        **{f"cycles at {adders}": circuit.cycles(adders) for adders in CUTOFFS},
    }


def measure() -> Path:
    """Measure the whole grid and write the record; return its file."""
    label, event = l1_jets.labels("test")
    entries: dict[str, dict[str, Any]] = {}
    scores: dict[str, NDArray[np.float32]] = {}
    for family, constituents, kind, seed in tqdm(l1_train.grid(), unit="network"):
        made = l1_train.network(family, constituents, kind, seed)
        x = l1_jets.inputs("test", constituents)
        found = {kind: made}
        if kind == "float":
            widths = l1_train.BITS if constituents == 8 and not seed else (6,)
            for bits in widths:
                found[f"rounded {bits}"] = l1_train.rounded(made, constituents, bits)
        for name, network in found.items():
            key = f"{family} {constituents} {name}" + (f" seed {seed}" if seed else "")
            scores[key] = training.predict(network, torch.from_numpy(x))
            entry = _entry(network, scores[key], label, event)
            if name != "float":
                reference = key.replace(name, "float")
                loss = metrics.compare(
                    metrics.macro_auc,
                    scores[key],
                    scores[reference],
                    label,
                    events=event,
                    replicas=_REPLICAS,
                )
                entry["AUC − float"] = asdict(loss)
            if name != "float" and not seed and constituents <= _TRACED[family]:
                entry |= cost(network, x)
            entries[key] = entry
    versions = {name: importlib.metadata.version(name) for name in ("da4ml", "torch")}
    return records.write(
        "l1_jets",
        {
            "command": "python -m hepml_lib.trigger.l1_holdout",
            "data": f"l1_jets: {l1_train.JETS} jets of train, all {len(label)} of test",
            "tools": versions,
            "taggers": entries,
        },
    )


def _entry(
    network: JetNetwork, score: NDArray, label: NDArray[np.int64], event: NDArray[np.int64]
) -> dict[str, Any]:
    probability = softmax(np.asarray(score, float), axis=1)
    found: dict[str, Any] = {
        f"AUC, {name}": asdict(
            metrics.auc(probability[:, k], label == k, events=event, replicas=_REPLICAS)
        )
        for k, name in enumerate(l1_jets.CLASSES)
    }
    found["AUC"] = asdict(metrics.macro_auc(score, label, events=event, replicas=_REPLICAS))
    found["parameters"] = sum(p.numel() for p in network.parameters())
    return found


if __name__ == "__main__":
    print(measure())
