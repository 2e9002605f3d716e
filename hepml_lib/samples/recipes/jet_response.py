"""Jets with their generated partners, from 0 to 60 pileup collisions."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import clustering, detector, layout, pythia
from hepml_lib.samples.calibration import area, depth, reconstructed_vertices, shares, unique_pairs
from hepml_lib.samples.columns import Columns, constant, join
from hepml_lib.samples.detector import ParticleTable, objects, take
from hepml_lib.samples.detector.pileup import Pool
from hepml_lib.samples.jets import match, steps
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["RECIPE", "decode", "make", "select"]

POOL = 2000
PILEUP = (0.0, 60.0)
RADIUS = 0.4
DISTANCE = 0.2
GENERATED_PT = 20.0
SOFTEST_JET = 5.0
ETA_MAX = 4.7
DETAILED = 2
CONSTITUENT_PT = 0.5
CLUSTER_PT = 1.5
ANGLE_STEP = 2.0**-7
INSIDE_STEP = 2.0**-6
BATCH = 125

CARD = "jet_response_qcd"
CROSS_SECTION = 2.117e9
"""Of the card [pb], Pythia's, at leading order."""


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk of events.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.
    """
    pool = Pool(chunk.pythia_seed(9), min(POOL, 2 * entries))
    rng = chunk.rng(0)
    source = pythia.batches(CARD, chunk.pythia_seed(0), min(BATCH, entries))
    sizes = np.diff([*range(0, entries, BATCH), entries])
    parts = [_events(next(source)[:size], pool, rng) for size in sizes]
    columns = join(parts) | constant(
        entries,
        process=np.int8(0),
        split=np.int8(chunk.code),
        cross_section=np.float32(CROSS_SECTION),
    )
    return columns | {"event": ak.Array(chunk.event(0) + np.arange(entries))}


def _events(batch: ak.Array, pool: Pool, rng: np.random.Generator) -> Columns:
    weight = ak.to_numpy(batch.info.weights[:, 0])
    scale = np.sqrt(ak.to_numpy(batch.info.pT2Hat))
    columns = select(pythia.records(batch.prt), pool, len(batch), rng)
    return columns | {
        "weight": ak.Array(round_mantissa(weight, 12)),
        "pthat": ak.Array(round_mantissa(scale, 10)),
    }


def select(table: ParticleTable, pool: Pool, events: int, rng: np.random.Generator) -> Columns:
    """Jets of a batch of collisions under pileup, with their generated partners.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    pool
        Pileup.
    events
        Number of events in the batch; those without a pair of jets have empty lists.
    rng
        Decides pileup and fluctuations.
    """
    hard = pythia.stable(table)
    mu = rng.uniform(*PILEUP, events)
    particles, vertices = pool.overlay(hard, events, mu, rng)
    seen = detector.respond(particles, rng, vertices=vertices)
    candidates = seen.candidates
    rho = objects.density(candidates, events)
    generated, _ = clustering.anti_kt(detector.perfect(hard), RADIUS, GENERATED_PT)
    generated = take(generated, np.abs(generated["eta"]) < ETA_MAX)
    found, members = clustering.anti_kt(candidates, RADIUS, SOFTEST_JET)
    found["area"] = area(found, RADIUS)
    found["subtracted_pt"] = found["pt"] - rho[found["event"]] * found["area"]
    visible = (found["subtracted_pt"] > SOFTEST_JET) & (np.abs(found["eta"]) < ETA_MAX)
    found, members = take(found, visible), members[visible]
    row, partner = unique_pairs(found, generated, DISTANCE)
    order = np.lexsort((-generated["pt"][partner], found["event"][row]))
    row, partner = row[order], partner[order]
    jets, members, generated_of = take(found, row), members[row], take(generated, partner)
    return (
        {
            "mu": ak.Array(steps(mu, 2.0**-4)),
            "interactions": ak.Array(_count(vertices["event"], events)),
            "vertices": ak.Array(reconstructed_vertices(candidates, events)),
            "rho": ak.Array(round_mantissa(rho, 9)),
            "generated": ak.Array(_count(generated["event"], events)),
        }
        | _jets(table, candidates, jets, members, generated_of, events)
        | _constituents(candidates, jets, members, events)
        | _clusters(seen.towers, jets, events, rng)
    )


def _count(event: NDArray[np.integer], events: int) -> NDArray[np.int16]:
    return np.bincount(event, minlength=events).astype(np.int16)


def _jets(
    table: ParticleTable,
    candidates: ParticleTable,
    jets: ParticleTable,
    members: ak.Array,
    generated: ParticleTable,
    events: int,
) -> Columns:
    """Matched jets, the hardest generated one first."""
    partons = pythia.directions(take(table, np.abs(table["status"]) == 23))
    parton = match(jets, partons, RADIUS)
    flat = {
        "pt": round_mantissa(jets["pt"], 10),
        "eta": steps(jets["eta"], ANGLE_STEP),
        "phi": steps(jets["phi"], ANGLE_STEP),
        "mass": round_mantissa(jets["mass"], 8),
        "area": steps(jets["area"], 2.0**-8),
        "subtracted_pt": round_mantissa(jets["subtracted_pt"], 10),
        "generated_pt": round_mantissa(generated["pt"], 10),
        "generated_eta": steps(generated["eta"], ANGLE_STEP),
        "constituents": np.minimum(ak.to_numpy(ak.num(members)), 255).astype(np.uint8),
        "parton_id": np.where(parton >= 0, partons["id"][parton], 0).astype(np.int8),
    }
    for name, share in shares(candidates, jets, members).items():
        flat[f"{name}_fraction"] = steps(share, 2.0**-7)
    counts = _count(jets["event"], events)
    return {f"jets_{name}": ak.unflatten(value, counts) for name, value in flat.items()}


def _leading(jets: ParticleTable) -> NDArray[np.int64]:
    """Place of each jet in its event: 0, 1, ..."""
    return np.arange(len(jets["event"])) - np.searchsorted(jets["event"], jets["event"])


def _constituents(
    candidates: ParticleTable, jets: ParticleTable, members: ak.Array, events: int
) -> Columns:
    """Candidates in the leading two jets, the hardest of each jet first."""
    place = _leading(jets)
    rows = ak.to_numpy(ak.flatten(members))
    jet = np.repeat(np.arange(len(place)), ak.to_numpy(ak.num(members)))
    kept = (place[jet] < DETAILED) & (candidates["pt"][rows] > CONSTITUENT_PT)
    rows, jet = rows[kept], jet[kept]
    order = np.lexsort((-candidates["pt"][rows], jet))
    rows, jet = rows[order], jet[order]
    one = take(candidates, rows)
    flat = {
        "pt": round_mantissa(one["pt"], 6),
        **_about_axis(one, jets, jet),
        "kind": one["kind"],
        "vertex": np.sign(one["vertex"]).astype(np.int8),
        "hard": steps(one["hard"], 2.0**-4),
        "jet": place[jet].astype(np.int8),
    }
    counts = _count(jets["event"][jet], events)
    return {f"constituents_{name}": ak.unflatten(value, counts) for name, value in flat.items()}


def _about_axis(table: ParticleTable, jets: ParticleTable, jet: NDArray[np.int64]) -> ParticleTable:
    return {
        "eta": steps(table["eta"] - jets["eta"][jet], INSIDE_STEP),
        "phi": steps(kinematics.wrap_phi(table["phi"] - jets["phi"][jet]), INSIDE_STEP),
    }


def _clusters(
    towers: ParticleTable, jets: ParticleTable, events: int, rng: np.random.Generator
) -> Columns:
    """Towers within R of the axis of one of the leading two jets, the hardest of each first."""
    place = _leading(jets)
    towers = towers | {"pt": (towers["em"] + towers["had"]) / np.cosh(towers["eta"])}
    towers = take(towers, towers["pt"] > CLUSTER_PT)
    near = np.flatnonzero(place < DETAILED)
    jet = match(towers, take(jets, near), RADIUS)
    towers, jet = take(towers, jet >= 0), near[jet[jet >= 0]]
    order = np.lexsort((-towers["pt"], jet))
    towers, jet = take(towers, order), jet[order]
    em, had = towers["em"], towers["had"]
    flat = {
        "pt": round_mantissa(towers["pt"], 6),
        **_about_axis(towers, jets, jet),
        "em_fraction": steps(em / (em + had), 2.0**-4),
        "depth": steps(depth(em, had, rng), 2.0**-3),
        "time": steps(towers["time"], 2.0**-1),
        "hard": steps(towers["hard"], 2.0**-4),
        "jet": place[jet].astype(np.int8),
    }
    counts = _count(jets["event"][jet], events)
    return {f"clusters_{name}": ak.unflatten(value, counts) for name, value in flat.items()}


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with absolute angles of constituents and clusters."""
    columns = dict(columns)
    for group in ("constituents", "clusters"):
        if f"{group}_jet" in columns:
            jet = columns[f"{group}_jet"]
            phi = columns[f"{group}_phi"] + columns["jets_phi"][jet]
            wrapped = kinematics.wrap_phi(ak.to_numpy(ak.flatten(phi)))
            columns[f"{group}_eta"] = columns[f"{group}_eta"] + columns["jets_eta"][jet]
            columns[f"{group}_phi"] = ak.unflatten(wrapped, ak.num(phi))
    return layout.decode(columns)


_TEXT = """\
Definition
    Dijets (HardQCD) of Pythia 8 at 13.6 TeV from pTHat = 15 GeV; weights that fall as pTHat to the
    power of -4.5 fill the tail. With each a Poisson number of inelastic collisions, whose mean `mu`
    is uniform between 0 and 60, also in the crossings before and after. No selection: an event may
    have no jet.
Detector
    Version 1 of the book's parametric detector, CMS-like, with out-of-time pileup.
Jets
    Anti-kT with R = 0.4 on all candidates, pileup included: `pt` is raw. `subtracted_pt` is
    pt - rho * area, kept above 5 GeV. rho is the median over cells in |eta| < 2.5. `area` is the
    disc of radius R less what harder jets nearby take (arXiv:0802.1189, limit of hard jets); it
    knows nothing of soft particles. `*_fraction`: shares of the scalar sum of pT, and the share of
    tracks from other vertices in `pileup_fraction`: pt * (1 - pileup_fraction) is close to the jet
    after charged-hadron subtraction.
Truth
    Jets of the hard collision at particle level without neutrinos, pT > 20 GeV, |eta| < 4.7, number
    `generated`. Listed are pairs of which each is the other's nearest within 0.2 (98 % of the
    generated jets), hardest generated jet first. `parton_id`: nearest outgoing parton of the hard
    scattering within 0.4, 0 for none.
Constituents and clusters
    Of the leading two pairs of an event; `jet` is 0 or 1. Candidates above 0.5 GeV: `vertex` is 0
    for tracks of the leading vertex, 1 for those of another (of which 12 % are from the hard
    collision all the same), -1 without a track; `hard` is the true share of the energy from the
    hard collision. Clusters are calorimeter towers above 1.5 GeV of
    transverse energy within 0.4 of the axis, with the share `em_fraction` of the crystals, `time`
    after the crossing, and `hard`: of in-time and out-of-time pileup it is what is left to 1.
    `depth` is a parametrisation of ours from the energies in the two compartments, with a random
    start of the shower, in interaction lengths: it is no simulation of a shower.
Pileup pool
    Each chunk of 1000 events has 2000 minimum-bias collisions of its own, each drawn 15 times on
    average, turned and mirrored at random.
Precision
    Jets: pT to 11 bits (0.05 %), angles in steps of 0.008. Constituents and clusters: pT to 7 bits
    (0.8 %), angles in steps of 0.016, shares of 1/16, time of 0.5 ns, depth of 1/8.
Limits
    Leading order. Towers do not share showers; noise and dead cells are left out. Jets that pileup
    makes alone are not listed. Nothing is calibrated: in |eta| < 1.3 the median of subtracted_pt /
    generated_pt is 0.86 at 20 to 30 GeV, 0.96 at 60 to 100 GeV and 0.99 above 200 GeV; beyond
    |eta| = 3, where rho is not measured, the subtraction takes 0.11 GeV too much per collision.
"""

_FIELDS = {
    "event": "int64         identity of the crossing, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "process": "int8          0, there is one",
    "weight": "float32       the generator's weight",
    "cross_section": "float32  pb  of the card",
    "pthat": "float32  GeV  scale of the hard scattering",
    "mu": "float32       mean number of pileup collisions",
    "interactions": "int16         collisions of the crossing, the hard one included",
    "vertices": "int16         vertices with at least four tracks above 0.5 GeV",
    "rho": "float32  GeV  transverse momentum of pileup per unit of eta times phi",
    "generated": "int16         generated jets above 20 GeV, |eta| < 4.7, matched or not",
    "jets": "list of pt, eta, phi, mass [GeV, rad], hardest generated one first, with area, "
    "subtracted_pt, generated_pt [GeV], generated_eta, constituents (number), parton_id and "
    "charged_, neutral_, photon_, electron_, muon_ and pileup_fraction",
    "constituents": "list of pt, eta, phi, mass [GeV, rad] with kind (0 charged hadron, 1 neutral "
    "hadron, 2 photon, 3 electron, 4 muon), vertex, hard and jet",
    "clusters": "list of pt [GeV], eta, phi [rad], em_fraction, depth [interaction lengths], "
    "time [ns], hard and jet",
}

RECIPE = Recipe(
    name="jet_response",
    title="jets and their generated partners under 0 to 60 pileup collisions",
    number=11,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=1000,
    committed={"train": 4_000, "validation": 1_000, "test": 3_000},
    share=4.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=(CARD, "minimum_bias"),
    make=make,
    decode=decode,
    needs={"constituents": ("jets",), "clusters": ("jets",)},
)
