"""What passes between the parts of the detector: flat columns, and the kinds of particle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHARGED_HADRON",
    "ELECTRON",
    "MASSES",
    "MUON",
    "NEUTRAL_HADRON",
    "PHOTON",
    "ParticleTable",
    "merge",
    "rank",
    "row_ranges",
    "same_event",
    "take",
]

CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = range(5)

MASSES = np.array([0.13957, 0.0, 0.0, 0.000511, 0.10566], dtype=np.float32)
"""Mass given to a candidate of each kind [GeV]: a track that is no lepton is taken for a pion."""

ParticleTable = dict[str, NDArray]
"""Columns of equal length: `event` (ascending) and one entry per particle of every event."""

_Rows = NDArray[np.int64]


def take(table: ParticleTable, index: NDArray) -> ParticleTable:
    """Rows of a table.

    Parameters
    ----------
    table
        Columns, shape (n,).
    index
        Mask, shape (n,), or numbers of rows.

    Returns
    -------
    ParticleTable
        The same columns with the rows that were asked for.

    Examples
    --------
    >>> table = {"event": np.array([0, 0, 1]), "pt": np.array([40.0, 20.0, 30.0])}
    >>> take(table, table["pt"] > 25)["event"].tolist()
    [0, 1]
    """
    return {name: column[index] for name, column in table.items()}


def merge(*tables: ParticleTable) -> ParticleTable:
    """Rows of several tables in the order of events; within an event in the order of the tables.

    Parameters
    ----------
    *tables
        Tables with the same columns.

    Returns
    -------
    ParticleTable
        All rows.

    Examples
    --------
    >>> tracks = {"event": np.array([0, 1]), "pt": np.array([5.0, 6.0])}
    >>> photons = {"event": np.array([0]), "pt": np.array([7.0])}
    >>> merge(tracks, photons)["pt"].tolist()
    [5.0, 7.0, 6.0]
    """
    merged = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    event = merged["event"]
    # Small integers are sorted by counting, several times faster.
    small = event.astype(np.int16) if len(event) and event.max() < 2**15 else event
    return take(merged, np.argsort(small, kind="stable"))


def rank(group: NDArray[np.integer]) -> _Rows:
    """Place of each row within its group, from 0.

    Parameters
    ----------
    group
        Number of each row's group, ascending, shape (n,).

    Returns
    -------
    ndarray
        Shape (n,).

    Examples
    --------
    >>> rank(np.array([3, 3, 3, 7, 7])).tolist()
    [0, 1, 2, 0, 1]
    """
    return np.arange(len(group)) - np.searchsorted(group, group)


def row_ranges(first: NDArray[np.integer], count: NDArray[np.integer]) -> tuple[_Rows, _Rows]:
    """Ranges of rows, end to end.

    Parameters
    ----------
    first, count
        Where each range begins and how many rows it has, shape (n,).

    Returns
    -------
    owner, row : ndarray
        For every row of every range the number of the range and of the row, shape (Σ count,).

    Examples
    --------
    >>> [rows.tolist() for rows in row_ranges(np.array([4, 0]), np.array([2, 3]))]
    [[0, 0, 1, 1, 1], [4, 5, 0, 1, 2]]
    """
    owner = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    return owner, np.arange(len(owner)) + np.repeat(first - before, count)


def same_event(event: NDArray[np.integer], other: NDArray[np.integer]) -> tuple[_Rows, _Rows]:
    """All pairs of a row of one table and a row of another in the same event.

    Parameters
    ----------
    event
        Event of each row of the one table, shape (n,), in any order.
    other
        Event of each row of the other table, ascending, shape (m,).

    Returns
    -------
    row, other_row : ndarray
        Pairs, in the order of both tables.

    Examples
    --------
    >>> jets, tracks = np.array([0, 2]), np.array([0, 0, 1, 2])
    >>> [rows.tolist() for rows in same_event(jets, tracks)]
    [[0, 0, 1], [0, 1, 3]]
    """
    first = np.searchsorted(other, event)
    return row_ranges(first, np.searchsorted(other, event, side="right") - first)
