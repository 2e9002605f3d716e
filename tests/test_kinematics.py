from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import vector
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import kinematics

angles = st.floats(-50, 50)


@given(angles)
def test_wrapped_azimuth_is_the_same_direction(phi):
    wrapped = float(kinematics.wrap_phi(phi))
    assert -np.pi <= wrapped < np.pi + 1e-12
    assert np.cos(wrapped) == pytest.approx(np.cos(phi), abs=1e-9)
    assert np.sin(wrapped) == pytest.approx(np.sin(phi), abs=1e-9)


@given(st.floats(-4, 4), angles, st.floats(-4, 4), angles)
def test_distance_agrees_with_vector(eta1, phi1, eta2, phi2):
    one = vector.obj(pt=1.0, phi=phi1, eta=eta1)
    two = vector.obj(pt=1.0, phi=phi2, eta=eta2)
    found = float(kinematics.delta_r(eta1, phi1, eta2, phi2))
    assert found == pytest.approx(float(one.deltaR(two)), abs=1e-9)
    assert found == pytest.approx(float(kinematics.delta_r(eta2, phi2, eta1, phi1)))


def test_total_conserves_momentum_and_energy():
    rng = np.random.default_rng(5)
    columns = {
        "pt": rng.exponential(10, (50, 6)),
        "eta": rng.normal(0, 1.5, (50, 6)),
        "phi": rng.uniform(-np.pi, np.pi, (50, 6)),
        "mass": rng.uniform(0, 2, (50, 6)),
    }
    parts = kinematics.momenta({name: ak.Array(value) for name, value in columns.items()}, depth=2)
    total = kinematics.total(parts)
    for component in ("px", "py", "pz", "E"):
        expected = ak.sum(getattr(parts, component), axis=1)
        assert np.allclose(total[component], expected)
    # The mass of a system is at least the sum of the masses of its parts.
    assert np.all(total.mass.to_numpy() >= columns["mass"].sum(axis=1) - 1e-6)


def test_total_of_no_constituents_is_zero():
    empty = ak.Array([[1.0], []])
    total = kinematics.total(ak.zip({"pt": empty, "eta": empty, "phi": empty, "mass": empty}))
    assert total.E.tolist()[1] == 0


def test_whole_numbers_are_momenta_too():
    """Squares of small integers would overflow: 120² does not fit into 8 bits."""
    columns = {"pt": [120, 90, 7], "eta": [1, 0, -2], "phi": [3, 0, 1], "mass": [90, 5, 3]}
    small, double = (
        kinematics.momenta({n: np.array(v, kind) for n, v in columns.items()})
        for kind in (np.int8, np.float64)
    )
    for component in ("px", "py", "pz", "E", "rapidity"):
        assert getattr(small, component).tolist() == getattr(double, component).tolist()
    systems = (ak.unflatten(parts, [2, 1]) for parts in (small, double))
    found, expected = (kinematics.total(parts).mass.tolist() for parts in systems)
    assert found == expected
