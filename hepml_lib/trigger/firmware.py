"""From a fixed-point path to logic: adders and tables, their number, and the cycles they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.nets.quantised import QuantisedLinear, Quantiser

__all__ = ["Circuit", "trace", "trace_jets"]


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

    def verilog(self, folder: Path, adders: int) -> Path:
        """Write Verilog with a register after at most so many adders; return its folder.

        Parameters
        ----------
        folder
            Made if it does not exist; the sources go to its ``src``.
        adders
            As in `cycles`.
        """
        from da4ml.codegen import RTLModel

        model = RTLModel(self.logic, "jets", folder, latency_cutoff=adders, print_latency=False)
        model.write()
        return folder / "src"


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
    from da4ml.trace.ops import quantize

    grid, *layers = path
    assert isinstance(grid, Quantiser)
    assert isinstance(layers[0], QuantisedLinear)
    # One unit of delay per adder, so that a pipeline counts adders.
    config = HWConfig(1, -1, -1)
    entry = FixedVariableArrayInput((layers[0].in_features,), config, {"hard_dc": 2})
    value = quantize(entry, int(grid.signed), int(grid.integer), int(grid.fraction))
    value = _layers(layers, value)
    return Circuit(comb_trace(entry, value if then is None else then(value)))


def trace_jets(network: JetNetwork) -> Circuit:
    """Write a fixed-point `JetNetwork` as adders; `predict` takes (n, constituents × features).

    Every constituent, and every pair, has adders of its own: a new jet enters in each cycle.

    Raises
    ------
    ValueError
        If the network is floating.
    ModuleNotFoundError
        Without da4ml.
    """
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace
    from da4ml.trace.ops import quantize

    if network.weight_bits is None:
        raise ValueError("a floating network is no logic: make a fixed-point one by from_float")
    n, grid = network.constituents, network.entry
    shape = n, int(network.arguments["features"])
    entry = FixedVariableArrayInput(shape, HWConfig(1, -1, -1), {"hard_dc": 2})
    x = quantize(entry, 1, int(grid.integer), int(grid.fraction))
    if not len(network.nodes):
        return Circuit(comb_trace(entry, _layers(network.whole, x.reshape(-1))))

    def mean(which: int, total: Any) -> Any:
        to = network.means[which]
        assert isinstance(to, Quantiser)
        return quantize(total * (1 / n), 0, int(to.integer), int(to.fraction), "SAT", "RND")

    real, seen = x[:, :1] > 0, x
    if len(network.edges):
        first, second = network.receivers, network.senders
        pairs = np.concatenate([x[first], x[second]], axis=-1)
        message = np.where(real[first] & real[second], _layers(network.edges, pairs), 0.0)
        received = np.sum(message.reshape(n, n - 1, -1), axis=1)
        seen = np.concatenate([x, mean(0, received)], axis=-1)
    total = np.sum(np.where(real, _layers(network.nodes, seen), 0.0), axis=0)
    return Circuit(comb_trace(entry, _layers(network.whole, mean(1, total))))


def _layers(layers: Iterable[nn.Module], value: Any) -> Any:
    """Adders of layers, for one event."""
    from da4ml.trace.ops import quantize, relu

    for layer in layers:
        assert isinstance(layer, QuantisedLinear)
        (weight, bias), output = layer.integer_weights(), layer.output
        value = value @ (weight.T * layer.grid.lsb) + bias * layer.grid.lsb
        value = value if output.signed else relu(value)
        form = int(output.signed), int(output.integer), int(output.fraction)
        value = quantize(value, *form, "SAT", "RND")
    return value
