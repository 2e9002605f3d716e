"""The hardest constituents as one list: order, orientation, and the masses that stay."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import kinematics
from hepml_lib.tagging.dense_inputs import leading_constituents


def columns(jets, places=30):
    """Scaled pT, η and φ, each of shape (n, places), in double precision."""
    values = leading_constituents(jets, places).astype(np.float64)
    return values.reshape(len(jets), places, 3).transpose(2, 0, 1)


def test_harder_comes_first_and_the_first_two_fix_the_orientation(made_up_jets):
    jets = made_up_jets(100)
    pt, eta, phi = columns(jets)
    np.testing.assert_allclose(1700 * pt[:, 0], ak.max(jets.constituents.pt, axis=1), rtol=1e-5)
    np.testing.assert_allclose([eta[:, 0], phi[:, 0], eta[:, 1]], 0, atol=1e-6)
    assert (phi[:, 1] < 0).all()
    assert ((pt * eta).sum(axis=1) >= -1e-6).all()


def test_masses_stay(made_up_jets):
    """Shift, turn and mirror are Lorentz transformations; only the unit of pT changes."""
    jets = made_up_jets(100)
    hardest = jets.constituents[:, :12]
    pt, eta, phi = columns(jets, 12)
    records = ak.zip({"pt": pt, "eta": eta, "phi": phi, "mass": 0 * pt})
    after = 1700 * kinematics.total(records).mass.to_numpy()
    np.testing.assert_allclose(after, kinematics.total(hardest).mass.to_numpy(), rtol=1e-4)


def test_position_and_order_do_not_show(made_up_jets):
    jets = made_up_jets(50)
    moved = ak.with_field(jets, jets.constituents[:, ::-1], "constituents")
    moved = ak.with_field(moved, 0.6 - moved.constituents.eta, ("constituents", "eta"))
    moved = ak.with_field(moved, moved.constituents.phi + 1.9, ("constituents", "phi"))
    np.testing.assert_allclose(leading_constituents(moved), leading_constituents(jets), atol=1e-4)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_missing_constituents_are_zeros(made_up_jets, count):
    jets = made_up_jets(4)
    few = ak.with_field(jets, jets.constituents[:, :count], "constituents")
    pt, eta, phi = columns(few)
    assert (pt[:, :count] > 0).all()
    for values in (pt, eta, phi):
        assert (values[:, count:] == 0).all()
        assert np.isfinite(values).all()
    assert leading_constituents(few, places=1).shape == (4, 3)


def test_nan_is_named(made_up_jets):
    jets = made_up_jets(5)
    bad = ak.where(np.arange(5) == 2, np.nan, jets.constituents.phi)
    with pytest.raises(ValueError, match="jet 2 of 5: phi of a constituent is nan"):
        leading_constituents(ak.with_field(jets, bad, ("constituents", "phi")))
