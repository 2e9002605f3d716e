"""Fixed-point layers: training sees the rounding of the hardware, whole numbers repeat it exactly.

A path of a trigger is an ``nn.Sequential`` of one `Quantiser` for the inputs and `QuantisedLinear`
layers. `quantise` makes it from a floating network, `emulate` runs it on whole numbers alone.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

__all__ = ["QuantisedLinear", "Quantiser", "emulate", "quantise", "regrid"]

_BIAS_BITS = 3
"""A bias is one number per output: a range of three more bits costs next to nothing."""


class Quantiser(nn.Module):
    """Rounds to multiples of 2 to the power of −`fraction`, and saturates.

    Half a step is rounded up, as hardware does. In training the gradient passes as if nothing had
    been rounded (the straight-through estimator, arXiv:1308.3432), and is zero where the input
    saturates.

    Parameters
    ----------
    integer, fraction
        Bits before and after the point, the sign not counted.
    signed
        With a sign the range is −2^integer to 2^integer less a step. Without, it starts at zero,
        so that the quantiser is a ReLU as well.

    Examples
    --------
    >>> Quantiser(2, 2)(torch.tensor([0.3, 0.375, -9.0]))
    tensor([ 0.2500,  0.5000, -4.0000])
    """

    integer: Tensor
    fraction: Tensor

    def __init__(self, integer: int, fraction: int, signed: bool = True) -> None:
        super().__init__()
        self.signed = signed
        # Buffers: ranges come from data and are stored with the weights.
        self.register_buffer("integer", torch.tensor(integer))
        self.register_buffer("fraction", torch.tensor(fraction))

    @property
    def lsb(self) -> float:
        """Value of the last bit."""
        return 2.0 ** -int(self.fraction)

    def forward(self, x: Tensor) -> Tensor:
        """`x` on the grid, of the same shape."""
        return _fixed_point(x, self.signed, int(self.integer), int(self.fraction))

    def move(self, integer: int) -> None:
        """Change the range and keep the number of bits."""
        self.fraction += int(self.integer) - integer
        self.integer.fill_(integer)


class QuantisedLinear(nn.Linear):
    """Linear layer whose weights, bias and outputs lie on grids of few bits.

    The floating weights go on learning; every forward pass rounds them anew.

    Parameters
    ----------
    inputs, outputs
        Numbers per event.
    weight_bits
        Bits of a weight with its sign.
    activation_bits
        Bits of an output, the sign not counted.
    signed
        Whether outputs have a sign; without one the layer ends in a ReLU.

    Notes
    -----
    32-bit floats hold every sum exactly as long as a weight and an input have together less than
    about 16 bits, so that training and hardware agree bit by bit.

    Examples
    --------
    >>> QuantisedLinear(57, 32, weight_bits=4, activation_bits=6).integer_weights()[0].shape
    (32, 57)
    """

    kept: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        weight_bits: int,
        activation_bits: int,
        signed: bool = False,
    ) -> None:
        super().__init__(inputs, outputs)
        self.grid = Quantiser(0, weight_bits - 1)
        self.output = Quantiser(0, activation_bits, signed)
        self.register_buffer("kept", torch.ones(outputs, inputs))

    def calibrate(self, layer: nn.Linear, x: Tensor, sparsity: float) -> Tensor:
        """Take over a floating layer; return what it makes of `x`, not rounded.

        Ranges become the powers of two that hold almost all weights, and outputs for `x`. The share
        `sparsity` of smallest weights is set to zero and stays zero.
        """
        with torch.no_grad():
            self.weight.copy_(layer.weight)
            self.bias.copy_(layer.bias)
            x = layer(x) if self.output.signed else layer(x).relu()
            size = layer.weight.abs()
            self.kept.copy_(size >= size.flatten().quantile(sparsity))
            self.grid.move(_power(size, 0.995))
            self.output.move(_power(x.abs(), 0.9995))
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Outputs on their grid, shape (n, outputs)."""
        return self.output(nn.functional.linear(x, *self._rounded()))

    def integer_weights(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Weights, shape (outputs, inputs), and bias as multiples of ``grid.lsb``."""
        with torch.no_grad():
            weight, bias = (
                (part.double() / self.grid.lsb).numpy().astype(np.int64) for part in self._rounded()
            )
        return weight, bias

    def _rounded(self) -> tuple[Tensor, Tensor]:
        """Weights and bias on their grid."""
        integer, fraction = int(self.grid.integer), int(self.grid.fraction)
        bias = _fixed_point(self.bias, True, integer + _BIAS_BITS, fraction)
        return self.grid(self.weight * self.kept), bias


def quantise(
    path: nn.Sequential,
    x: Tensor,
    weight_bits: int,
    activation_bits: int,
    entry: Quantiser,
    sparsity: float = 0.0,
) -> nn.Sequential:
    """A fixed-point copy of a floating path: linear layers with ReLU between them.

    Parameters
    ----------
    path
        ``nn.Linear`` and ``nn.ReLU`` in turn, a linear layer at the end.
    x
        Inputs of training, shape (n, inputs): the ranges of the outputs are taken from them.
    weight_bits, activation_bits
        As in `QuantisedLinear`.
    entry
        Grid of the inputs.
    sparsity
        Share of the smallest weights of each layer that are set to zero and stay zero.

    Returns
    -------
    nn.Sequential
        `entry` and the `QuantisedLinear` layers.

    Raises
    ------
    ValueError
        If `path` holds another layer.

    Examples
    --------
    >>> path = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> x = torch.randn(100, 5)
    >>> len(quantise(path, x, 4, 6, entry=Quantiser(2, 4)))
    3
    """
    others = {type(layer).__name__ for layer in path} - {"Linear", "ReLU"}
    if others or not isinstance(path[-1], nn.Linear):
        raise ValueError(f"a path is Linear and ReLU in turn, Linear last; this one holds {path}")
    layers: list[nn.Module] = [entry]
    linear = [layer for layer in path if isinstance(layer, nn.Linear)]
    for layer in linear:
        rounded = QuantisedLinear(
            layer.in_features,
            layer.out_features,
            weight_bits,
            activation_bits,
            signed=layer is linear[-1],
        )
        x = rounded.calibrate(layer, x, sparsity)
        layers.append(rounded)
    return nn.Sequential(*layers)


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
    """
    entry, *layers = path
    assert isinstance(entry, Quantiser)
    value, fraction = np.asarray(inputs, np.int64), int(entry.fraction)
    for layer in layers:
        assert isinstance(layer, QuantisedLinear)
        if fraction < 0:  # a wide range in few bits counts in twos, fours, ...
            value, fraction = value << -fraction, 0
        weight, bias = layer.integer_weights()
        total = value @ weight.T + (bias << fraction)
        value = regrid(total, fraction + int(layer.grid.fraction), layer.output)
        fraction = int(layer.output.fraction)
    return value


def regrid(value: ArrayLike, fraction: int, grid: Quantiser) -> NDArray[np.int64]:
    """Whole numbers with `fraction` bits after the point, rounded to a grid and saturated.

    Examples
    --------
    Halves go up; 9.0 is beyond the range of two bits before the point:

    >>> regrid([6, 5, 36], fraction=2, grid=Quantiser(2, 1)).tolist()
    [3, 3, 7]
    """
    number, surplus = np.asarray(value, np.int64), fraction - int(grid.fraction)
    number = (number + ((1 << surplus) >> 1)) >> surplus if surplus > 0 else number << -surplus
    top = 1 << (int(grid.integer) + int(grid.fraction))
    return np.clip(number, -top if grid.signed else 0, top - 1)


def _fixed_point(x: Tensor, signed: bool, integer: int, fraction: int) -> Tensor:
    step, high = 2.0**-fraction, 2.0**integer
    low = -high if signed else 0.0
    inside = x.clamp(low, high - step)
    rounded = (torch.floor(x / step + 0.5) * step).clamp(low, high - step)
    return inside + (rounded - inside).detach()


def _power(size: Tensor, share: float) -> int:
    """Least power of two above `share` of the values."""
    # NumPy: torch's quantile refuses more than 16 million values.
    return math.ceil(math.log2(max(float(np.quantile(size.numpy(), share)), 1e-6)))
