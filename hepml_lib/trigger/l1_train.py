"""Trainings of the jet taggers for a chip: three families, floating and in fixed point.

``python -m hepml_lib.trigger.l1_train`` trains the whole grid, one network after another. Each is
stored when it is finished and never trained twice, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from hepml_lib import metrics, settings, training
from hepml_lib.nets import store
from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.trigger import l1_jets

__all__ = [
    "BITS",
    "FAMILIES",
    "JETS",
    "KINDS",
    "SPARSITY",
    "grid",
    "main",
    "model",
    "network",
    "rounded",
]

FAMILIES: dict[str, dict[str, Any]] = {
    "MLP": {"whole": (64, 32, 32)},
    "DS": {"nodes": (32, 32, 32), "whole": (16,)},
    "IN": {"edges": (8, 8), "nodes": (16, 16), "whole": (16,)},
}
"""Hidden layers by family: dense network, Deep Sets, interaction network.

The last is smaller than the published one: each of the 56 pairs of 8 constituents has adders of its
own, and training them is what takes the time."""

JETS = 60_000
"""Jets that train; those beyond the committed ones are generated first."""

BITS = (4, 6, 8)
"""Bits of weights and of activations; networks of more constituents have 6 or 8."""

SPARSITY = 0.5
"""Share of weights that are zero in a pruned network."""

KINDS = ("float", "trained 4", "trained 6", "trained 8", "pruned 6")
"""Floating; trained with 4, 6 or 8 bits; trained with 6 bits and half of the weights."""

_EPOCHS = {"MLP": (30, 20), "DS": (25, 15), "IN": (20, 12)}
"""Of the first floating network, and of every kind that continues from it, the floating one too."""

_START = "start"
"""The floating network from which all kinds continue."""

_CALIBRATION = 2000
"""Jets from which ranges are taken."""

Key = tuple[str, int, str, int]
"""Family, constituents, kind, number of the seed."""


def grid() -> list[Key]:
    """Networks that the record is about, a floating one before those that continue from it.

    Examples
    --------
    >>> grid()[0]
    ('MLP', 8, 'float', 0)
    """
    sizes = [(family, n) for family in ("MLP", "DS") for n in l1_jets.SIZES] + [("IN", 16)]
    eight = [(family, 8, kind, 0) for family in FAMILIES for kind in KINDS]
    seeds = [
        (family, 8, kind, seed)
        for seed in (1, 2)
        for family in FAMILIES
        for kind in ("float", "trained 6")
    ]
    others = [
        (family, n, kind, 0)
        for family, n in sizes
        if n > 8
        for kind in ("float", "trained 6", "trained 8", "pruned 6")
    ]
    return eight + others + seeds


def model(family: str, constituents: int, kind: str, seed: int = 0) -> str:
    """Name of a network in the store."""
    base = "" if settings.base_seed() == 1 else f".seed{settings.base_seed()}"
    number = f".{seed}" if seed else ""
    return f"trigger.l1_{family}{constituents}_{kind.replace(' ', '')}{number}{base}"


def rounded(
    floating: JetNetwork, constituents: int, bits: int, sparsity: float = 0.0
) -> JetNetwork:
    """A trained floating network with its weights and outputs rounded, not trained again."""
    jets = torch.from_numpy(l1_jets.inputs("train", constituents)[:_CALIBRATION])
    return JetNetwork.from_float(
        floating, jets, weight_bits=bits, activation_bits=bits, sparsity=sparsity
    )


def network(family: str, constituents: int, kind: str, seed: int = 0) -> JetNetwork:
    """A network of the grid from the store, or trained now and stored.

    Parameters
    ----------
    family, constituents, kind
        Of `FAMILIES`, `l1_jets.SIZES` and `KINDS`.
    seed
        Number of the training: 0 is the one that the page shows.
    """
    name = model(family, constituents, kind, seed)
    if name in store.names():
        found = store.load(name)[0]
        assert isinstance(found, JetNetwork)
        return found
    number = settings.seed("train", f"trigger.l1_{family}{constituents}", str(seed))
    data = [_data(split, constituents) for split in ("train", "validation")]
    if kind == _START:
        with training.seeded(number):
            made = JetNetwork(constituents, **FAMILIES[family])
    else:
        made = network(family, constituents, _START, seed)
        if kind != "float":
            sparsity = SPARSITY if kind.startswith("pruned") else 0.0
            made = rounded(made, constituents, int(kind.split()[1]), sparsity)
    history = training.fit(
        made,
        *data,
        loss=partial(nn.functional.cross_entropy, reduction="none"),
        epochs=_EPOCHS[family][kind != _START],
        lr=3e-3 if kind == _START else 1e-3,
        seed=number,
        progress=False,
    )
    score = training.predict(made, torch.from_numpy(l1_jets.inputs("test", constituents)))
    label, event = l1_jets.labels("test")
    top = metrics.auc(score[:, 4] - score[:, 0], label == 4, events=event)
    card = {
        "data": f"l1_jets, {constituents} constituents, {len(data[0])} jets of train",
        "seed": number,
        "command": "python -m hepml_lib.trigger.l1_train",
        "figure": f"AUC of top against the rest {top} by the logits of top and light quark",
        "limits": "jets of 800 to 1200 GeV of this detector without pileup; scales as in "
        "trigger.l1_jets",
        "seconds": history.total_seconds,
    }
    ours = constituents == 8 and kind != _START and not seed and settings.base_seed() == 1
    store.save(name, made, card, None if ours else settings.cache_dir() / "models")
    return made


def _data(split: str, constituents: int) -> training.Data:
    jets = JETS if split == "train" else None
    label, _ = l1_jets.labels(split, jets)
    x = torch.from_numpy(l1_jets.inputs(split, constituents, jets))
    return training.Data((x,), torch.from_numpy(label))


def main(keys: Sequence[Key] = ()) -> None:
    """Train what is missing of the grid."""
    for key in tqdm(keys or grid(), unit="network"):
        network(*key)


if __name__ == "__main__":
    main()
