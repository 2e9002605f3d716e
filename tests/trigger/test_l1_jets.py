"""Inputs of the jet taggers: on the grid, hardest first, empty places all zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hepml_lib import metrics, samples
from hepml_lib.nets.quantised import Quantiser
from hepml_lib.trigger import l1_jets, l1_models


def test_inputs_lie_on_the_grid() -> None:
    x = torch.from_numpy(l1_jets.inputs("validation", 32))
    assert torch.equal(Quantiser(l1_jets.INTEGER, l1_jets.FRACTION)(x), x)
    assert 0.5 < x[:, :8].std() < 3


def test_fewer_constituents_are_the_hardest() -> None:
    many, few = (l1_jets.inputs("validation", n) for n in (32, 8))
    assert (many[:, :8] == few).all()
    assert (np.diff(many[..., 0], axis=1) <= 0).all()


def test_empty_places_are_zero() -> None:
    x = l1_jets.inputs("validation", 32)
    empty = x[..., 0] == 0
    assert empty.any()
    assert (x[empty] == 0).all()


def test_whole_numbers_are_those_of_the_jets_own_geometry() -> None:
    jets = samples.load("l1_jets", split="validation")[:300]
    whole = l1_jets.whole_constituents(jets, 4)
    for jet, row in zip(jets, whole, strict=True):
        parts = jet.constituents[:4]
        assert (row[: len(parts), 0] == np.rint(np.asarray(parts.pt))).all()
        assert (row[: len(parts), 1] == np.rint(np.asarray(parts.deltaeta(jet)) * 512)).all()
        assert (row[: len(parts), 2] == np.rint(np.asarray(parts.deltaphi(jet)) * 512)).all()
        assert not row[len(parts) :].any()


def test_a_caller_cannot_spoil_the_sample() -> None:
    l1_jets.inputs("validation", 8)[:] = 0
    assert l1_jets.inputs("validation", 8).any()


def test_labels_come_with_their_collision() -> None:
    label, event = l1_jets.labels("validation")
    assert set(label) == set(range(len(l1_jets.CLASSES)))
    assert label.shape == event.shape == (len(l1_jets.inputs("validation", 8)),)


@pytest.mark.parametrize("n", [0, 33])
def test_what_is_not_listed_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="1 to 32"):
        l1_jets.inputs("validation", n)


def test_a_floating_network_comes_before_those_that_continue_from_it() -> None:
    keys = l1_models.grid()
    assert len(set(keys)) == len(keys)
    for family, n, _, seed in keys:
        assert keys.index((family, n, "float", seed)) <= keys.index((family, n, _, seed))


@pytest.mark.parametrize("family", l1_models.FAMILIES)
def test_rounding_to_eight_bits_costs_almost_nothing(family: str) -> None:
    floating = l1_models.network(family, 8, "float")
    fixed = l1_models.rounded(floating, 8, 8)
    x = torch.from_numpy(l1_jets.inputs("validation", 8)[:1000])
    label = l1_jets.labels("validation")[0][:1000]
    with torch.no_grad():
        areas = [
            metrics.macro_auc(network(x).numpy(), label).value for network in (floating, fixed)
        ]
    assert areas[0] > 0.75
    assert abs(areas[0] - areas[1]) < 0.02


@pytest.mark.parametrize("family", l1_models.FAMILIES)
def test_committed_networks_repeat_bit_by_bit(family: str) -> None:
    fixed = l1_models.network(family, 8, "trained 6")
    x = l1_jets.inputs("test", 8)[:2000]
    whole = fixed.emulate(np.rint(x / fixed.entry.lsb))
    with torch.no_grad():
        expected = fixed(torch.from_numpy(x)).numpy()
    assert (whole * fixed.lsb == expected).all()
