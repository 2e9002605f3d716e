"""Verilog of jet networks: packing of numbers, and a simulation bit by bit."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from hepml_lib import training
from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.studies import l1_rtl, tools
from hepml_lib.trigger.firmware import trace_jets


def test_numbers_survive_their_packing() -> None:
    forms = [[1, 4, 6], [1, 4, 6], [0, 3, 1], [1, 0, 2], [0, 0, 0]]
    row = [-16.0, 15.984375, 7.5, -0.25, 0.0]
    word = l1_rtl._packed(row, forms)
    assert word < 1 << l1_rtl._bits(forms)
    assert l1_rtl._unpacked(word, forms) == row


@pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("yosys") is None,
    reason="verilator and yosys are not installed: an optional check",
)
@pytest.mark.parametrize("shape", [{"whole": (4,)}, {"nodes": (4,), "whole": (3,)}])
def test_hardware_agrees_with_torch(shape, tmp_path) -> None:
    jets = np.random.default_rng(1).integers(-512, 512, (50, 2, 3)) / 64.0
    jets[..., 0] = np.abs(jets[..., 0])
    jets[:5, 1] = 0
    x = jets.astype(np.float32)
    with training.seeded(1):
        floating = JetNetwork(2, **shape)
    network = JetNetwork.from_float(floating, torch.from_numpy(x), weight_bits=4, activation_bits=4)
    circuit = trace_jets(network)
    circuit.verilog(tmp_path, l1_rtl.CUTOFF)
    software = training.predict(network, torch.from_numpy(x))
    assert (l1_rtl.logits(tmp_path, circuit, x) == software).all()
    counted = tools.synthesis(l1_rtl._sources(tmp_path), "jets", tmp_path)
    assert 0 < counted["luts"] < 2 * circuit.luts + 50
