"""Events with a lepton and jets for a measurement from trigger to result, in two worlds."""

from __future__ import annotations

from functools import partial

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import ancestry, clustering, detector, hooks, jets, measurement, pythia
from hepml_lib.samples import fiducial as particle_level
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, level1, objects, take
from hepml_lib.samples.detector.pileup import Pool
from hepml_lib.samples.mixture import Mixture, Process, normalised
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa
from hepml_lib.samples.trigger_objects import level1_lists

__all__ = ["PROCESSES", "RECIPE", "WORLDS", "make", "select"]

WORLDS = ("simulation", "nature")
PROCESSES = ("ttbar", "wjets", "qcd")
TTBAR, WJETS, QCD = range(3)
SHARES = (0.72, 0.20, 0.08)
PILEUP = 50

RADIUS = 0.4
LEPTON_PT, SECOND_LEPTON_PT, MIN_LEPTON_PT, ISOLATION = 20.0, 10.0, 17.0, 1.0
JET_PT, MIN_JET_PT, ETA_MAX, JETS = 25.0, 20.0, 2.5, 3

# Measured [pb], with statistical errors of 1.6 % (top pairs), 5 % (W), 8 % (multijets).
_CROSS_SECTION = ((89.0, 36.0, 90.0), (74.4, 36.9, 66.8))


def select(batch: ak.Array, source: int, rng: np.random.Generator, pool: Pool) -> Columns:
    """Events of a batch that are selected or fiducial, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    source
        Number of the pair of world and process.
    rng
        Decides pileup and the fluctuations of the detector.
    pool
        Pileup.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event that is kept; `event` counts within the batch.
    """
    process = source % len(PROCESSES)
    # Without a lepton no event is fiducial or, but for a misidentified hadron, selected.
    table, number = particle_level.with_lepton(pythia.records(batch.prt), MIN_LEPTON_PT)
    events = len(number)
    if not events:
        return {"event": number}
    particles, decays = pythia.visible_particles(table), ancestry.weak_decays(table)
    if process == QCD:
        # Only hadrons with a b antiquark were made to decay to leptons: make up for it.
        sign = rng.choice(np.array([-1, 1], np.int8), events)
        particles["charge"] = particles["charge"] * sign[particles["event"]]
    columns, axes = _reconstructed(table, particles, decays, pool, events, rng)
    columns |= _particle_level(table, particles, decays, events)
    pair = particle_level.semileptonic_top_pair(table) if process == TTBAR else None
    columns |= measurement.top_pair(pair, axes, events)
    kept = columns["selected"] | columns["fiducial"]
    return {"event": number[kept]} | {name: column[kept] for name, column in columns.items()}


def _reconstructed(
    table: ParticleTable,
    particles: ParticleTable,
    decays: ParticleTable,
    pool: Pool,
    events: int,
    rng: np.random.Generator,
) -> tuple[Columns, ParticleTable]:
    """What trigger and detector see of all events, and the jets."""
    crossing, vertices = pool.overlay(particles, events, PILEUP, rng)
    seen = detector.respond(crossing, rng, vertices=vertices)
    candidates = seen.candidates
    record = np.where(candidates["particle"] >= 0, crossing["record"][candidates["particle"]], -1)
    candidates["origin"], _ = ancestry.origins(table, decays, record)
    leptons = objects.leptons(candidates, rng)
    leptons = take(leptons, (leptons["pt"] > SECOND_LEPTON_PT) & (leptons["vertex"] == 0))
    leptons = measurement.stored(take(leptons, leptons["isolation"] < ISOLATION))
    axes, members, rest, rho = _jets(candidates, leptons, events)
    axes["label"], _ = ancestry.jet_labels(axes, decays)
    enough = np.bincount(axes["event"][axes["pt"] > JET_PT], minlength=events) >= JETS
    hard = np.bincount(leptons["event"][leptons["pt"] > LEPTON_PT], minlength=events) > 0
    met = objects.missing(candidates, events)
    trigger = level1.trigger(seen.towers, crossing, events, rng)
    columns: Columns = {
        "selected": enough & hard,
        "interactions": np.bincount(vertices["event"], minlength=events).astype(np.int16),
        "rho": round_mantissa(rho, 8),
        "met_pt": measurement.rounded("pt", met["pt"]),
        "met_phi": measurement.rounded("phi", met["phi"]),
        "sum_et": round_mantissa(met["sum_et"], 8),
        "l1_met": trigger["met"][:, 0].astype(np.int16),
        "l1_met_phi": trigger["met"][:, 1].astype(np.uint8),
        "l1_ht": trigger["sums"][:, 1].astype(np.int16),
        **level1_lists(trigger, "l1", most_jets=6),
        **measurement.group("leptons", leptons, _LEPTON, events),
        **measurement.group("jets", axes, _JET, events),
    }
    return columns | measurement.listed(rest, axes, members, events), axes


def _particle_level(
    table: ParticleTable, particles: ParticleTable, decays: ParticleTable, events: int
) -> Columns:
    """Leptons, jets and neutrinos before the detector, and who is fiducial."""
    pair = particle_level.lepton_and_jets(table, particles, decays)
    leptons, axes = map(measurement.stored, pair)
    neutrino = particle_level.neutrinos(table, events)
    return {
        "fiducial": particle_level.fiducial(leptons, axes, events),
        **{f"neutrino_{name}": measurement.rounded(name, x) for name, x in neutrino.items()},
        **measurement.group("genleptons", leptons, _LEPTON[:5], events),
        **measurement.group("genjets", axes, _JET, events),
    }


_LEPTON = ("pt", "eta", "phi", "kind", "charge", "isolation", "d0", "d0_error")
_JET = ("pt", "eta", "phi", "mass", "label")


def _jets(
    candidates: ParticleTable, leptons: ParticleTable, events: int
) -> tuple[ParticleTable, ak.Array, ParticleTable, NDArray[np.float64]]:
    """Jets less pileup, their members, the candidates that these are rows of, and the density."""
    usable = objects.from_leading(candidates)
    usable[leptons["row"][leptons["pt"] > LEPTON_PT]] = False
    rest = take(candidates, usable)
    rho = objects.density(rest, events)
    axes, members = clustering.anti_kt(rest, RADIUS, MIN_JET_PT)
    axes = objects.subtract(axes, rho, RADIUS)
    hard = take(leptons, leptons["pt"] > LEPTON_PT)
    kept = (axes["pt"] > MIN_JET_PT) & (np.abs(axes["eta"]) < ETA_MAX)
    kept &= jets.number_near(axes, hard, RADIUS) == 0
    axes, members = take(axes, kept), members[kept]
    order = jets.hardest_first(axes["pt"], axes["event"])
    return measurement.stored(take(axes, order)), members[order], rest, rho


_HOOKS = (
    hooks.one_lepton,
    partial(hooks.showered_partons, 2, 20.0),
    partial(hooks.showered_partons, 4, 15.0),
)

make = Mixture(
    tuple(
        Process(
            f"measurement_events_{name}_{world_name}",
            SHARES[process],
            _HOOKS[process],
            normalised(process, _CROSS_SECTION[world][process]) | {"world": np.int8(world)},
        )
        for world, world_name in enumerate(WORLDS)
        for process, name in enumerate(PROCESSES)
    ),
    select,
    batch=50,
    smallest_batch=50,
    stride=100_000,
    pileup=(1000, 4),
)

RECIPE = Recipe(
    name="measurement_events",
    number=16,
    version=1,
    chunk=500,
    committed={"train": 3_000, "validation": 500, "test": 3_000},
    share=6.0,
    cards=make.cards,
    make=make,
    decode=measurement.decode,
    needs={"jets": ("constituents",)},
)
