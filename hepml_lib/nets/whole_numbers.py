"""Fixed-point networks on whole numbers alone, as a chip computes them: each bit that of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from hepml_lib.nets.quantised import QuantisedLinear, Quantiser

__all__ = ["WholeNumbers", "emulate", "regrid"]


@dataclass(frozen=True)
class WholeNumbers:
    """Numbers as the wires of a chip carry them: whole multiples of 2^−`fraction_bits`.

    Parameters
    ----------
    numbers
        The multiples, of any shape; the last axis counts the inputs of a layer.
    fraction_bits
        Bits after the point.

    Examples
    --------
    A number of 2.25 in quarters, rounded to halves:

    >>> WholeNumbers(np.array([9]), 2).rounded(Quantiser(2, 1))
    WholeNumbers(numbers=array([5]), fraction_bits=1)
    """

    numbers: NDArray[np.int64]
    fraction_bits: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the numbers."""
        return self.numbers.shape

    def __getitem__(self, places: Any) -> WholeNumbers:
        return WholeNumbers(self.numbers[places], self.fraction_bits)

    def __gt__(self, limit: int) -> NDArray[np.bool_]:
        aligned = self.with_fraction(max(self.fraction_bits, 0))
        return aligned.numbers > limit << aligned.fraction_bits

    def reshape(self, *shape: int) -> WholeNumbers:
        """The same numbers in another shape.

        Parameters
        ----------
        *shape
            As NumPy's function takes it.

        Returns
        -------
        WholeNumbers
            Of that shape.
        """
        return WholeNumbers(self.numbers.reshape(shape), self.fraction_bits)

    def with_fraction(self, fraction_bits: int) -> WholeNumbers:
        """The same values with more bits after the point: zeros are appended.

        Parameters
        ----------
        fraction_bits
            Not fewer than there are.

        Returns
        -------
        WholeNumbers
            Of the same shape.
        """
        return WholeNumbers(self.numbers << fraction_bits - self.fraction_bits, fraction_bits)

    def rounded(self, grid: Quantiser) -> WholeNumbers:
        """The nearest values of a grid, as `regrid` finds them.

        Parameters
        ----------
        grid
            Where they go.

        Returns
        -------
        WholeNumbers
            Of the same shape.
        """
        return WholeNumbers(regrid(self.numbers, self.fraction_bits, grid), grid.fraction_bits)

    def through(self, layer: QuantisedLinear) -> WholeNumbers:
        """What a layer makes of them.

        Parameters
        ----------
        layer
            With as many inputs as the last axis is long.

        Returns
        -------
        WholeNumbers
            Shape (..., outputs), on the grid of the layer's outputs.
        """
        # A wide range in few bits counts in twos, fours, ...
        given = self.with_fraction(max(self.fraction_bits, 0))
        weight, bias = layer.integer_weights()
        total = given.numbers @ weight.T + (bias << given.fraction_bits)
        bits = given.fraction_bits + layer.grid.fraction_bits
        return WholeNumbers(total, bits).rounded(layer.output)


def emulate(path: nn.Sequential, inputs: ArrayLike) -> NDArray[np.int64]:
    """Outputs of a fixed-point path with whole numbers alone, as a chip computes them.

    Parameters
    ----------
    path
        From `quantise`.
    inputs
        Multiples of the last bit of the inputs' grid, shape (n, inputs), within its range.

    Returns
    -------
    ndarray
        Multiples of the last bit of the outputs' grid, shape (n, outputs).

    Examples
    --------
    One weight of ½ and no bias: 3 becomes 1.5, and with no bit after the point 2.

    >>> import torch
    >>> layer = QuantisedLinear(1, 1, weight_bits=4, activation_bits=2)
    >>> layer.output.fit_range(torch.tensor([4.0]), share=1.0)
    >>> _ = nn.init.constant_(layer.weight, 0.5), nn.init.zeros_(layer.bias)
    >>> emulate(nn.Sequential(Quantiser(2, 0), layer), [[3]]).tolist()
    [[2]]
    """
    entry, *layers = path
    assert isinstance(entry, Quantiser)
    value = WholeNumbers(np.asarray(inputs, np.int64), entry.fraction_bits)
    for layer in layers:
        assert isinstance(layer, QuantisedLinear)
        value = value.through(layer)
    return value.numbers


def regrid(value: ArrayLike, fraction_bits: int, grid: Quantiser) -> NDArray[np.int64]:
    """Whole numbers rounded to a grid and saturated.

    Parameters
    ----------
    value
        Whole multiples of 2^−`fraction_bits`, of any shape.
    fraction_bits
        Bits after the point of `value`.
    grid
        Where they go.

    Returns
    -------
    ndarray
        Multiples of ``grid.lsb``, of the shape of `value`.

    Examples
    --------
    Halves go up; 9.0 is beyond the range of two bits before the point:

    >>> regrid([6, 5, 36], fraction_bits=2, grid=Quantiser(2, 1)).tolist()
    [3, 3, 7]
    """
    number, surplus = np.asarray(value, np.int64), fraction_bits - grid.fraction_bits
    number = (number + ((1 << surplus) >> 1)) >> surplus if surplus > 0 else number << -surplus
    top = 1 << (grid.integer_bits + grid.fraction_bits)
    return np.clip(number, -top if grid.signed else 0, top - 1)
