"""Networks on the constituents of a jet, floating or in fixed point, small enough for a chip.

One class holds three families: a dense network on all constituents, Deep Sets, and an interaction
network. `JetNetwork.run` says once how they are wired; tensors, whole numbers and the adders of a
circuit are the `arithmetics` that execute it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from hepml_lib.nets.arithmetics import (
    Arithmetic,
    Calibration,
    TensorArithmetic,
    WholeArithmetic,
)
from hepml_lib.nets.network import Network
from hepml_lib.nets.quantised import QuantisedLinear, Quantiser
from hepml_lib.nets.whole_numbers import WholeNumbers

__all__ = ["JetNetwork"]

_LOGIT_BITS = 3
"""Bits that a logit has beyond a hidden number: five numbers a jet, by which jets are ordered."""


class JetNetwork(Network):
    """Network on a fixed number of constituents, hardest first.

    `edges` sees every ordered pair of constituents; each constituent gets the mean over its
    partners. `nodes` sees one constituent, and that mean beside it; the mean over constituents goes
    to `whole`. Without `nodes`, `whole` sees all constituents side by side. Means divide by the
    number of places, a power of two: a shift of wires.

    A place whose first feature is zero is empty. Biases would give it an output, and so it is
    switched off before each sum.

    Parameters
    ----------
    constituents
        Places of a jet, a power of two.
    features, outputs
        Numbers per constituent, and logits per jet.
    edges, nodes, whole
        Widths of the hidden layers; those of `edges` and `nodes` end in a sum.
    weight_bits, activation_bits
        As in `quantised.QuantisedLinear`; without `weight_bits` the network is floating. A mean of
        2ⁿ places has n more bits, those that the sum gained, and a logit has three more: little of
        the circuit, but all that the network has learned passes through them.
    integer, fraction
        Grid of the features, for fixed point.

    Attributes
    ----------
    constituents, weight_bits
        As given; `weight_bits` is None where the network is floating.

    Raises
    ------
    ValueError
        If the places are no power of two, or there are edges without nodes.

    References
    ----------
    Odagiu et al., arXiv:2402.01876.

    Examples
    --------
    >>> network = JetNetwork(8, nodes=(32, 32), whole=(16,))
    >>> network(torch.zeros(5, 8, 3)).shape
    torch.Size([5, 5])
    """

    def __init__(
        self,
        constituents: int,
        features: int = 3,
        outputs: int = 5,
        edges: Sequence[int] = (),
        nodes: Sequence[int] = (),
        whole: Sequence[int] = (),
        weight_bits: int | None = None,
        activation_bits: int = 6,
        integer: int = 4,
        fraction: int = 6,
    ) -> None:
        super().__init__()
        if constituents < 2 or constituents & (constituents - 1):
            raise ValueError(f"{constituents} constituents: a mean needs a power of two to be free")
        if edges and not nodes:
            raise ValueError("messages of edges need nodes that read them")
        self.constituents = constituents
        self.weight_bits = weight_bits
        self.entry = Quantiser(integer, fraction)
        # Every ordered pair of two constituents.
        self.receivers, self.senders = np.nonzero(~np.eye(constituents, dtype=bool))
        message = edges[-1] if edges else 0
        summed = nodes[-1] if nodes else constituents * features
        bits = weight_bits, activation_bits
        self.edges = _stack((2 * features, *edges), False, *bits)
        self.nodes = _stack((features + message, *nodes), False, *bits)
        self.whole = _stack((summed, *whole, outputs), True, *bits)
        # Grids of the two means.
        gained = constituents.bit_length() - 1
        self.means = nn.ModuleList(
            Quantiser(0, activation_bits + gained, signed=False) if weight_bits else nn.Identity()
            for _ in range(2)
        )

    @classmethod
    def from_float(
        cls,
        network: JetNetwork,
        x: Tensor,
        *,
        weight_bits: int,
        activation_bits: int,
        sparsity: float = 0.0,
    ) -> JetNetwork:
        """A fixed-point copy of a trained floating network, layer by layer.

        Parameters
        ----------
        network
            The floating network.
        x
            Jets of training, shape (n, constituents, features), from which ranges are taken.
        weight_bits, activation_bits, sparsity
            As in `quantised.quantise`.

        Returns
        -------
        JetNetwork
            With rounded weights, not trained again.
        """
        bits = {"weight_bits": weight_bits, "activation_bits": activation_bits}
        copy = cls(**{**network.arguments, **bits})
        with torch.no_grad():
            network.run(x, Calibration(network, copy, sparsity))
        return copy

    @property
    def lsb(self) -> float:
        """Value of the last bit of a fixed-point network's logits."""
        last = self.whole[-1]
        assert isinstance(last, QuantisedLinear)
        return last.output.lsb

    def run(self, x: Any, arithmetic: Arithmetic) -> Any:
        """Logits in any arithmetic: how the network is wired, for all of them.

        Parameters
        ----------
        x
            Features on their grid, shape (..., constituents, features).
        arithmetic
            What the numbers are and how they are added.

        Returns
        -------
        Any
            Logits, shape (..., outputs), of the kind of `x`.
        """
        before, n = x.shape[:-2], self.constituents
        if not len(self.nodes):
            return arithmetic.layers("whole", x.reshape(*before, n * x.shape[-1]))
        real = x[..., :1] > 0
        if len(self.edges):
            to, by = self.receivers, self.senders
            message = arithmetic.layers("edges", arithmetic.join(x[..., to, :], x[..., by, :]))
            message = arithmetic.where(real[..., to, :] & real[..., by, :], message)
            received = arithmetic.mean(0, message.reshape(*before, n, n - 1, message.shape[-1]))
            x = arithmetic.join(x, received)
        nodes = arithmetic.where(real, arithmetic.layers("nodes", x))
        return arithmetic.layers("whole", arithmetic.mean(1, nodes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of jets.

        Parameters
        ----------
        x
            Features, shape (n, constituents, features).

        Returns
        -------
        Tensor
            Shape (n, outputs).

        Raises
        ------
        ValueError
            If an input is not finite: a trigger must decide on every event.
        """
        if not torch.isfinite(x).all():
            raise ValueError("inputs hold NaN or infinity")
        return self.run(self.entry(x) if self.weight_bits else x, TensorArithmetic(self))

    def emulate(self, inputs: ArrayLike) -> NDArray[np.int64]:
        """Logits of a fixed-point network with whole numbers alone, as a chip computes them.

        Parameters
        ----------
        inputs
            Multiples of the last bit of the features, shape (n, constituents, features).

        Returns
        -------
        ndarray
            Multiples of `lsb`, shape (n, outputs).

        Raises
        ------
        ValueError
            If the network is floating.
        """
        if self.weight_bits is None:
            raise ValueError("a floating network has no whole numbers: make one by from_float")
        x = WholeNumbers(np.asarray(inputs, np.int64), self.entry.fraction_bits)
        return self.run(x, WholeArithmetic(self)).numbers


def _stack(
    sizes: Sequence[int], signed: bool, weight_bits: int | None, activation_bits: int
) -> nn.Sequential:
    """Layers between `sizes`, each with ReLU; the last one without if `signed`."""
    layers: list[nn.Module] = []
    for made, (given, width) in enumerate(pairwise(sizes), start=2):
        linear = signed and made == len(sizes)
        if weight_bits is None:
            layers += [nn.Linear(given, width)] if linear else [nn.Linear(given, width), nn.ReLU()]
        else:
            bits = activation_bits + _LOGIT_BITS * linear
            layers.append(QuantisedLinear(given, width, weight_bits, bits, linear))
    return nn.Sequential(*layers)
