"""Jets of many events, and what is near them: sorting, matching, the particle level.

Jets and what is matched to them are tables of one row per object with `event` (ascending), `eta`
and `phi` [rad]; see `hepml_lib.samples.detector.ParticleTable`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import clustering, detector
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, take

__all__ = [
    "central",
    "contained",
    "hardest",
    "hardest_first",
    "match",
    "matched",
    "nearest_generated",
    "number_near",
    "position",
    "unshared",
]


def position(owner: NDArray[np.integer]) -> NDArray[np.int64]:
    """Place of each row among those of the same owner; `owner` ascends.

    Parameters
    ----------
    owner
        Number of what the row belongs to, ascending.

    Returns
    -------
    ndarray
        From 0, one per row.

    Examples
    --------
    >>> position(np.array([0, 0, 0, 2, 2])).tolist()
    [0, 1, 2, 0, 1]
    """
    return np.arange(len(owner)) - np.searchsorted(owner, owner)


def hardest_first(
    pt: NDArray[np.floating], owner: NDArray[np.integer], most: int | None = None
) -> NDArray[np.int64]:
    """Order of rows by owner, and of each owner's by falling pT; at most `most` of each.

    Parameters
    ----------
    pt
        What falls, such as the transverse momentum.
    owner
        Number of what the row belongs to, such as its event or its jet.
    most
        Rows kept of each owner; all by default.

    Returns
    -------
    ndarray
        Rows in their new order.

    Examples
    --------
    >>> hardest_first(np.array([5.0, 9.0, 7.0]), np.array([1, 0, 1])).tolist()
    [1, 2, 0]
    """
    order = np.lexsort((-pt, owner))
    return order if most is None else order[position(owner[order]) < most]


def hardest(table: ParticleTable, usable: NDArray[np.bool_], events: int) -> NDArray[np.int64]:
    """Of the usable rows, the hardest of each event; -1 for none.

    Parameters
    ----------
    table
        `event`, `pt`.
    usable
        One flag per row.
    events
        Number of events.

    Returns
    -------
    ndarray
        A row of the table, or -1, one per event.

    Examples
    --------
    >>> muons = {"event": np.array([0, 0, 2]), "pt": np.array([9.0, 30.0, 20.0])}
    >>> hardest(muons, np.ones(3, bool), 3).tolist()
    [1, -1, 2]
    """
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(table["pt"][rows], kind="stable")]
    row = np.full(events, -1)
    # Of several rows of an event the last one stays, and that is the hardest.
    row[table["event"][rows]] = rows
    return row


def central(
    candidates: ParticleTable, radius: float, pt_min: float, eta_max: float
) -> ParticleTable:
    """Anti-kT jets within |η| < `eta_max`, the hardest of each event first.

    Parameters
    ----------
    candidates, radius, pt_min
        As for `clustering.anti_kt`.
    eta_max
        Largest |η| of the axis, not included.

    Returns
    -------
    ParticleTable
        `event`, `pt`, `mass` [GeV], `eta`, `phi` [rad], one row per jet.
    """
    axes, _ = clustering.anti_kt(candidates, radius, pt_min)
    axes = take(axes, np.abs(axes["eta"]) < eta_max)
    return take(axes, hardest_first(axes["pt"], axes["event"]))


def _pairs(
    jets: ParticleTable, objects: ParticleTable
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of every jet and of every object of the same event, jet by jet."""
    here = objects["event"]
    first = np.searchsorted(here, jets["event"])
    count = np.searchsorted(here, jets["event"], side="right") - first
    jet = np.repeat(np.arange(len(count)), count)
    return jet, np.arange(len(jet)) + np.repeat(first - (np.cumsum(count) - count), count)


def _distance(
    jets: ParticleTable, jet: NDArray[np.int64], objects: ParticleTable, row: NDArray[np.int64]
) -> NDArray[np.floating]:
    """ΔR of pairs of rows."""
    return kinematics.delta_r(
        jets["eta"][jet], jets["phi"][jet], objects["eta"][row], objects["phi"][row]
    )


def _nearest(
    jet: NDArray[np.int64], row: NDArray[np.int64], distance: NDArray[np.floating], jets: int
) -> NDArray[np.int64]:
    """Of the pairs given, the row at the smallest distance of each jet; -1 where there is none."""
    order = np.lexsort((distance, jet))
    jet, first = np.unique(jet[order], return_index=True)
    nearest = np.full(jets, -1)
    nearest[jet] = row[order][first]
    return nearest


def match(jets: ParticleTable, objects: ParticleTable, radius: float) -> NDArray[np.int64]:
    """Nearest object of the same event for each jet.

    Parameters
    ----------
    jets, objects
        `event` (ascending), `eta`, `phi` [rad].
    radius
        Largest distance ΔR, not included.

    Returns
    -------
    ndarray
        Row of `objects` for each jet, -1 where none is near. Two jets may share an object.

    Examples
    --------
    >>> jets = {"event": np.array([0, 1]), "eta": np.array([0.0, 0.5]), "phi": np.zeros(2)}
    >>> quarks = {"event": np.array([0, 0]), "eta": np.array([0.7, 0.1]), "phi": np.zeros(2)}
    >>> match(jets, quarks, 0.8).tolist()
    [1, -1]
    """
    jet, row = _pairs(jets, objects)
    distance = _distance(jets, jet, objects, row)
    near = distance < radius
    return _nearest(jet[near], row[near], distance[near], len(jets["event"]))


def number_near(jets: ParticleTable, objects: ParticleTable, radius: float) -> NDArray[np.int64]:
    """How many objects of the same event lie within `radius` of each jet.

    Parameters
    ----------
    jets, objects
        `event` (ascending), `eta`, `phi` [rad].
    radius
        Largest distance ΔR, not included.

    Returns
    -------
    ndarray
        A number for each jet.

    Examples
    --------
    >>> jets = {"event": np.array([0, 1]), "eta": np.array([0.0, 0.5]), "phi": np.zeros(2)}
    >>> quarks = {"event": np.array([0, 0]), "eta": np.array([0.7, 0.1]), "phi": np.zeros(2)}
    >>> number_near(jets, quarks, 0.8).tolist()
    [2, 0]
    """
    jet, row = _pairs(jets, objects)
    near = _distance(jets, jet, objects, row) < radius
    return np.bincount(jet[near], minlength=len(jets["event"]))


def contained(
    jets: ParticleTable, resonances: ParticleTable, quarks: ParticleTable, radius: float
) -> NDArray[np.int64]:
    """Nearest resonance that lies within `radius` of each jet's axis with all its quarks.

    Parameters
    ----------
    jets
        `event` (ascending), `eta`, `phi` [rad].
    resonances, quarks
        As `truth.decays` gives them.
    radius
        Largest distance ΔR, not included.

    Returns
    -------
    ndarray
        Row of `resonances` for each jet, -1 where there is none.

    Examples
    --------
    >>> jets = {"event": np.array([0]), "eta": np.array([0.0]), "phi": np.zeros(1)}
    >>> boson = {"event": np.array([0]), "eta": np.array([0.1]), "phi": np.zeros(1)}
    >>> quarks = {"eta": np.array([[0.0, 0.7]]), "phi": np.zeros((1, 2))}
    >>> contained(jets, boson, quarks, 0.8).tolist(), contained(jets, boson, quarks, 0.6).tolist()
    ([0], [-1])
    """
    jet, row = _pairs(jets, resonances)
    distance = _distance(jets, jet, resonances, row)
    to_quarks = kinematics.delta_r(
        jets["eta"][jet, None], jets["phi"][jet, None], quarks["eta"][row], quarks["phi"][row]
    )
    inside = (distance < radius) & (to_quarks < radius).all(axis=1)
    return _nearest(jet[inside], row[inside], distance[inside], len(jets["event"]))


def matched(column: NDArray, row: NDArray[np.int64]) -> NDArray:
    """Values of the objects that `match` gives, 0 where it gives none.

    Parameters
    ----------
    column
        Values of the objects.
    row
        Their rows, -1 for none.

    Returns
    -------
    ndarray
        One value per row, of the column's type.

    Examples
    --------
    >>> matched(np.array([21, 5]), np.array([1, -1, 0])).tolist()
    [5, 0, 21]
    """
    # Row -1 is the last one: put a zero there.
    return np.append(column, np.zeros(1, column.dtype))[row]


def unshared(
    objects: ParticleTable, jets: ParticleTable, radius: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Nearest jet of each object, if no other object has the same one.

    Parameters
    ----------
    objects, jets
        `event` (ascending), `eta`, `phi` [rad].
    radius
        Largest distance ΔR, not included.

    Returns
    -------
    row : ndarray
        Row of `jets` for each object; -1 where none is near, or where it is shared.
    shared : ndarray
        Whether the nearest jet is that of another object too.

    Examples
    --------
    >>> quarks = {"event": np.zeros(3, int), "eta": np.array([0.0, 0.1, 2.0]), "phi": np.zeros(3)}
    >>> jets = {"event": np.zeros(2, int), "eta": np.array([0.0, 2.0]), "phi": np.zeros(2)}
    >>> [column.tolist() for column in unshared(quarks, jets, 0.4)]
    [[-1, -1, 1], [True, True, False]]
    """
    row = match(objects, jets, radius)
    times = np.bincount(row[row >= 0], minlength=len(jets["event"]))
    shared = matched(times, row) > 1
    return np.where(shared, -1, row), shared


def nearest_generated(
    particles: ParticleTable, jets: ParticleTable, radius: float, pt_min: float
) -> Columns:
    """Particle-level jet nearest to each jet, clustered the same way.

    Parameters
    ----------
    particles
        Columns of `pythia.visible_particles`.
    jets
        Reconstructed anti-kT jets: `event` (ascending), `eta`, `phi` [rad].
    radius
        Radius parameter R, and the largest distance ΔR.
    pt_min
        Softest particle-level jet [GeV].

    Returns
    -------
    Columns
        `generated_pt` and `generated_mass` [GeV], 0 where no jet is near.
    """
    true = detector.perfect(take(particles, np.isin(particles["event"], jets["event"])))
    generated, _ = clustering.anti_kt(true, radius, pt_min)
    row = match(jets, generated, radius)
    return {
        f"generated_{name}": matched(generated[name], row).astype(np.float32)
        for name in ("pt", "mass")
    }
