"""A Z boson and its jet, as nature makes them and as the simulation has them: two samples."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics, substructure
from hepml_lib.samples import clustering, constituents, detector, jets, layout, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import MUON, ParticleTable, objects, take
from hepml_lib.samples.mixture import Mixture, Process, normalised
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["NATURE", "SIMULATION", "decode", "select"]

RADIUS = 0.4
JET_PT = 50.0
JET_ETA = 2.5
MUON_PT = 20.0
MUON_ETA = 2.4
ISOLATION = 0.2
BOSON_MASS = (76.0, 106.0)
BOSON_PT = 200.0
MIN_CONSTITUENT_PT = 1.0
MAX_CONSTITUENTS = 40
ANGLE_STEP = 2.0**-8
AXIS_STEP = 2.0**-10

LEVELS = {"generated": ("generated_", "particles"), "reconstructed": ("", "constituents")}
"""Prefix of the flat fields and name of the list of constituents at each level."""

OBSERVABLES = ("multiplicity", "width", "groomed_mass", "z_g", "tau_1", "tau_2")
"""What is measured of the leading jet, besides its four-momentum."""


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """Events of a batch that pass the selection at one level at least, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        There is one.
    rng
        Fluctuations of the detector.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event that passes; `event` counts within the batch.
    """
    particles, events = pythia.visible_particles(pythia.records(batch.prt)), len(batch)
    true, seen = detector.perfect(particles), detector.respond(particles, rng).candidates
    muons = objects.leptons(seen, rng)
    muons = take(muons, muons["isolation"] < ISOLATION)
    # Every particle-level muon is identified, and may be anywhere.
    every = take(true | {"row": np.arange(len(true["kind"]))}, true["kind"] == MUON)
    levels = {
        "generated": _observe(true, every, events),
        "reconstructed": _observe(seen, muons, events),
    }
    passed = {f"pass_{level}": flat["passed"] for level, (flat, _) in levels.items()}
    kept = np.logical_or(*passed.values())
    columns: Columns = {"event": np.flatnonzero(kept)}
    columns |= {name: flag[kept] for name, flag in passed.items()}
    for level, (prefix, group) in LEVELS.items():
        flat, inside = levels[level]
        columns |= {
            prefix + name: _stored(name, value[kept])
            for name, value in flat.items()
            if name != "passed"
        }
        columns |= {f"{group}_{name}": column[kept] for name, column in inside.items()}
    return columns


def _stored(name: str, values: NDArray) -> NDArray:
    """Values at the precision of the file."""
    if name == "multiplicity":
        return values.astype(np.int16)
    if name.endswith(("eta", "phi")):
        return round_to_step(values, AXIS_STEP)
    return round_mantissa(values, 10)


def _observe(
    candidates: ParticleTable, muons: ParticleTable, events: int
) -> tuple[ParticleTable, Columns]:
    """The boson and the leading jet of every event, zero where the event does not pass.

    Returns
    -------
    flat : ParticleTable
        One row per event, with the flag `passed`.
    constituents
        Jagged columns of the leading jet's constituents, one list per event.
    """
    boson, pair = _boson(candidates, muons, events)
    # The muons are no part of a jet; events without a boson are not worth clustering.
    others = boson["pt"][candidates["event"]] > BOSON_PT
    others[pair] = False
    rest = take(candidates, others)
    found, members = clustering.anti_kt(rest, RADIUS, JET_PT)
    leading = jets.hardest(found, np.abs(found["eta"]) < JET_ETA, events)
    passed = leading >= 0
    members = members[leading[passed]]
    axes = {name: found[name][leading[passed]] for name in ("pt", "eta", "phi", "mass")}
    flat: ParticleTable = {"passed": passed}
    for name, value in (axes | _substructure(rest, members)).items():
        flat[name] = np.zeros(events)
        flat[name][passed] = value
    flat |= {f"boson_{name}": value * passed for name, value in boson.items()}
    return flat, _constituents(rest, axes, members, passed)


def _boson(
    candidates: ParticleTable, muons: ParticleTable, events: int
) -> tuple[ParticleTable, NDArray[np.int64]]:
    """Pair of the hardest muons of either charge, and its rows; pt 0 where there is no Z."""
    usable = (muons["pt"] > MUON_PT) & (np.abs(muons["eta"]) < MUON_ETA)
    rows = np.stack(
        [jets.hardest(muons, usable & (muons["charge"] == charge), events) for charge in (1, -1)]
    )
    paired = (rows >= 0).all(axis=0)
    rows = muons["row"][rows[:, paired]]
    columns = {name: candidates[name][rows].T for name in ("pt", "eta", "phi")}
    columns["mass"] = np.full(columns["pt"].shape, float(detector.MASSES[MUON]))
    pairs = kinematics.total(ak.zip({name: ak.from_regular(c) for name, c in columns.items()}))
    boson = {}
    for name in ("pt", "eta", "phi", "mass"):
        boson[name] = np.zeros(events)
        boson[name][paired] = ak.to_numpy(getattr(pairs, name))
    good = (boson["mass"] > BOSON_MASS[0]) & (boson["mass"] < BOSON_MASS[1])
    good &= boson["pt"] > BOSON_PT
    return {name: value * good for name, value in boson.items()}, rows[:, good[paired]].ravel()


def _substructure(candidates: ParticleTable, members: ak.Array) -> ParticleTable:
    """Observables of jets, from all their constituents."""
    inside = constituents.contents(candidates, members)
    groomed = substructure.softdrop(inside, radius=RADIUS)
    return {
        "multiplicity": substructure.multiplicity(inside),
        "width": substructure.width(inside),
        "groomed_mass": groomed.mass,
        "z_g": groomed.z_g,
        "tau_1": substructure.nsubjettiness(inside, 1, RADIUS),
        "tau_2": substructure.nsubjettiness(inside, 2, RADIUS),
    }


def _constituents(
    candidates: ParticleTable, axes: ParticleTable, members: ak.Array, passed: NDArray[np.bool_]
) -> Columns:
    """Constituents of the leading jets, an empty list for events that do not pass."""
    columns, _ = constituents.listed(
        candidates, axes, members, MAX_CONSTITUENTS, MIN_CONSTITUENT_PT, ANGLE_STEP, bits=8
    )
    counts = np.zeros(len(passed), np.int64)
    counts[passed] = ak.to_numpy(ak.num(columns["constituents_pt"]))
    return {
        name: ak.unflatten(ak.flatten(columns[f"constituents_{name}"]), counts)
        for name in ("pt", "eta", "phi", "kind")
    }


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with absolute angles of the constituents.

    Parameters
    ----------
    columns
        Columns of `select`, or part of them; angles of the constituents need those of the jet.

    Returns
    -------
    ak.Array
        One record per event.
    """
    for prefix, group in LEVELS.values():
        columns = constituents.absolute_angles(columns, group, prefix)
    return layout.decode(columns)


def _recipe(name: str, number: int, cross_section: float) -> Recipe:
    """Recipe of one of the two samples, with its cross section after the selection [pb]."""
    return Recipe(
        name=name,
        number=number,
        version=1,
        chunk=1000,
        committed={"train": 5_000, "validation": 1_000, "test": 4_000},
        share=2.5,
        # However few are asked for, a batch holds some that pass.
        make=Mixture(
            (Process(name, columns=normalised(0, cross_section)),),
            select,
            smallest_batch=30,
            per_entry=5,
            shuffle=False,
        ),
        cards=(name,),
        decode=decode,
        needs={
            "constituents": ("eta", "phi"),
            "particles": ("generated_eta", "generated_phi"),
        },
    )


# Cross sections are measured, with a statistical error of 1.5 %.
NATURE = _recipe("zjets_nature", 14, 1.44)
SIMULATION = _recipe("zjets_simulation", 15, 1.47)
