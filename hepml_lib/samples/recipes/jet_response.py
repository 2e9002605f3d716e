"""Jets with their generated partners, from 0 to 60 pileup collisions."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import clustering, constituents, detector, jets, layout, pythia
from hepml_lib.samples.calibration import area, depth, reconstructed_vertices, shares, unique_pairs
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import ParticleTable, objects, take
from hepml_lib.samples.detector.pileup import Pool
from hepml_lib.samples.mixture import Mixture, Process
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa, round_to_step

__all__ = ["RECIPE", "decode", "make", "select"]

PILEUP = (0.0, 60.0)
RADIUS = 0.4
DISTANCE = 0.2
GENERATED_PT = 20.0
MIN_JET_PT = 5.0
ETA_MAX = 4.7
DETAILED = 2
MIN_CONSTITUENT_PT = 0.5
CLUSTER_PT = 1.5
ANGLE_STEP = 2.0**-7
INSIDE_STEP = 2.0**-6

CARD = "jet_response_qcd"
CROSS_SECTION = 2.117e9
"""Of the card [pb], Pythia's, at leading order."""


def select(batch: ak.Array, process: int, rng: np.random.Generator, pool: Pool) -> Columns:
    """Jets of a batch of collisions under pileup, with their generated partners.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it; events without a pair of jets have empty lists.
    process
        There is one.
    rng
        Decides pileup and fluctuations.
    pool
        Pileup.

    Returns
    -------
    dict of ak.Array
        Columns with one row per event of the batch; `event` counts within it.
    """
    table, events = pythia.records(batch.prt), len(batch)
    hard = pythia.visible_particles(table)
    mu = rng.uniform(*PILEUP, events)
    particles, vertices = pool.overlay(hard, events, mu, rng)
    seen = detector.respond(particles, rng, vertices=vertices)
    candidates = seen.candidates
    rho = objects.density(candidates, events)
    generated, _ = clustering.anti_kt(detector.perfect(hard), RADIUS, GENERATED_PT)
    generated = take(generated, np.abs(generated["eta"]) < ETA_MAX)
    axes, members = clustering.anti_kt(candidates, RADIUS, MIN_JET_PT)
    axes["area"] = area(axes, RADIUS)
    axes["subtracted_pt"] = axes["pt"] - rho[axes["event"]] * axes["area"]
    visible = (axes["subtracted_pt"] > MIN_JET_PT) & (np.abs(axes["eta"]) < ETA_MAX)
    axes, members = take(axes, visible), members[visible]
    row, partner = unique_pairs(axes, generated, DISTANCE)
    order = jets.hardest_first(generated["pt"][partner], axes["event"][row])
    row, partner = row[order], partner[order]
    axes, members = take(axes, row), members[row]
    return (
        {
            "event": np.arange(events),
            "mu": round_to_step(mu, 2.0**-4),
            "interactions": _count(vertices["event"], events),
            "vertices": reconstructed_vertices(candidates, events),
            "rho": round_mantissa(rho, 9),
            "generated": _count(generated["event"], events),
        }
        | pythia.weights_and_scales(batch)
        | _jets(table, candidates, axes, members, take(generated, partner), events)
        | _constituents(candidates, axes, members, events)
        | _clusters(seen.towers, axes, events, rng)
    )


def _count(event: NDArray[np.integer], events: int) -> NDArray[np.int16]:
    return np.bincount(event, minlength=events).astype(np.int16)


def _jets(
    table: ParticleTable,
    candidates: ParticleTable,
    axes: ParticleTable,
    members: ak.Array,
    generated: ParticleTable,
    events: int,
) -> Columns:
    """Matched jets, the hardest generated one first."""
    partons = pythia.directions(take(table, np.abs(table["status"]) == 23))
    parton = jets.matched(partons["id"], jets.match(axes, partons, RADIUS))
    flat = {
        "pt": round_mantissa(axes["pt"], 10),
        "eta": round_to_step(axes["eta"], ANGLE_STEP),
        "phi": round_to_step(axes["phi"], ANGLE_STEP),
        "mass": round_mantissa(axes["mass"], 8),
        "area": round_to_step(axes["area"], 2.0**-8),
        "subtracted_pt": round_mantissa(axes["subtracted_pt"], 10),
        "generated_pt": round_mantissa(generated["pt"], 10),
        "generated_eta": round_to_step(generated["eta"], ANGLE_STEP),
        "constituents": np.minimum(ak.to_numpy(ak.num(members)), 255).astype(np.uint8),
        "parton_id": parton.astype(np.int8),
    }
    for name, share in shares(candidates, axes, members).items():
        flat[f"{name}_fraction"] = round_to_step(share, 2.0**-7)
    return jagged("jets", flat, _count(axes["event"], events))


def _constituents(
    candidates: ParticleTable, axes: ParticleTable, members: ak.Array, events: int
) -> Columns:
    """Candidates in the leading two jets, the hardest of each jet first."""
    place = jets.position(axes["event"])
    rows, jet = constituents.flattened(members)
    kept = (place[jet] < DETAILED) & (candidates["pt"][rows] > MIN_CONSTITUENT_PT)
    rows, jet = rows[kept], jet[kept]
    order = jets.hardest_first(candidates["pt"][rows], jet)
    inside, jet = take(candidates, rows[order]), jet[order]
    flat = {
        "pt": round_mantissa(inside["pt"], 6),
        **constituents.about_axis(inside, axes, jet, INSIDE_STEP),
        "kind": inside["kind"],
        "vertex": np.sign(inside["vertex"]).astype(np.int8),
        "hard": round_to_step(inside["hard"], 2.0**-4),
        "jet": place[jet].astype(np.int8),
    }
    return jagged("constituents", flat, _count(axes["event"][jet], events))


def _clusters(
    towers: ParticleTable, axes: ParticleTable, events: int, rng: np.random.Generator
) -> Columns:
    """Towers within R of the axis of one of the leading two jets, the hardest of each first."""
    place = jets.position(axes["event"])
    towers = towers | {"pt": (towers["em"] + towers["had"]) / np.cosh(towers["eta"])}
    towers = take(towers, towers["pt"] > CLUSTER_PT)
    near = np.flatnonzero(place < DETAILED)
    jet = jets.match(towers, take(axes, near), RADIUS)
    towers, jet = take(towers, jet >= 0), near[jet[jet >= 0]]
    order = jets.hardest_first(towers["pt"], jet)
    towers, jet = take(towers, order), jet[order]
    em, had = towers["em"], towers["had"]
    flat = {
        "pt": round_mantissa(towers["pt"], 6),
        **constituents.about_axis(towers, axes, jet, INSIDE_STEP),
        "em_fraction": round_to_step(em / (em + had), 2.0**-4),
        "depth": round_to_step(depth(em, had, rng), 2.0**-3),
        "time": round_to_step(towers["time"], 2.0**-1),
        "hard": round_to_step(towers["hard"], 2.0**-4),
        "jet": place[jet].astype(np.int8),
    }
    return jagged("clusters", flat, _count(axes["event"][jet], events))


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with absolute angles of constituents and clusters.

    Parameters
    ----------
    columns
        Columns of `select`, or part of them; angles of constituents and clusters need those of
        the jets.

    Returns
    -------
    ak.Array
        One record per event.
    """
    for group in ("constituents", "clusters"):
        columns = constituents.absolute_angles(columns, group, "jets_")
    return layout.decode(columns)


make = Mixture(
    (
        Process(
            CARD,
            columns={"process": np.int8(0), "cross_section": np.float32(CROSS_SECTION)},
        ),
    ),
    select,
    batch=125,
    per_entry=1,
    shuffle=False,
    pileup=(2000, 2),
)

RECIPE = Recipe(
    name="jet_response",
    number=11,
    version=1,
    chunk=1000,
    committed={"train": 4_000, "validation": 1_000, "test": 3_000},
    share=4.0,
    cards=make.cards,
    make=make,
    decode=decode,
    needs={"constituents": ("jets",), "clusters": ("jets",)},
)
