from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib.formats import momenta


@given(
    st.floats(0.1, 1e4),
    st.floats(-5, 5),
    st.floats(-3.14, 3.14),
    st.floats(0, 1e3),
)
def test_cartesian_inverts_the_definition(pt, eta, phi, mass):
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    columns = momenta.cartesian(
        *(np.array([value]) for value in (pt * np.cos(phi), pt * np.sin(phi), pz, energy))
    )
    assert columns["pt"][0] == pytest.approx(pt)
    assert columns["eta"][0] == pytest.approx(eta, abs=1e-9)
    assert columns["phi"][0] == pytest.approx(phi, abs=1e-9)
    assert columns["mass"][0] ** 2 == pytest.approx(mass**2, abs=1e-12 * energy**2)


def test_rounding_gives_no_imaginary_mass_and_nothing_has_no_direction():
    light = np.array([3e3, 0.0], np.float32)
    columns = momenta.cartesian(light, 0 * light, 0 * light, np.nextafter(light, np.float32(0)))
    assert columns["mass"].tolist() == [0.0, 0.0]
    assert columns["eta"].tolist() == [0.0, 0.0]
    assert columns["pt"].dtype == np.float32


def test_not_a_number_stays():
    bad = np.array([np.nan])
    assert np.isnan(momenta.cartesian(bad, bad, bad, bad)["eta"][0])


def test_two_electrons_make_a_z_boson():
    padded = {
        "mass": np.zeros((2, 3)),
        "pt": np.array([[45.6, 45.6, 0.0], [45.6, 0.0, 0.0]]),
        "eta": np.zeros((2, 3)),
        "phi": np.array([[0.0, np.pi, 0.0], [1.0, 0.0, 0.0]]),
    }
    electrons = momenta.unpadded(padded["pt"] > 0, padded)
    assert electrons.fields == ["pt", "eta", "phi", "mass"]
    assert ak.num(electrons).tolist() == [2, 1]
    assert (electrons[0, 0] + electrons[0, 1]).mass == pytest.approx(91.2)
    jets = momenta.records(momenta.jet(electrons) | {"constituents": electrons})
    assert jets.mass.tolist() == pytest.approx([91.2, 0.0], abs=1e-6)
    assert jets.pt[1] == pytest.approx(45.6)
    assert jets.constituents.px[1, 0] == pytest.approx(45.6 * np.cos(1))


WHOLE = [np.int8, np.uint16, np.int32, np.int64]


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_give_the_momenta_that_floating_ones_give(kind):
    components = np.array([[1, 100], [1, 0], [1, 40], [2, 110]])
    whole = momenta.cartesian(*components.astype(kind))
    expected = momenta.cartesian(*components.astype(np.float64))
    assert whole["eta"][0] == pytest.approx(np.arcsinh(np.sqrt(0.5)))
    for name, values in expected.items():
        assert whole[name].dtype == np.float64
        assert whole[name].tolist() == values.tolist()
    without_energy = momenta.cartesian(*components[:3].astype(kind))
    assert {n: v.tolist() for n, v in without_energy.items()} == {
        name: values.tolist() for name, values in expected.items() if name != "mass"
    }


@pytest.mark.parametrize("kind", WHOLE)
def test_records_of_whole_numbers_compute_as_floating_ones(kind):
    padded = {
        "pt": np.array([[120, 90], [100, 0]], kind),
        "eta": np.array([[1, 0], [2, 0]], kind),
        "phi": np.array([[3, 0], [1, 0]], kind),
        "mass": np.array([[90, 0], [50, 0]], kind),
        "charge": np.array([[1, 0], [1, 0]], np.int8),
    }
    double = {name: values.astype(np.float64) for name, values in padded.items()}
    found, expected = (momenta.unpadded(columns["pt"] > 0, columns) for columns in (padded, double))
    for name in ("px", "py", "pz", "E", "mass", "rapidity"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
    assert (found[0, 0] + found[0, 1]).mass == pytest.approx((expected[0, 0] + expected[0, 1]).mass)
    assert found.charge.type.content.content.primitive == "int8"
    assert momenta.jet(found)["mass"].tolist() == momenta.jet(expected)["mass"].tolist()
