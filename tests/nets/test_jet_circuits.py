"""Networks on constituents: order, empty places, and whole numbers that agree bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hepml_lib.nets.jet_circuits import JetNetwork
from hepml_lib.nets.quantised import QuantisedLinear

FAMILIES: dict[str, dict[str, Any]] = {
    "dense": {"whole": (12, 8)},
    "sets": {"nodes": (8, 8), "whole": (6,)},
    "pairs": {"edges": (6, 4), "nodes": (8, 8), "whole": (6,)},
}
SETS = ("sets", "pairs")


def _jets(n: int, places: int, real: int) -> torch.Tensor:
    """Jets on the grid with so many constituents."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, places, 3)) * 1.5
    x[..., 0] = np.abs(x[..., 0]) + 0.1
    x = np.clip(np.round(x * 64) / 64, -16, 15.9)
    x[:, real:] = 0
    return torch.tensor(x, dtype=torch.float32)


def _network(family: str, places: int = 4) -> JetNetwork:
    torch.manual_seed(3)
    return JetNetwork(places, **FAMILIES[family])


def _fixed(family: str, x: torch.Tensor, bits: int = 6, sparsity: float = 0.0) -> JetNetwork:
    network = _network(family, x.shape[1])
    return JetNetwork.from_float(
        network, x, weight_bits=bits, activation_bits=bits, sparsity=sparsity
    )


@pytest.mark.parametrize("family", SETS)
def test_the_order_of_constituents_does_not_matter(family: str) -> None:
    x, order = _jets(50, 4, 4), torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        network = _network(family)
        assert torch.allclose(network(x), network(x[:, order]), atol=1e-6)
        fixed = _fixed(family, x)
        assert torch.equal(fixed(x), fixed(x[:, order]))


@pytest.mark.parametrize("family", SETS)
def test_empty_places_do_not_shift_the_sum(family: str) -> None:
    # The mean divides by the places, so that twice as many halve it: what goes into it is alike.
    few, many, found = _jets(50, 4, 3), _jets(50, 8, 3), []
    many[:, :4] = few
    for x in (few, many):
        kept: list[torch.Tensor] = []
        network = _network(family, x.shape[1])
        network.whole.register_forward_pre_hook(
            lambda _, given, kept=kept: kept.append(given[0] * x.shape[1])  # noqa: B023
        )
        with torch.no_grad():
            if family == "pairs":  # messages are divided by the places as well
                network.get_parameter("nodes.0.weight")[:, 3:] *= x.shape[1]
            network(x)
        found.append(kept[0])
    assert torch.allclose(found[0], found[1], atol=1e-4)


@pytest.mark.parametrize("family", SETS)
def test_a_jet_without_constituents_is_finite(family: str) -> None:
    assert torch.isfinite(_network(family)(torch.zeros(2, 4, 3))).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bits", [3, 6, 8])
def test_whole_numbers_agree_with_torch(family: str, bits: int) -> None:
    x = torch.cat([_jets(300, 4, 4), _jets(300, 4, 2), torch.zeros(1, 4, 3)])
    fixed = _fixed(family, x, bits)
    whole = fixed.emulate((x * 64).numpy())
    with torch.no_grad():
        assert (whole * fixed.lsb == fixed(x).numpy()).all()
    assert len(np.unique(whole)) >= 3


@pytest.mark.parametrize("family", FAMILIES)
def test_many_bits_are_as_good_as_floating(family: str) -> None:
    x = _jets(300, 4, 4)
    with torch.no_grad():
        floating, fixed = _network(family)(x), _fixed(family, x, 12)(x)
    assert (floating - fixed).abs().mean() < 0.02 * floating.std()


@pytest.mark.parametrize("family", FAMILIES)
def test_pruned_weights_stay_zero(family: str) -> None:
    x = _jets(100, 4, 4)
    fixed = _fixed(family, x, sparsity=0.5)
    optimiser = torch.optim.SGD(fixed.parameters(), lr=0.1)
    fixed(x).square().sum().backward()
    optimiser.step()
    layer = fixed.whole[0]
    assert isinstance(layer, QuantisedLinear)
    assert (layer.integer_weights()[0] == 0).mean() >= 0.49


@pytest.mark.parametrize("family", FAMILIES)
def test_no_jets_have_no_logits(family: str) -> None:
    fixed = _fixed(family, _jets(100, 4, 4))
    assert fixed(torch.zeros(0, 4, 3)).shape == fixed.emulate(np.zeros((0, 4, 3))).shape == (0, 5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        JetNetwork(6, whole=(4,))
    with pytest.raises(ValueError, match="nodes"):
        JetNetwork(4, edges=(4,))
    with pytest.raises(ValueError, match="floating"):
        _network("dense").emulate(np.zeros((1, 4, 3)))
    with pytest.raises(ValueError, match="NaN"):
        _network("sets")(torch.full((1, 4, 3), torch.nan))
