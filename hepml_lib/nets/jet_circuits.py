"""Networks on the constituents of a jet, floating or in fixed point, small enough for a chip.

One class holds three families: a dense network on all constituents, Deep Sets, and an interaction
network. `JetNetwork.emulate` repeats the fixed-point ones with whole numbers alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from hepml_lib.nets.quantised import QuantisedLinear, Quantiser, emulate, regrid

__all__ = ["JetNetwork"]

_LOGIT_BITS = 3
"""Bits that a logit has beyond a hidden number: five numbers a jet, by which jets are ordered."""


class JetNetwork(nn.Module):
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
        self.arguments: dict[str, Any] = {
            "constituents": constituents,
            "features": features,
            "outputs": outputs,
            "edges": list(edges),
            "nodes": list(nodes),
            "whole": list(whole),
            "weight_bits": weight_bits,
            "activation_bits": activation_bits,
            "integer": integer,
            "fraction": fraction,
        }
        self.constituents = constituents
        self.entry = Quantiser(integer, fraction)
        pairs = [
            (i, j) for i in range(constituents) for j in range(constituents) if i != j and edges
        ]
        self.receivers, self.senders = [i for i, _ in pairs], [j for _, j in pairs]

        def stack(sizes: Sequence[int], signed: bool) -> nn.Sequential:
            return _stack(sizes, signed, weight_bits, activation_bits)

        message = edges[-1] if edges else 0
        self.edges = stack((2 * features, *edges), False) if edges else nn.Sequential()
        self.nodes = stack((features + message, *nodes), False) if nodes else nn.Sequential()
        summed = nodes[-1] if nodes else constituents * features
        self.whole = stack((summed, *whole, outputs), True)
        # Grids of the two means.
        gained = constituents.bit_length() - 1
        self.means = nn.ModuleList(
            Quantiser(0, activation_bits + gained, signed=False)
            for _ in range(2 if weight_bits else 0)
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
        """
        bits = {"weight_bits": weight_bits, "activation_bits": activation_bits}
        copy = cls(**{**network.arguments, **bits})

        def calibrate(name: str, value: Tensor) -> Tensor:
            linear = [layer for layer in getattr(network, name) if isinstance(layer, nn.Linear)]
            for layer, rounded in zip(linear, getattr(copy, name), strict=True):
                value = rounded.calibrate(layer, value, sparsity)
            return value

        def move(which: int, value: Tensor) -> Tensor:
            grid = copy.means[which]
            assert isinstance(grid, Quantiser)
            top = max(float(np.quantile(value.numpy(), 0.9995)), 1e-6)
            grid.move(math.ceil(math.log2(top)))
            return value

        with torch.no_grad():
            network._walk(x, calibrate, move)
        return copy

    @property
    def weight_bits(self) -> int | None:
        """Bits of a weight, or None where the network is floating."""
        return self.arguments["weight_bits"]

    @property
    def lsb(self) -> float:
        """Value of the last bit of a fixed-point network's logits."""
        return 2.0 ** -_fraction(self.whole)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (n, outputs), of jets `x`, shape (n, constituents, features).

        Raises
        ------
        ValueError
            If an input is not finite: a trigger must decide on every event.
        """
        if not torch.isfinite(x).all():
            raise ValueError("inputs hold NaN or infinity")

        def run(name: str, value: Tensor) -> Tensor:
            return getattr(self, name)(value)

        def mean(which: int, value: Tensor) -> Tensor:
            return self.means[which](value) if self.weight_bits else value

        return self._walk(self.entry(x) if self.weight_bits else x, run, mean)

    def _walk(
        self,
        x: Tensor,
        run: Callable[[str, Tensor], Tensor],
        mean: Callable[[int, Tensor], Tensor],
    ) -> Tensor:
        """Logits; `run` applies a stack of layers, `mean` puts a mean on its grid."""
        if not len(self.nodes):
            return run("whole", x.flatten(1))
        real, n = x[..., :1] > 0, self.constituents
        if len(self.edges):
            pairs = torch.cat([x[:, self.receivers], x[:, self.senders]], dim=-1)
            message = run("edges", pairs) * (real[:, self.receivers] & real[:, self.senders])
            received = message.unflatten(1, (n, n - 1)).sum(dim=2) / n
            x = torch.cat([x, mean(0, received)], dim=-1)
        return run("whole", mean(1, (run("nodes", x) * real).sum(dim=1) / n))

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
        x, fraction = np.asarray(inputs, np.int64), int(self.entry.fraction)
        if not len(self.nodes):
            return emulate(nn.Sequential(self.entry, *self.whole), x.reshape(len(x), -1))
        real, n = x[..., :1] > 0, self.constituents
        shift = n.bit_length() - 1
        if len(self.edges):
            pairs = np.concatenate([x[:, self.receivers], x[:, self.senders]], axis=-1)
            message = _whole_numbers(self.edges, pairs, fraction)
            message *= real[:, self.receivers] & real[:, self.senders]
            total = message.reshape(len(x), n, n - 1, -1).sum(axis=2)
            grid = self._grid(0)
            received = regrid(total, _fraction(self.edges) + shift, grid)
            common = max(fraction, int(grid.fraction))
            parts = x << (common - fraction), received << (common - int(grid.fraction))
            x, fraction = np.concatenate(parts, axis=-1), common
        total = (_whole_numbers(self.nodes, x, fraction) * real).sum(axis=1)
        grid = self._grid(1)
        mean = regrid(total, _fraction(self.nodes) + shift, grid)
        return _whole_numbers(self.whole, mean, int(grid.fraction))

    def _grid(self, which: int) -> Quantiser:
        grid = self.means[which]
        assert isinstance(grid, Quantiser)
        return grid


def _stack(
    sizes: Sequence[int], signed: bool, weight_bits: int | None, activation_bits: int
) -> nn.Sequential:
    """Layers between `sizes`, each with ReLU; the last one without if `signed`."""
    layers: list[nn.Module] = []
    pairs = list(pairwise(sizes))
    for k, (given, made) in enumerate(pairs):
        linear = signed and k == len(pairs) - 1
        if weight_bits is not None:
            bits = activation_bits + _LOGIT_BITS * linear
            layers.append(QuantisedLinear(given, made, weight_bits, bits, linear))
        else:
            layers += [nn.Linear(given, made)] if linear else [nn.Linear(given, made), nn.ReLU()]
    return nn.Sequential(*layers)


def _fraction(stack: nn.Sequential) -> int:
    """Bits after the point that come out of a stack."""
    last = stack[-1]
    assert isinstance(last, QuantisedLinear)
    return int(last.output.fraction)


def _whole_numbers(stack: nn.Sequential, x: NDArray[np.int64], fraction: int) -> NDArray[np.int64]:
    return emulate(nn.Sequential(Quantiser(0, fraction), *stack), x)
