"""A dense network through hls4ml: C++ for a synthesis tool, simulated by an ordinary compiler."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.nets.quantised import QuantisedLinear, Quantiser

__all__ = ["configuration", "plain", "simulate"]


def plain(network: JetNetwork) -> nn.Sequential:
    """The same weights, rounded, in layers that hls4ml reads: linear and ReLU in turn.

    Parameters
    ----------
    network
        Dense, in fixed point.

    Returns
    -------
    nn.Sequential
        Takes features in a row, shape (n, constituents × features).

    Raises
    ------
    ValueError
        If the network is floating, or is not a dense network on all constituents.
    """
    if network.weight_bits is None or len(network.nodes):
        raise ValueError("only a dense fixed-point network goes this way")
    layers: list[nn.Module] = []
    for layer in network.whole:
        assert isinstance(layer, QuantisedLinear)
        weight, bias = layer.integer_weights()
        linear = nn.Linear(layer.in_features, layer.out_features)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight) * layer.grid.lsb)
            linear.bias.copy_(torch.from_numpy(bias) * layer.grid.lsb)
        layers += [linear] if layer.output.signed else [linear, nn.ReLU()]
    return nn.Sequential(*layers).eval()


def configuration(network: JetNetwork) -> dict[str, Any]:
    """Precisions of every number, for hls4ml: those of training.

    Sums get all the bits that they can need; the result of a layer is rounded and saturates.

    Parameters
    ----------
    network
        Dense, in fixed point.

    Returns
    -------
    dict
        What hls4ml takes as ``hls_config``.

    Raises
    ------
    ValueError
        If the network is floating, or is not a dense network on all constituents.
    """
    import hls4ml

    size = int(network.arguments["constituents"]) * int(network.arguments["features"])
    config = hls4ml.utils.config_from_pytorch_model(
        plain(network), (size,), granularity="name", backend="Vitis"
    )
    wide = "fixed<32,16>"
    stages = iter(config["LayerName"])
    config["LayerName"][next(stages)]["Precision"] = {"result": _fixed(network.entry)}
    for layer in network.whole:
        assert isinstance(layer, QuantisedLinear)
        entry = config["LayerName"][next(stages)]
        weight = _fixed(layer.grid)
        bias = f"fixed<{layer.grid.fraction_bits + 16},16>"
        result = _fixed(layer.output) if layer.output.signed else wide
        entry["Precision"] = {"weight": weight, "bias": bias, "accum": wide, "result": result}
        if not layer.output.signed:
            config["LayerName"][next(stages)]["Precision"] = {"result": _fixed(layer.output)}
    return config


def simulate(network: JetNetwork, x: NDArray[np.float32], folder: Path) -> NDArray[np.float64]:
    """Logits of the C++ that hls4ml writes, compiled by g++.

    It is arithmetic, and tells nothing about time or area.

    Parameters
    ----------
    network
        Dense, in fixed point.
    x
        `l1_jets.inputs`, shape (n, constituents, features).
    folder
        For the sources.

    Returns
    -------
    ndarray
        Shape (n, outputs).

    Raises
    ------
    ValueError
        If the network is floating, or is not a dense network on all constituents.
    """
    import hls4ml

    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    # It tells of every step; what goes wrong it raises.
    with contextlib.redirect_stdout(io.StringIO()):
        model = hls4ml.converters.convert_from_pytorch_model(
            plain(network),
            output_dir=str(folder),
            backend="Vitis",
            hls_config=configuration(network),
        )
        model.compile()
    return np.asarray(model.predict(flat), np.float64).reshape(len(x), -1)


def _fixed(grid: Quantiser) -> str:
    """Type of a grid: all bits, and those before the point with the sign."""
    before = grid.integer_bits + int(grid.signed)
    kind = "fixed" if grid.signed else "ufixed"
    return f"{kind}<{before + grid.fraction_bits},{before},RND,SAT>"
