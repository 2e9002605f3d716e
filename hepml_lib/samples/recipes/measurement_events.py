"""Events with a lepton and jets for a measurement from trigger to result, in two worlds."""

from __future__ import annotations

from collections.abc import Iterator

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import ancestry, clustering, detector, hooks, jets, measurement, pythia
from hepml_lib.samples import fiducial as particle_level
from hepml_lib.samples.columns import Columns, constant, gather, join
from hepml_lib.samples.detector import ParticleTable, level1, objects, take
from hepml_lib.samples.detector.pileup import Pool
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["PROCESSES", "RECIPE", "WORLDS", "make", "select"]

WORLDS = ("simulation", "nature")
PROCESSES = ("ttbar", "wjets", "qcd")
TTBAR, WJETS, QCD = range(3)
SHARES = (0.72, 0.20, 0.08)
PILEUP = 50
POOL = 1000
BATCH = 50

RADIUS = 0.4
LEPTON_PT, SECOND_LEPTON_PT, SOFTEST_LEPTON, ISOLATION = 20.0, 10.0, 17.0, 1.0
JET_PT, SOFTEST_JET, ETA_MAX, JETS = 25.0, 20.0, 2.5, 3

# Measured [pb], with statistical errors of 1.6 % (top pairs), 5 % (W), 8 % (multijets).
_CROSS_SECTION = ((89.0, 36.0, 90.0), (74.4, 36.9, 66.8))

CARDS = tuple(f"measurement_events_{process}_{world}" for world in WORLDS for process in PROCESSES)


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: both worlds with all processes in their shares, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make; each is selected or fiducial.
    """
    pool = Pool(chunk.pythia_seed(9), min(POOL, 4 * entries))
    edges = np.rint(np.cumsum([0, *SHARES, *SHARES]) / 2 * entries).astype(int)
    parts = [
        _process(chunk, source, pool, int(number))
        for source, number in enumerate(np.diff(edges))
        if number
    ]
    order = chunk.rng(9).permutation(entries)
    return join(parts, order)


def _hook(process: int) -> object:
    """What ends hopeless events of a process early."""
    if process == TTBAR:
        return hooks.one_lepton()
    return hooks.hard_partons(2, 20.0) if process == WJETS else hooks.hard_partons(4, 15.0)


def _process(chunk: Chunk, source: int, pool: Pool, entries: int) -> Columns:
    """Events of one process in one world; `source` numbers their pairs."""
    world, process = divmod(source, len(PROCESSES))
    rng, hook = chunk.rng(source), _hook(process)
    stream = pythia.batches(CARDS[source], chunk.pythia_seed(source), BATCH, hook)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(stream):
            # Without a lepton no event is fiducial or, but for a misidentified hadron, selected.
            table, promising = particle_level.with_lepton(pythia.records(batch.prt), SOFTEST_LEPTON)
            if len(promising):
                part = select(table, process, pool, rng)
                first = chunk.event(100_000 * source + number * BATCH)
                yield part | {"event": first + promising[ak.to_numpy(part["event"])]}

    return gather(batches(), entries) | constant(
        entries,
        split=np.int8(chunk.code),
        world=np.int8(world),
        process=np.int8(process),
        cross_section=np.float32(_CROSS_SECTION[world][process]),
        weight=np.float32(1),
    )


def select(table: ParticleTable, process: int, pool: Pool, rng: np.random.Generator) -> Columns:
    """Events of a batch that are selected or fiducial, as columns; `event` counts from 0.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    process
        `TTBAR`, `WJETS` or `QCD`.
    pool
        Pileup.
    rng
        Decides pileup and the fluctuations of the detector.
    """
    events = int(table["event"].max()) + 1
    particles, decays = pythia.stable(table), ancestry.weak_decays(table)
    if process == QCD:
        # Only hadrons with a b antiquark were made to decay to leptons: make up for it.
        sign = rng.choice(np.array([-1, 1], np.int8), events)
        particles["charge"] = particles["charge"] * sign[particles["event"]]
    columns, found = _reconstructed(table, particles, decays, pool, events, rng)
    columns |= _particle_level(table, particles, decays, events)
    if process == TTBAR:
        pair = particle_level.semileptonic_top_pair(table)
        columns |= measurement.top_pair(*pair, found, events)
    else:
        columns |= measurement.no_top_pair(events)
    kept = ak.to_numpy(columns["selected"] | columns["fiducial"])
    return {"event": ak.Array(np.flatnonzero(kept))} | {
        name: column[kept] for name, column in columns.items()
    }


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
    found, members, rest, rho = _jets(candidates, leptons, events)
    found["label"], _ = ancestry.jet_labels(found, decays)
    enough = np.bincount(found["event"][found["pt"] > JET_PT], minlength=events) >= JETS
    hard = np.bincount(leptons["event"][leptons["pt"] > LEPTON_PT], minlength=events) > 0
    met = objects.missing(candidates, events)
    flat = {
        "selected": enough & hard,
        "interactions": np.bincount(vertices["event"], minlength=events).astype(np.int16),
        "rho": round_mantissa(rho, 8),
        "met_pt": measurement.rounded("pt", met["pt"]),
        "met_phi": measurement.rounded("phi", met["phi"]),
        "sum_et": round_mantissa(met["sum_et"], 8),
    }
    columns = {name: ak.Array(value) for name, value in flat.items()}
    columns |= measurement.level1(level1.trigger(seen.towers, crossing, events, rng))
    columns |= measurement.group("leptons", leptons, _LEPTON, events)
    columns |= measurement.group("jets", found, _JET, events)
    return columns | measurement.constituents(rest, found, members, events), found


def _particle_level(
    table: ParticleTable, particles: ParticleTable, decays: ParticleTable, events: int
) -> Columns:
    """Leptons, jets and neutrinos before the detector, and who is fiducial."""
    pair = particle_level.lepton_and_jets(table, particles, decays)
    leptons, found = map(measurement.stored, pair)
    columns = {"fiducial": ak.Array(particle_level.fiducial(leptons, found, events))}
    for name, value in particle_level.neutrinos(table, events).items():
        columns[f"neutrino_{name}"] = ak.Array(measurement.rounded(name, value))
    columns |= measurement.group("genleptons", leptons, _LEPTON[:5], events)
    return columns | measurement.group("genjets", found, _JET, events)


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
    found, members = clustering.anti_kt(rest, RADIUS, SOFTEST_JET)
    found = objects.subtract(found, rho, RADIUS)
    hard = take(leptons, leptons["pt"] > LEPTON_PT)
    kept = (found["pt"] > SOFTEST_JET) & (np.abs(found["eta"]) < ETA_MAX)
    kept &= jets.number_near(found, hard, RADIUS) == 0
    order = np.flatnonzero(kept)
    order = order[np.lexsort((-found["pt"][order], found["event"][order]))]
    return measurement.stored(take(found, order)), members[order], rest, rho


_TEXT = """\
Definition
    Proton-proton collisions at 13.6 TeV with a Poisson number of pileup collisions of mean 50.
    `process`: 0 top pairs, one W to an electron or a muon, the other to quarks; 1 W to an electron
    or a muon with jets: one parton beside the W from the matrix element (pTHat > 25 GeV), all
    others from the shower; 2 multijets: pairs of b quarks (pTHat > 40 GeV), where the lepton is
    from a b hadron. Shares of the records 72 : 20 : 8.
Two worlds
    `world`: 0 simulation, Pythia's default, the Monash tune (arXiv:1404.5630), a top of 172.5 GeV;
    1 nature, with another tune, shower, fragmentation of b quarks, mass of the top and other cross
    sections. By how much is sealed: recipe, cards, truth and `cross_section` tell; a measurement
    takes from nature only what a detector sees. Detector and selection are the same.
Selection
    `selected`: a lepton with pT > 20 GeV and a relative isolation below 1, so loose that a sideband
    remains, and at least three jets with pT > 25 GeV in |eta| < 2.5. Jets are listed from 20 GeV,
    so that their scale can be shifted before the selection. `fiducial`, at particle level: exactly
    one dressed lepton with pT > 25 GeV, |eta| < 2.4, and four or more jets with pT > 30 GeV,
    |eta| < 2.4, two or more with a b hadron; of these 83 % are selected. An event is kept if it is
    one or the other. At 0.15 the isolation keeps 0.84 of top pairs, 0.06 of multijets.
Detector
    Version 1 of the book's parametric detector, CMS-like, with out-of-time pileup.
Objects
    `leptons`: electrons and muons above 10 GeV of the leading vertex, isolation below 1. `jets`:
    anti-kT of R = 0.4 on all candidates but tracks of other vertices and leptons above 20 GeV, less
    rho times area; none within 0.4 of such a lepton; not calibrated: their median response is 0.93
    to 0.97. `met_*`: minus the sum of all candidates, pileup included; 33 GeV resolution per axis.
    `l1*`: Level-1 objects as integers of the hardware, steps as in `detector.level1.SCALES`, the
    hardest 6 jets, 4 e/gamma and 4 muons. No tagger score is stored.
    A jet's constituents are its tracks above 0.5 GeV and its four hardest neutral ones above 1 GeV.
Truth
    `label` of a jet: 5 b, 4 c, 15 tau, 0 light, as in flavour_jets. `origin` of a track: 0 pileup
    (and all neutral ones), 1 primary, 2 b hadron, 3 c hadron of a b hadron, 4 other c hadron, 5
    tau, 6 strange hadron. `genleptons`, dressed with photons within 0.1, and `genjets`, without
    them, |eta| < 2.5, are the particle level; `neutrino_*` the sum of prompt neutrinos. `tops`:
    leptonic and hadronic top at the last copy. `partons`: b of the leptonic top, b of the hadronic
    top, quark and antiquark of the W; `jet` is the place in `jets` of the nearest jet within 0.4,
    -1 if there is none or if it is the nearest of two quarks.
Normalisation
    `cross_section` [pb] is that of the events kept; `samples.event_weights` takes one world at a
    time. Top pairs have the leading-order one, 573 pb for all decays in the simulation; the best
    prediction for 172.5 GeV, NNLO+NNLL, is 1.6 times larger. Multijets: hadrons with a b antiquark
    are made to decay to leptons, and the cross section takes twice the branching ratio, 0.21; it is
    good to 20 %.
Precision
    Momenta to 10 bits, angles in steps of 2 mrad, d0 in steps of 2 micrometres, z0 of 8.
Limits
    Leading order with parton shower; no multiparton interactions in the hard collision. W with
    three jets is rarer than with matched matrix elements. No top pairs with two leptons or taus, no
    single top, no Z; multijets have no charm pairs, no gluons that split to b quarks and no hadrons
    that pass for leptons. Tracks go to the nearest vertex: of those above 1 GeV jets keep 91 % of
    the primary ones and 73 % of those of b hadrons.
"""

_FIELDS = {
    "event": "int64         identity of the collision, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "world": "int8          0 simulation, 1 nature",
    "process": "int8          0 top pairs, 1 W and jets, 2 multijets; for nature it is truth",
    "weight": "float32       generator weight, 1",
    "cross_section": "float32  pb   of the kept events of this process in this world",
    "selected": "bool          passes the selection as reconstructed",
    "fiducial": "bool          is in the fiducial region at particle level",
    "interactions": "int16         inelastic collisions of the crossing, the hard one included",
    "rho": "float32  GeV  pileup per unit of eta times phi",
    "met_pt": "float32  GeV  missing transverse momentum",
    "met_phi": "float32  rad  its azimuth",
    "sum_et": "float32  GeV  sum of the transverse momenta of all candidates",
    "l1_met": "int16         Level-1 missing transverse momentum [0.5 GeV]",
    "l1_met_phi": "uint8         its azimuth [2 pi / 144]",
    "l1_ht": "int16         Level-1 sum of jets above 30 GeV, |eta| < 2.5 [0.5 GeV]",
    "l1jets": "list of pt, eta, phi (int16, steps of the hardware), hardest first",
    "l1egammas": "list of pt, eta, phi, isolation (int16)",
    "l1muons": "list of pt, eta, phi, quality (int16)",
    "leptons": "list of pt, eta, phi, mass [GeV, rad], hardest first, with kind (3 electron, 4 "
    "muon), charge, isolation, d0, d0_error [mm]",
    "jets": "list of pt, eta, phi, mass [GeV, rad], hardest first, with label (int8, truth) and "
    "constituents: pt, eta, phi, mass, hardest first, with charge, kind (0 charged hadron, 1 "
    "neutral hadron, 2 photon, 3 electron, 4 muon), d0, z0, d0_error, z0_error [mm] and origin "
    "(int8, truth)",
    "neutrino_pt": "float32  GeV  of the sum of all prompt neutrinos, truth",
    "neutrino_eta": "float32       its pseudorapidity",
    "neutrino_phi": "float32  rad  its azimuth",
    "genleptons": "list of particle-level leptons: pt, eta, phi, mass, kind, charge",
    "genjets": "list of particle-level jets: pt, eta, phi, mass, label",
    "tops": "leptonic and hadronic top: pt, eta, phi, mass, id; empty without tops",
    "partons": "their quarks: pt, eta, phi, mass, id, and jet (int8)",
}

RECIPE = Recipe(
    name="measurement_events",
    title="a lepton and jets at 50 pileup, in simulation and nature, from trigger to truth",
    number=16,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=500,
    committed={"train": 3_000, "validation": 500, "test": 3_000},
    share=6.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=(*CARDS, "minimum_bias"),
    make=make,
    decode=measurement.decode,
    needs={"jets": ("constituents",)},
)
