"""Dense networks: sizes, standardisation that travels with the weights."""

from __future__ import annotations

import pytest
import torch

from hepml_lib.nets import MLP


def test_parameter_count_is_that_of_the_textbook():
    network = MLP(6, outputs=3, hidden=(10, 20))
    assert sum(p.numel() for p in network.parameters()) == 7 * 10 + 11 * 20 + 21 * 3
    assert network(torch.zeros(4, 6)).shape == (4, 3)


def test_without_hidden_layer_it_is_linear():
    network = MLP(2, hidden=()).double()
    x = torch.randn(2, 5, 2, dtype=torch.float64)
    torch.testing.assert_close(
        network(x[0] + x[1]) + network(0 * x[0]), network(x[0]) + network(x[1])
    )


def test_units_do_not_matter_after_standardisation():
    """Masses in MeV instead of GeV give the same output once the network knows the training set."""
    x = torch.rand(200, 3, dtype=torch.float64) * torch.tensor([200.0, 60.0, 1.0])
    in_mev = x * torch.tensor([1000.0, 1.0, 1.0])
    network = MLP(3).double()
    expected = network.standardise(x)(x)
    torch.testing.assert_close(network.standardise(in_mev)(in_mev), expected)
    assert set(network.state_dict()) >= {"centre", "width"}


def test_constant_input_stays_finite():
    x = torch.ones(10, 2)
    assert torch.isfinite(MLP(2).standardise(x)(x)).all()


def test_dropout_acts_only_in_training():
    network, x = MLP(3, dropout=0.5), torch.randn(50, 3)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_bad_training_inputs_are_named():
    x = torch.ones(10, 3)
    x[4, 1] = float("inf")
    with pytest.raises(ValueError, match=r"columns \[1\] hold NaN or infinity"):
        MLP(3).standardise(x)
    with pytest.raises(ValueError, match=r"shape \(n, 3\).*not \(10, 2\)"):
        MLP(3).standardise(x[:, :2])
