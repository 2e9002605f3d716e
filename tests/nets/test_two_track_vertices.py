"""Pairs of tracks from decays whose place and mass are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hepml_lib.nets.two_track_vertices import PAIR, two_track_vertices

VERTEX = 3.0, 0.5, 2.0
PION, PROTON = 0.1396, 0.9383


def column(values, name):
    return values[..., PAIR.index(name)]


@pytest.fixture
def from_one_vertex():
    """Six straight tracks from one place in flight."""
    rng = np.random.default_rng(1)
    pt, eta, phi = rng.uniform(1, 20, 6), rng.normal(0, 1, 6), rng.normal(0, 0.3, 6)
    x, y, z = VERTEX
    d0 = y * np.cos(phi) - x * np.sin(phi)
    z0 = z - (x * np.cos(phi) + y * np.sin(phi)) * np.sinh(eta)
    errors = np.full(6, 0.02), np.full(6, 0.05)
    columns = pt, eta, phi, d0, z0, *errors, np.array([1, -1, 1, -1, 1, -1])
    return torch.tensor(np.stack(columns, axis=1))[None]


def test_tracks_of_a_vertex_cross_there(from_one_vertex):
    values = two_track_vertices(from_one_vertex)[0]
    others = ~np.eye(6, dtype=bool)
    flight = np.sinh(column(values, "flight along the axis").numpy()[others]) / 5
    assert flight == pytest.approx(VERTEX[0])
    apart = column(values, "distance along the beam over its error").numpy()[others]
    assert apart == pytest.approx(0, abs=1e-10)
    across = np.sinh(column(values, "flight across the axis over its error").numpy()[others])
    error = np.exp(column(values, "error of the flight").numpy()[others] - 1)
    assert across * error == pytest.approx(VERTEX[1])


def test_a_track_that_misses_along_the_beam_is_seen(from_one_vertex):
    from_one_vertex[0, 0, 4] += 5
    apart = column(
        two_track_vertices(from_one_vertex)[0], "distance along the beam over its error"
    ).abs()
    assert (apart[0, 1:] > 2).all()
    assert (apart[1:, 1:] < 1e-6).all()


def test_pairs_are_symmetric_and_single_precision_is_enough(from_one_vertex):
    values = two_track_vertices(from_one_vertex)
    assert torch.allclose(values, values.transpose(1, 2), atol=1e-10)
    assert torch.allclose(two_track_vertices(from_one_vertex.float()).double(), values, atol=1e-3)


def _decay(parent, first, second, boost):
    """Momenta (px, py, pz) of a decay across the direction of flight, in 3 dimensions."""
    energy = (parent**2 + first**2 - second**2) / (2 * parent)
    size = np.sqrt(energy**2 - first**2)
    gamma = np.sqrt(1 + boost**2)
    other = parent - energy
    along = np.array([0.6, -0.6]) * size
    forward = gamma * along + boost * np.array([energy, other])
    sideways = np.array([0.8, -0.8]) * size
    return np.stack([forward, sideways * 0.6, sideways * 0.8], axis=1)


@pytest.mark.parametrize(
    ("parent", "masses", "name"),
    [
        (0.4976, (PION, PION), "nearness to the K0"),
        (1.1157, (PROTON, PION), "nearness to the Lambda"),
    ],
)
def test_known_particles_are_recognised(parent, masses, name):
    px, py, pz = _decay(parent, *masses, boost=12.0).T
    pt = np.hypot(px, py)
    zero, error = np.zeros(2), np.full(2, 0.02)
    columns = (pt, np.arcsinh(pz / pt), np.arctan2(py, px), zero, zero, error, error, [1, -1])
    values = two_track_vertices(torch.tensor(np.stack(columns, axis=1))[None])[0, 0, 1]
    assert float(column(values, name)) > 0.99
    if parent < 1:
        assert float(column(values, "mass").exp()) == pytest.approx(parent, rel=1e-6)
