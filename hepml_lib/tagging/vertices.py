"""Secondary vertices: the point where the displaced tracks of a jet meet."""

from __future__ import annotations

from typing import NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import wrap_phi
from hepml_lib.tagging.impact import Tracks, good_tracks

__all__ = [
    "VERTEX_OBSERVABLES",
    "Vertex",
    "fit_vertex",
    "secondary_vertex",
    "vertex_observables",
]

_MIN_SIGNIFICANCE = 2.0
_MAX_PULL2 = 9.0
_PION_MASS = 0.1396  # GeV

VERTEX_OBSERVABLES = (
    "tracks of the vertex",
    "flight",
    "flight significance",
    "vertex mass",
    "share of pt",
    "chi2 per degree of freedom",
    "distance of the flight from the axis",
)
"""Columns of `vertex_observables`."""


class Vertex(NamedTuple):
    """One secondary vertex a jet, each entry of shape (n,) but for the first two.

    Attributes
    ----------
    position
        x, y, z from the collision [mm], shape (n, 3); 0 without a vertex.
    members
        Tracks of the vertex, shape (n, tracks).
    found
        Whether there is one: two tracks at least.
    flight, error
        Distance from the collision across the beam, with the sign of its projection on the axis of
        the jet, and its error [mm].
    chi2, freedom
        Of the fit, and its degrees of freedom.
    """

    position: NDArray
    members: NDArray
    found: NDArray
    flight: NDArray
    error: NDArray
    chi2: NDArray
    freedom: NDArray


def fit_vertex(tracks: Tracks, members: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Least-squares meeting point of straight tracks.

    A track with azimuth φ that passes through (x, y, z) has d₀ = −x sin φ + y cos φ and
    z₀ = z − (x cos φ + y sin φ) sinh η: the fit is linear. Curvature is left out: over the
    millimetres of a flight a track of 1 GeV bends by less than a micrometre.

    Parameters
    ----------
    tracks
        Tracks of jets.
    members
        Which of them to fit, bool, shape (n, tracks).

    Returns
    -------
    position : ndarray, shape (n, 3)
        [mm]; meaningless for jets with fewer than two members.
    covariance : ndarray, shape (n, 3, 3)
        [mm²]
    pull2 : ndarray, shape (n, tracks)
        What each member adds to χ², 0 for the others.
    """
    sin, cos, slope = np.sin(tracks.phi), np.cos(tracks.phi), np.sinh(tracks.eta)
    across = np.stack([-sin, cos, np.zeros_like(sin)], axis=2)
    along = np.stack([-cos * slope, -sin * slope, np.ones_like(sin)], axis=2)
    weight = {
        "d0": members / np.where(tracks.mask, tracks.d0_error, 1) ** 2,
        "z0": members / np.where(tracks.mask, tracks.z0_error, 1) ** 2,
    }
    normal = np.einsum("nt,nti,ntj->nij", weight["d0"], across, across)
    normal += np.einsum("nt,nti,ntj->nij", weight["z0"], along, along)
    # A weak pull to the collision, of 1 m, keeps jets without tracks solvable.
    covariance = np.linalg.inv(normal + 1e-6 * np.eye(3))
    moment = np.einsum("nt,nti->ni", weight["d0"] * tracks.d0, across)
    moment += np.einsum("nt,nti->ni", weight["z0"] * tracks.z0, along)
    position = np.einsum("nij,nj->ni", covariance, moment)
    pull2 = weight["d0"] * (tracks.d0 - np.einsum("nti,ni->nt", across, position)) ** 2
    pull2 += weight["z0"] * (tracks.z0 - np.einsum("nti,ni->nt", along, position)) ** 2
    return position, covariance, pull2


def secondary_vertex(jets: ak.Array, tracks: Tracks) -> Vertex:
    """Fit the displaced tracks of each jet, leaving out the worst until all fit.

    Good tracks with a significance above 2 are candidates. As long as one adds more than 9 to χ²,
    the worst is left out and the rest fitted again.

    Parameters
    ----------
    jets
        Records with ``phi`` [rad], the azimuth of the axis.
    tracks
        ``impact.tracks_of(jets)``.

    Returns
    -------
    Vertex
        One entry per jet; zeros, and an error of 1, where there is no vertex.
    """
    members = good_tracks(tracks) & (tracks.significance > _MIN_SIGNIFICANCE)
    rows = np.arange(len(members))
    for _ in range(members.shape[1]):
        position, covariance, pull2 = fit_vertex(tracks, members)
        worst = pull2.argmax(axis=1)
        refused = (pull2[rows, worst] > _MAX_PULL2) & (members.sum(axis=1) > 1)
        if not refused.any():
            break
        members = members.copy()
        members[rows[refused], worst[refused]] = False
    number = members.sum(axis=1)
    found = number > 1
    position = np.where(found[:, None], position, 0)
    x, y = position[:, 0], position[:, 1]
    distance = np.where(found, np.hypot(x, y), 1)
    unit = np.stack([x, y, np.zeros_like(x)], axis=1) / distance[:, None]
    variance = np.einsum("ni,nij,nj->n", unit, covariance, unit)
    axis = np.asarray(jets.phi)
    ahead = x * np.cos(axis) + y * np.sin(axis) >= 0
    return Vertex(
        position=position,
        members=members & found[:, None],
        found=found,
        flight=np.where(found, np.where(ahead, distance, -distance), 0),
        error=np.where(found, np.sqrt(variance), 1),
        chi2=np.where(found, pull2.sum(axis=1), 0),
        freedom=np.where(found, 2 * number - 3, 0),
    )


def vertex_observables(jets: ak.Array, tracks: Tracks, vertex: Vertex) -> NDArray[np.float32]:
    """What a DL1-like network is told of the vertex, shape (n, 7); 0 without a vertex.

    Masses take every track for a pion.

    Parameters
    ----------
    jets
        Records with ``pt`` [GeV] and ``phi`` [rad].
    tracks
        ``impact.tracks_of(jets)``.
    vertex
        ``secondary_vertex(jets, tracks)``.

    Returns
    -------
    ndarray of float32
        Columns `VERTEX_OBSERVABLES`: flight and its significance as asinh, the mass in GeV.

    References
    ----------
    ATLAS's DL1 is told such a list: arXiv:2211.16345.
    """
    inside = vertex.members
    pt = np.where(inside, tracks.pt, 0)
    px, py, pz = pt * np.cos(tracks.phi), pt * np.sin(tracks.phi), pt * np.sinh(tracks.eta)
    energy = np.sqrt(px**2 + py**2 + pz**2 + _PION_MASS**2) * inside
    mass2 = energy.sum(axis=1) ** 2 - sum(p.sum(axis=1) ** 2 for p in (px, py, pz))
    flight_phi = np.arctan2(vertex.position[:, 1], vertex.position[:, 0])
    turn = np.abs(wrap_phi(flight_phi - np.asarray(jets.phi))) * vertex.found
    columns = (
        inside.sum(axis=1),
        np.arcsinh(vertex.flight),
        np.arcsinh(vertex.flight / vertex.error),
        np.sqrt(np.maximum(mass2, 0)),
        pt.sum(axis=1) / np.asarray(jets.pt),
        vertex.chi2 / np.maximum(vertex.freedom, 1),
        turn,
    )
    return np.stack(columns, axis=1).astype(np.float32)
