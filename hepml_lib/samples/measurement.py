"""Columns of events with leptons and jets: what the sample `measurement_events` is made of.

Tables are those of the detector, one row per object with `event` (ascending); every function gives
jagged columns with one list per event.
"""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import constituents, jets, layout
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["decode", "group", "listed", "rounded", "stored", "top_pair"]

MIN_TRACK_PT, MIN_NEUTRAL_PT, MAX_NEUTRALS = 0.5, 1.0, 4
MATCHED = 0.4
ANGLE_STEP, D0_STEP, Z0_STEP = 2.0**-9, 2.0**-9, 2.0**-7

_PARTON = ("pt", "eta", "phi", "mass", "id")


def rounded(name: str, value: NDArray) -> NDArray:
    """Values in the precision of their kind.

    Parameters
    ----------
    name
        Of the quantity: `eta` and `phi` are angles.
    value
        Values; whole numbers stay as they are.

    Returns
    -------
    ndarray
        In single precision.
    """
    if value.dtype.kind != "f":
        return value
    if name in ("eta", "phi"):
        return round_to_step(value, ANGLE_STEP)
    return round_mantissa(value, 9)


def stored(table: ParticleTable) -> ParticleTable:
    """Table in the precision of the file, so that cuts on it come out the same for a reader.

    Parameters
    ----------
    table
        Any columns.

    Returns
    -------
    ParticleTable
        The same columns, rounded.

    Examples
    --------
    Momenta to 0.1 %, angles to 1 mrad:

    >>> jet = stored({"event": np.array([0]), "pt": np.array([100.04]), "eta": np.array([0.5003])})
    >>> jet["pt"].tolist(), jet["eta"].tolist()
    ([100.0], [0.5])
    """
    return {name: rounded(name, column) for name, column in table.items()}


def group(name: str, table: ParticleTable, names: tuple[str, ...], events: int) -> Columns:
    """Lists of records, one list per event.

    Parameters
    ----------
    name
        Of the group.
    table
        `event` (ascending), and the columns.
    names
        Columns to take.
    events
        Number of events.

    Returns
    -------
    Columns
        Jagged, ``name_column``.
    """
    counts = np.bincount(table["event"], minlength=events)
    return jagged(name, {field: table[field] for field in names}, counts)


def listed(
    candidates: ParticleTable, axes: ParticleTable, members: ak.Array, events: int
) -> Columns:
    """Tracks above 0.5 GeV and the four hardest neutral constituents above 1 GeV of each jet.

    Parameters
    ----------
    candidates
        Those of the detector, with the `origin` of each.
    axes, members
        Jets, in the order of events, and the rows of `candidates` that they hold.
    events
        Number of events.

    Returns
    -------
    Columns
        `constituents_*`, all jets of an event end to end, angles from the axes, and
        `jets_constituents`, how many each jet has: `decode` takes them apart again.
    """
    rows, jet = constituents.flattened(members)
    order = jets.hardest_first(candidates["pt"][rows], jet)
    inside, jet = take(candidates, rows[order]), jet[order]
    charged = inside["charge"] != 0
    neutral = ~charged & (inside["pt"] > MIN_NEUTRAL_PT)
    before = np.cumsum(neutral) - neutral
    rank = before - before[np.searchsorted(jet, jet)]
    kept = (charged & (inside["pt"] > MIN_TRACK_PT)) | (neutral & (rank < MAX_NEUTRALS))
    inside, jet = take(inside, kept), jet[kept]
    flat = {
        "pt": round_mantissa(inside["pt"], 8),
        **constituents.about_axis(inside, axes, jet, ANGLE_STEP),
        "charge": inside["charge"],
        "kind": inside["kind"],
        "d0": round_to_step(inside["d0"], D0_STEP),
        "z0": round_to_step(inside["z0"], Z0_STEP),
        "d0_error": round_mantissa(inside["d0_error"], 4),
        "z0_error": round_mantissa(inside["z0_error"], 4),
        "origin": inside["origin"],
    }
    per_jet: ParticleTable = {
        "event": axes["event"],
        "constituents": np.bincount(jet, minlength=len(members)).astype(np.int16),
    }
    per_event = np.bincount(axes["event"][jet], minlength=events)
    return jagged("constituents", flat, per_event) | group(
        "jets", per_jet, ("constituents",), events
    )


def top_pair(
    pair: tuple[ParticleTable, ParticleTable] | None, axes: ParticleTable, events: int
) -> Columns:
    """Tops and their quarks, with the place of each quark's jet in the list of jets.

    Parameters
    ----------
    pair
        Tops and quarks as `fiducial.semileptonic_top_pair` gives them; None for empty lists.
    axes
        Jets, in the order of events.
    events
        Number of events.

    Returns
    -------
    Columns
        Jagged `tops_*` and `partons_*`, one list per event.
    """
    if pair is None:
        nothing: ParticleTable = {name: np.zeros(0) for name in _PARTON[:4]}
        nothing |= {name: np.zeros(0, np.int64) for name in ("event", "id")}
        pair = nothing, nothing
    tops, quarks = ({name: column.ravel() for name, column in part.items()} for part in pair)
    row, _ = jets.unshared(quarks, axes, MATCHED)
    place = row - np.searchsorted(axes["event"], quarks["event"])
    quarks["jet"] = np.where(row >= 0, place, -1).astype(np.int8)
    for part in (tops, quarks):
        part |= stored(part) | {"id": part["id"].astype(np.int8)}
    return group("tops", tops, _PARTON, events) | group(
        "partons", quarks, (*_PARTON, "jet"), events
    )


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them: constituents inside their jets, with absolute angles.

    Parameters
    ----------
    columns
        Columns of a file; `constituents` need `jets`.

    Returns
    -------
    ak.Array
        Records, one per event.
    """
    counts = columns.get("jets_constituents")
    inside = {name: value for name, value in columns.items() if name.startswith("constituents_")}
    events = layout.decode(
        {
            name: column
            for name, column in columns.items()
            if name not in inside and name != "jets_constituents"
        }
    )
    if not inside or counts is None:
        return events
    per_jet = ak.flatten(counts)
    jet = {name: ak.unflatten(ak.flatten(column), per_jet) for name, column in inside.items()}
    jet |= {name: ak.flatten(columns[f"jets_{name}"]) for name in ("eta", "phi")}
    nested = ak.unflatten(constituents.decode(jet).constituents, ak.num(counts))
    return ak.with_field(events, ak.with_field(events.jets, nested, "constituents"), "jets")
