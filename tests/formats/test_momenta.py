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


def test_two_photons_make_a_z_boson():
    padded = {
        "mass": np.zeros((2, 3)),
        "pt": np.array([[45.6, 45.6, 0.0], [45.6, 0.0, 0.0]]),
        "eta": np.zeros((2, 3)),
        "phi": np.array([[0.0, np.pi, 0.0], [1.0, 0.0, 0.0]]),
    }
    photons = momenta.unpadded(padded["pt"] > 0, padded)
    assert photons.fields == ["pt", "eta", "phi", "mass"]
    assert ak.num(photons).tolist() == [2, 1]
    assert (photons[0, 0] + photons[0, 1]).mass == pytest.approx(91.2)
    jets = momenta.records(momenta.jet(photons) | {"constituents": photons})
    assert jets.mass.tolist() == pytest.approx([91.2, 0.0], abs=1e-6)
    assert jets.pt[1] == pytest.approx(45.6)
    assert jets.constituents.px[1, 0] == pytest.approx(45.6 * np.cos(1))
