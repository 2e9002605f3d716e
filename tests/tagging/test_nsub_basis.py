"""The N-subjettiness basis against the single observable, closed forms and inequalities."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import substructure
from hepml_lib.tagging.nsub_basis import NSUB_BASIS, nsubjettiness_basis


def column(values, n, power):
    return values[:, NSUB_BASIS.index(f"tau{n}_beta{power}")].astype(np.float64)


def only(jets, count):
    return ak.with_field(jets, jets.constituents[:, :count], "constituents")


def test_eight_bodies_have_twenty_degrees_of_freedom():
    """3 M - 4 for M massless bodies with the total momentum taken out; then pT and mass."""
    assert len(NSUB_BASIS) == 3 * 8 - 4 + 2
    assert "tau7_beta0.5" not in NSUB_BASIS
    assert NSUB_BASIS[-2:] == ("pt", "mass")


@pytest.mark.parametrize("n", range(1, 8))
def test_power_one_is_the_plain_observable(made_up_jets, n):
    jets = made_up_jets(100)
    expected = substructure.nsubjettiness(jets.constituents, n)
    np.testing.assert_allclose(column(nsubjettiness_basis(jets), n, 1), expected, rtol=1e-5)


def test_means_of_powers_are_ordered(made_up_jets):
    """Jensen: the square of a mean is at most the mean of the square."""
    values = nsubjettiness_basis(made_up_jets(100))
    for n in range(1, 8):
        assert (column(values, n, 1) ** 2 <= column(values, n, 2) + 1e-6).all()
        if n < 7:
            assert (column(values, n, "0.5") ** 2 <= column(values, n, 1) + 1e-6).all()


@given(st.floats(0.05, 0.95), st.floats(0.02, 0.7))
def test_two_prongs_and_a_soft_third(share, distance):
    """To first order in the softness the axes are those of the two prongs alone."""
    inside = {"pt": [[600 * share, 600 * (1 - share), 1e-6]], "eta": [[0.0, distance, 0.1]]}
    zero = [[0.0] * 3]
    axis = {"pt": [600.0], "eta": [0.0], "phi": [0.0], "mass": [100.0]}
    constituents = ak.zip({**inside, "phi": zero, "mass": zero})
    values = nsubjettiness_basis(ak.zip({**axis, "constituents": constituents}, depth_limit=1))
    axis_y = np.arctanh(
        (1 - share) * np.sinh(distance) / (share + (1 - share) * np.cosh(distance))
    )  # pz and E of the sum
    for power in (0.5, 1.0, 2.0):
        expected = share * axis_y**power + (1 - share) * (distance - axis_y) ** power
        found = column(values, 1, f"{power:g}")
        np.testing.assert_allclose(found, expected / 0.8**power, rtol=1e-4)
        np.testing.assert_allclose(column(values, 2, f"{power:g}"), 0, atol=1e-4)


@pytest.mark.parametrize("count", range(9))
def test_few_constituents_have_few_values(made_up_jets, count):
    jets = only(made_up_jets(6), count)
    values = nsubjettiness_basis(jets)
    for n in range(1, 8):
        assert (column(values, n, 1) > 0).all() == (n < count)
        np.testing.assert_allclose(
            column(values, n, 1), substructure.nsubjettiness(jets.constituents, n), rtol=1e-5
        )
    np.testing.assert_allclose(values[:, -2:], np.stack([jets.pt, jets.mass], axis=1), rtol=1e-6)


def test_jets_do_not_see_each_other(made_up_jets):
    jets = made_up_jets(12)
    keep = ak.local_index(jets.constituents.pt) < np.arange(12)[:, None]
    jets = ak.with_field(jets, jets.constituents[keep], "constituents")
    alone = np.concatenate([nsubjettiness_basis(jets[k : k + 1]) for k in range(12)])
    np.testing.assert_array_equal(nsubjettiness_basis(jets), alone)


def test_a_collinear_split_changes_nothing(made_up_jets):
    jets = made_up_jets(50)
    hard = jets.constituents[:, :1]
    parts = [ak.with_field(hard, part * hard.pt, "pt") for part in (0.3, 0.7)]
    split = ak.concatenate([*parts, jets.constituents[:, 1:]], axis=1)
    after = nsubjettiness_basis(ak.with_field(jets, split, "constituents"))
    np.testing.assert_allclose(after, nsubjettiness_basis(jets), rtol=1e-4, atol=1e-5)


def test_nan_is_named(made_up_jets):
    jets = made_up_jets(5)
    bad = ak.where(np.arange(5) == 2, np.nan, jets.constituents.phi)
    with pytest.raises(ValueError, match="jet 2 of 5: phi of a constituent is nan"):
        nsubjettiness_basis(ak.with_field(jets, bad, ("constituents", "phi")))
