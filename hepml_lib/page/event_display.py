"""An event display to turn: tracks, calorimeter energy and jets of one collision in three dimensions."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.page.explore import Exploration, Slider, explore

__all__ = ["event_display", "helix"]

# Radius and half length of the tracker [m], CMS-like, and its field [T].
RADIUS, LENGTH, FIELD = 1.29, 3.0, 3.8
_KINDS = ("charged hadron", "neutral hadron", "photon", "electron", "muon")
_KIND_COLOURS = ("#5790fc", "#9c9ca1", "#f89c20", "#e42536", "#7a21dd")
_JET_COLOUR = "#964a8b"

Points = NDArray[np.float64]


def helix(pt: float, eta: float, phi: float, charge: int, points: int = 25) -> Points:
    """Points (x, y, z) [m] of a track from the origin to the calorimeter, shape (points, 3).

    The radius of curvature is pT / (0.3 B); positive charges bend clockwise in a field along +z.

    Examples
    --------
    A track of 10 GeV in 3.8 T has a radius of 8.77 m; after 1.29 m it has turned by 0.147 rad.

    >>> first, *_, last = helix(10.0, 0.0, 0.0, 1)
    >>> round(float(np.hypot(*last[:2])), 2), round(float(np.arctan2(last[1], last[0])), 4)
    (1.29, -0.0736)
    """
    radius = pt / (0.3 * FIELD)
    # Turning angle at the calorimeter; a soft track that curls before is drawn for half a turn.
    turn = 2 * np.arcsin(min(1.0, RADIUS / (2 * radius)))
    if eta:
        turn = min(turn, LENGTH / (radius * abs(np.sinh(eta))))
    angle = np.linspace(0, turn, points)
    x = radius * np.sin(angle)
    y = -charge * radius * (1 - np.cos(angle))
    z = radius * angle * np.sinh(eta)
    return np.stack([x * np.cos(phi) - y * np.sin(phi), x * np.sin(phi) + y * np.cos(phi), z], 1)


def event_display(
    candidates: ak.Array, jets: ak.Array, *, alt: str, caption: str, pt_min: float = 1.0, cones: int = 2
) -> Exploration:
    """One collision in three dimensions, turned with the mouse or with a slider.

    Parameters
    ----------
    candidates
        Candidates of one event: ``pt`` [GeV], ``eta, phi`` [rad], ``charge, kind``.
    jets
        Jets of the event, hardest first: ``pt, eta, phi``.
    alt, caption
        As in `explore`.
    pt_min
        Softest candidate to draw [GeV].
    cones
        Number of jets to draw as cones.
    """
    drawn = candidates[candidates.pt > pt_min]
    traces = [*_tracks(drawn), *_towers(drawn), *_cones(jets[:cones]), _beam()]
    hidden = {"visible": False}
    scene = {"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data"}

    def draw(angle: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        turn = np.radians(angle)
        eye = {"x": 1.5 * np.sin(turn), "y": 0.5, "z": 1.5 * np.cos(turn)}
        camera = {"eye": eye, "up": {"x": 0, "y": 1, "z": 0}}
        legend = {"orientation": "h", "y": 0, "itemsizing": "constant"}
        margin = {"l": 0, "r": 0, "t": 0, "b": 0}
        return traces, {"scene": scene | {"camera": camera}, "legend": legend, "margin": margin}

    turns = Slider(list(range(0, 360, 15)), label="Turn around the vertical", unit="degrees", start=4)
    return explore(draw, alt=alt, caption=caption, height=520, angle=turns)


def _lines(paths: list[Points], name: str, colour: str, width: float) -> dict[str, Any]:
    """Several lines as one trace, separated by gaps."""
    gap = np.full((1, 3), np.nan)
    joined = np.concatenate([part for path in paths for part in (path, gap)]) if paths else gap
    x, y, z = joined.T
    return {
        "type": "scatter3d", "mode": "lines", "name": name, "x": x, "y": y, "z": z,
        "line": {"color": colour, "width": width}, "hoverinfo": "name", "connectgaps": False,
    }  # fmt: skip


def _tracks(candidates: ak.Array) -> list[dict[str, Any]]:
    charged = candidates[candidates.charge != 0]
    traces = []
    for kind in sorted(set(ak.to_list(charged.kind))):
        chosen = charged[charged.kind == kind]
        fields = (ak.to_numpy(chosen[n]).astype(float) for n in ("pt", "eta", "phi", "charge"))
        paths = [helix(*values) for values in zip(*fields, strict=True)]
        traces.append(_lines(paths, f"{_KINDS[kind]} tracks", _KIND_COLOURS[kind], 3))
    return traces


def _towers(candidates: ak.Array) -> list[dict[str, Any]]:
    """Bars outside the tracker, as long as the logarithm of the transverse momentum."""
    neutral = candidates[candidates.charge == 0]
    traces = []
    for kind in sorted(set(ak.to_list(neutral.kind))):
        chosen = neutral[neutral.kind == kind]
        pt, eta, phi = (ak.to_numpy(chosen[n]).astype(float) for n in ("pt", "eta", "phi"))
        bottom = _surface(eta, phi)
        outward = bottom / np.linalg.norm(bottom, axis=1, keepdims=True)
        tops = bottom + outward * (0.25 * np.log1p(pt))[:, None]
        paths = list(np.stack([bottom, tops], axis=1))
        traces.append(_lines(paths, f"{_KINDS[kind]} energy", _KIND_COLOURS[kind], 7))
    return traces


def _surface(eta: Points, phi: Points) -> Points:
    """Where a straight line from the origin meets the calorimeter, shape (n, 3)."""
    reach = np.minimum(RADIUS, LENGTH / np.maximum(np.abs(np.sinh(eta)), 1e-9))
    return np.stack([reach * np.cos(phi), reach * np.sin(phi), reach * np.sinh(eta)], axis=1)


def _cones(jets: ak.Array, radius: float = 0.8) -> list[dict[str, Any]]:
    turn = np.linspace(0, 2 * np.pi, 49)
    paths = []
    for jet in jets:
        rim = _surface(jet.eta + radius * np.sin(turn), jet.phi + radius * np.cos(turn))
        spokes = [np.stack([np.zeros(3), point]) for point in rim[:-1:6]]
        paths += [rim, *spokes]
    return [_lines(paths, f"{len(jets)} hardest jets", _JET_COLOUR, 2)]


def _beam() -> dict[str, Any]:
    line = np.array([[0.0, 0.0, -LENGTH], [0.0, 0.0, LENGTH]])
    return _lines([line], "beam axis", "#9c9ca1", 2)
