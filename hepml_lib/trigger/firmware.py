"""From a fixed-point network to logic: adders and tables, their number, and their latency."""

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

__all__ = ["CUTOFFS", "Circuit", "on_grid", "trace", "trace_jets", "trace_path"]

CUTOFFS = (2, 4, 8)
"""Adders in a row between two registers, for which latencies are compared."""


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
        """Outputs, computed adder by adder, exact.

        Parameters
        ----------
        x
            Inputs on their grid, shape (n, inputs).

        Returns
        -------
        ndarray
            Shape (n, outputs).
        """
        return self.logic.predict(np.asarray(x, np.float64))

    def latency_cycles(self, cutoff: int) -> int:
        """Ticks of the clock from an input to its output.

        Parameters
        ----------
        cutoff
            Most adders in a row between two registers.

        Returns
        -------
        int
            A new input can enter at every tick.
        """
        from da4ml.trace import to_pipeline

        return len(to_pipeline(self.logic, cutoff, verbose=False).solutions)

    def verilog(self, folder: Path, cutoff: int) -> Path:
        """Write Verilog with registers between the adders.

        Parameters
        ----------
        folder
            Made if it does not exist; the sources go to its ``src``.
        cutoff
            As in `latency_cycles`.

        Returns
        -------
        Path
            Folder of the sources.
        """
        from da4ml.codegen import RTLModel

        model = RTLModel(self.logic, "jets", folder, latency_cutoff=cutoff, print_latency=False)
        model.write()
        return folder / "src"


def trace(shape: tuple[int, ...], compute: Callable[[Any], Any]) -> Circuit:
    """Write a computation on the numbers of one event as adders and tables.

    Parameters
    ----------
    shape
        Of the inputs of one event; `Circuit.predict` takes them in a row.
    compute
        Takes the inputs as symbols of da4ml, which it first has to put on a grid, and returns the
        outputs; it may use their operators, NumPy's functions, and those of ``da4ml.trace.ops``.

    Returns
    -------
    Circuit
        With the outputs of `compute` in a row.

    Raises
    ------
    ModuleNotFoundError
        Without da4ml.

    Examples
    --------
    A sum of two numbers of three bits and the sign takes one adder:

    >>> def total(x):
    ...     return np.sum(on_grid(x, Quantiser(3, 0)))
    >>> trace((2,), total).predict([[3.0, -5.0]]).tolist()
    [[-2.0]]
    """
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace

    # One unit of delay per adder, so that a pipeline counts adders.
    entry = FixedVariableArrayInput(shape, HWConfig(1, -1, -1), {"hard_dc": 2})
    return Circuit(comb_trace(entry, compute(entry)))


def trace_path(path: nn.Sequential, then: Callable[[Any], Any] | None = None) -> Circuit:
    """Write a fixed-point path as adders, by distributed arithmetic (arXiv:2507.04535).

    A product with a known constant is a sum of shifted numbers; sums that several outputs share
    are computed once.

    Parameters
    ----------
    path
        From `nets.quantised.quantise`.
    then
        What follows the last layer, in NumPy's functions.

    Returns
    -------
    Circuit
        `Circuit.predict` takes inputs, shape (n, inputs), on the grid of the path.

    Raises
    ------
    ModuleNotFoundError
        Without da4ml.
    """
    grid, *layers = path
    assert isinstance(grid, Quantiser)
    assert isinstance(layers[0], QuantisedLinear)

    def compute(entry: Any) -> Any:
        outputs = _layers(layers, on_grid(entry, grid))
        return outputs if then is None else then(outputs)

    return trace((layers[0].in_features,), compute)


def trace_jets(network: JetNetwork) -> Circuit:
    """Write a fixed-point `JetNetwork` as adders.

    Every constituent, and every pair, has adders of its own: a new jet enters in each cycle.

    Parameters
    ----------
    network
        From `JetNetwork.from_float`.

    Returns
    -------
    Circuit
        `Circuit.predict` takes features, shape (n, constituents × features).

    Raises
    ------
    ValueError
        If the network is floating.
    ModuleNotFoundError
        Without da4ml.
    """
    if network.weight_bits is None:
        raise ValueError("a floating network is no logic: make a fixed-point one by from_float")
    shape = network.constituents, int(network.arguments["features"])
    adders = _AdderArithmetic(network)
    return trace(shape, lambda entry: network.run(on_grid(entry, network.entry), adders))


def on_grid(symbols: Any, grid: Quantiser, saturate: bool = False) -> Any:
    """Symbols of da4ml on a grid.

    Parameters
    ----------
    symbols
        Of one event.
    grid
        Bits and sign.
    saturate
        Whether what does not fit is rounded and saturates, as in training, which costs logic.
        Otherwise bits beyond the grid are dropped: that is right for inputs, which lie on it.

    Returns
    -------
    Any
        Symbols of the same shape.
    """
    from da4ml.trace.ops import quantize

    form = int(grid.signed), grid.integer_bits, grid.fraction_bits
    return quantize(symbols, *form, *(("SAT", "RND") if saturate else ()))


def _layers(layers: Iterable[nn.Module], value: Any) -> Any:
    """Adders of layers, for one event."""
    from da4ml.trace.ops import relu

    for layer in layers:
        assert isinstance(layer, QuantisedLinear)
        weight, bias = layer.integer_weights()
        value = value @ (weight.T * layer.grid.lsb) + bias * layer.grid.lsb
        value = on_grid(value if layer.output.signed else relu(value), layer.output, saturate=True)
    return value


class _AdderArithmetic:
    """Arithmetic of a `JetNetwork` in symbols of da4ml, for one jet."""

    def __init__(self, network: JetNetwork) -> None:
        self.network = network

    def layers(self, name: str, x: Any) -> Any:
        return _layers(getattr(self.network, name), x)

    def mean(self, which: int, x: Any) -> Any:
        grid = self.network.means[which]
        assert isinstance(grid, Quantiser)
        return on_grid(np.sum(x, axis=-2) * (1 / self.network.constituents), grid, saturate=True)

    def join(self, first: Any, second: Any) -> Any:
        return np.concatenate([first, second], axis=-1)

    def where(self, real: Any, x: Any) -> Any:
        return np.where(real, x, 0.0)
