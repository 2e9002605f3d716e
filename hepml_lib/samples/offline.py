"""What the reconstruction makes of a crossing, in a few numbers, and the same of the truth."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.samples import clustering, detector, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ELECTRON, MUON, ParticleTable, objects, take
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["generated", "nothing", "primary_first", "reconstructed"]

RADIUS = 0.4
JET_PT = 10.0
JET_ETA = 2.5
HT_JET = 30.0
ISOLATION = 0.15
ANGLE_STEP = 2.0**-7


def primary_first(candidates: ParticleTable, events: int) -> ParticleTable:
    """Candidates with the vertex of the largest Σ pT² of tracks numbered 0.

    It is the vertex that an experiment takes for the one of the hard collision; the generator's
    takes its number.
    """
    vertex, event = candidates["vertex"], candidates["event"]
    track = vertex >= 0
    width = int(vertex.max(initial=0)) + 1
    place = event[track] * width + vertex[track]
    square = np.bincount(place, candidates["pt"][track] ** 2, events * width)
    best = square.reshape(events, width).argmax(axis=1).astype(vertex.dtype)[event]
    swapped = np.where(vertex == 0, best, np.where(vertex == best, 0, vertex))
    return candidates | {"vertex": swapped.astype(vertex.dtype)}


def reconstructed(candidates: ParticleTable, events: int, rng: np.random.Generator) -> Columns:
    """Columns ``offline_*`` of crossings: jets and missing momentum, electrons and muons.

    Parameters
    ----------
    candidates
        Particle flow, as `detector.respond` gives it.
    events
        Number of crossings.
    rng
        Decides which leptons are identified.
    """
    candidates = primary_first(candidates, events)
    leading = take(candidates, objects.from_leading(candidates))
    jets, _ = clustering.anti_kt(leading, RADIUS, JET_PT)
    jets = objects.subtract(jets, objects.density(leading, events), RADIUS)
    leptons = objects.leptons(candidates, rng)
    isolated = take(leptons, leptons["isolation"] < ISOLATION)
    return _summary("offline", jets, isolated, candidates, events)


def generated(table: ParticleTable, particles: ParticleTable, events: int) -> Columns:
    """Columns ``generated_*`` of hard collisions at particle level.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    particles
        Those of them that a detector sees, as `pythia.visible_particles` gives them.
    events
        Number of crossings.
    """
    true = detector.perfect(particles)
    jets, _ = clustering.anti_kt(true, RADIUS, JET_PT)
    invisible = (table["status"] > 0) & np.isin(np.abs(table["id"]), (12, 14, 16))
    neutrinos = pythia.directions(take(table, invisible))
    return _summary("generated", jets, true, neutrinos, events)


def _summary(
    prefix: str, jets: ParticleTable, leptons: ParticleTable, momenta: ParticleTable, events: int
) -> Columns:
    """Hardest central jet, electron and muon, sum of the jets, and missing momentum."""
    central = take(jets, np.abs(jets["eta"]) < JET_ETA)
    counted = central["pt"] > HT_JET
    ht = np.bincount(central["event"][counted], central["pt"][counted], events)
    met = objects.missing(momenta, events)["pt"]
    columns = _hardest(f"{prefix}_jet", central, events)
    for name, kind in (("electron", ELECTRON), ("muon", MUON)):
        inside = (leptons["kind"] == kind) & (np.abs(leptons["eta"]) < JET_ETA)
        columns |= _hardest(f"{prefix}_{name}", take(leptons, inside), events)
    sums = {"ht": ht, "met": met}
    return columns | {
        f"{prefix}_{name}": ak.Array(round_mantissa(value, 8)) for name, value in sums.items()
    }


def _hardest(prefix: str, table: ParticleTable, events: int) -> Columns:
    """Direction and transverse momentum of the hardest object of each event, zero without one."""
    order = np.lexsort((table["pt"], table["event"]))
    columns = {}
    for name in ("pt", "eta", "phi"):
        value = np.zeros(events)
        # Of the rows of an event the last one stays, which is the hardest.
        value[table["event"][order]] = table[name][order]
        rounded = round_mantissa(value, 9) if name == "pt" else round_to_step(value, ANGLE_STEP)
        columns[f"{prefix}_{name}"] = ak.Array(rounded)
    return columns


def nothing(events: int) -> Columns:
    """Columns ``generated_*`` of crossings without a hard collision: zeros."""
    empty = {name: np.zeros(0, np.int64) for name in ("event", "pt", "eta", "phi", "kind")}
    return _summary("generated", empty, empty, empty, events)
