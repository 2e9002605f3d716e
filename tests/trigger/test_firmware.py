"""Adders: every family gives what torch gives, on every jet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.trigger.firmware import trace_jets

pytest.importorskip("da4ml")

FAMILIES: dict[str, dict[str, Any]] = {
    "dense": {"whole": (6,)},
    "sets": {"nodes": (5, 4), "whole": (4,)},
    "pairs": {"edges": (3,), "nodes": (4,), "whole": (4,)},
}


def _jets() -> torch.Tensor:
    rng = np.random.default_rng(2)
    x = np.round(rng.normal(size=(400, 4, 3)) * 1.5 * 64) / 64
    x[..., 0] = np.abs(x[..., 0]) + 1 / 64
    x[200:, 2:] = 0
    x[-1] = 0
    return torch.tensor(x, dtype=torch.float32)


def _fixed(family: str, bits: int) -> JetNetwork:
    torch.manual_seed(5)
    network = JetNetwork(4, **FAMILIES[family])
    return JetNetwork.from_float(network, _jets(), weight_bits=bits, activation_bits=bits)


@pytest.mark.parametrize("family", FAMILIES)
def test_adders_agree_with_torch_on_every_jet(family: str) -> None:
    x, fixed = _jets(), _fixed(family, 5)
    with torch.no_grad():
        expected = fixed(x).numpy()
    found = trace_jets(fixed).predict(x.flatten(1).numpy())
    assert (found == expected).all()


def test_fewer_bits_and_longer_rows_are_cheaper() -> None:
    coarse, fine = (trace_jets(_fixed("sets", bits)) for bits in (3, 7))
    assert 0 < coarse.luts < fine.luts
    assert fine.latency_cycles(8) < fine.latency_cycles(2)


def test_verilog_is_written(tmp_path: Path) -> None:
    sources = trace_jets(_fixed("dense", 4)).verilog(tmp_path / "jets", 4)
    text = "".join(file.read_text() for file in sources.rglob("*.v"))
    assert "module jets" in text


def test_a_floating_network_is_refused() -> None:
    with pytest.raises(ValueError, match="floating"):
        trace_jets(JetNetwork(4, whole=(4,)))
