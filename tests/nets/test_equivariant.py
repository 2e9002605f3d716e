"""Lorentz invariance to machine precision, what the beams leave of it, order and padding."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.nets.equivariant import LorentzInvariant, minkowski
from hepml_lib.training import seeded

numbers = st.floats(-3, 3, allow_subnormal=False)


def jets(seed: int, events: int = 4, places: int = 12):
    """Four-momenta [GeV] of massive constituents and a ragged mask, in float64."""
    with seeded(seed):
        mask = torch.arange(places) < torch.randint(1, places, (events, 1))
        momentum = torch.randn(events, places, 3, dtype=torch.float64) * 20
        mass = torch.rand(events, places, 1, dtype=torch.float64) + 0.1
    energy = (momentum.square().sum(dim=2, keepdim=True) + mass.square()).sqrt()
    return torch.cat([momentum, energy], dim=2), mask


def named(momenta, mask) -> dict[str, torch.Tensor]:
    return {"momenta": momenta, "mask": mask}


@cache
def network(beams: bool) -> LorentzInvariant:
    with seeded(1):
        made = LorentzInvariant(width=8, layers=2, beams=beams).double()
        made.train()(**named(*jets(5, 40)))  # running means and widths of the batch normalisation
    return made.eval()


def transformation(rapidity, rotation) -> torch.Tensor:
    """Boost by a rapidity vector, after a rotation with this generator: exp of the sum of both."""
    generator = torch.zeros(4, 4, dtype=torch.float64)
    generator[:3, 3] = generator[3, :3] = torch.tensor(rapidity, dtype=torch.float64)
    boost = torch.linalg.matrix_exp(generator)
    x, y, z = rotation
    turn = torch.zeros(4, 4, dtype=torch.float64)
    turn[:3, :3] = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return boost @ torch.linalg.matrix_exp(turn)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.tuples(*[st.floats(-1, 1)] * 3), st.tuples(*[numbers] * 3))
def test_no_boost_and_no_rotation_changes_it(seed, rapidity, rotation) -> None:
    momenta, mask = jets(seed)
    change = transformation(rapidity, rotation)
    torch.testing.assert_close(
        network(False)(momenta=momenta @ change.T, mask=mask),
        network(False)(momenta=momenta, mask=mask),
        rtol=1e-9, atol=1e-10,
    )  # fmt: skip


def test_beams_break_the_symmetry_but_for_turns_around_them() -> None:
    momenta, mask = jets(3)
    made = network(True)
    expected = made(momenta=momenta, mask=mask)
    around = made(momenta=momenta @ transformation((0, 0, 0), (0, 0, 1.3)).T, mask=mask)
    torch.testing.assert_close(around, expected, rtol=1e-11, atol=1e-11)
    for change in (((0, 0, 0), (0.5, 0, 0)), ((0.5, 0, 0), (0, 0, 0)), ((0, 0, 0.5), (0, 0, 0))):
        moved = made(momenta=momenta @ transformation(*change).T, mask=mask)
        assert (moved - expected).abs().max() > 1e-5


def test_single_precision_keeps_the_symmetry_only_roughly() -> None:
    """Products of hard, nearly parallel momenta lose their digits where float64 keeps them."""
    momenta, mask = jets(4, 20)
    with seeded(6):
        direction = momenta[:, :1, :3] + 0.5 * torch.randn(20, 12, 3, dtype=torch.float64)
    energy = (direction.square().sum(dim=2, keepdim=True) + 1e-4).sqrt()
    momenta = torch.cat([direction, energy], dim=2)
    change = transformation((0, 0, 2.0), (0, 0, 0))
    errors = {}
    for dtype in (torch.float32, torch.float64):
        made = deepcopy(network(False)).to(dtype)
        here, there = (
            made(momenta=seen.to(dtype), mask=mask) for seen in (momenta, momenta @ change.T)
        )
        errors[dtype] = (there - here).abs().max()
    assert errors[torch.float64] < 1e-7 < 1e-6 < errors[torch.float32]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_order_does_not_matter(seed, beams) -> None:
    momenta, mask = jets(seed)
    order = torch.randperm(mask.shape[1], generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        network(beams)(momenta=momenta[:, order], mask=mask[:, order]),
        network(beams)(momenta=momenta, mask=mask),
        rtol=1e-10, atol=1e-10,
    )  # fmt: skip


def test_padding_and_empty_jets() -> None:
    momenta, mask = jets(7)
    expected = network(True)(momenta=momenta, mask=mask)
    momenta[~mask] = torch.nan
    more = torch.nn.functional.pad(momenta, (0, 0, 0, 3)), torch.nn.functional.pad(mask, (0, 3))
    torch.testing.assert_close(network(True)(**named(*more)), expected, rtol=1e-12, atol=1e-12)
    mask[0] = False
    for there in (mask, torch.zeros_like(mask)):
        assert network(True)(momenta=momenta, mask=there).isfinite().all()


def test_not_a_number_is_refused() -> None:
    momenta, mask = jets(8)
    momenta[0, 0, 0] = torch.inf
    with pytest.raises(ValueError, match="momenta of a constituent hold NaN"):
        network(False)(momenta=momenta, mask=mask)


def test_product_of_a_momentum_with_itself_is_the_mass() -> None:
    momenta = torch.tensor([[3.0, 0.0, 4.0, 13.0]])
    assert minkowski(momenta, momenta).item() == 13**2 - 5**2
