"""Fixed-point layers: training sees the rounding of the hardware.

A path of a trigger is an ``nn.Sequential`` of one `Quantiser` for the inputs and `QuantisedLinear`
layers. `quantise` makes it from a floating network, `whole_numbers.emulate` repeats it exactly.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["QuantisedLinear", "Quantiser", "quantise"]

_BIAS_BITS = 3
"""A bias is one number per output: a range of three more bits costs next to nothing."""


class Quantiser(nn.Module):
    """Rounds to multiples of 2 to the power of −`fraction_bits`, and saturates.

    Half a step is rounded up, as hardware does. In training the gradient passes as if nothing had
    been rounded (the straight-through estimator, arXiv:1308.3432), and is zero where the input
    saturates.

    Parameters
    ----------
    integer_bits, fraction_bits
        Bits before and after the point, the sign not counted.
    signed
        With a sign the range is −2^integer_bits to 2^integer_bits less a step. Without, it starts
        at zero, so that the quantiser is a ReLU as well.

    Examples
    --------
    >>> Quantiser(2, 2)(torch.tensor([0.3, 0.375, -9.0]))
    tensor([ 0.2500,  0.5000, -4.0000])
    """

    integer: Tensor
    fraction: Tensor

    def __init__(self, integer_bits: int, fraction_bits: int, signed: bool = True) -> None:
        super().__init__()
        self.signed = signed
        # Ranges come from data and are stored with the weights, under these names.
        self.register_buffer("integer", torch.tensor(integer_bits))
        self.register_buffer("fraction", torch.tensor(fraction_bits))

    @property
    def integer_bits(self) -> int:
        """Bits before the point; negative where the first bits after it are missing too."""
        return int(self.integer)

    @property
    def fraction_bits(self) -> int:
        """Bits after the point; negative where numbers count in twos, fours, ..."""
        return int(self.fraction)

    @property
    def lsb(self) -> float:
        """Value of the last bit."""
        return 2.0**-self.fraction_bits

    def forward(self, x: Tensor) -> Tensor:
        """Round numbers to the grid.

        Parameters
        ----------
        x
            Of any shape.

        Returns
        -------
        Tensor
            Of the shape of `x`.
        """
        return _fixed_point(x, self.signed, self.integer_bits, self.fraction_bits)

    def fit_range(self, values: Tensor, share: float) -> None:
        """Make the range the least power of two that holds a share of the values.

        The number of bits stays: what the range gains, the fraction loses.

        Parameters
        ----------
        values
            Of any shape and sign; their sizes count.
        share
            Between 0 and 1.

        Examples
        --------
        >>> grid = Quantiser(0, 6)
        >>> grid.fit_range(torch.tensor([-5.0, 3.0]), share=1.0)
        >>> grid.integer_bits, grid.fraction_bits
        (3, 3)
        """
        # NumPy: torch's quantile refuses more than 16 million values.
        size = max(float(np.quantile(values.detach().abs().numpy(), share)), 1e-6)
        integer_bits = math.ceil(math.log2(size))
        self.fraction += self.integer_bits - integer_bits
        self.integer.fill_(integer_bits)


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
        # One where a weight was not pruned; stored with the weights, under this name.
        self.register_buffer("kept", torch.ones(outputs, inputs))

    def calibrate(self, layer: nn.Linear, x: Tensor, sparsity: float) -> Tensor:
        """Take over a floating layer, and take the ranges from its weights and outputs.

        Parameters
        ----------
        layer
            Trained, of the same shape.
        x
            Its inputs for events of training, shape (..., inputs).
        sparsity
            Share of smallest weights that is set to zero and stays zero.

        Returns
        -------
        Tensor
            Outputs of the floating layer for `x`, not rounded, shape (..., outputs).
        """
        with torch.no_grad():
            self.weight.copy_(layer.weight)
            self.bias.copy_(layer.bias)
            x = layer(x) if self.output.signed else layer(x).relu()
            size = layer.weight.abs()
            self.kept.copy_(size >= size.flatten().quantile(sparsity))
            self.grid.fit_range(layer.weight, 0.995)
            self.output.fit_range(x, 0.9995)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Outputs on their grid.

        Parameters
        ----------
        x
            Inputs on their grid, shape (..., inputs).

        Returns
        -------
        Tensor
            Shape (..., outputs).
        """
        return self.output(nn.functional.linear(x, *self._rounded()))

    def integer_weights(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Weights and bias as multiples of ``grid.lsb``.

        Returns
        -------
        weight, bias
            Shapes (outputs, inputs) and (outputs,).
        """
        with torch.no_grad():
            weight, bias = (
                (values.double() / self.grid.lsb).numpy().astype(np.int64)
                for values in self._rounded()
            )
        return weight, bias

    def _rounded(self) -> tuple[Tensor, Tensor]:
        """Weights and bias on their grid."""
        grid = self.grid
        bias = _fixed_point(self.bias, True, grid.integer_bits + _BIAS_BITS, grid.fraction_bits)
        return grid(self.weight * self.kept), bias


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


def _fixed_point(x: Tensor, signed: bool, integer_bits: int, fraction_bits: int) -> Tensor:
    step, high = 2.0**-fraction_bits, 2.0**integer_bits
    low = -high if signed else 0.0
    inside = x.clamp(low, high - step)
    rounded = (torch.floor(x / step + 0.5) * step).clamp(low, high - step)
    return inside + (rounded - inside).detach()
