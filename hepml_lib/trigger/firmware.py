"""From a fixed-point path to logic: adders and tables, their number, and the cycles they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from hepml_lib.nets.quantised import QuantisedLinear, Quantiser

__all__ = ["Circuit", "trace"]


@dataclass(frozen=True)
class Circuit:
    """Logic without a clock, made by `trace`.

    Parameters
    ----------
    logic
        The ``CombLogic`` of da4ml.
    """

    logic: Any

    @property
    def luts(self) -> float:
        """Estimated number of look-up tables; synthesis gives the real one."""
        return float(self.logic.cost)

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """Outputs for inputs that lie on the grid of the path, computed adder by adder, exact."""
        return self.logic.predict(np.asarray(x, np.float64))

    def cycles(self, adders: int) -> int:
        """Ticks of the clock if at most so many adders lie in a row between two registers."""
        from da4ml.trace import to_pipeline

        return len(to_pipeline(self.logic, adders, verbose=False).solutions)


def trace(path: nn.Sequential, then: Callable[[Any], Any] | None = None) -> Circuit:
    """Write a fixed-point path as adders, by distributed arithmetic (arXiv:2507.04535).

    A product with a known constant is a sum of shifted numbers; sums that several outputs share
    are computed once.

    Parameters
    ----------
    path
        From `nets.quantised.quantise`.
    then
        What follows the last layer, in NumPy's functions.

    Raises
    ------
    ModuleNotFoundError
        Without da4ml.
    """
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace
    from da4ml.trace.ops import quantize, relu

    grid, *layers = path
    assert isinstance(grid, Quantiser)
    assert isinstance(layers[0], QuantisedLinear)
    # One unit of delay per adder, so that a pipeline counts adders.
    config = HWConfig(1, -1, -1)
    entry = FixedVariableArrayInput((layers[0].in_features,), config, {"hard_dc": 2})
    value = quantize(entry, int(grid.signed), int(grid.integer), int(grid.fraction))
    for layer in layers:
        assert isinstance(layer, QuantisedLinear)
        (weight, bias), output = layer.integer_weights(), layer.output
        value = value @ (weight.T * layer.grid.lsb) + bias * layer.grid.lsb
        value = value if output.signed else relu(value)
        form = int(output.signed), int(output.integer), int(output.fraction)
        value = quantize(value, *form, "SAT", "RND")
    return Circuit(comb_trace(entry, value if then is None else then(value)))
