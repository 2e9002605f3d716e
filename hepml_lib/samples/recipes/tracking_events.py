"""Hits of top pairs with pileup in a tracker, with the particles that made them."""

from __future__ import annotations

import awkward as ak
import numpy as np
import vector.backends.awkward
from numpy.typing import NDArray

from hepml_lib.samples import acts, detector, layout, pythia
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.detector.table import merge
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["BEAM", "PILEUP", "RECIPE", "decode", "make"]

PILEUP = 30.0
"""Mean number of other collisions in a crossing; their number is a Poisson number."""

BEAM = (0.01, 0.01, 35.0)
"""Spread of the collisions in x, y and z [mm] (ours, LHC-like)."""

MIN_PT, MIN_PHOTON_PT = 0.15, 0.5
"""Transverse momentum from which charged particles and photons are followed [GeV]."""

ETA_MAX = 3.0

STEPS = {
    **dict.fromkeys(("hits_x", "hits_y", "hits_z"), 2.0**-8),
    **dict.fromkeys(("truth_dx", "truth_dy", "truth_dz"), 2.0**-8),
    **dict.fromkeys(("particles_eta", "particles_phi"), 2.0**-13),
    **dict.fromkeys(("particles_vx", "particles_vy"), 2.0**-9),
    "particles_vz": 2.0**-8,
}
"""Columns stored as whole numbers of steps → the step [mm, rad]."""

CARDS = ("tracking_events_top", "tracking_events_pileup")


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event.
    """
    rng = chunk.rng(0)
    pileup = rng.poisson(PILEUP, entries)
    vertices: ParticleTable = {"event": np.repeat(np.arange(entries), pileup + 1)}
    vertices |= {
        axis: rng.normal(0, width, len(vertices["event"]))
        for axis, width in zip("xyz", BEAM, strict=True)
    }
    particles = _collisions(chunk, pileup, vertices)
    hits, left = acts.simulate(particles, entries, int(chunk.rng(1).integers(2**63)))
    return {
        "event": chunk.event(0) + np.arange(entries),
        "split": np.full(entries, chunk.code, np.int8),
        **_group("hits", _hits(hits), hits["event"], entries),
        **_group("truth", _truth(hits, left), hits["event"], entries),
        **_group("particles", _particles(left), left["event"], entries),
        **_group(
            "vertices",
            {axis: round_mantissa(vertices[axis], 18) for axis in "xyz"},
            vertices["event"],
            entries,
        ),
    }


def _collisions(
    chunk: Chunk, pileup: NDArray[np.integer], vertices: ParticleTable
) -> ParticleTable:
    """Particles of all collisions that are followed, by event and vertex."""
    entries = len(pileup)
    first = np.cumsum(pileup + 1) - (pileup + 1)
    hard, soft = (
        pythia.visible_particles(pythia.records(next(pythia.batches(card, seed, number)).prt))
        for card, seed, number in zip(
            CARDS, map(chunk.pythia_seed, (0, 1)), (entries, max(1, pileup.sum())), strict=True
        )
    )
    # Rows of `vertices`: the hard collision of an event, then its pileup.
    others = np.setdiff1d(np.arange(len(vertices["event"])), first)
    # Pythia makes one collision even where none is wanted.
    soft = take(soft, soft["event"] < len(others))
    for table, rows in ((hard, first), (soft, others)):
        table["row"] = rows[table["event"]]
        table["event"] = vertices["event"][table["row"]]
    particles = merge(hard, soft)
    row = particles["row"]
    particles |= {axis: particles[axis] + vertices[axis][row] for axis in "xyz"}
    particles["vertex"] = row - first[particles["event"]]
    followed = (
        (particles["charge"] != 0) & (particles["pt"] > MIN_PT)
        | (particles["kind"] == detector.PHOTON) & (particles["pt"] > MIN_PHOTON_PT)
    ) & (np.abs(particles["eta"]) < ETA_MAX)
    particles = take(particles, followed & acts.inside(particles))
    return take(particles, np.argsort(particles["row"], kind="stable"))


def _hits(hits: ParticleTable) -> ParticleTable:
    names = {"volume": "volume_id", "layer": "layer_id", "module": "module_id"}
    return {
        **{axis: hits[axis] for axis in "xyz"},
        **{name: hits[own] for own, name in names.items()},
        **{name: hits[name] for name in ("width_u", "width_v")},
    }


def _truth(hits: ParticleTable, particles: ParticleTable) -> ParticleTable:
    """Particle of each hit, counted from 1 in its event, and how far it passed from the hit."""
    first = np.searchsorted(particles["event"], hits["event"])
    number = (hits["particle"] - first + 1).astype(np.int16)
    # The difference of the rounded positions, so that the true one is in steps too.
    step = STEPS["truth_dx"]
    truth: ParticleTable = {"particle_id": number, "order": hits["order"].astype(np.int8)}
    return truth | {
        f"d{axis}": (np.rint(hits[f"t{axis}"] / step) - np.rint(hits[axis] / step)) * step
        for axis in "xyz"
    }


def _particles(particles: ParticleTable) -> ParticleTable:
    pt = np.hypot(particles["px"], particles["py"])
    return {
        "pt": round_mantissa(pt, 10),
        "eta": np.arcsinh(particles["pz"] / pt),
        "phi": np.arctan2(particles["py"], particles["px"]),
        "charge": particles["charge"].astype(np.int8),
        "pdg": particles["id"].astype(np.int16),
        **{f"v{axis}": particles[axis] for axis in "xyz"},
        "nhits": particles["hits"].astype(np.int8),
        "vertex": particles["vertex"].astype(np.int8),
        "generation": particles["generation"].astype(np.int8),
    }


def _group(name: str, table: ParticleTable, event: NDArray[np.integer], entries: int) -> Columns:
    """Jagged columns of a group, in whole steps where it has them."""
    kind = np.int16 if name == "truth" else np.int32
    stored = {
        field: np.rint(column / STEPS[f"{name}_{field}"]).astype(kind)
        if f"{name}_{field}" in STEPS
        else column
        for field, column in table.items()
    }
    return jagged(name, stored, np.bincount(event, minlength=entries))


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with the names of TrackML.

    Parameters
    ----------
    columns
        Columns that `make` gives; those of `truth` need those of `hits`.

    Returns
    -------
    ak.Array
        One record per event, with lists of hits, of their truth, of particles and of vertices.
    """
    pieces = dict(columns)
    for axis in "xyz":
        if f"truth_d{axis}" in pieces:
            shift = pieces.pop(f"truth_d{axis}")
            pieces[f"truth_t{axis}"] = _scaled(pieces[f"hits_{axis}"] + shift, STEPS["truth_dx"])
    for name in pieces.keys() & STEPS.keys():
        pieces[name] = _scaled(pieces[name], STEPS[name])
    # Rows are counted from 1, as TrackML does, where 0 stands for noise.
    counted = {
        "hits_hit_id": "hits_x",
        "truth_hit_id": "truth_particle_id",
        "particles_particle_id": "particles_pt",
    }
    numbers = {
        name: ak.local_index(pieces[other]) + 1
        for name, other in counted.items()
        if other in pieces
    }
    events = layout.decode(numbers | pieces)
    if "particles" in events.fields:
        named = ak.with_name(events.particles, "Momentum3D")
        events = ak.with_field(events, named, "particles")
        events.behavior = vector.backends.awkward.behavior
    return events


def _scaled(column: ak.Array, step: float) -> ak.Array:
    return ak.values_astype(column * step, np.float32)


RECIPE = Recipe(
    name="tracking_events",
    number=10,
    version=1,
    chunk=2,
    committed={"train": 10, "validation": 2, "test": 8},
    share=4.5,
    make=make,
    packages=("pyacts", "pythia8mc", "numpy", "awkward"),
    cards=CARDS,
    decode=decode,
    needs={"truth": ("hits",)},
)
