"""Columns of events with leptons and jets: what the sample `measurement_events` is made of.

Tables are those of the detector, one row per object with `event` (ascending); every function gives
jagged columns with one list per event.
"""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import jets, layout
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.storage import round_mantissa

__all__ = [
    "constituents",
    "decode",
    "group",
    "level1",
    "no_top_pair",
    "rounded",
    "stored",
    "top_pair",
]

TRACK_PT, NEUTRAL_PT, NEUTRALS = 0.5, 1.0, 4
MATCHED = 0.4
ANGLE_STEP, D0_STEP, Z0_STEP = 2.0**-9, 2.0**-9, 2.0**-7

_PARTON = ("pt", "eta", "phi", "mass", "id")


def rounded(name: str, value: NDArray) -> NDArray:
    """Values in the precision of their kind."""
    if value.dtype.kind != "f":
        return value
    if name in ("eta", "phi"):
        return jets.steps(value, ANGLE_STEP)
    return round_mantissa(value, 9)


def stored(table: ParticleTable) -> ParticleTable:
    """Table in the precision of the file, so that cuts on it come out the same for a reader.

    Examples
    --------
    Momenta to 0.1 %, angles to 1 mrad:

    >>> jet = stored({"event": np.array([0]), "pt": np.array([100.04]), "eta": np.array([0.5003])})
    >>> jet["pt"].tolist(), jet["eta"].tolist()
    ([100.0], [0.5])
    """
    return {name: rounded(name, column) for name, column in table.items()}


def group(name: str, table: ParticleTable, names: tuple[str, ...], events: int) -> Columns:
    """Lists of records, one list per event."""
    counts = np.bincount(table["event"], minlength=events)
    return {f"{name}_{field}": ak.unflatten(table[field], counts) for field in names}


def level1(found: dict[str, NDArray[np.int32]]) -> Columns:
    """Level-1 objects as integers of the hardware, lists without their empty places."""
    columns = {
        "l1_met": ak.Array(found["met"][:, 0].astype(np.int16)),
        "l1_met_phi": ak.Array(found["met"][:, 1].astype(np.uint8)),
        "l1_ht": ak.Array(found["sums"][:, 1].astype(np.int16)),
    }
    for kind, last, slots in (
        ("jets", "", 6),
        ("egammas", "isolation", 4),
        ("muons", "quality", 4),
    ):
        values = found[kind][:, :slots].astype(np.int16)
        filled = values[..., 0] > 0
        for place, name in enumerate(("pt", "eta", "phi", last)):
            if name:
                column = ak.unflatten(values[..., place][filled], filled.sum(axis=1))
                columns[f"l1{kind}_{name}"] = column
    return columns


def constituents(
    candidates: ParticleTable, found: ParticleTable, members: ak.Array, events: int
) -> Columns:
    """Tracks above 0.5 GeV and the four hardest neutral constituents above 1 GeV of each jet.

    Parameters
    ----------
    candidates
        Those of the detector, with the `origin` of each.
    found, members
        Jets, in the order of events, and the rows of `candidates` that they hold.
    events
        Number of events.

    Returns
    -------
    Columns
        `constituents_*`, all jets of an event end to end, angles from the axes, and
        `jets_constituents`, how many each jet has: `decode` takes them apart again.
    """
    rows = ak.to_numpy(ak.flatten(members))
    jet = np.repeat(np.arange(len(members)), ak.to_numpy(ak.num(members)))
    order = np.lexsort((-candidates["pt"][rows], jet))
    rows, jet = rows[order], jet[order]
    one = take(candidates, rows)
    charged = one["charge"] != 0
    neutral = ~charged & (one["pt"] > NEUTRAL_PT)
    before = np.cumsum(neutral) - neutral
    rank = before - before[np.searchsorted(jet, jet)]
    kept = (charged & (one["pt"] > TRACK_PT)) | (neutral & (rank < NEUTRALS))
    one, jet = take(one, kept), jet[kept]
    flat = {
        "pt": round_mantissa(one["pt"], 8),
        "eta": jets.steps(one["eta"] - found["eta"][jet], ANGLE_STEP),
        "phi": jets.steps(kinematics.wrap_phi(one["phi"] - found["phi"][jet]), ANGLE_STEP),
        "charge": one["charge"],
        "kind": one["kind"],
        "d0": jets.steps(one["d0"], D0_STEP),
        "z0": jets.steps(one["z0"], Z0_STEP),
        "d0_error": round_mantissa(one["d0_error"], 4),
        "z0_error": round_mantissa(one["z0_error"], 4),
        "origin": one["origin"],
    }
    per_jet = np.bincount(jet, minlength=len(members))
    per_event = np.bincount(found["event"][jet], minlength=events)
    columns = {f"constituents_{name}": ak.unflatten(x, per_event) for name, x in flat.items()}
    in_event = np.bincount(found["event"], minlength=events)
    columns["jets_constituents"] = ak.unflatten(per_jet.astype(np.int16), in_event)
    return columns


def top_pair(
    tops: ParticleTable, quarks: ParticleTable, found: ParticleTable, events: int
) -> Columns:
    """Tops and their quarks, with the place of each quark's jet in the list of jets.

    Parameters
    ----------
    tops, quarks
        As `fiducial.semileptonic_top_pair` gives them.
    found
        Jets, in the order of events.
    events
        Number of events.
    """
    tops, quarks = (
        {name: column.ravel() for name, column in part.items()} for part in (tops, quarks)
    )
    near = jets.match(quarks, found, MATCHED)
    # A jet that is nearest to two quarks is the jet of neither.
    alone = (near >= 0) & (np.bincount(near[near >= 0], minlength=len(found["pt"]) + 1)[near] == 1)
    place = near - np.searchsorted(found["event"], quarks["event"])
    quarks["jet"] = np.where(alone, place, -1).astype(np.int8)
    for part in (tops, quarks):
        part |= stored(part) | {"id": part["id"].astype(np.int8)}
    return group("tops", tops, _PARTON, events) | group(
        "partons", quarks, (*_PARTON, "jet"), events
    )


def no_top_pair(events: int) -> Columns:
    """The columns of `top_pair` with empty lists."""
    nothing: ParticleTable = {name: np.zeros(0, np.float32) for name in _PARTON[:4]}
    nothing |= {"id": np.zeros(0, np.int8), "jet": np.zeros(0, np.int8)}
    nothing["event"] = np.zeros(0, np.int64)
    return group("tops", nothing, _PARTON, events) | group(
        "partons", nothing, (*_PARTON, "jet"), events
    )


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them: constituents inside their jets, with absolute angles."""
    columns = dict(columns)
    pieces = {
        name.partition("_")[2]: columns.pop(name)
        for name in list(columns)
        if name.startswith("constituents_")
    }
    counts = columns.pop("jets_constituents", None)
    events = layout.decode(columns)
    if not pieces or counts is None:
        return events
    per_jet, per_event = ak.flatten(counts), ak.num(counts)
    flat = {name: ak.unflatten(ak.flatten(column), per_jet) for name, column in pieces.items()}
    axes = {name: ak.flatten(columns[f"jets_{name}"]) for name in ("eta", "phi")}
    phi = flat["phi"] + axes["phi"]
    wrapped = kinematics.wrap_phi(ak.to_numpy(ak.flatten(phi)))
    flat |= {"eta": flat["eta"] + axes["eta"], "phi": ak.unflatten(wrapped, per_jet)}
    inside = layout.decode({f"constituents_{name}": column for name, column in flat.items()})
    nested = ak.unflatten(inside.constituents, per_event)
    return ak.with_field(events, ak.with_field(events.jets, nested, "constituents"), "jets")
