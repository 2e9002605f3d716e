"""Networks on sets: permutation invariance, padding, infrared and collinear safety."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.nets import EFN, PFN, DeepSets
from hepml_lib.training import seeded


def jets(seed: int, events: int = 3, particles: int = 12):
    """Random constituents in float64: fractions that sum to one, angles, and a ragged mask."""
    with seeded(seed):
        mask = torch.arange(particles) < torch.randint(1, particles, (events, 1))
        fractions = torch.rand(events, particles, dtype=torch.float64) * mask
        angles = torch.randn(events, particles, 2, dtype=torch.float64) * 0.4
    return fractions / fractions.sum(dim=1, keepdim=True), angles, mask


@pytest.fixture(scope="module")
def efn():
    with seeded(1):
        network = EFN().double()
    return lambda fractions, angles, mask: network(fractions=fractions, angles=angles, mask=mask)


@pytest.fixture(scope="module")
def pfn():
    with seeded(1):
        network = PFN(3).double()
    return lambda features, mask: network(features=features, mask=mask)


def features(fractions, angles):
    return torch.cat([fractions[..., None], angles], dim=-1)


def test_published_sizes():
    """1810.05165: two networks of (100, 100, 256) and (100, 100, 100), about 82k parameters."""
    for network, inputs in ((EFN(), 2), (PFN(4), 4), (PFN(7), 7)):
        count = (inputs + 1) * 100 + 101 * 100 + 101 * 256 + 257 * 100 + 2 * 101 * 100 + 101
        assert sum(p.numel() for p in network.parameters()) == count


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_order_does_not_matter(efn, pfn, seed):
    z, angles, mask = jets(seed)
    with seeded(seed + 1):
        order = torch.randperm(mask.shape[1])
    exact = {"rtol": 1e-12, "atol": 1e-13}
    torch.testing.assert_close(
        efn(z[:, order], angles[:, order], mask[:, order]), efn(z, angles, mask), **exact
    )
    x = features(z, angles)
    torch.testing.assert_close(pfn(x[:, order], mask[:, order]), pfn(x, mask), **exact)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_efn_is_collinear_safe_and_pfn_is_not(efn, pfn, seed, share):
    """Split the first constituent into two in the same direction."""
    z, angles, mask = jets(seed)
    twice = torch.cat([z[:, :1] * share, z[:, :1] * (1 - share), z[:, 1:]], dim=1)
    directions, there = (torch.cat([x[:, :1], x], dim=1) for x in (angles, mask))
    torch.testing.assert_close(
        efn(twice, directions, there), efn(z, angles, mask), rtol=1e-12, atol=1e-13
    )
    change = pfn(features(twice, directions), there) - pfn(features(z, angles), mask)
    assert change.abs().max() > 1e-6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_efn_is_infrared_safe_and_pfn_is_not(efn, pfn, seed):
    """Add a constituent without momentum anywhere."""
    z, angles, mask = jets(seed)
    more = torch.cat([torch.zeros_like(z[:, :1]), z], dim=1)
    with seeded(seed + 1):
        directions = torch.cat([torch.randn_like(angles[:, :1]), angles], dim=1)
    there = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
    torch.testing.assert_close(
        efn(more, directions, there), efn(z, angles, mask), rtol=1e-12, atol=1e-13
    )
    change = pfn(features(more, directions), there) - pfn(features(z, angles), mask)
    assert change.abs().max() > 1e-6


@pytest.mark.parametrize("filling", [0.0, 7.0, float("nan"), float("inf")])
def test_padding_cannot_be_seen(efn, pfn, filling):
    z, angles, mask = jets(2)
    x = features(z, angles)
    full = torch.where(mask[..., None], x, filling)
    assert torch.equal(pfn(full, mask), pfn(x, mask))
    assert torch.equal(efn(full[..., 0], full[..., 1:], mask), efn(z, angles, mask))


def test_padding_cannot_be_seen_by_the_gradient():
    z, angles, mask = jets(2)
    x = torch.where(mask[..., None], features(z, angles), float("nan"))
    network = PFN(3).double()
    network(features=x, mask=mask).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_empty_jets_are_finite_and_all_alike(efn, pfn):
    z, angles, mask = jets(3)
    mask = torch.zeros_like(mask)
    for output in (efn(z, angles, mask), pfn(features(z, angles), mask)):
        assert torch.isfinite(output).all()
        assert (output == output[0]).all()


def test_sum_is_the_sum_written_by_hand():
    z, angles, mask = jets(4)
    network = EFN().double()
    by_hand = (network.phi(angles) * (z * mask)[..., None]).sum(dim=1)
    torch.testing.assert_close(network(fractions=z, angles=angles, mask=mask), network.rho(by_hand))
    core = DeepSets(3).double()
    x = features(z, angles)
    by_hand = (core.phi(x) * mask[..., None]).sum(dim=1)
    torch.testing.assert_close(core(features=x, mask=mask), core.rho(by_hand))


def test_wrong_mask_is_refused(efn, pfn):
    z, angles, mask = jets(5)
    with pytest.raises(ValueError, match=r"boolean of shape \(3, 12\).*float64"):
        efn(z, angles, mask.double())
    with pytest.raises(ValueError, match=r"boolean of shape \(3, 12\).*\(3, 11\)"):
        pfn(features(z, angles), mask[:, 1:])
