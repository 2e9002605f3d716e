"""The event display draws the tracks of a charge in a field, and the energy where it was."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib.page.event_display import FIELD, HALF_LENGTH, RADIUS, event_display, helix, surface

WORDS = {
    "alt": "A view of one collision with a few tracks and towers.",
    "caption": "Two jets leave back to back.",
}
momenta = st.floats(0.3, 500)
rapidities = st.floats(-3, 3)
angles = st.floats(-np.pi, np.pi)
charges = st.sampled_from([-1, 1])


@pytest.fixture
def candidates() -> ak.Array:
    """One of each kind, a charged hadron too soft to draw, and two photons in one tower."""
    return ak.Array(
        {
            "pt": [50.0, 20.0, 30.0, 10.0, 40.0, 0.5, 5.0],
            "eta": [0.1, 0.2, 0.50, -1.0, 0.4, 0.0, 0.51],
            "phi": [0.0, 0.1, 0.29, 2.0, 3.0, 1.0, 0.3],
            "charge": [1, 0, 0, -1, 1, 1, 0],
            "kind": [0, 1, 2, 3, 4, 0, 2],
        }
    )


@pytest.fixture
def jets() -> ak.Array:
    return ak.Array({"pt": [120.0, 60.0, 31.0], "eta": [0.2, -1.2, 2.0], "phi": [3.1, 0.2, 1.0]})


def traces(candidates: ak.Array, jets: ak.Array) -> dict[str, dict[str, Any]]:
    picture = event_display(candidates, jets, **WORDS).picture(0, 0)
    return {trace.get("name", "label"): trace for trace in picture.traces}


class TestHelix:
    @given(momenta, rapidities, angles, charges)
    def test_the_radius_of_curvature_is_that_of_the_textbook(
        self, pt: float, eta: float, phi: float, charge: int
    ) -> None:
        """In the transverse plane three points of a track lie on a circle with pT = 0.3 B R."""
        x, y = helix(pt, eta, phi, charge)[0, [0, 12, 24], :2].T
        sides = np.hypot(np.diff([*x, x[0]]), np.diff([*y, y[0]]))
        area = abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])) / 2
        radius = np.prod(sides) / (4 * area)
        assert 0.3 * FIELD * radius == pytest.approx(pt, rel=1e-4)

    @given(momenta, rapidities, angles, charges)
    def test_it_leaves_along_the_momentum(
        self, pt: float, eta: float, phi: float, charge: int
    ) -> None:
        step = helix(pt, eta, phi, charge, radius=1e-4)[0, -1]
        direction = step / np.linalg.norm(step)
        expected = np.array([np.cos(phi), np.sin(phi), np.sinh(eta)]) / np.cosh(eta)
        assert direction == pytest.approx(expected, abs=1e-3)

    @given(momenta, rapidities, angles, charges)
    def test_it_ends_at_the_calorimeter(
        self, pt: float, eta: float, phi: float, charge: int
    ) -> None:
        x, y, z = helix(pt, eta, phi, charge)[0].T
        assert np.hypot(x, y).max() <= RADIUS * (1 + 1e-9)
        assert abs(z).max() <= HALF_LENGTH * (1 + 1e-9) or pt < 0.3 * FIELD * RADIUS / 2

    def test_the_force_has_the_sign_of_lorentz(self) -> None:
        """F = q v × B: with v along x and B along z a positive charge goes to −y."""
        ends = helix([5, 5], [0, 0], [0, 0], [1, -1])[:, -1, 1]
        assert ends[0] < 0 < ends[1]
        assert ends[0] == pytest.approx(-ends[1])

    def test_soft_tracks_turn_back(self) -> None:
        """Below 0.735 GeV a track does not reach 1.29 m."""
        radius = 0.5 / (0.3 * FIELD)
        assert np.hypot(*helix(0.5, 0, 0, 1)[0, -1, :2]) == pytest.approx(2 * radius)


@given(rapidities, angles)
def test_energy_is_drawn_on_the_calorimeter_in_its_direction(eta: float, phi: float) -> None:
    x, y, z = surface(eta, phi)
    r = np.hypot(x, y)
    assert np.isclose(r, RADIUS) or np.isclose(abs(z), HALF_LENGTH)
    assert np.arcsinh(z / r) == pytest.approx(eta, abs=1e-9)
    assert np.arctan2(y, x) == pytest.approx(phi)


class TestDisplay:
    def test_every_kind_has_its_trace(self, candidates: ak.Array, jets: ak.Array) -> None:
        assert set(traces(candidates, jets)) >= {
            "tracker and beam", "charged hadrons", "electrons", "muons", "photons (calorimeter)",
            "neutral hadrons (calorimeter)", "2 hardest jets", "label",
        }  # fmt: skip

    def test_soft_candidates_are_left_out(self, candidates: ak.Array, jets: ak.Array) -> None:
        track = traces(candidates, jets)["charged hadrons"]
        assert track["x"].count(None) == 1

    def test_a_tower_is_as_long_as_its_momentum(self, candidates: ak.Array, jets: ak.Array) -> None:
        """Two photons share a tower: their sum, 35 GeV, against 20 GeV of the neutral hadron."""
        boxes = traces(candidates, jets)
        lengths = {}
        for name in ("photons (calorimeter)", "neutral hadrons (calorimeter)"):
            corners = np.array([boxes[name][axis] for axis in "xyz"]).T
            assert len(corners) == 8
            assert len(boxes[name]["i"]) == 12
            lengths[name] = np.linalg.norm(corners[4] - corners[0])
        photons, hadrons = lengths.values()
        assert photons / hadrons == pytest.approx(35 / 20, rel=0.01)

    def test_a_box_is_closed(self, candidates: ak.Array, jets: ak.Array) -> None:
        """Each edge of a triangle belongs to two triangles."""
        box = traces(candidates, jets)["photons (calorimeter)"]
        triangles = np.array([box[k] for k in "ijk"]).T
        edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()

    def test_jets_are_labelled(self, candidates: ak.Array, jets: ak.Array) -> None:
        assert traces(candidates, jets)["label"]["text"] == ["120 GeV", "60 GeV"]
        assert "hardest jet" in traces(candidates, jets[:1])
        assert "label" not in traces(candidates, jets[:0])

    def test_only_tracks(self, candidates: ak.Array, jets: ak.Array) -> None:
        found = traces(candidates[candidates.charge != 0], jets)
        assert not any("calorimeter" in name for name in found)

    def test_turning_moves_the_eye_and_not_the_event(
        self, candidates: ak.Array, jets: ak.Array
    ) -> None:
        figure = event_display(candidates, jets, **WORDS)
        pictures = figure.pictures
        assert all(picture.traces is pictures[0].traces for picture in pictures)
        eyes = np.array([list(p.layout["scene"]["camera"]["eye"].values()) for p in pictures])
        assert len(np.unique(eyes, axis=0)) == len(pictures)
        assert np.linalg.norm(eyes, axis=1) == pytest.approx(np.linalg.norm(eyes[0]), rel=1e-4)
        assert len(figure.html()) < 300_000

    def test_one_event_and_something_in_it(self, candidates: ak.Array, jets: ak.Array) -> None:
        with pytest.raises(ValueError, match="candidates of one event"):
            event_display(ak.Array([candidates, candidates]), jets, **WORDS)
        with pytest.raises(ValueError, match="no candidate"):
            event_display(candidates[candidates.pt < 1], jets, **WORDS)
