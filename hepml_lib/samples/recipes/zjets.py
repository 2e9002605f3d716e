"""A Z boson and its jet, as nature makes them and as the simulation has them: two samples."""

from __future__ import annotations

from collections.abc import Iterator

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics, substructure
from hepml_lib.samples import clustering, detector, layout, pythia
from hepml_lib.samples.columns import Columns, gather
from hepml_lib.samples.detector import MUON, ParticleTable, objects, take
from hepml_lib.samples.jets import constituents, steps
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["NATURE", "SIMULATION", "decode", "make", "select"]

RADIUS = 0.4
JET_PT = 50.0
JET_ETA = 2.5
MUON_PT = 20.0
MUON_ETA = 2.4
ISOLATION = 0.2
BOSON_MASS = (76.0, 106.0)
BOSON_PT = 200.0
SOFTEST = 1.0
MOST = 40
ANGLE_STEP = 2.0**-8
AXIS_STEP = 2.0**-10
BATCH = 250

_NUMBER = {"zjets_nature": 14, "zjets_simulation": 15}
_CARD = {number: name for name, number in _NUMBER.items()}
# Measured [pb], with a statistical error of 1.5 %.
_CROSS_SECTION = {"zjets_nature": 1.44, "zjets_simulation": 1.47}

LEVELS = {"generated": ("generated_", "particles"), "reconstructed": ("", "constituents")}
"""Prefix of the flat fields and name of the list of constituents at each level."""

OBSERVABLES = ("multiplicity", "width", "groomed_mass", "z_g", "tau_1", "tau_2")
"""What is measured of the leading jet, besides its four-momentum."""


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk of either sample: the chunk's sample number says of which.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make; each passes the selection at one level at least.
    """
    name = _CARD[chunk.sample]
    rng = chunk.rng(0)
    # However few are asked for, a batch holds some that pass.
    size = min(BATCH, 30 + 5 * entries)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(pythia.batches(name, chunk.pythia_seed(0), size)):
            part = select(pythia.records(batch.prt), rng)
            yield part | {"event": part["event"] + chunk.event(number * size)}

    return gather(batches(), entries) | {
        "split": ak.Array(np.full(entries, chunk.code, np.int8)),
        "process": ak.Array(np.zeros(entries, np.int8)),
        "weight": ak.Array(np.ones(entries, np.float32)),
        "cross_section": ak.Array(np.full(entries, _CROSS_SECTION[name], np.float32)),
    }


def select(table: ParticleTable, rng: np.random.Generator) -> Columns:
    """Events of a batch that pass the selection at one level at least, as columns.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    rng
        Fluctuations of the detector.
    """
    events = int(table["event"].max()) + 1
    particles = pythia.stable(table)
    true, seen = detector.perfect(particles), detector.respond(particles, rng).candidates
    muons = objects.leptons(seen, rng)
    muons = take(muons, muons["isolation"] < ISOLATION)
    # Every particle-level muon is identified, and may be anywhere.
    every = take(true | {"row": np.arange(len(true["kind"]))}, true["kind"] == MUON)
    levels = {
        "generated": _observe(true, every, events),
        "reconstructed": _observe(seen, muons, events),
    }
    passed = {f"pass_{level}": found[0]["passed"] for level, found in levels.items()}
    kept = np.logical_or(*passed.values())
    columns: Columns = {"event": ak.Array(np.flatnonzero(kept))}
    columns |= {name: ak.Array(flag[kept]) for name, flag in passed.items()}
    for level, (prefix, group) in LEVELS.items():
        flat, inside = levels[level]
        for name, value in take(flat, kept).items():
            if name == "multiplicity":
                columns[prefix + name] = ak.Array(value.astype(np.int16))
            elif name.endswith(("eta", "phi")):
                columns[prefix + name] = ak.Array(steps(value, AXIS_STEP))
            elif name != "passed":
                columns[prefix + name] = ak.Array(round_mantissa(value, 10))
        for name, column in inside.items():
            columns[f"{group}_{name}"] = column[kept]
    return columns


def _observe(
    candidates: ParticleTable, muons: ParticleTable, events: int
) -> tuple[ParticleTable, Columns]:
    """The boson and the leading jet of every event, zero where the event does not pass.

    Returns
    -------
    flat : ParticleTable
        One row per event, with the flag `passed`.
    constituents
        Jagged columns of the leading jet's constituents, one list per event.
    """
    boson, pair = _boson(candidates, muons, events)
    # The muons are no part of a jet; events without a boson are not worth clustering.
    others = boson["pt"][candidates["event"]] > BOSON_PT
    others[pair] = False
    rest = take(candidates, others)
    jets, members = clustering.anti_kt(rest, RADIUS, JET_PT)
    leading = _hardest(jets, np.flatnonzero(np.abs(jets["eta"]) < JET_ETA), events)
    passed = leading >= 0
    leading = leading[passed]
    jets = {name: jets[name][leading] for name in ("pt", "eta", "phi", "mass")}
    jets |= _substructure(rest, members[leading])
    flat: ParticleTable = {"passed": passed}
    for name, value in jets.items():
        flat[name] = np.zeros(events)
        flat[name][passed] = value
    flat |= {f"boson_{name}": value * passed for name, value in boson.items()}
    return flat, _constituents(rest, jets, members[leading], passed)


def _boson(
    candidates: ParticleTable, muons: ParticleTable, events: int
) -> tuple[ParticleTable, NDArray[np.int64]]:
    """Pair of the hardest muons of either charge, and its rows; pt 0 where there is no Z."""
    usable = (muons["pt"] > MUON_PT) & (np.abs(muons["eta"]) < MUON_ETA)
    rows = np.stack(
        [
            _hardest(muons, np.flatnonzero(usable & (muons["charge"] == charge)), events)
            for charge in (1, -1)
        ]
    )
    paired = (rows >= 0).all(axis=0)
    rows = muons["row"][rows[:, paired]]
    columns = {name: candidates[name][rows].T for name in ("pt", "eta", "phi")}
    columns["mass"] = np.full(columns["pt"].shape, float(detector.MASSES[MUON]))
    pairs = kinematics.total(ak.zip({name: ak.from_regular(c) for name, c in columns.items()}))
    boson = {}
    for name in ("pt", "eta", "phi", "mass"):
        boson[name] = np.zeros(events)
        boson[name][paired] = ak.to_numpy(getattr(pairs, name))
    good = (boson["mass"] > BOSON_MASS[0]) & (boson["mass"] < BOSON_MASS[1])
    good &= boson["pt"] > BOSON_PT
    return {name: value * good for name, value in boson.items()}, rows[:, good[paired]].ravel()


def _hardest(table: ParticleTable, rows: NDArray[np.int64], events: int) -> NDArray[np.int64]:
    """Of the given rows, the hardest of each event; -1 for none."""
    rows = rows[np.argsort(table["pt"][rows], kind="stable")]
    hardest = np.full(events, -1)
    # Of several rows of an event the last one stays, and that is the hardest.
    hardest[table["event"][rows]] = rows
    return hardest


def _substructure(candidates: ParticleTable, members: ak.Array) -> ParticleTable:
    """Observables of jets, from all their constituents."""
    counts, rows = ak.num(members), ak.to_numpy(ak.flatten(members))
    flat = {name: candidates[name][rows] for name in ("pt", "eta", "phi")}
    flat["mass"] = detector.MASSES[candidates["kind"][rows]]
    inside = ak.unflatten(ak.zip(flat), counts)
    groomed = substructure.softdrop(inside, radius=RADIUS)
    return {
        "multiplicity": substructure.multiplicity(inside),
        "width": substructure.width(inside),
        "groomed_mass": groomed.mass,
        "z_g": groomed.z_g,
        "tau_1": substructure.nsubjettiness(inside, 1, RADIUS),
        "tau_2": substructure.nsubjettiness(inside, 2, RADIUS),
    }


def _constituents(
    candidates: ParticleTable, jets: ParticleTable, members: ak.Array, passed: NDArray[np.bool_]
) -> Columns:
    """Constituents of the leading jets, an empty list for events that do not pass."""
    columns, _ = constituents(candidates, jets, members, MOST, SOFTEST, ANGLE_STEP, bits=8)
    numbers = np.zeros(len(passed), np.int64)
    numbers[passed] = ak.to_numpy(ak.num(columns["constituents_pt"]))
    return {
        name: ak.unflatten(ak.flatten(columns[f"constituents_{name}"]), numbers)
        for name in ("pt", "eta", "phi", "kind")
    }


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with absolute angles of the constituents."""
    for prefix, group in LEVELS.values():
        if f"{group}_eta" in columns:
            phi = columns[f"{group}_phi"] + columns[f"{prefix}phi"]
            wrapped = kinematics.wrap_phi(ak.to_numpy(ak.flatten(phi)))
            columns = columns | {
                f"{group}_eta": columns[f"{group}_eta"] + columns[f"{prefix}eta"],
                f"{group}_phi": ak.unflatten(wrapped, ak.num(phi)),
            }
    return layout.decode(columns)


_TEXT = """\
Definition
    Z + jet as in the OmniFold study (arXiv:1911.09107): the leading anti-kT jet of R = 0.4 in
    events with pT(Z) > 200 GeV. Theirs is at 14 TeV with a stable Z; ours is at 13.6 TeV, no
    pileup, with Z -> mu mu: the hardest muon of either charge, pT > 20 GeV, |eta| < 2.4, and
    76 < m(mu mu) < 106 GeV. The jet is the hardest with |eta| < 2.5, pT > 50 GeV; the muons are
    no part of it. The selection is the same at generator and at reconstructed level; an event is
    kept if it passes at one of them.
Two samples
    zjets_simulation: Pythia's default tune (Monash, arXiv:1404.5630) and shower.
    zjets_nature: tune A14 variation 2- (ATL-PHYS-PUB-2014-021), which radiates less, and a shower
    with dipole recoil (arXiv:1710.00391). Both have the same hard process and detector.
    Generator-level means of nature over those of the simulation: multiplicity 0.86, mass 0.87,
    width 0.78, groomed mass 0.77, tau_1 0.78, tau_2 0.79 (each +- 0.02 or better), z_g 0.99. Where
    `zjets_nature` stands for data, its generator level serves only to check the result.
Detector
    Version 1 of the book's parametric detector. Reconstructed muons are identified (96 %) and have
    a relative isolation below 0.2. Of the events that pass at generator level 84 % pass
    reconstructed; of those that pass reconstructed 4.6 % do not pass at generator level, nearly all
    from pT(Z) just below 200 GeV. Jet response 1.00, resolution 5 %; four fifths of the particles
    of a jet are seen as constituents. 1 % of the leading jets differ between the levels.
Observables
    From all constituents: multiplicity; width, the mean distance to the axis weighted with pT;
    soft drop (z_cut = 0.1, beta = 0) with groomed mass and z_g, both of the last constituent (z_g
    0) where nothing passes, which 1 % of the jets do; tau_1 and tau_2 with exclusive kT axes. The
    six of the study are mass, multiplicity, width, ln(groomed mass squared / pT squared), z_g and
    tau_2 / tau_1, which exceeds 1 in 4 to 11 % of the jets, as the axes do not minimise tau, and
    is undefined for a jet of one constituent. At generator level all visible particles count, with
    the masses of their kind.
Constituents
    Those above 1 GeV, at most 40 (1 % of the jets have more): 99 % of pT. pT to 9 significant bits
    (0.2 %), angles in steps of 3.9 mrad from the axis.
Limits
    Leading order with parton shower, from pTHat = 150 GeV. Muons are bare: radiated photons are
    part of no muon, and may be part of a jet. Neither sample is nature.
"""


def _fields() -> dict[str, str]:
    """Fields of both levels; those of a level are 0 where the event does not pass there."""
    fields = {
        "event": "int64         identity of the collision, unique in the whole book",
        "split": "int8          0 train, 1 validation, 2 test",
        "process": "int8          0",
        "weight": "float32       generator weight, 1",
        "cross_section": "float32  pb   of all events that pass at one level, known to 1.5 %",
        "pass_generated": "bool          passes the selection at generator level",
        "pass_reconstructed": "bool          passes the selection as reconstructed",
    }
    for level, (prefix, group) in LEVELS.items():
        jet = {
            "pt": "float32  GeV  transverse momentum of the leading jet",
            "eta": "float32       pseudorapidity of the leading jet",
            "phi": "float32  rad  azimuth of the leading jet",
            "mass": "float32  GeV  mass of the leading jet",
            "multiplicity": "int16         number of its constituents",
            "width": "float32  rad  their mean distance to the axis, weighted with pT",
            "groomed_mass": "float32  GeV  mass after soft drop",
            "z_g": "float32       momentum share of the softer branch after soft drop",
            "tau_1": "float32       N-subjettiness, one axis",
            "tau_2": "float32       N-subjettiness, two axes",
            "boson_pt": "float32  GeV  transverse momentum of the two muons",
            "boson_eta": "float32       pseudorapidity of the two muons",
            "boson_phi": "float32  rad  azimuth of the two muons",
            "boson_mass": "float32  GeV  mass of the two muons",
        }
        fields |= {prefix + name: f"{text}, {level}" for name, text in jet.items()}
        fields[group] = (
            f"list of pt, eta, phi, mass [GeV, rad] of the jet's constituents, {level}, hardest "
            "first, with kind (int8): 0 charged hadron, 1 neutral hadron, 2 photon, 3 electron, "
            "4 muon"
        )
    return fields


def _recipe(name: str, title: str) -> Recipe:
    return Recipe(
        name=name,
        title=title,
        number=_NUMBER[name],
        version=1,
        text=_TEXT,
        fields=_fields(),
        chunk=1000,
        committed={"train": 5_000, "validation": 1_000, "test": 4_000},
        share=2.5,
        packages=("pythia8mc", "fastjet", "numpy", "awkward"),
        cards=(name,),
        make=make,
        decode=decode,
        needs={
            "constituents": ("eta", "phi"),
            "particles": ("generated_eta", "generated_phi"),
        },
    )


NATURE = _recipe("zjets_nature", "Z boson and jet as nature makes them, for unfolding")
SIMULATION = _recipe("zjets_simulation", "Z boson and jet as simulated, for unfolding")
