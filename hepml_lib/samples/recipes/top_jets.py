"""Top jets against QCD jets, after the definition of the public top-tagging reference set."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import clustering, constituents, detector, hooks, jets, pythia, truth
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.recipe import Recipe

__all__ = ["RECIPE", "hook", "make", "make_particle_level", "select"]

RADIUS = 0.8
WINDOW = (550.0, 650.0)
ETA_MAX = 2.0
MIN_CONSTITUENT_PT = 0.5
MAX_CONSTITUENTS = 100
ANGLE_STEP = 2.0**-11
BATCH = 250

QCD, TOP = 0, 1
CARDS = ("top_jets_qcd", "top_jets_top")

hook = partial(hooks.parton_jets, 1, 460.0, RADIUS)
"""Gives the hook that drops events without a jet of partons near the window."""


def select(
    batch: ak.Array, process: int, rng: np.random.Generator, response: bool = True
) -> Columns:
    """Jets of a batch of collisions that pass the definition, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        `QCD` or `TOP`.
    rng
        Fluctuations of the detector.
    response
        False skips the detector: the same collisions at particle level.

    Returns
    -------
    dict of ak.Array
        Columns with one row per jet; `event` counts within the batch.
    """
    table = pythia.records(batch.prt)
    particles = pythia.visible_particles(table)
    candidates = (
        detector.respond(particles, rng).candidates if response else detector.perfect(particles)
    )
    axes, members = clustering.anti_kt(candidates, RADIUS, WINDOW[0])
    parton, matched = (_tops if process == TOP else _partons)(table, axes)
    chosen = matched & (axes["pt"] < WINDOW[1]) & (np.abs(axes["eta"]) < ETA_MAX)
    axes, parton, members = take(axes, chosen), take(parton, chosen), members[chosen]
    listed, _ = constituents.listed(
        candidates, axes, members, MAX_CONSTITUENTS, MIN_CONSTITUENT_PT, ANGLE_STEP
    )
    return (
        {name: axes[name].astype(np.float32) for name in ("pt", "eta", "phi", "mass")}
        | {"event": axes["event"]}
        | parton
        | jets.nearest_generated(particles, axes, RADIUS, 0.5 * WINDOW[0])
        | listed
    )


def _tops(table: ParticleTable, axes: ParticleTable) -> tuple[ParticleTable, NDArray[np.bool_]]:
    """Top of each jet, and whether it and its three quarks lie within R of the jet's axis."""
    tops, quarks = truth.decays(table, 6)
    row = jets.contained(axes, tops, quarks, RADIUS)
    return _parton(tops, row), row >= 0


def _partons(table: ParticleTable, axes: ParticleTable) -> tuple[ParticleTable, NDArray[np.bool_]]:
    """Nearest outgoing parton of the hard process within R of each jet; every jet is kept."""
    hard = pythia.directions(take(table, np.abs(table["status"]) == 23))
    row = jets.match(axes, hard, RADIUS)
    return _parton(hard, row), np.ones(len(row), bool)


def _parton(partons: ParticleTable, row: NDArray[np.int64]) -> ParticleTable:
    """Code and momentum of the matched partons, 0 for none."""
    return {
        "parton_id": jets.matched(partons["id"], row).astype(np.int8),
        "parton_pt": jets.matched(partons["pt"], row).astype(np.float32),
    }


make = Mixture(
    tuple(
        Process(card, hook=hook, columns={"label": np.int8(label)})
        for label, card in enumerate(CARDS)
    ),
    select,
    batch=BATCH,
)

make_particle_level = replace(make, select=partial(select, response=False))
"""Makes the same collisions without a detector."""

RECIPE = Recipe(
    name="top_jets",
    number=1,
    version=2,
    chunk=1000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=8.0,
    make=make,
    cards=make.cards,
    decode=constituents.decode,
    needs={"constituents": ("eta", "phi")},
)
