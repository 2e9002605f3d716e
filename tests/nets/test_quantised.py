"""Fixed point: the grid, its gradient, and whole numbers that agree bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hepml_lib.nets.quantised import QuantisedLinear, Quantiser, quantise
from hepml_lib.nets.whole_numbers import WholeNumbers, emulate


def test_a_quantiser_finds_the_nearest_step() -> None:
    x, grid = torch.linspace(-5, 5, 4001), Quantiser(2, 3)
    rounded = grid(x)
    inside = x.abs() < 3.9
    assert (rounded - x)[inside].abs().max() <= 1 / 16 + 1e-6
    assert torch.equal(rounded * 8, (rounded * 8).round())
    assert (rounded.min(), rounded.max()) == (-4, 4 - 1 / 8)
    assert Quantiser(2, 3, signed=False)(x).min() == 0
    assert torch.equal(grid(rounded), rounded)


def test_half_a_step_is_rounded_up() -> None:
    assert Quantiser(2, 0)(torch.tensor([-1.5, -0.5, 0.5, 1.5])).tolist() == [-1, 0, 1, 2]


def test_the_gradient_passes_where_nothing_saturates() -> None:
    x = torch.tensor([-9.0, -0.3, 0.3, 9.0], requires_grad=True)
    Quantiser(2, 2)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 0]


def test_the_range_fits_and_the_bits_stay() -> None:
    values = torch.tensor([0.1, -0.2, 0.3, -7.9])
    grid = Quantiser(2, 3)
    grid.fit_range(values, share=1.0)
    assert (grid.integer_bits, grid.fraction_bits) == (3, 2)
    grid.fit_range(values / 64, share=1.0)
    assert (grid.integer_bits, grid.fraction_bits) == (-3, 8)
    # Weights that were stored under these names are read again.
    assert set(grid.state_dict()) == {"integer", "fraction"}


def test_whole_numbers_compare_as_their_values_do() -> None:
    for bits in (-2, 0, 3):
        numbers = WholeNumbers(np.arange(-40, 40), bits)
        assert ((numbers > 1) == (numbers.numbers * 2.0**-bits > 1)).all()


def _path(seed: int) -> tuple[nn.Sequential, torch.Tensor]:
    torch.manual_seed(seed)
    path = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3))
    return path, 2 * torch.randn(400, 6)


@pytest.mark.parametrize(("weight_bits", "activation_bits"), [(2, 3), (4, 6), (8, 8)])
def test_whole_numbers_agree_with_torch(weight_bits: int, activation_bits: int) -> None:
    path, x = _path(weight_bits)
    entry = Quantiser(3, 2)
    rounded = quantise(path, x, weight_bits, activation_bits, entry)
    whole = emulate(rounded, (entry(x) / entry.lsb).numpy())
    last = rounded[-1]
    assert isinstance(last, QuantisedLinear)
    with torch.no_grad():
        assert (whole * last.output.lsb == rounded(x).numpy()).all()
    assert len(np.unique(whole)) > 5


def test_few_bits_for_a_wide_range_count_in_twos_and_fours() -> None:
    path, x = _path(3)
    with torch.no_grad():
        path[0].weight *= 20
    entry = Quantiser(3, 2)
    rounded = quantise(path, x, 4, 3, entry)
    assert rounded[1].output.fraction_bits < 0
    whole = emulate(rounded, (entry(x) / entry.lsb).numpy())
    with torch.no_grad():
        assert (whole * rounded[-1].output.lsb == rounded(x).numpy()).all()


def test_many_bits_are_as_good_as_floating() -> None:
    path, x = _path(1)
    rounded = quantise(path, x, 12, 12, Quantiser(4, 10))
    with torch.no_grad():
        assert (rounded(x) - path(x)).abs().mean() < 0.01 * path(x).std()


def test_weights_use_their_bits() -> None:
    path, x = _path(2)
    layer = quantise(path, x, 4, 6, Quantiser(3, 2))[1]
    assert isinstance(layer, QuantisedLinear)
    weight, _ = layer.integer_weights()
    assert weight.min() >= -8
    assert 4 <= weight.max() <= 7


def test_a_path_of_other_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="Linear last"):
        quantise(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), torch.ones(3, 2), 4, 6, Quantiser(1, 1))
