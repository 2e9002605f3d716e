"""Hits of top pairs with pileup in a tracker, with the particles that made them."""

from __future__ import annotations

import awkward as ak
import numpy as np
import vector.backends.awkward
from numpy.typing import NDArray

from hepml_lib.samples import acts, detector, layout, pythia
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.detector.table import merge
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["BEAM", "PILEUP", "RECIPE", "decode", "make"]

PILEUP = 30.0
"""Mean number of other collisions in a crossing; their number is a Poisson number."""

BEAM = (0.01, 0.01, 35.0)
"""Spread of the collisions in x, y and z [mm] (ours, LHC-like)."""

SOFTEST, SOFTEST_PHOTON = 0.15, 0.5
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
        "event": ak.Array(chunk.event(0) + np.arange(entries)),
        "split": ak.Array(np.full(entries, chunk.code, np.int8)),
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
        pythia.stable(pythia.records(next(pythia.batches(card, seed, number)).prt))
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
        (particles["charge"] != 0) & (particles["pt"] > SOFTEST)
        | (particles["kind"] == detector.PHOTON) & (particles["pt"] > SOFTEST_PHOTON)
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
    counts = np.bincount(event, minlength=entries)
    columns = {f"{name}_{field}": column for field, column in table.items()}
    for field in columns.keys() & STEPS.keys():
        kind = np.int16 if name == "truth" else np.int32
        columns[field] = np.rint(columns[field] / STEPS[field]).astype(kind)
    return {field: ak.unflatten(column, counts) for field, column in columns.items()}


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with the names of TrackML.

    Parameters
    ----------
    columns
        Columns that `make` gives; those of `truth` need those of `hits`.
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


_TEXT = """\
Definition
    Crossings at 13.6 TeV with one top pair and a Poisson number of other inelastic collisions, 30
    on average, all from Pythia 8; each collision is used once. They happen at x and y = 0 +- 0.01
    mm and z = 0 +- 35 mm. Charged particles above 0.15 GeV and photons above 0.5 GeV of pT, |eta| <
    3, are followed by Fatras, the fast simulation of ACTS (arXiv:2106.13593): a helix with multiple
    scattering, ionisation, bremsstrahlung and conversion of photons. An event has 15 500 hits of
    1 350 particles on average (standard deviation 3 700 hits); 90 % of the hits are from pileup and
    83 % from particles below 1 GeV: for a track finder they are the noise.
Detector
    The Generic detector of ACTS, the tracker of TrackML (arXiv:1904.06778), with its numbers of
    volumes, layers and modules: pixels in volumes 7, 8, 9, short strips in 12, 13, 14, long strips
    in 16, 17, 18; of each three the middle one is the barrel, the first is at negative z. z is the
    beam, the field is 2 T along +z everywhere: the azimuth of a positive particle falls as it
    flies. A layer of the barrel has 1.7 % (pixels), 2.4 % or 3.0 % (long strips) of a radiation
    length of silicon, the same all over it; the beam pipe is 0.8 mm of beryllium.
Hits
    Cells of 50 x 56.25 um (pixels), 80 um x 1.2 mm (short strips), 120 um x 10.8 mm (long strips,
    10.4 mm in the end caps). The path in the sensor is shared out among the cells it crosses; a
    cell fires above a tenth of the sensor's thickness, with noise of a twentieth (both ours); the
    position is the weighted mean of the cells, without the drift in the field. In the barrel it is
    9, 12 and 19 um (r.m.s.) from the true one in the precise direction, u, which is about r phi,
    and 11 um, 0.27 mm and 3.0 mm along the beam. Hits are sorted by module and x.
Precision
    Positions of hits in steps of 1/256 mm, 3.9 um: an error of 1.1 um, which adds 0.8 % to the 9 um
    of the pixels. Angles in steps of 0.12 mrad, pT to 11 significant bits (0.05 %), production
    vertices in steps of 2 um in x and y and 4 um in z.
Truth
    Row i of `truth` belongs to row i of `hits`. `particle_id` n is row n - 1 of `particles`, which
    lists all that left a hit; electrons from conversions have rows of their own and a `generation`
    above 0. `vertex` is the row of `vertices`, 0 for the top pair. B hadrons, kaons and hyperons
    decay in Pythia and give displaced particles of the same vertex.
Limits
    Every crossed module gives a hit, and a hit has one particle: no inefficiency, no electronic
    noise, no shared clusters. A particle that curls up is followed for half a turn. No nuclear
    interactions, no decays of pions and kaons in flight, no crossings before and after; charged
    hyperons leave no hits before they decay, and no photon converts in the beam pipe. The field is
    uniform. A fast simulation, not Geant4.
"""

_FIELDS = {
    "event": "int64         identity of the crossing, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "hits": "list of hit_id (int64, from 1), measured x, y, z [mm], volume_id, layer_id (int8), "
    "module_id (int16), width_u, width_v (int16): cells of the cluster in the precise direction "
    "and in the other",
    "truth": "list, a row for each hit, of hit_id (int64), particle_id (int16), order "
    "(int8), which of the particle's hits it is, from 0, and tx, ty, tz [mm], where it crossed "
    "the middle of the sensor",
    "particles": "list of particle_id (int64, from 1), pt, eta, phi [GeV, rad] at production "
    "(Momentum3D), charge (int8), pdg (int16), vx, vy, vz [mm], where it was produced, nhits "
    "(int8), vertex (int8, row of vertices) and generation (int8): 0 from the collision, above "
    "from the material",
    "vertices": "list of x, y, z [mm] of the collisions: the top pair, then pileup",
}

RECIPE = Recipe(
    name="tracking_events",
    title="hits of top pairs with 30 pileup collisions in a tracker",
    number=10,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=2,
    committed={"train": 10, "validation": 2, "test": 8},
    share=4.5,
    packages=("pyacts", "pythia8mc", "numpy", "awkward"),
    cards=CARDS,
    make=make,
    decode=decode,
    needs={"truth": ("hits",)},
)
