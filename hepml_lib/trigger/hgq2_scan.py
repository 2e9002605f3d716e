"""Bits chosen by training, one number for every weight: HGQ2 beside one width for all.

``python -m hepml_lib.trigger.hgq2_scan`` trains both on 8 constituents of `l1_jets`, writes them as
adders, and compares area under the curve and look-up tables on all test jets. Figures go to
``data/results/l1_hgq2.json``. It takes ten minutes on one core, the Python packages hgq2 and
keras, and g++ for the simulation by hls4ml.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import tempfile
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from hepml_lib import metrics, records, samples, settings, training
from hepml_lib.nets.quantised import Quantiser, quantise
from hepml_lib.trigger import boosted
from hepml_lib.trigger.firmware import Circuit, trace

__all__ = ["ADDERS", "BETAS", "BITS", "SEEDS", "inputs", "measure"]

BITS = (3, 4, 5, 6)
"""Bits of all weights and all activations, where one width serves all."""

BETAS = (1e-6, 1e-5, 3e-5, 1e-4, 3e-4)
"""Prices of a bit, in the order of training: each training continues the one before."""

ADDERS = 4
"""Adders in a row between two registers."""

SEEDS = 3
"""Trainings of everything; figures with intervals are of the first."""

_SIZES = (24, 64, 32, 32, 5)
_RANGE = 4
"""Bits of the inputs before the point."""

_SCALES = np.array([2.0**-6, 2.0**-5, 2.0**-5])
_SPLITS = ("train", "validation", "test")
_FLOAT_EPOCHS, _UNIFORM_EPOCHS, _HGQ_EPOCHS = 40, 20, 15
_HGQ_RATE, _BATCH = 1.5e-3, 256

_Jets = dict[str, tuple[Tensor, Tensor]]
_Found = dict[str, tuple[NDArray, dict[str, Any]]]


def inputs(found: ArrayLike) -> NDArray[np.float32]:
    """Inputs of a network: `boosted.constituents` over powers of two, each of width about one.

    Returns
    -------
    ndarray
        Shape (n, 24), exact.
    """
    return (np.asarray(found) * _SCALES).reshape(len(np.asarray(found)), -1).astype(np.float32)


def measure() -> Path:
    """Train with each seed, compare on all test jets, and return the file of the figures.

    Raises
    ------
    AssertionError
        If adders, simulation and network disagree on any jet.
    """
    os.environ["KERAS_BACKEND"] = "torch"
    jets, event = _load()
    label = jets["test"][1].numpy()
    packages = ("hgq2", "keras", "da4ml", "hls4ml")
    record: dict[str, Any] = {
        "command": "python -m hepml_lib.trigger.hgq2_scan",
        "data": f"l1_jets, committed, 8 constituents: {len(jets['train'][1])} jets of train, all "
        f"{len(label)} of test",
        "tools": {name: importlib.metadata.version(name) for name in packages},
        "taggers": {},
    }
    kept = record["taggers"]
    for number in range(SEEDS):
        seed = settings.seed("l1_hgq2", str(number))
        floating = _floating(jets, seed)
        found: _Found = {"floating": (training.predict(floating, jets["test"][0]), {})}
        found |= _uniform(floating, jets, seed)
        found |= _automatic(floating, jets, seed, simulated=number == 0)
        for name, (logits, entry) in found.items():
            entry["AUC"] = metrics.macro_auc(logits, label).value
            print(number, name, entry, flush=True)
        if number == 0:
            kept |= _compared(found, label, event)
        for name, (_, entry) in found.items():
            for key in {"AUC", "luts", "cycles"} & set(entry):
                kept[name].setdefault(f"{key}, by seed", []).append(entry[key])
        file = records.write("l1_hgq2", record)
    return file


def _compared(found: _Found, label: NDArray, event: NDArray) -> dict[str, dict[str, Any]]:
    """Every network beside the floating one, and beside the nearest in size of one width."""
    figures: dict[str, dict[str, Any]] = {}
    for name, (logits, entry) in found.items():
        others = {} if name == "floating" else {"floating": "floating"}
        if "EBOPs" in entry:
            away = {
                f"{bits} bits": abs(math.log(found[f"{bits} bits"][1]["luts"] / entry["luts"]))
                for bits in BITS
            }
            entry["nearest"] = others["nearest"] = min(away, key=away.__getitem__)
        figures[name] = entry | {
            f"AUC − {key}": asdict(
                metrics.compare(metrics.macro_auc, logits, found[other][0], label, events=event)
            )
            for key, other in others.items()
        }
    return figures


def _load() -> tuple[_Jets, NDArray]:
    found, event = {}, np.empty(0)
    for split in _SPLITS:
        part = samples.load("l1_jets", split=split)
        x = inputs(boosted.constituents(part))
        found[split] = torch.from_numpy(x), torch.from_numpy(np.asarray(part.label, np.int64))
        event = np.asarray(part.event)
    return found, event


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
        network = nn.Sequential(*(part for each in hidden for part in (each, nn.ReLU())), last)
    _fit(network, jets, _FLOAT_EPOCHS, 3e-3, seed)
    return network


def _uniform(floating: nn.Sequential, jets: _Jets, seed: int) -> _Found:
    """Every weight and every activation with the same number of bits."""
    found: _Found = {}
    x = jets["test"][0]
    for bits in BITS:
        entry = Quantiser(_RANGE, bits - 2)
        network = quantise(floating, jets["train"][0], bits, bits, entry)
        _fit(network, jets, _UNIFORM_EPOCHS, 1e-3, seed)
        logits, logic = training.predict(network, x), trace(network)
        assert np.array_equal(logic.predict(entry(x)), logits)
        found[f"{bits} bits"] = logits, _size(logic)
    return found


def _automatic(floating: nn.Sequential, jets: _Jets, seed: int, simulated: bool) -> _Found:
    """Bits of each weight and of each activation by training, at rising prices."""
    import keras
    from da4ml.converter import trace_model
    from da4ml.trace import HWConfig, comb_trace
    from hgq.utils import trace_minmax

    keras.utils.set_random_seed(seed % 2**32)
    network = _high_granularity(floating)
    x, label = (each.numpy() for each in jets["train"])
    known = np.concatenate([jets[split][0].numpy() for split in _SPLITS[:2]])
    test = jets["test"][0].numpy()
    found: _Found = {}
    for beta in BETAS:
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
        found[f"β = {beta:.0e}"] = logits, entry
    return found


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
    return {"luts": logic.luts, "cycles": logic.cycles(ADDERS)}


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


if __name__ == "__main__":
    print(measure())
