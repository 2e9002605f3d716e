"""Lepton, missing momentum and jets with their displacement and truth, for `tth_events`."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import detector, jets, pythia, truth
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, objects, take
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["select"]

RADIUS = 0.4
JET_PT, JET_ETA, JETS, MAX_JETS = 25.0, 2.5, 4, 12
LEPTON_PT, LEPTON_ISOLATION, APART = 25.0, 0.15, 0.4
MIN_TRACK_PT, DISPLACED = 1.0, 3.0
LARGEST = 60.0
ANGLE_STEP, RATIO_STEP = 2.0**-8, 2.0**-3
PION_MASS = 0.1396


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """Events of a batch with one lepton and four jets, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        Both are selected alike.
    rng
        Fluctuations of the detector.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event that passes; `event` counts within the batch.
    """
    table, events = pythia.records(batch.prt), len(batch)
    candidates = detector.respond(pythia.visible_particles(table), rng).candidates
    lepton = _lepton(objects.leptons(candidates, rng))
    axes = jets.central(candidates, RADIUS, JET_PT, JET_ETA)
    axes = take(axes, jets.number_near(axes, lepton, APART) == 0)
    counts = np.bincount(axes["event"], minlength=events)
    passed = (counts >= JETS) & (np.bincount(lepton["event"], minlength=events) == 1)
    kept = np.flatnonzero(passed)
    lepton, axes = (take(table, passed[table["event"]]) for table in (lepton, axes))
    # Tracks go to the nearest of all jets: cut the list afterwards.
    axes |= _displacement(candidates, axes) | _truth(table, axes)
    axes = take(axes, jets.position(axes["event"]) < MAX_JETS)
    missing = take(objects.missing(candidates, events), kept)
    return {
        "event": kept,
        "lepton_pt": round_mantissa(lepton["pt"], 9),
        "lepton_eta": round_to_step(lepton["eta"], ANGLE_STEP),
        "lepton_phi": round_to_step(lepton["phi"], ANGLE_STEP),
        "met_pt": round_mantissa(missing["pt"], 9),
        "met_phi": round_to_step(missing["phi"], ANGLE_STEP),
    } | jagged("jets", _stored(axes), np.minimum(counts[kept], MAX_JETS))


def _lepton(leptons: ParticleTable) -> ParticleTable:
    """The lepton of every event with exactly one that is hard and isolated."""
    good = take(leptons, (leptons["pt"] > LEPTON_PT) & (leptons["isolation"] < LEPTON_ISOLATION))
    _, first, number = np.unique(good["event"], return_index=True, return_counts=True)
    return take(good, first[number == 1])


def _displacement(candidates: ParticleTable, axes: ParticleTable) -> ParticleTable:
    """What the tracks of each jet say of decays away from the collision.

    `displaced` of them have a signed impact parameter above three standard deviations, together
    with the mass `displaced_mass` as pions; `impact_2` and `impact_3` are the second and the third
    largest significance.
    """
    row = np.flatnonzero((candidates["charge"] != 0) & (candidates["pt"] > MIN_TRACK_PT))
    jet = jets.match(take(candidates, row), axes, RADIUS)
    row, jet = row[jet >= 0], jet[jet >= 0]
    tracks, number = take(candidates, row), len(axes["event"])
    ahead = np.sin(axes["phi"][jet] - tracks["phi"])
    ratio = tracks["d0"] * np.sign(ahead) / tracks["d0_error"]
    order = jets.hardest_first(ratio, jet)
    rank = jets.position(jet[order])
    columns: ParticleTable = {}
    for name, place in (("impact_2", 1), ("impact_3", 2)):
        impact = np.full(number, -LARGEST)
        impact[jet[order][rank == place]] = ratio[order][rank == place]
        columns[name] = np.clip(impact, -LARGEST, LARGEST)
    far = ratio > DISPLACED
    columns["displaced"] = np.bincount(jet[far], minlength=number)
    return columns | {"displaced_mass": _mass(take(tracks, far), jet[far], number)}


def _mass(tracks: ParticleTable, jet: NDArray[np.int64], number: int) -> NDArray[np.float64]:
    """Mass of the tracks of each jet, all taken for pions; 0 for fewer than two."""
    pt, eta = tracks["pt"].astype(np.float64), tracks["eta"].astype(np.float64)
    pz = tracks["pt"] * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + PION_MASS**2)
    momentum = (energy, pt * np.cos(tracks["phi"]), pt * np.sin(tracks["phi"]), pz)
    e, px, py, pz = (np.bincount(jet, component, number) for component in momentum)
    two = np.bincount(jet, minlength=number) > 1
    return np.where(two, np.sqrt(np.maximum(e**2 - px**2 - py**2 - pz**2, 0)), 0)


def _truth(table: ParticleTable, axes: ParticleTable) -> ParticleTable:
    """`flavour`, and the particle that the nearest quark of a resonance comes from."""
    kind = np.abs(table["id"])
    parent = kind[table["first"] + table["mother1"]]
    decayed = (kind < 6) & (np.abs(table["status"]) == 23) & np.isin(parent, (6, 24, 25))
    quarks = pythia.directions(take(table, decayed))
    # Where two quarks share a jet it is nobody's.
    row, _ = jets.unshared(quarks, axes, RADIUS)
    origin = np.zeros(len(axes["event"]), np.int64)
    origin[row[row >= 0]] = parent[decayed][row >= 0]
    return {"flavour": truth.jet_flavour(table, axes, RADIUS), "origin": origin}


def _stored(axes: ParticleTable) -> ParticleTable:
    """Columns at the precision of the file."""
    return (
        {name: round_mantissa(axes[name], 9) for name in ("pt", "mass")}
        | {name: round_to_step(axes[name], ANGLE_STEP) for name in ("eta", "phi")}
        | {name: round_to_step(axes[name], RATIO_STEP) for name in ("impact_2", "impact_3")}
        | {"displaced_mass": round_mantissa(axes["displaced_mass"], 6)}
        | {name: axes[name].astype(np.int8) for name in ("displaced", "flavour", "origin")}
    )
