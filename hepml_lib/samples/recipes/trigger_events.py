"""Crossings as the Level-1 trigger sees them: zero bias, known processes, light new particles."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.samples import detector, offline, pythia, rates
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, level1
from hepml_lib.samples.detector.pileup import Pool
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa
from hepml_lib.samples.trigger_objects import level1_lists

__all__ = ["PROCESSES", "RECIPE", "make", "select"]

ZERO_BIAS = 0

PROCESSES = {
    0: ("zero bias", "", 40, rates.INELASTIC / rates.PILEUP),
    1: ("QCD", "qcd", 20, 7.663e8),
    2: ("W", "w", 3, 4.81e4),
    3: ("Z", "z", 3, 4.784e3),
    4: ("top pairs", "ttbar", 3, 565.7),
    5: ("A to 4 leptons", "a", 4, 1.0),
    6: ("leptoquarks to b tau", "lq", 4, 1.0),
    7: ("h to tau tau", "h", 4, 1.0),
    8: ("h+- to tau nu", "hplus", 4, 1.0),
}
"""Name, ending of the card, share of the sample and cross section [pb] of each process.

Those of the known processes are Pythia's, at leading order, with statistical errors of 0.1 % (QCD)
to 0.25 %; a signal has 1 pb, which is no prediction."""


def select(batch: ak.Array, process: int, rng: np.random.Generator, pool: Pool) -> Columns:
    """What Level 1 and the reconstruction see of crossings.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it, a crossing for each event; of zero bias only their number
        counts.
    process
        Code of the process, of `PROCESSES`.
    rng
        Decides pileup and fluctuations.
    pool
        Pileup.

    Returns
    -------
    dict of ak.Array
        Columns with one row per crossing; `event` counts within the batch.
    """
    events = len(batch)
    if process == ZERO_BIAS:
        hard: ParticleTable = {"event": np.zeros(0, np.int64)}
        truth = offline.no_collision(events)
        truth |= {"weight": np.ones(events, np.float32), "pthat": np.zeros(events, np.float32)}
    else:
        table = pythia.records(batch.prt)
        hard = pythia.visible_particles(table)
        truth = offline.generated(table, hard, events) | pythia.weights_and_scales(batch)
    particles, vertices = pool.overlay(hard, events, rates.PILEUP, rng)
    seen = detector.respond(particles, rng, vertices=vertices)
    trigger = level1.trigger(seen.towers, particles, events, rng)
    hardest = np.zeros(events)
    np.maximum.at(hardest, vertices["event"], vertices["pthat"])
    # Every crossing has a leading vertex, but in zero bias no collision belongs to it.
    interactions = np.bincount(vertices["event"], minlength=events) - (process == ZERO_BIAS)
    return (
        {
            "event": np.arange(events),
            "interactions": interactions.astype(np.int16),
            "pthat_max": round_mantissa(hardest, 10),
            "met_pt": trigger["met"][:, 0].astype(np.int16),
            "met_phi": trigger["met"][:, 1].astype(np.uint8),
            "ht": trigger["sums"][:, 1].astype(np.int16),
        }
        | level1_lists(trigger)
        | offline.reconstructed(seen.candidates, events, rng)
        | truth
    )


make = Mixture(
    tuple(
        Process(
            f"trigger_events_{card}" if card else None,
            share,
            columns={
                "process": np.int8(process),
                "cross_section": np.float32(cross_section),
            },
        )
        for process, (_, card, share, cross_section) in PROCESSES.items()
    ),
    select,
    batch=125,
    per_entry=1,
    stride=100_000,
    pileup=(3000, 2),
)

RECIPE = Recipe(
    name="trigger_events",
    number=3,
    version=1,
    chunk=2125,
    committed={"train": 21_250, "validation": 4_250, "test": 17_000},
    share=4.5,
    cards=make.cards,
    make=make,
)
