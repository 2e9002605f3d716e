"""Figures of the jet networks for a chip, on all test jets.

What is missing of the grid is trained, then rounded; look-up tables are counted; torch, whole
numbers and adders are shown to agree on every test jet.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm import tqdm

from hepml_lib import metrics, training
from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.trigger import l1_jets, l1_models
from hepml_lib.trigger.firmware import CUTOFFS, trace_jets

__all__ = ["cost", "measure"]

_TRACED = {"MLP": 32, "DS": 32, "IN": 8}
"""Most constituents for which adders are written: the search for shared sums takes minutes then."""

_REPLICAS = 100


def cost(network: JetNetwork, x: NDArray[np.float32]) -> dict[str, Any]:
    """Look-up tables and cycles of a fixed-point network, after three ways agreed on all of `x`.

    Parameters
    ----------
    network
        In fixed point.
    x
        `trigger.l1_jets.inputs`, shape (n, constituents, features).

    Returns
    -------
    dict
        ``"luts"``, ``"jets that agree"``, and ``"cycles at"`` each of `firmware.CUTOFFS`.

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
        **{f"cycles at {cutoff}": circuit.latency_cycles(cutoff) for cutoff in CUTOFFS},
    }


def measure() -> dict[str, Any]:
    """Train what is missing, and measure the whole grid.

    Returns
    -------
    dict
        ``data`` and ``taggers``: areas, their change by rounding, and the cost of circuits.

    Raises
    ------
    AssertionError
        If torch, whole numbers and adders disagree on any jet.
    """
    label, event = l1_jets.labels("test")
    entries: dict[str, dict[str, Any]] = {}
    floating: dict[str, NDArray[np.float32]] = {}
    for family, constituents, kind, seed in tqdm(l1_models.grid(), unit="network"):
        x = l1_jets.inputs("test", constituents)
        for name, network in _variants(family, constituents, kind, seed).items():
            key = f"{family} {constituents} {name}" + (f" seed {seed}" if seed else "")
            score = training.predict(network, torch.from_numpy(x))
            entries[key] = _figures(score, label, event)
            entries[key]["parameters"] = sum(p.numel() for p in network.parameters())
            if name == "float":
                # The grid has a floating network before those that continue from it.
                floating[key] = score
                continue
            loss = metrics.compare(
                metrics.macro_auc,
                score,
                floating[key.replace(name, "float")],
                label,
                events=event,
                replicas=_REPLICAS,
            )
            entries[key]["AUC − float"] = asdict(loss)
            if not seed and constituents <= _TRACED[family]:
                entries[key] |= cost(network, x)
    return {
        "data": f"l1_jets: {l1_models.JETS} jets of train, all {len(label)} of test",
        "taggers": entries,
    }


def _variants(family: str, constituents: int, kind: str, seed: int) -> dict[str, JetNetwork]:
    """A network of the grid, and what rounding alone makes of it if it is floating."""
    network = l1_models.network(family, constituents, kind, seed)
    variants = {kind: network}
    if kind == "float":
        for bits in l1_models.BITS if constituents == 8 and not seed else (6,):
            variants[f"rounded {bits}"] = l1_models.rounded(network, constituents, bits)
    return variants


def _figures(score: NDArray, label: NDArray[np.int64], event: NDArray[np.int64]) -> dict[str, Any]:
    probability = softmax(np.asarray(score, float), axis=1)
    figures: dict[str, Any] = {
        f"AUC, {name}": asdict(
            metrics.auc(probability[:, k], label == k, events=event, replicas=_REPLICAS)
        )
        for k, name in enumerate(l1_jets.CLASSES)
    }
    macro = metrics.macro_auc(score, label, events=event, replicas=_REPLICAS)
    return figures | {"AUC": asdict(macro)}
