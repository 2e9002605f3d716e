"""The jet taggers for a chip: three families, floating and in fixed point.

`network` gives one from the store, or trains it now: a chain of up to three trainings. The floating
network from which all kinds of a family continue is trained first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from hepml_lib import metrics, settings, training
from hepml_lib.nets import store
from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.trigger import l1_jets

__all__ = [
    "BITS",
    "FAMILIES",
    "JETS",
    "KINDS",
    "MODELS",
    "SPARSITY",
    "JetCircuit",
    "grid",
    "name_of",
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

_CROSS_ENTROPY = partial(nn.functional.cross_entropy, reduction="none")
_CALIBRATION = 2000
"""Jets from which ranges are taken."""

Key = tuple[str, int, str, int]
"""Family, constituents, kind, number of the training."""


def grid() -> list[Key]:
    """Networks that the record is about, a floating one before those that continue from it.

    Returns
    -------
    list of tuples
        Family, constituents, kind and number of the training, as `network` takes them.

    Examples
    --------
    >>> grid()[0]
    ('MLP', 8, 'float', 0)
    """
    sizes = [(family, n) for family in ("MLP", "DS") for n in l1_jets.SIZES] + [("IN", 16)]
    eight = [(family, 8, kind, 0) for family in FAMILIES for kind in KINDS]
    repeated = [
        (family, 8, kind, number)
        for number in (1, 2)
        for family in FAMILIES
        for kind in ("float", "trained 6")
    ]
    others = [
        (family, n, kind, 0)
        for family, n in sizes
        if n > 8
        for kind in ("float", "trained 6", "trained 8", "pruned 6")
    ]
    return eight + others + repeated


def name_of(family: str, constituents: int, kind: str, number: int = 0) -> str:
    """Name of a network in the table of models.

    Parameters
    ----------
    family, constituents, kind, number
        As in `network`.

    Returns
    -------
    str
        Key of `MODELS`.

    Examples
    --------
    >>> name_of("MLP", 8, "trained 6", 1)
    'trigger.l1_MLP8_trained6.1'
    """
    repetition = f".{number}" if number else ""
    return f"trigger.l1_{family}{constituents}_{kind.replace(' ', '')}{repetition}"


def rounded(
    floating: JetNetwork, constituents: int, bits: int, sparsity: float = 0.0
) -> JetNetwork:
    """A trained floating network with its weights and outputs rounded, not trained again.

    Parameters
    ----------
    floating
        The network.
    constituents
        That it sees.
    bits
        Of weights and of outputs.
    sparsity
        Share of the smallest weights that become zero.

    Returns
    -------
    JetNetwork
        In fixed point.
    """
    jets = torch.from_numpy(l1_jets.inputs("train", constituents)[:_CALIBRATION])
    return JetNetwork.from_float(
        floating, jets, weight_bits=bits, activation_bits=bits, sparsity=sparsity
    )


def network(family: str, constituents: int, kind: str, number: int = 0) -> JetNetwork:
    """A network of the grid from the store, or trained now and stored.

    Parameters
    ----------
    family, constituents, kind
        Of `FAMILIES`, `l1_jets.SIZES` and `KINDS`.
    number
        Of the training: 0 is the one that the page shows.

    Returns
    -------
    JetNetwork
        In evaluation mode.

    Raises
    ------
    ValueError
        If the grid holds no such network.
    """
    name = name_of(family, constituents, kind, number)
    if name not in MODELS:
        raise ValueError(settings.unknown_name("network", name, MODELS))
    entry = MODELS[name]
    if entry.stored_name not in store.names():
        training.train_stored(entry)
    stored = store.load(entry.stored_name)[0]
    assert isinstance(stored, JetNetwork)
    return stored


@dataclass(frozen=True, kw_only=True)
class JetCircuit(training.Entry):
    """A network of the grid. Other arguments are those of `training.Entry`.

    Parameters
    ----------
    constituents
        Places of a jet.
    """

    constituents: int
    loss: training.Loss | None = _CROSS_ENTROPY

    def data(self, split: str) -> training.Data:
        """Jets of a split and their classes.

        Parameters
        ----------
        split
            ``"train"`` or ``"validation"``.

        Returns
        -------
        Data
            Inputs (n, constituents, features), and the class of each jet, from 0 to 4.
        """
        jets = JETS if split == "train" else None
        label, _ = l1_jets.labels(split, jets)
        x = torch.from_numpy(l1_jets.inputs(split, self.constituents, jets))
        return training.Data((x,), torch.from_numpy(label))

    def figure(self, network: nn.Module) -> str:
        """Area under the curve of a network, top jets against the rest, on the test split.

        Parameters
        ----------
        network
            A trained network of this row.

        Returns
        -------
        str
            The area with its interval, in words.
        """
        x = torch.from_numpy(l1_jets.inputs("test", self.constituents))
        score = training.predict(network, x)
        label, event = l1_jets.labels("test")
        area = metrics.auc(score[:, 4] - score[:, 0], label == 4, events=event)
        return f"AUC of top against the rest {area} by the logits of top and light quark"

    def card(self, train_data: training.Data) -> dict[str, Any]:
        """What the network saw, and where not to use it.

        Parameters
        ----------
        train_data
            What the network learned from.

        Returns
        -------
        dict
            ``data`` and ``limits``, in words.
        """
        return {
            "data": f"l1_jets, {self.constituents} constituents, {len(train_data)} jets of train",
            "limits": "jets of 800 to 1200 GeV of this detector without pileup; scales as in "
            "trigger.l1_jets",
        }


def _made(family: str, constituents: int, kind: str, number: int) -> JetNetwork:
    """A network before its training: new, or one that continues."""
    if kind == _START:
        return JetNetwork(constituents, **FAMILIES[family])
    floating = network(family, constituents, _START, number)
    if kind == "float":
        return floating
    sparsity = SPARSITY if kind.startswith("pruned") else 0.0
    return rounded(floating, constituents, int(kind.split()[1]), sparsity)


def _row(family: str, constituents: int, kind: str, number: int) -> JetCircuit:
    epochs = _EPOCHS[family][kind != _START]
    return JetCircuit(
        name=name_of(family, constituents, kind, number),
        network=lambda _: _made(family, constituents, kind, number),
        constituents=constituents,
        epochs={"quick": epochs, "full": epochs},
        lr=3e-3 if kind == _START else 1e-3,
        # All kinds of a family share the seed.
        seed_names=(f"trigger.l1_{family}{constituents}", str(number)),
        in_the_book=constituents == 8 and kind != _START and not number,
    )


_STARTS = dict.fromkeys((family, size, _START, number) for family, size, _, number in grid())

MODELS: dict[str, training.Entry] = {
    row.name: row for row in (_row(*key) for key in (*_STARTS, *grid()))
}
"""Every network of the grid, and those from which they continue, by name in the store."""
