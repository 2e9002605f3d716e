"""What an analysis makes of candidates: pileup subtraction, leptons, photons, missing momentum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import delta_r, wrap_phi
from hepml_lib.samples.detector.table import (
    ELECTRON,
    MUON,
    NEUTRAL_HADRON,
    PHOTON,
    ParticleTable,
    same_event,
    take,
)

__all__ = ["density", "from_leading", "leptons", "missing", "photons", "subtract"]

_CONE = 0.3
"""Radius of the isolation cone."""

_NEUTRAL_RATIO = 0.7, 1.0
"""Neutral to charged momentum of pileup as this detector sees it, for |η| below 1 and above."""

_DENSITY_ETA = 2.5
"""Largest |η| of the density estimate."""

_CELL = np.pi / 5
"""Edge of a cell of the density estimate, 0.63 in η and φ."""


def from_leading(candidates: ParticleTable) -> NDArray[np.bool_]:
    """Charged-hadron subtraction: all but the tracks of other vertices (arXiv:1706.04965).

    Parameters
    ----------
    candidates
        `vertex`: 0 for tracks of the leading vertex, positive for others, -1 for no track.

    Returns
    -------
    ndarray of bool
        Which candidates stay.
    """
    return candidates["vertex"] <= 0


def density(candidates: ParticleTable, events: int) -> NDArray[np.float64]:
    """Transverse momentum that pileup leaves per unit of area.

    The median over the cells of 0.63 × 0.63 that lie within |η| < 2.5 (arXiv:0707.1378,
    arXiv:1111.6097): jets occupy few cells and do not move it.

    Parameters
    ----------
    candidates
        `event`, `pt` [GeV], `eta`, `phi` [rad].
    events
        Number of events; `event` counts from 0.

    Returns
    -------
    ndarray
        ρ [GeV per unit of η times φ], one per event.
    """
    rows = 2 * int(_DENSITY_ETA / _CELL)
    row = np.floor(candidates["eta"] / _CELL).astype(np.int64) + rows // 2
    column = np.floor((wrap_phi(candidates["phi"]) + np.pi) / _CELL).astype(np.int64) % 10
    inside = (row >= 0) & (row < rows)
    cell = (candidates["event"] * rows + row) * 10 + column
    total = np.bincount(cell[inside], candidates["pt"][inside], events * rows * 10)
    return np.median(total.reshape(events, -1), axis=1) / _CELL**2


def subtract(jets: ParticleTable, rho: NDArray[np.floating], radius: float) -> ParticleTable:
    """Jets less the pileup that falls on them: ρ times their area, taken as πR².

    The four-momentum is scaled as a whole; a jet that is all pileup keeps a thousandth.

    Parameters
    ----------
    jets
        `event`, `pt` and maybe `mass` [GeV].
    rho
        Of each event, as `density` gives it [GeV per unit of η times φ].
    radius
        Radius parameter R.

    Returns
    -------
    ParticleTable
        The jets with another `pt` and `mass`.

    Examples
    --------
    >>> jets = {"event": np.array([0]), "pt": np.array([50.0])}
    >>> subtract(jets, np.array([20.0]), 0.4)["pt"].round(1)
    array([39.9])
    """
    offset = rho[jets["event"]] * np.pi * radius**2
    scale = np.maximum(1 - offset / jets["pt"], 1e-3)
    return jets | {name: jets[name] * scale for name in ("pt", "mass") if name in jets}


def leptons(candidates: ParticleTable, rng: np.random.Generator) -> ParticleTable:
    """Identified electrons and muons above 5 GeV, the hardest of an event first.

    Muons are identified in 96 % of the cases up to |η| = 2.4; electrons in 70 % at 10 GeV rising
    to 90 % above 40 GeV, up to |η| = 2.5 (of the size of CMS's, arXiv:1804.04528 and
    arXiv:2012.06888; the curve is ours).

    Parameters
    ----------
    candidates
        As `hepml_lib.samples.detector.respond` gives them.
    rng
        Decides which are identified.

    Returns
    -------
    ParticleTable
        Columns of the candidate; `row`, its place in `candidates`; `isolation`, the momentum within
        ΔR = 0.3 relative to its own.
    """
    pt, eta, kind = (candidates[name] for name in ("pt", "eta", "kind"))
    muon = (kind == MUON) & (np.abs(eta) < 2.4)
    electron = (kind == ELECTRON) & (np.abs(eta) < 2.5)
    row = np.flatnonzero((muon | electron) & (pt > 5))
    rising = 0.90 - 0.20 * np.clip((40 - pt[row]) / 30, 0, 1)
    return _identified(candidates, row, np.where(kind[row] == MUON, 0.96, rising), rng)


def photons(candidates: ParticleTable, rng: np.random.Generator) -> ParticleTable:
    """Identified photons above 10 GeV, |η| < 2.5: 85 % in the barrel, 75 % in the endcaps (ours).

    Parameters
    ----------
    candidates
        As `hepml_lib.samples.detector.respond` gives them.
    rng
        Decides which are identified.

    Returns
    -------
    ParticleTable
        As of `leptons`.
    """
    pt, eta = candidates["pt"], np.abs(candidates["eta"])
    row = np.flatnonzero((candidates["kind"] == PHOTON) & (eta < 2.5) & (pt > 10))
    return _identified(candidates, row, np.where(eta[row] < 1.479, 0.85, 0.75), rng)


def _identified(
    candidates: ParticleTable, row: NDArray[np.integer], chance: NDArray, rng: np.random.Generator
) -> ParticleTable:
    row = row[rng.random(len(row)) < chance]
    row = row[np.lexsort((-candidates["pt"][row], candidates["event"][row]))]
    return take(candidates, row) | {"row": row, "isolation": _isolation(candidates, row)}


def _isolation(candidates: ParticleTable, row: NDArray[np.integer]) -> NDArray[np.float64]:
    """Momentum around a candidate, relative to its own.

    Tracks of the leading vertex, plus neutral candidates less what pileup brings of them, told
    from its tracks (as in arXiv:1804.04528, where the ratio is 0.5).
    """
    owner, around = _in_cone(candidates, row)
    vertex, pt, kind = (candidates[name][around] for name in ("vertex", "pt", "kind"))

    def total(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(owner[chosen], pt[chosen], len(row)).astype(np.float64)

    is_neutral = (kind == PHOTON) | (kind == NEUTRAL_HADRON)
    neutral = total(is_neutral)
    charged, pileup = total(~is_neutral & (vertex == 0)), total(~is_neutral & (vertex > 0))
    ratio = np.where(np.abs(candidates["eta"][row]) < 1, *_NEUTRAL_RATIO)
    return (charged + np.maximum(neutral - ratio * pileup, 0)) / candidates["pt"][row]


def _in_cone(
    candidates: ParticleTable, row: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a place in `row` and the row of another candidate within its isolation cone."""
    event, eta, phi = (candidates[name] for name in ("event", "eta", "phi"))
    owner, other = same_event(event[row], event)
    # Most are far away in η, which is known faster than ΔR.
    near = np.abs(eta[other] - eta[row[owner]]) < _CONE
    owner, other = owner[near], other[near]
    centre = row[owner]
    near = delta_r(eta[other], phi[other], eta[centre], phi[centre]) < _CONE
    near &= other != centre
    return owner[near], other[near]


def missing(candidates: ParticleTable, events: int) -> ParticleTable:
    """Missing transverse momentum: minus the sum of all candidates, one row per event.

    Parameters
    ----------
    candidates
        `event`, `pt` [GeV], `phi` [rad].
    events
        Number of events; `event` counts from 0.

    Returns
    -------
    ParticleTable
        `event`; `px`, `py`, `pt`, `sum_et` [GeV], `phi` [rad].

    Examples
    --------
    Two jets back to back:

    >>> jets = {"event": np.zeros(2, int), "pt": np.array([50.0, 30.0])}
    >>> met = missing(jets | {"phi": np.array([0.0, np.pi])}, 1)
    >>> met["pt"].round(3), met["sum_et"]
    (array([20.]), array([80.]))
    """
    event, pt, phi = (candidates[name] for name in ("event", "pt", "phi"))
    px = -np.bincount(event, pt * np.cos(phi), events)
    py = -np.bincount(event, pt * np.sin(phi), events)
    return {
        "event": np.arange(events),
        "px": px,
        "py": py,
        "pt": np.hypot(px, py),
        "phi": np.arctan2(py, px),
        "sum_et": np.bincount(event, pt, events),
    }
