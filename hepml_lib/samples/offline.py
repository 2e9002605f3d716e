"""What the reconstruction makes of a crossing, in a few numbers, and the same of the truth."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.samples import clustering, detector, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ELECTRON, MUON, ParticleTable, objects, take
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["generated", "no_collision", "primary_first", "reconstructed"]

RADIUS, JET_PT, JET_ETA = 0.4, 10.0, 2.5
"""Radius of the jets, softest one [GeV], largest |η|."""

HT_JET = 30.0
"""Softest jet that counts in the sum [GeV]."""

ISOLATION = 0.15
"""Largest isolation of a lepton."""

ANGLE_STEP = 2.0**-7
"""Precision in which angles are stored [rad]."""


def primary_first(candidates: ParticleTable, events: int) -> ParticleTable:
    """Candidates with the vertex of the largest Σ pT² of tracks numbered 0.

    It is the vertex that an experiment takes for the one of the hard collision; the generator's
    takes its number.

    Parameters
    ----------
    candidates
        `event`, `pt` [GeV], `vertex` (-1 where there is no track).
    events
        Number of crossings; `event` counts from 0.

    Returns
    -------
    ParticleTable
        The candidates with another `vertex`.

    Examples
    --------
    >>> tracks = {"event": np.zeros(3, int), "pt": np.array([1.0, 1.0, 9.0])}
    >>> primary_first(tracks | {"vertex": np.array([0, 0, 1])}, 1)["vertex"].tolist()
    [1, 1, 0]
    """
    vertex, event = candidates["vertex"], candidates["event"]
    track = vertex >= 0
    width = int(vertex.max(initial=0)) + 1
    number = event[track] * width + vertex[track]
    square = np.bincount(number, candidates["pt"][track] ** 2, events * width)
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

    Returns
    -------
    Columns
        One entry per crossing: ``offline_jet_*``, ``offline_electron_*``, ``offline_muon_*`` with
        `pt` [GeV], `eta`, `phi` [rad] of the hardest one, zero without one; ``offline_ht`` and
        ``offline_met`` [GeV].
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

    Returns
    -------
    Columns
        As of `reconstructed`, ``generated_`` in place of ``offline_``; ``generated_met`` is the
        transverse momentum of the neutrinos.
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


def no_collision(events: int) -> Columns:
    """Columns ``generated_*`` of crossings without a hard collision: zeros.

    Parameters
    ----------
    events
        Number of crossings.

    Returns
    -------
    Columns
        As of `generated`.
    """
    empty = {name: np.zeros(0, np.int64) for name in ("event", "pt", "eta", "phi", "kind")}
    return _summary("generated", empty, empty, empty, events)
