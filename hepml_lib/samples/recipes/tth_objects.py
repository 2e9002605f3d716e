"""Lepton, missing momentum and jets with their displacement and truth, for `tth_events`."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import clustering, detector, jets, pythia, truth
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, objects, take
from hepml_lib.samples.storage import round_mantissa

__all__ = ["JETS", "JET_ETA", "RADIUS", "select"]

RADIUS = 0.4
JET_PT, JET_ETA, JETS, MOST = 25.0, 2.5, 4, 12
LEPTON_PT, LEPTON_ISOLATION, APART = 25.0, 0.15, 0.4
TRACK_PT, DISPLACED = 1.0, 3.0
LARGEST = 60.0
HADRON_PT = 5.0
ANGLE_STEP, RATIO_STEP = 2.0**-8, 2.0**-3
PION_MASS = 0.1396


def select(table: ParticleTable, rng: np.random.Generator) -> Columns:
    """Events of a batch with one lepton and four jets, as columns; `event` counts from 0.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    rng
        Fluctuations of the detector.
    """
    events = int(table["event"].max()) + 1
    candidates = detector.respond(pythia.stable(table), rng).candidates
    lepton = _lepton(objects.leptons(candidates, rng))
    found, _ = clustering.anti_kt(candidates, RADIUS, JET_PT)
    found = take(found, np.abs(found["eta"]) < JET_ETA)
    found = take(found, jets.number_near(found, lepton, APART) == 0)
    found = take(found, np.lexsort((-found["pt"], found["event"])))
    counts = np.bincount(found["event"], minlength=events)
    passed = (counts >= JETS) & (np.bincount(lepton["event"], minlength=events) == 1)
    kept = np.flatnonzero(passed)
    lepton = take(lepton, passed[lepton["event"]])
    found = take(found, passed[found["event"]])
    # Tracks go to the nearest of all jets: cut the list afterwards.
    found |= _displacement(candidates, found) | _truth(table, found)
    leading = np.searchsorted(found["event"], found["event"])
    found = take(found, np.arange(len(leading)) - leading < MOST)
    missing = take(objects.missing(candidates, events), kept)
    counts = np.minimum(counts[kept], MOST)
    one = {
        "lepton_pt": round_mantissa(lepton["pt"], 9),
        "lepton_eta": jets.steps(lepton["eta"], ANGLE_STEP),
        "lepton_phi": jets.steps(lepton["phi"], ANGLE_STEP),
        "met_pt": round_mantissa(missing["pt"], 9),
        "met_phi": jets.steps(missing["phi"], ANGLE_STEP),
    }
    return (
        {"event": ak.Array(kept)}
        | {name: ak.Array(column) for name, column in one.items()}
        | {f"jets_{name}": ak.unflatten(value, counts) for name, value in _stored(found).items()}
    )


def _lepton(leptons: ParticleTable) -> ParticleTable:
    """The lepton of every event with exactly one that is hard and isolated."""
    good = take(leptons, (leptons["pt"] > LEPTON_PT) & (leptons["isolation"] < LEPTON_ISOLATION))
    _, first, number = np.unique(good["event"], return_index=True, return_counts=True)
    return take(good, first[number == 1])


def _displacement(candidates: ParticleTable, found: ParticleTable) -> ParticleTable:
    """What the tracks of each jet say of decays away from the collision.

    `displaced` of them have a signed impact parameter above three standard deviations, together
    with the mass `displaced_mass` as pions; `impact_2` and `impact_3` are the second and the third
    largest significance.
    """
    row = np.flatnonzero((candidates["charge"] != 0) & (candidates["pt"] > TRACK_PT))
    jet = jets.match(take(candidates, row), found, RADIUS)
    row, jet = row[jet >= 0], jet[jet >= 0]
    one, number = take(candidates, row), len(found["event"])
    ahead = np.sin(found["phi"][jet] - one["phi"])
    ratio = one["d0"] * np.sign(ahead) / one["d0_error"]
    order = np.lexsort((-ratio, jet))
    rank = np.arange(len(jet)) - np.searchsorted(jet[order], jet[order])
    columns: ParticleTable = {}
    for k in (1, 2):
        columns[f"impact_{k + 1}"] = np.full(number, -LARGEST)
        columns[f"impact_{k + 1}"][jet[order][rank == k]] = ratio[order][rank == k]
        np.clip(columns[f"impact_{k + 1}"], -LARGEST, LARGEST, out=columns[f"impact_{k + 1}"])
    far = ratio > DISPLACED
    columns["displaced"] = np.bincount(jet[far], minlength=number)
    return columns | {"displaced_mass": _mass(take(one, far), jet[far], number)}


def _mass(one: ParticleTable, jet: NDArray[np.int64], number: int) -> NDArray[np.float64]:
    """Mass of the tracks of each jet, all taken for pions; 0 for fewer than two."""
    pt, pz = one["pt"].astype(np.float64), one["pt"] * np.sinh(one["eta"].astype(np.float64))
    momentum = (pt * np.cos(one["phi"]), pt * np.sin(one["phi"]), pz)
    energy = np.sqrt(pt**2 + pz**2 + PION_MASS**2)
    sums = [np.bincount(jet, part, number) for part in (energy, *momentum)]
    square = sums[0] ** 2 - sums[1] ** 2 - sums[2] ** 2 - sums[3] ** 2
    two = np.bincount(jet, minlength=number) > 1
    return np.where(two, np.sqrt(np.maximum(square, 0)), 0)


def _truth(table: ParticleTable, found: ParticleTable) -> ParticleTable:
    """`flavour`, and the particle that the nearest quark of a resonance comes from."""
    hadrons = truth.heavy_hadrons(table, HADRON_PT)
    flavour = np.zeros(len(found["event"]), np.int64)
    for quark in (4, 5):
        near = jets.number_near(found, take(hadrons, hadrons["quark"] == quark), RADIUS)
        flavour[near > 0] = quark
    kind = np.abs(table["id"])
    parent = kind[table["first"] + table["mother1"]]
    decayed = (kind < 6) & (np.abs(table["status"]) == 23) & np.isin(parent, (6, 24, 25))
    quarks = pythia.directions(take(table, decayed))
    row = jets.match(quarks, found, RADIUS)
    origin = np.zeros(len(flavour), np.int64)
    # Where two quarks share a jet it is nobody's.
    alone = np.bincount(row[row >= 0], minlength=len(origin)) == 1
    origin[row[row >= 0]] = parent[decayed][row >= 0]
    return {"flavour": flavour, "origin": np.where(alone, origin, 0)}


def _stored(part: ParticleTable) -> ParticleTable:
    """Columns at the precision of the file."""
    return (
        {name: round_mantissa(part[name], 9) for name in ("pt", "mass")}
        | {name: jets.steps(part[name], ANGLE_STEP) for name in ("eta", "phi")}
        | {name: jets.steps(part[name], RATIO_STEP) for name in ("impact_2", "impact_3")}
        | {"displaced_mass": round_mantissa(part["displaced_mass"], 6)}
        | {name: part[name].astype(np.int8) for name in ("displaced", "flavour", "origin")}
    )
