"""Bits chosen by training, one number for every weight: HGQ2 beside one width for all.

Both are trained on 8 constituents of `l1_jets`, written as adders, and compared in area under the
curve and look-up tables on all test jets. g++ compiles the simulation by hls4ml.
"""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from typing import Any

import awkward as ak
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm import tqdm

from hepml_lib import metrics, samples, settings, training
from hepml_lib.nets.quantised import Quantiser, quantise
from hepml_lib.trigger.firmware import Circuit, trace_path
from hepml_lib.trigger.l1_jets import BIT_PRICES, SCALES, UNIFORM_BITS, whole_constituents

__all__ = ["CUTOFF", "SEEDS", "inputs", "measure"]

CUTOFF = 4
"""Adders in a row between two registers."""

SEEDS = 3
"""Trainings of everything; figures with intervals are of the first."""

_CONSTITUENTS = 8
_SIZES = (3 * _CONSTITUENTS, 64, 32, 32, 5)
_RANGE = 4
"""Bits of the inputs before the point."""

_SPLITS = ("train", "validation", "test")
_FLOAT_EPOCHS, _UNIFORM_EPOCHS, _HGQ_EPOCHS = 40, 20, 15
_HGQ_RATE, _BATCH = 1.5e-3, 256

_Jets = dict[str, tuple[Tensor, Tensor]]
_Trained = dict[str, tuple[NDArray, dict[str, Any]]]
"""Logits of the test jets and entry of the record, by network."""


def inputs(constituents: ArrayLike) -> NDArray[np.float32]:
    """Inputs of a network: whole numbers over powers of two, each of width about one, exact.

    Parameters
    ----------
    constituents
        From `l1_jets.whole_constituents`, shape (n, 8, 3).

    Returns
    -------
    ndarray
        Shape (n, 24).
    """
    whole = np.asarray(constituents)
    return (whole * SCALES).reshape(len(whole), -1).astype(np.float32)


def measure() -> dict[str, Any]:
    """Train with each seed, and compare on all test jets.

    Returns
    -------
    dict
        ``data`` and ``taggers``: areas, look-up tables and cycles, and the bits that were chosen.

    Raises
    ------
    AssertionError
        If adders, simulation and network disagree on any jet.
    """
    os.environ["KERAS_BACKEND"] = "torch"
    arrays = {split: samples.load("l1_jets", split=split) for split in _SPLITS}
    jets = {split: _tensors(array) for split, array in arrays.items()}
    label, event = jets["test"][1].numpy(), np.asarray(arrays["test"].event)
    entries: dict[str, dict[str, Any]] = {}
    for number in tqdm(range(SEEDS), unit="training"):
        seed = settings.seed("l1_hgq2", str(number))
        floating = _floating(jets, seed)
        trained: _Trained = {"floating": (training.predict(floating, jets["test"][0]), {})}
        trained |= _uniform(floating, jets, seed)
        trained |= _automatic(floating, jets, seed, simulated=number == 0)
        for logits, entry in trained.values():
            entry["AUC"] = metrics.macro_auc(logits, label).value
        if number == 0:
            entries = _compared(trained, label, event)
        for name, (_, entry) in trained.items():
            for key in {"AUC", "luts", "cycles"} & set(entry):
                entries[name].setdefault(f"{key}, by seed", []).append(entry[key])
    return {
        "data": f"l1_jets, committed, {_CONSTITUENTS} constituents: {len(jets['train'][1])} jets "
        f"of train, all {len(label)} of test",
        "taggers": entries,
    }


def _tensors(jets: ak.Array) -> tuple[Tensor, Tensor]:
    x = torch.from_numpy(inputs(whole_constituents(jets, _CONSTITUENTS)))
    return x, torch.from_numpy(np.asarray(jets.label, np.int64))


def _compared(trained: _Trained, label: NDArray, event: NDArray) -> dict[str, dict[str, Any]]:
    """Every network beside the floating one, and beside the nearest in size of one width."""
    figures: dict[str, dict[str, Any]] = {}
    for name, (logits, entry) in trained.items():
        others = {} if name == "floating" else {"floating": "floating"}
        if "EBOPs" in entry:
            distances = {
                f"{bits} bits": abs(math.log(trained[f"{bits} bits"][1]["luts"] / entry["luts"]))
                for bits in UNIFORM_BITS
            }
            entry["nearest"] = others["nearest"] = min(distances, key=distances.__getitem__)
        figures[name] = entry | {
            f"AUC − {key}": asdict(
                metrics.compare(metrics.macro_auc, logits, trained[other][0], label, events=event)
            )
            for key, other in others.items()
        }
    return figures


def _fit(network: nn.Module, jets: _Jets, epochs: int, lr: float, seed: int) -> None:
    training.fit(
        network,
        *(training.Data((jets[split][0],), jets[split][1]) for split in _SPLITS[:2]),
        loss=partial(nn.functional.cross_entropy, reduction="none"),
        epochs=epochs,
        lr=lr,
        seed=seed,
        progress=False,
    )


def _floating(jets: _Jets, seed: int) -> nn.Sequential:
    with training.seeded(seed):
        *hidden, last = (nn.Linear(*size) for size in pairwise(_SIZES))
        network = nn.Sequential(*(step for layer in hidden for step in (layer, nn.ReLU())), last)
    _fit(network, jets, _FLOAT_EPOCHS, 3e-3, seed)
    return network


def _uniform(floating: nn.Sequential, jets: _Jets, seed: int) -> _Trained:
    """Every weight and every activation with the same number of bits."""
    trained: _Trained = {}
    x = jets["test"][0]
    for bits in UNIFORM_BITS:
        entry = Quantiser(_RANGE, bits - 2)
        network = quantise(floating, jets["train"][0], bits, bits, entry)
        _fit(network, jets, _UNIFORM_EPOCHS, 1e-3, seed)
        logits, logic = training.predict(network, x), trace_path(network)
        assert np.array_equal(logic.predict(entry(x)), logits)
        trained[f"{bits} bits"] = logits, _size(logic)
    return trained


def _automatic(floating: nn.Sequential, jets: _Jets, seed: int, simulated: bool) -> _Trained:
    """Bits of each weight and of each activation by training, at rising prices."""
    import keras
    from da4ml.converter import trace_model
    from da4ml.trace import HWConfig, comb_trace
    from hgq.utils import trace_minmax

    keras.utils.set_random_seed(seed % 2**32)
    network = _high_granularity(floating)
    x, label = (tensor.numpy() for tensor in jets["train"])
    known = np.concatenate([jets[split][0].numpy() for split in _SPLITS[:2]])
    test = jets["test"][0].numpy()
    trained: _Trained = {}
    for beta in BIT_PRICES:
        for layer in network.layers:
            layer._beta.assign(beta)
        steps = _HGQ_EPOCHS * math.ceil(len(x) / _BATCH)
        rate = keras.optimizers.schedules.CosineDecay(_HGQ_RATE, steps, alpha=0.05)
        network.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-2),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        network.fit(x, label, epochs=_HGQ_EPOCHS, batch_size=_BATCH, verbose=0)
        # Ranges of the activations: the largest that known jets reach. Beyond, bits are lost.
        operations = float(trace_minmax(network, known, batch_size=len(known)))
        logits = np.asarray(network.predict(test, verbose=0, batch_size=len(test)))
        config = HWConfig(1, -1, -1)
        logic = Circuit(comb_trace(*trace_model(network, config, {"hard_dc": 2})))
        assert np.array_equal(logic.predict(test), logits)
        entry = {"EBOPs": operations, **_size(logic), **_chosen(network)}
        if simulated:
            assert np.array_equal(_simulation(network, test), logits)
            entry["simulated jets"] = len(test)
        trained[f"β = {beta:.0e}"] = logits, entry
    return trained


def _high_granularity(floating: nn.Sequential) -> Any:
    """A network of HGQ2 with the weights of a floating one."""
    import keras
    from hgq.config import LayerConfigScope, QuantizerConfigScope
    from hgq.layers import QDense

    weights = {"default_q_type": "kbi", "overflow_mode": "SAT_SYM", "b0": 4, "i0": 1}
    # An activation that runs over loses its highest bits: that costs no logic.
    activations = {"default_q_type": "kif", "overflow_mode": "WRAP", "i0": _RANGE, "f0": 2}
    with (
        QuantizerConfigScope(place="all", **weights),
        QuantizerConfigScope(place="datalane", **activations),
        LayerConfigScope(enable_ebops=True, beta0=0.0),
    ):
        hidden = [QDense(width, activation="relu") for width in _SIZES[1:-1]]
        network = keras.Sequential(
            [keras.layers.Input(_SIZES[:1]), *hidden, QDense(_SIZES[-1])],
        )
    linear = [layer for layer in floating if isinstance(layer, nn.Linear)]
    for layer, given in zip(network.layers, linear, strict=True):
        layer._kernel.assign(given.weight.detach().T)
        layer.bias.assign(given.bias.detach())
    return network


def _size(logic: Circuit) -> dict[str, Any]:
    return {"luts": logic.luts, "cycles": logic.latency_cycles(CUTOFF)}


def _chosen(network: Any) -> dict[str, Any]:
    """By layer: how many weights have 0, 1, 2, ... bits, and the mean of the inputs' bits."""
    weights, activations = [], []
    for layer in network.layers:
        value = layer.kq(layer._kernel).detach().numpy()
        bits = np.rint(layer.kq.bits_(layer._kernel.shape).detach().numpy()).astype(int)
        # A weight that is rounded to zero costs nothing, whatever bits it might have had.
        weights.append(np.bincount(np.where(value == 0, 0, bits).ravel(), minlength=9).tolist())
        activations.append(float(layer.iq.bits.detach().numpy().mean()))
    return {"weights by bits": weights, "bits of an input": activations}


def _simulation(network: Any, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Outputs of the C++ that hls4ml writes, compiled by g++."""
    from hls4ml.converters import convert_from_keras_model

    with tempfile.TemporaryDirectory() as scratch:
        model = convert_from_keras_model(
            network,
            output_dir=scratch,
            backend="Vitis",
            io_type="io_parallel",
            # The network brings all its precisions along; this one would show if it were used.
            hls_config={"Model": {"Precision": "ap_fixed<1,0>", "ReuseFactor": 1}},
        )
        model.compile()
        return np.asarray(model.predict(np.ascontiguousarray(x))).reshape(len(x), -1)
