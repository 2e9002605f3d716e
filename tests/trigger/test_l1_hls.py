"""The C++ of hls4ml gives the same logits, bit by bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.nets.quantised import QuantisedLinear
from hepml_lib.trigger import l1_hls

pytest.importorskip("hls4ml")


def _fixed() -> tuple[JetNetwork, np.ndarray]:
    torch.manual_seed(1)
    x = np.round(np.random.default_rng(1).normal(size=(300, 2, 3)) * 96) / 64
    network = JetNetwork(2, whole=(6,))
    jets = torch.tensor(x, dtype=torch.float32)
    fixed = JetNetwork.from_float(network, jets, weight_bits=5, activation_bits=5)
    return fixed, x.astype(np.float32)


def test_plain_layers_hold_the_rounded_weights() -> None:
    fixed, _ = _fixed()
    first, rounded = l1_hls.plain(fixed)[0], fixed.whole[0]
    assert isinstance(first, nn.Linear)
    assert isinstance(rounded, QuantisedLinear)
    weight = rounded.integer_weights()[0] * rounded.grid.lsb
    assert (first.weight.detach().numpy() == weight).all()
    assert len(np.unique(weight)) > 5


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_the_simulation_agrees_bit_by_bit(tmp_path: Path) -> None:
    fixed, x = _fixed()
    with torch.no_grad():
        expected = fixed(torch.from_numpy(x)).numpy()
    assert (l1_hls.simulate(fixed, x, tmp_path) == expected).all()


def test_other_families_are_refused() -> None:
    for network in (JetNetwork(2, whole=(3,)), JetNetwork(2, nodes=(3,), weight_bits=4)):
        with pytest.raises(ValueError, match="dense"):
            l1_hls.plain(network)
