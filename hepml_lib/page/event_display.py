"""An event display to turn: tracks, calorimeter towers and jets of one collision."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.page.explore import Exploration, Slider, explore
from hepml_lib.plots.drawing import COLOURS

__all__ = ["event_display", "helix", "surface"]

# A CMS-like detector: where the tracker ends and the calorimeters begin, and the field.
RADIUS, HALF_LENGTH = 1.29, 3.0  # metres
FIELD = 3.8  # tesla
_BEYOND = 2.0  # metres; muons cross the calorimeters, and are drawn up to here

_BLUE, _RED, _ORANGE, _PURPLE, _GREY, _VIOLET = COLOURS
_TRACKS = {  # kind of candidate: name, colour, width
    0: ("charged hadrons", _BLUE, 2),
    3: ("electrons", _RED, 5),
    4: ("muons", _VIOLET, 6),
}
_TOWERS = {2: ("photons", _ORANGE), 1: ("neutral hadrons", _GREY)}  # from the inside outwards
_OUTLINE = "#808080"
_SOFTEST = 1.0  # GeV; softer candidates would hide the rest
_CELL = 2 * np.pi / 72  # edge of a tower in η and φ
_TALLEST = 0.8  # metres; the tower with the most energy
_JETS, _JET_RADIUS = 2, 0.8

Points = NDArray[np.float64]


def helix(
    pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, charge: ArrayLike, radius: float = RADIUS
) -> Points:
    """Points on tracks from the origin outwards, shape (tracks, 25, 3) for x, y, z [m].

    A track of transverse momentum pT has the radius of curvature pT / (0.3 B) in metres for GeV and
    tesla, from p = qBR. The field points along +z, so positive charges bend clockwise. A track ends
    at `radius`, or at the end of the tracker, or after half a turn.

    Parameters
    ----------
    pt, eta, phi, charge
        Transverse momentum [GeV], pseudorapidity, azimuth [rad] and charge [e], one per track.
    radius
        Distance from the beam where tracks end [m].

    Examples
    --------
    At 10 GeV in 3.8 T the radius is 8.77 m, so after 1.29 m the azimuth has changed by
    arcsin(1.29 / (2 · 8.77)) = 0.0736 rad.

    >>> x, y, z = helix(10.0, 0.0, 0.0, 1)[0, -1]
    >>> round(float(np.hypot(x, y)), 2), round(float(np.arctan2(y, x)), 4)
    (1.29, -0.0736)
    """
    pt, eta, phi, charge = (
        np.atleast_1d(np.asarray(a, float))[:, None] for a in (pt, eta, phi, charge)
    )
    curvature = pt / (0.3 * FIELD * np.abs(charge))
    turn = 2 * np.arcsin(np.minimum(1.0, radius / (2 * curvature)))
    slope = np.sinh(eta)
    end = HALF_LENGTH * radius / RADIUS / (curvature * np.maximum(np.abs(slope), 1e-9))
    angle = np.linspace(0, 1, 25) * np.minimum(turn, end)
    along, across = curvature * np.sin(angle), np.sign(charge) * curvature * (np.cos(angle) - 1)
    x = along * np.cos(phi) - across * np.sin(phi)
    y = along * np.sin(phi) + across * np.cos(phi)
    return np.stack([x, y, curvature * angle * slope], axis=-1)


def surface(eta: ArrayLike, phi: ArrayLike) -> Points:
    """Where straight lines from the origin meet the calorimeter, shape (..., 3) [m].

    Parameters
    ----------
    eta, phi : array_like of float
        Pseudorapidity and azimuth [rad], of shapes that broadcast.
    """
    eta, phi = np.asarray(eta, float), np.asarray(phi, float)
    slope = np.sinh(eta)
    reach = np.minimum(RADIUS, HALF_LENGTH / np.maximum(np.abs(slope), 1e-9))
    return np.stack([reach * np.cos(phi), reach * np.sin(phi), reach * slope], axis=-1)


def event_display(candidates: ak.Array, jets: ak.Array, *, alt: str, caption: str) -> Exploration:
    """One collision in three dimensions, turned with the mouse or with two sliders.

    Lines are tracks, bent by the field. Bars are towers of neutral energy, as long as their pT.
    Cones of radius 0.8 in η and φ are the two hardest jets. Candidates below 1 GeV are left out.
    Turned by 0 degrees, one looks along the beam.

    Parameters
    ----------
    candidates
        Candidates of one event: ``pt`` [GeV], ``eta``, ``phi`` [rad], ``charge`` and ``kind``
        (0 charged hadron, 1 neutral hadron, 2 photon, 3 electron, 4 muon).
    jets
        Jets of the event, hardest first: ``pt`` [GeV], ``eta``, ``phi`` [rad].
    alt, caption
        As in `explore`.

    Returns
    -------
    Exploration
        End the cell with the call, and it is shown.

    Raises
    ------
    ValueError
        If these are the candidates of many events, or none is hard enough to be drawn.
    """
    if candidates.ndim != 1:
        raise ValueError(
            "give the candidates of one event, such as events[0].candidates and events[0].jets"
        )
    drawn = {
        name: ak.to_numpy(candidates[name][candidates.pt > _SOFTEST]).astype(float)
        for name in ("pt", "eta", "phi", "charge", "kind")
    }
    if not len(drawn["pt"]):
        raise ValueError(f"no candidate of this event has more than {_SOFTEST:g} GeV")
    traces = (_detector(), *_tracks(drawn), *_towers(drawn), *_cones(jets[:_JETS]))
    # Fixed ranges keep the collision point in the centre, whatever the event holds.
    reach = {"x": RADIUS + _TALLEST, "y": RADIUS + _TALLEST, "z": HALF_LENGTH + _TALLEST}
    scene: dict[str, Any] = {"aspectmode": "data"} | {
        f"{axis}axis": {"range": [-far, far], "visible": False} for axis, far in reach.items()
    }

    def draw(turn: float, tilt: float) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
        a, b = np.radians([turn, tilt])
        distance = 1.8
        eye = {
            "x": distance * np.cos(b) * np.sin(a),
            "y": distance * np.sin(b),
            "z": distance * np.cos(b) * np.cos(a),
        }
        layout = {
            "scene": scene | {"camera": {"eye": eye, "up": {"x": 0, "y": 1, "z": 0}}},
            "height": 500,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0, "yanchor": "top"},
        }
        return traces, layout

    return explore(
        draw,
        alt=alt,
        caption=caption,
        turn=Slider(range(0, 360, 15), "Turn", "degrees", start=3),
        tilt=Slider(range(-75, 76, 15), "Tilt", "degrees", start=7),
    )


def _lines(paths: Points, name: str, colour: str, width: float) -> dict[str, Any]:
    """Lines of shape (lines, points, 3) as one trace: NaN, which is drawn as a gap, ends each."""
    gaps = np.full((len(paths), 1, 3), np.nan)
    x, y, z = np.concatenate([paths, gaps], axis=1).reshape(-1, 3).T.round(3)
    return {
        "type": "scatter3d", "mode": "lines", "name": name, "x": x, "y": y, "z": z,
        "line": {"color": colour, "width": width}, "hoverinfo": "name", "connectgaps": False,
    }  # fmt: skip


def _solid(points: Points, triangles: NDArray[np.int64], name: str, colour: str) -> dict[str, Any]:
    """Triangles between points of shape (points, 3) as one trace."""
    (x, y, z), (i, j, k) = points.T.round(3), triangles.T
    return {"type": "mesh3d", "name": name, "color": colour, "x": x, "y": y, "z": z,
            "i": i, "j": j, "k": k, "hoverinfo": "name", "showlegend": True}  # fmt: skip


def _detector() -> dict[str, Any]:
    """Outline of the tracker and the beam, so that the eye has a frame."""
    around = np.linspace(0, 2 * np.pi, 49)
    rings = [_at(RADIUS, around, z) for z in (-HALF_LENGTH, HALF_LENGTH)]
    ends = np.linspace(-HALF_LENGTH, HALF_LENGTH, 49)
    rods = [_at(RADIUS, np.full(49, phi), ends) for phi in np.arange(8) * np.pi / 4]
    beam = _at(0.0, np.zeros(49), 1.2 * ends)
    return _lines(np.stack([*rings, *rods, beam]), "tracker and beam", _OUTLINE, 1.5)


def _at(r: float, phi: Points, z: ArrayLike) -> Points:
    return np.stack(np.broadcast_arrays(r * np.cos(phi), r * np.sin(phi), z), axis=-1)


def _tracks(candidates: dict[str, Points]) -> list[dict[str, Any]]:
    traces = []
    for kind, (name, colour, width) in _TRACKS.items():
        chosen = (candidates["kind"] == kind) & (candidates["charge"] != 0)
        if chosen.any():
            pt, eta, phi, charge = (candidates[n][chosen] for n in ("pt", "eta", "phi", "charge"))
            paths = helix(pt, eta, phi, charge, _BEYOND if name == "muons" else RADIUS)
            traces.append(_lines(paths, name, colour, width))
    return traces


def _towers(candidates: dict[str, Points]) -> list[dict[str, Any]]:
    """Bars on the calorimeter; where photons and hadrons share a tower, one stands on the other."""
    neutral = np.isin(candidates["kind"], list(_TOWERS))
    cells = np.floor(np.stack([candidates["eta"], candidates["phi"]])[:, neutral] / _CELL)
    towers, number = np.unique(cells, axis=1, return_inverse=True)
    pt, kind = candidates["pt"][neutral], candidates["kind"][neutral]
    share = {k: np.bincount(number[kind == k], pt[kind == k], towers.shape[1]) for k in _TOWERS}
    tallest = np.max(np.sum(list(share.values()), axis=0), initial=_SOFTEST)
    scale = _TALLEST / tallest  # metres per GeV
    # Four corners on the calorimeter, a little apart from the neighbours.
    eta, phi = (
        towers[:, :, None] + [[[0.08, 0.92, 0.92, 0.08]], [[0.08, 0.08, 0.92, 0.92]]]
    ) * _CELL
    corners = surface(eta, phi)
    outward = corners / np.linalg.norm(corners, axis=-1, keepdims=True)
    foot, traces = np.zeros(towers.shape[1]), []
    for k, (name, colour) in _TOWERS.items():
        top = foot + share[k] * scale
        full = share[k] > 0
        boxes = np.concatenate([corners + outward * y[:, None, None] for y in (foot, top)], axis=1)
        if full.any():
            traces.append(_solid(*_boxes(boxes[full]), f"{name} (calorimeter)", colour))
        foot = top
    return traces


def _boxes(corners: Points) -> tuple[Points, NDArray[np.int64]]:
    """Points and triangles of boxes of shape (boxes, 8, 3): four corners below, four above."""
    faces = [(0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    halves = np.array([half for a, b, c, d in faces for half in ((a, b, c), (a, c, d))])
    triangles = halves + 8 * np.arange(len(corners))[:, None, None]
    return corners.reshape(-1, 3), triangles.reshape(-1, 3)


def _cones(jets: ak.Array) -> list[dict[str, Any]]:
    """Translucent cones from the origin, with their rims, and the momentum of each jet."""
    if not len(jets):
        return []
    pt, eta, phi = (ak.to_numpy(jets[field]).astype(float) for field in ("pt", "eta", "phi"))
    around = np.linspace(0, 2 * np.pi, 49)
    rims = surface(
        eta[:, None] + _JET_RADIUS * np.sin(around), phi[:, None] + _JET_RADIUS * np.cos(around)
    )
    points = np.concatenate([np.zeros((len(rims), 1, 3)), rims], axis=1)
    fan = np.stack([np.zeros(48, int), np.arange(1, 49), np.arange(2, 50)], axis=-1)
    triangles = (fan + 50 * np.arange(len(rims))[:, None, None]).reshape(-1, 3)
    name = "hardest jet" if len(jets) == 1 else f"{len(jets)} hardest jets"
    cone = _solid(points.reshape(-1, 3), triangles, name, _PURPLE)
    cone |= {"opacity": 0.18, "showlegend": False}
    x, y, z = (1.12 * surface(eta, phi)).T
    label = {"type": "scatter3d", "mode": "text", "x": x, "y": y, "z": z, "showlegend": False,
             "text": [f"{value:.0f} GeV" for value in pt], "hoverinfo": "skip"}  # fmt: skip
    return [cone, _lines(rims, name, _PURPLE, 3), label]
