"""Jets of top pairs with their tracks, impact parameters and the truth of both, to tag b and c."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import (
    ancestry,
    clustering,
    constituents,
    detector,
    jets,
    layout,
    pythia,
)
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["KEPT", "RECIPE", "decode", "make", "select"]

RADIUS = 0.4
JET_PT = 20.0
ETA_MAX = 2.5
MIN_TRACK_PT = 0.5
MAX_TRACKS = 40
LEPTON_PT, LEPTON_RADIUS = 10.0, 0.3

LIGHT, CHARM, BEAUTY, TAU = 0, 4, 5, 15
KEPT = {LIGHT: 0.4, CHARM: 1.0, BEAUTY: 0.5, TAU: 1.0}
"""Share of the jets of each label that enters the sample; the inverse is their weight."""

AXIS_STEP, ANGLE_STEP = 2.0**-10, 2.0**-10
D0_STEP, Z0_STEP = 2.0**-10, 2.0**-8
CARD = "flavour_jets_ttbar"


def select(batch: ak.Array, process: int, rng: np.random.Generator) -> Columns:
    """Jets of a batch of collisions, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    process
        There is one.
    rng
        Fluctuations of the detector, and which jets enter.

    Returns
    -------
    dict of ak.Array
        Columns with one row per jet; `event` counts within the batch.
    """
    table = pythia.records(batch.prt)
    particles, decays = pythia.visible_particles(table), ancestry.weak_decays(table)
    candidates = detector.respond(particles, rng).candidates
    axes, _ = clustering.anti_kt(candidates, RADIUS, JET_PT)
    leptons = pythia.directions(take(table, ancestry.prompt_leptons(table)))
    leptons = take(leptons, leptons["pt"] > LEPTON_PT)
    inside = np.abs(axes["eta"]) < ETA_MAX
    inside &= jets.number_near(axes, leptons, LEPTON_RADIUS) == 0
    flavour, hadron = ancestry.jet_labels(axes, decays)
    share = np.array(list(KEPT.values()))[np.searchsorted(list(KEPT), flavour)]
    inside &= rng.random(len(flavour)) < share
    truth = _hadrons(table, decays, hadron)
    truth |= {"label": flavour, "weight": (1 / share).astype(np.float32)}
    # Tracks go to the nearest of all jets: those that leave the sample take theirs along.
    tracks = _tracks(table, particles, candidates, decays, axes)
    axes = take(axes, inside)
    generated = jets.nearest_generated(particles, axes, RADIUS, 5.0)
    return (
        {name: round_mantissa(axes[name], 12) for name in ("pt", "mass")}
        | {name: round_to_step(axes[name], AXIS_STEP) for name in ("eta", "phi")}
        | {"event": axes["event"], "generated_pt": generated["generated_pt"]}
        | {name: column[inside] for name, column in (truth | tracks).items()}
    )


def _hadrons(table: ParticleTable, decays: ParticleTable, row: NDArray[np.int64]) -> ParticleTable:
    """What a jet is labelled by: code, momentum, flight, charged daughters; 0 for none."""
    start = {axis: table[axis][decays["record"]] for axis in ("x", "y")}
    transverse = np.hypot(decays["x"] - start["x"], decays["y"] - start["y"])
    columns: ParticleTable = {
        "id": decays["id"].astype(np.int16),
        "pt": round_mantissa(decays["pt"], 10),
        "lxy": round_mantissa(transverse, 8),
        "flight": round_mantissa(decays["flight"], 8),
        "charged": decays["charged"].astype(np.int8),
    }
    return {f"hadron_{name}": jets.matched(column, row) for name, column in columns.items()}


def _tracks(
    table: ParticleTable,
    particles: ParticleTable,
    candidates: ParticleTable,
    decays: ParticleTable,
    axes: ParticleTable,
) -> Columns:
    """Tracks near each jet with their origins, and the decays that these stem from."""
    row = np.flatnonzero((candidates["charge"] != 0) & (candidates["pt"] > MIN_TRACK_PT))
    jet = jets.match(take(candidates, row), axes, RADIUS)
    row, jet = row[jet >= 0], jet[jet >= 0]
    order = jets.hardest_first(candidates["pt"][row], jet, MAX_TRACKS)
    jet, tracks = jet[order], take(candidates, row[order])
    origin, decay = ancestry.origins(table, decays, particles["record"][tracks["particle"]])
    vertices, vertex = _vertices(decays, jet, decay, len(axes["event"]))
    flat = {
        "pt": round_mantissa(tracks["pt"], 10),
        **constituents.about_axis(tracks, axes, jet, ANGLE_STEP),
        "charge": tracks["charge"],
        "kind": tracks["kind"],
        "d0": round_to_step(tracks["d0"], D0_STEP),
        "z0": round_to_step(tracks["z0"], Z0_STEP),
        "d0_error": round_mantissa(tracks["d0_error"], 5),
        "z0_error": round_mantissa(tracks["z0_error"], 5),
        "origin": origin,
        "vertex": vertex,
    }
    return jagged("tracks", flat, np.bincount(jet, minlength=len(axes["event"]))) | vertices


def _vertices(
    decays: ParticleTable, jet: NDArray[np.int64], decay: NDArray[np.int64], number: int
) -> tuple[Columns, NDArray[np.int8]]:
    """Decays that the tracks of each jet stem from and their ancestors; the place of each track's.

    Parameters
    ----------
    decays
        As `ancestry.weak_decays` gives them.
    jet, decay
        Jet and row of `decays` (-1 for none) of every track.
    number
        How many jets there are.
    """
    pairs = np.stack([jet, decay], axis=1)[decay >= 0]
    above = pairs
    while len(above):
        above = np.stack([above[:, 0], decays["mother"][above[:, 1]]], axis=1)
        above = above[above[:, 1] >= 0]
        pairs = np.concatenate([pairs, above])
    owner, row = np.unique(pairs, axis=0).T
    first = np.searchsorted(owner, np.arange(number))
    # Both ascend, so that one number tells a pair of jet and decay.
    many = len(decays["event"]) + 1

    def place(jet: NDArray[np.int64], decay: NDArray[np.int64]) -> NDArray[np.int8]:
        """Place of a decay in the list of its jet, -1 for no decay."""
        in_all = np.searchsorted(owner * many + row, jet * many + decay)
        return np.where(decay >= 0, in_all - first[jet], -1).astype(np.int8)

    flat = {
        "id": decays["id"][row].astype(np.int16),
        "pt": round_mantissa(decays["pt"][row], 8),
        **{axis: round_mantissa(decays[axis][row], 8) for axis in ("x", "y", "z")},
        "charged": decays["charged"][row].astype(np.int8),
        "mother": place(owner, decays["mother"][row]),
    }
    counts = np.bincount(owner, minlength=number)
    return jagged("vertices", flat, counts), place(jet, decay)


def decode(columns: Columns) -> ak.Array:
    """Jets as the reader sees them, with absolute angles of the tracks.

    Parameters
    ----------
    columns
        Columns of `select`, or part of them; angles of the tracks need those of the jets.

    Returns
    -------
    ak.Array
        One record per jet.
    """
    return layout.decode(constituents.absolute_angles(columns, "tracks"))


make = Mixture((Process(CARD),), select, batch=100, smallest_batch=100)

RECIPE = Recipe(
    name="flavour_jets",
    number=6,
    version=1,
    chunk=4000,
    committed={"train": 28_000, "validation": 4_000, "test": 24_000},
    share=7.0,
    cards=make.cards,
    make=make,
    decode=decode,
    needs={"tracks": ("eta", "phi")},
)
