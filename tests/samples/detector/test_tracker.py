"""Tracker: impact parameters against a particle followed step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib import kinematics
from hepml_lib.samples.detector import tracker


def one(**values):
    return {name: np.array([value]) for name, value in values.items()}


def followed(particle, steps=400_001):
    """Nearest approach of a helix to the beam, by looking at many of its points."""
    radius = 1000 * particle["pt"] / (0.3 * 3.8)
    arc = np.linspace(-60, 60, steps)
    # A positive particle in a field along z turns clockwise.
    phi = particle["phi"] - particle["charge"] * arc / radius
    x = particle["x"] - particle["charge"] * radius * (np.sin(phi) - np.sin(particle["phi"]))
    y = particle["y"] + particle["charge"] * radius * (np.cos(phi) - np.cos(particle["phi"]))
    z = particle["z"] + arc * np.sinh(particle["eta"])
    nearest = np.argmin(np.hypot(x, y))
    d0 = -x[nearest] * np.sin(phi[nearest]) + y[nearest] * np.cos(phi[nearest])
    return d0, z[nearest], phi[nearest]


@settings(max_examples=20)
@given(
    pt=st.floats(0.5, 50),
    eta=st.floats(-2.4, 2.4),
    phi=st.floats(-3.1, 3.1),
    charge=st.sampled_from([-1, 1]),
    flight=st.floats(0, 30),
    turn=st.floats(-1, 1),
    z=st.floats(-100, 100),
)
def test_perigee_agrees_with_a_helix_followed_in_steps(pt, eta, phi, charge, flight, turn, z):
    start = {"x": flight * np.cos(phi + turn), "y": flight * np.sin(phi + turn), "z": z}
    particle = {"pt": pt, "eta": eta, "phi": phi, "charge": charge} | start
    found = [float(value[0]) for value in tracker.perigee(one(**particle))]
    expected = followed(particle)
    assert found[0] == pytest.approx(expected[0], abs=1e-4)
    # Two steps of the path are 0.3 µm long.
    assert found[1] == pytest.approx(expected[1], abs=1e-3 * np.cosh(eta))
    assert abs(kinematics.wrap_phi(found[2] - expected[2])) < 1e-4


def test_tracks_of_the_beam_have_no_impact_parameter():
    d0, z0, phi = tracker.perigee(one(pt=1.0, eta=1.0, phi=2.0, charge=-1, x=0.0, y=0.0, z=7.0))
    assert d0 == pytest.approx(0, abs=1e-9)
    assert z0 == pytest.approx(7)
    assert phi == pytest.approx(2)


@pytest.mark.parametrize("resolution", [tracker.d0_resolution, tracker.z0_resolution])
def test_stiffer_and_more_central_tracks_are_measured_better(resolution):
    pt = np.array([1.0, 2.0, 5.0, 20.0, 100.0])
    assert (np.diff(resolution(pt, 0.5)) < 0).all()
    assert (resolution(pt, np.full(5, 2.0)) > resolution(pt, np.full(5, 0.0))).all()


def test_published_impact_parameter_resolutions():
    """arXiv:1405.6569: 25-90 and 45-150 µm for 1 < pT < 10 GeV, |eta| < 1.4."""
    eta = np.linspace(-1.4, 1.4, 101)
    for resolution, (best, worst) in (
        (tracker.d0_resolution, (0.025, 0.090)),
        (tracker.z0_resolution, (0.045, 0.150)),
    ):
        at = [np.mean(resolution(np.full(101, pt), eta)) for pt in (1.0, 10.0)]
        assert at == pytest.approx([worst, best], rel=0.25)


def test_tracks_go_to_the_nearest_vertex_of_their_event():
    vertices = {
        "event": np.array([0, 0, 0, 1]),
        "vertex": np.array([0, 1, 2, 0], np.int16),
        "z": np.array([0.0, -20.0, 3.0, 0.0]),
    }
    event = np.array([0, 0, 0, 0, 1, 1])
    z0 = np.array([0.4, -90.0, 1.6, 300.0, -90.0, 3.0])
    assert tracker.nearest_vertex(event, z0, vertices).tolist() == [0, 1, 2, 2, 0, 0]


def test_displaced_particles_are_lost_more_often():
    pt, eta, muon = np.full(3, 5.0), np.zeros(3), np.zeros(3, bool)
    chance = tracker.efficiency(pt, eta, muon, np.array([0.0, 20.0, 200.0]))
    assert chance == pytest.approx(0.94 * np.exp([0, -0.1, -1]))
