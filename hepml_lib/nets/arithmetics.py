"""Kinds of numbers in which one description of a jet network is executed.

Tensors train and test it, whole numbers repeat what a chip computes, and the symbols of
`trigger.firmware` become the circuit itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepml_lib.nets.quantised import Quantiser
from hepml_lib.nets.whole_numbers import WholeNumbers

if TYPE_CHECKING:
    from hepml_lib.nets.jet_circuits import JetNetwork

__all__ = ["Arithmetic"]


class Arithmetic(Protocol):
    """What `jet_circuits.JetNetwork.run` asks of tensors, of whole numbers, and of wires.

    Values have at least two axes, constituents and features; axes before them count jets, pairs or
    nothing. They can be indexed, compared and reshaped like NumPy's arrays.
    """

    def layers(self, name: str, x: Any) -> Any:
        """Apply a stack of layers.

        Parameters
        ----------
        name
            ``"edges"``, ``"nodes"`` or ``"whole"``.
        x
            Shape (..., inputs).

        Returns
        -------
        Any
            Shape (..., outputs).
        """

    def mean(self, which: int, x: Any) -> Any:
        """Sum over the last axis but one, divide by the number of places, and round.

        Parameters
        ----------
        which
            Number of the grid: 0 for messages, 1 for constituents.
        x
            Shape (..., terms, numbers).

        Returns
        -------
        Any
            Shape (..., numbers).
        """

    def join(self, first: Any, second: Any) -> Any:
        """Put features side by side.

        Parameters
        ----------
        first, second
            Of the same shape but for the last axis.

        Returns
        -------
        Any
            Joined along the last axis.
        """

    def where(self, real: Any, x: Any) -> Any:
        """Switch empty places off.

        Parameters
        ----------
        real
            Whether there is a constituent, shape (..., 1).
        x
            Shape (..., numbers).

        Returns
        -------
        Any
            `x` where `real` holds, zero elsewhere.
        """


class TensorArithmetic:
    """Arithmetic of torch, in floating point."""

    def __init__(self, network: JetNetwork) -> None:
        self.network = network

    def layers(self, name: str, x: Tensor) -> Tensor:
        return getattr(self.network, name)(x)

    def mean(self, which: int, x: Tensor) -> Tensor:
        return self.network.means[which](x.sum(dim=-2) / self.network.constituents)

    def join(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.cat([first, second], dim=-1)

    def where(self, real: Tensor, x: Tensor) -> Tensor:
        return x * real


class Calibration(TensorArithmetic):
    """Runs a floating network, and gives a fixed-point copy its weights and ranges on the way."""

    def __init__(self, network: JetNetwork, copy: JetNetwork, sparsity: float) -> None:
        super().__init__(network)
        self.copy, self.sparsity = copy, sparsity

    def layers(self, name: str, x: Tensor) -> Tensor:
        linear = [layer for layer in getattr(self.network, name) if isinstance(layer, nn.Linear)]
        for layer, rounded in zip(linear, getattr(self.copy, name), strict=True):
            x = rounded.calibrate(layer, x, self.sparsity)
        return x

    def mean(self, which: int, x: Tensor) -> Tensor:
        mean = super().mean(which, x)
        grid = self.copy.means[which]
        assert isinstance(grid, Quantiser)
        grid.fit_range(mean, 0.9995)
        return mean


class WholeArithmetic:
    """Arithmetic of `jet_circuits.JetNetwork` in whole numbers, for all jets of an array at once.

    Its functions are those of `Arithmetic`.

    Parameters
    ----------
    network
        In fixed point.
    """

    def __init__(self, network: JetNetwork) -> None:
        self.network = network

    def layers(self, name: str, x: WholeNumbers) -> WholeNumbers:
        for layer in getattr(self.network, name):
            x = x.through(layer)
        return x

    def mean(self, which: int, x: WholeNumbers) -> WholeNumbers:
        # To divide by a power of two is to move the point.
        moved = x.fraction_bits + self.network.constituents.bit_length() - 1
        grid = self.network.means[which]
        assert isinstance(grid, Quantiser)
        return WholeNumbers(x.numbers.sum(axis=-2), moved).rounded(grid)

    def join(self, first: WholeNumbers, second: WholeNumbers) -> WholeNumbers:
        bits = max(first.fraction_bits, second.fraction_bits)
        both = [values.with_fraction(bits).numbers for values in (first, second)]
        return WholeNumbers(np.concatenate(both, axis=-1), bits)

    def where(self, real: NDArray[np.bool_], x: WholeNumbers) -> WholeNumbers:
        return WholeNumbers(x.numbers * real, x.fraction_bits)
