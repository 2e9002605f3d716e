"""Secondary vertices: tracks through known points."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import samples
from hepml_lib.tagging import impact, vertices

_JETS, _TRACKS = 400, 5


@pytest.fixture
def decays():
    """Jets with five tracks from a point some millimetres away: jets, point, exact tracks."""
    rng = np.random.default_rng(3)
    axis_eta, axis_phi = rng.uniform(-1, 1, _JETS), rng.uniform(-3, 3, _JETS)
    flight = rng.uniform(2, 8, _JETS)
    point = flight[:, None] * np.stack(
        [np.cos(axis_phi), np.sin(axis_phi), np.sinh(axis_eta)], axis=1
    )
    eta = axis_eta[:, None] + rng.normal(0, 0.15, (_JETS, _TRACKS))
    phi = axis_phi[:, None] + rng.normal(0, 0.15, (_JETS, _TRACKS))
    x, y, z = (point[:, [k]] for k in range(3))
    d0 = -x * np.sin(phi) + y * np.cos(phi)
    z0 = z - (x * np.cos(phi) + y * np.sin(phi)) * np.sinh(eta)
    return axis_eta, axis_phi, point, eta, phi, d0, z0


def _tracks(decays, rng=None):
    axis_eta, axis_phi, _, eta, phi, d0, z0 = decays
    error = np.full_like(d0, 0.02), np.full_like(z0, 0.05)
    if rng is not None:
        d0, z0 = (
            d0 + error[0] * rng.normal(size=d0.shape),
            z0 + error[1] * rng.normal(size=z0.shape),
        )
    columns = {"pt": np.full_like(d0, 5.0), "eta": eta, "phi": phi, "d0": d0, "z0": z0}
    columns |= {"d0_error": error[0], "z0_error": error[1]}
    columns |= {name: np.zeros_like(d0) for name in ("kind", "charge", "origin", "vertex")}
    tracks = ak.zip({name: ak.from_regular(ak.Array(x)) for name, x in columns.items()})
    jets = ak.zip(
        {"pt": np.full(_JETS, 60.0), "eta": axis_eta, "phi": axis_phi, "tracks": tracks},
        depth_limit=1,
    )
    return jets, impact.tracks_of(jets)


def test_exact_tracks_meet_in_the_point(decays):
    _, tracks = _tracks(decays)
    position, _, pull2 = vertices.fit_vertex(tracks, tracks.mask)
    assert np.allclose(position, decays[2], atol=1e-3)
    assert pull2.max() < 1e-2


def test_errors_and_chi2_are_right(decays):
    """Measured tracks: pulls of width one, χ² with its mean and its spread."""
    _, tracks = _tracks(decays, np.random.default_rng(4))
    position, covariance, pull2 = vertices.fit_vertex(tracks, tracks.mask)
    pulls = (position - decays[2]) / np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    assert np.allclose(pulls.std(axis=0), 1, atol=0.15)
    assert np.allclose(pulls.mean(axis=0), 0, atol=0.2)
    freedom = 2 * _TRACKS - 3
    assert abs(pull2.sum(axis=1).mean() - freedom) < 5 * np.sqrt(2 * freedom / _JETS)


def test_a_track_from_elsewhere_is_left_out(decays):
    jets, _ = _tracks(decays, np.random.default_rng(5))
    ahead = np.sign(jets.tracks.d0[:, 0])
    stray = jets.tracks.d0 + 1.5 * ahead * (ak.local_index(jets.tracks.d0) == 0)
    jets = ak.with_field(jets, ak.with_field(jets.tracks, stray, "d0"), "tracks")
    tracks = impact.tracks_of(jets)
    found = vertices.secondary_vertex(jets, tracks)
    displaced = tracks.significance[:, 0] > 2
    assert found.members[displaced, 0].mean() < 0.05
    assert np.median(np.abs(found.flight - np.hypot(*decays[2][:, :2].T))) < 0.3


def test_without_displaced_tracks_there_is_no_vertex(decays):
    axis_eta, axis_phi, point, eta, phi, d0, z0 = decays
    jets, tracks = _tracks((axis_eta, axis_phi, point, eta, phi, 0 * d0 + 1e-4, 0 * z0))
    found = vertices.secondary_vertex(jets, tracks)
    assert not found.found.any()
    columns = vertices.vertex_observables(jets, tracks, found)
    assert columns.shape == (_JETS, len(vertices.VERTEX_OBSERVABLES))
    assert (columns == 0).all()


def test_vertices_of_the_sample_are_where_the_hadrons_decay():
    jets = samples.load("flavour_jets", split="test", events=4000)
    tracks = impact.tracks_of(jets)
    found = vertices.secondary_vertex(jets, tracks)
    label = np.asarray(jets.label)
    share = {code: found.found[label == code].mean() for code in (5, 4, 0)}
    assert share[5] > 0.5 > 0.3 > share[4] > 0.1 > 0.05 > share[0]
    b = found.found & (label == 5)
    ratio = found.flight[b] / np.asarray(jets.hadron_lxy)[b]
    # Charm hadrons fly on: the common vertex lies a little behind that of the b hadron.
    assert 1 < np.median(ratio) < 1.2
    mass = vertices.vertex_observables(jets, tracks, found)[:, 3]
    heavy = {code: (mass[found.found & (label == code)] > 1.9).mean() for code in (5, 4)}
    assert heavy[5] > 3 * heavy[4]
