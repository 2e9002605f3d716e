"""All-hadronic top pairs in six or more jets, and which jet is which quark."""

from __future__ import annotations

from functools import partial

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import detector, hooks, jets, pythia, truth
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["B_TAG", "RECIPE", "make", "select"]

RADIUS = 0.4
JET_PT = 25.0
JET_ETA = 2.5
JETS = 6
PARTON_JET_PT = 15.0
ANGLE_STEP = 2.0**-9
CARD = "ttbar_hadronic_ttbar"

B_TAG = {5: 0.70, 4: 0.12, 0: 0.01}
"""Probability that a jet is b tagged, by flavour: of the size of the medium working point of CMS's
DeepCSV (arXiv:1712.07158), the same at all momenta."""


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """Events of a batch with six jets, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        There is one.
    rng
        Fluctuations of the detector and of the b tag.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event that passes; `event` counts within the batch.
    """
    table, events = pythia.records(batch.prt), len(batch)
    candidates = detector.respond(pythia.visible_particles(table), rng).candidates
    axes = jets.central(candidates, RADIUS, JET_PT, JET_ETA)
    counts = np.bincount(axes["event"], minlength=events)
    passed = counts >= JETS
    axes = take(axes, passed[axes["event"]])
    axes["flavour"] = truth.jet_flavour(table, axes, RADIUS)
    axes["b_tag"] = truth.drawn_b_tag(axes["flavour"], B_TAG, rng)
    tops, quarks = _truth(table, passed)
    row, quarks["shared"] = jets.unshared(quarks, axes, RADIUS)
    first = np.searchsorted(axes["event"], quarks["event"])
    quarks["jet"] = np.where(row >= 0, row - first, -1)
    return (
        {"event": np.flatnonzero(passed)}
        | jagged("jets", _stored(axes), counts[passed])
        | jagged("quarks", _stored(quarks), np.full(passed.sum(), 6))
        | jagged("tops", _stored(tops), np.full(passed.sum(), 2))
    )


def _truth(table: ParticleTable, passed: NDArray[np.bool_]) -> tuple[ParticleTable, ParticleTable]:
    """Top and antitop of the events that passed; their quarks b, q, q' end to end."""
    tops, quarks = truth.decays(table, 6)
    # `decays` has the antitop first.
    swap = np.arange(len(tops["event"])) ^ 1
    rows = swap[passed[tops["event"]]]
    tops, quarks = take(tops, rows), {name: q[rows].ravel() for name, q in quarks.items()}
    return pythia.with_mass(tops), pythia.with_mass(quarks)


def _stored(particles: ParticleTable) -> ParticleTable:
    """Columns at the precision of the file."""
    momenta = {name: round_mantissa(particles[name], 10) for name in ("pt", "mass")}
    angles = {name: round_to_step(particles[name], ANGLE_STEP) for name in ("eta", "phi")}
    whole = {
        name: particles[name].astype(np.int8)
        for name in ("b_tag", "flavour", "id", "jet", "shared")
        if name in particles
    }
    return momenta | angles | whole


make = Mixture(
    (Process(CARD, hook=partial(hooks.parton_jets, JETS, PARTON_JET_PT, RADIUS)),),
    select,
    batch=500,
    per_entry=3,
    shuffle=False,
)

RECIPE = Recipe(
    name="ttbar_hadronic",
    number=9,
    version=1,
    chunk=2000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=5.0,
    cards=make.cards,
    make=make,
)
