"""Crossings as the Level-1 trigger sees them: zero bias, known processes, light new particles."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import detector, layout, offline, pythia, rates
from hepml_lib.samples.columns import Columns, constant, join
from hepml_lib.samples.detector import ParticleTable, level1
from hepml_lib.samples.detector.pileup import Pool
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["PROCESSES", "RECIPE", "make", "select"]

POOL = 3000
BATCH = 125

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

CARDS = (
    "minimum_bias",
    *(f"trigger_events_{card}" for _, card, _, _ in PROCESSES.values() if card),
)

_PARTS = sum(share for _, _, share, _ in PROCESSES.values())


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: all processes in their shares, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.
    """
    pool = Pool(chunk.pythia_seed(9), min(POOL, 2 * entries))
    numbers = {process: entries * row[2] // _PARTS for process, row in PROCESSES.items()}
    numbers[0] += entries - sum(numbers.values())
    parts = [
        _process(chunk, process, pool, number) for process, number in numbers.items() if number
    ]
    order = chunk.rng(9).permutation(entries)
    return join(parts, order)


def _process(chunk: Chunk, process: int, pool: Pool, entries: int) -> Columns:
    """Events of one process."""
    rng = chunk.rng(process)
    _, card, _, cross_section = PROCESSES[process]
    sizes = np.diff([*range(0, entries, BATCH), entries])
    if card:
        name, size = f"trigger_events_{card}", min(BATCH, entries)
        source = pythia.batches(name, chunk.pythia_seed(process), size)
        parts = [_collisions(next(source)[:size], pool, rng) for size in sizes]
    else:
        parts = [_pileup(int(size), pool, rng) for size in sizes]
    shared = constant(
        entries,
        process=np.int8(process),
        split=np.int8(chunk.code),
        cross_section=np.float32(cross_section),
    )
    number = chunk.event(100_000 * process) + np.arange(entries)
    return {"event": ak.Array(number)} | shared | join(parts)


def _collisions(batch: ak.Array, pool: Pool, rng: np.random.Generator) -> Columns:
    """Crossings with a hard collision each."""
    table, events = pythia.records(batch.prt), len(batch)
    hard = pythia.stable(table)
    columns = select(hard, pool, events, rng) | offline.generated(table, hard, events)
    scale = np.sqrt(ak.to_numpy(batch.info.pT2Hat))
    return columns | {
        "pthat": ak.Array(round_mantissa(scale, 10)),
        "weight": ak.Array(round_mantissa(ak.to_numpy(batch.info.weights[:, 0]), 12)),
    }


def _pileup(events: int, pool: Pool, rng: np.random.Generator) -> Columns:
    """Crossings with pileup alone."""
    columns = select({"event": np.zeros(0, np.int64)}, pool, events, rng)
    return (
        columns
        | offline.no_collision(events)
        | {
            "interactions": columns["interactions"] - np.int16(1),
            "pthat": ak.Array(np.zeros(events, np.float32)),
            "weight": ak.Array(np.ones(events, np.float32)),
        }
    )


def select(hard: ParticleTable, pool: Pool, events: int, rng: np.random.Generator) -> Columns:
    """What Level 1 and the reconstruction see of crossings.

    Parameters
    ----------
    hard
        Particles of the hard collisions, as `pythia.stable` gives them; may be empty.
    pool
        Pileup.
    events
        Number of crossings.
    rng
        Decides pileup and fluctuations.
    """
    particles, vertices = pool.overlay(hard, events, rates.PILEUP, rng)
    seen = detector.respond(particles, rng, vertices=vertices)
    columns = _level1(level1.trigger(seen.towers, particles, events, rng))
    columns |= offline.reconstructed(seen.candidates, events, rng)
    hardest = np.zeros(events)
    np.maximum.at(hardest, vertices["event"], vertices["pthat"])
    interactions = np.bincount(vertices["event"], minlength=events)
    return columns | {
        "interactions": ak.Array(interactions.astype(np.int16)),
        "pthat_max": ak.Array(round_mantissa(hardest, 10)),
    }


def _level1(found: dict[str, NDArray[np.int32]]) -> Columns:
    """Level-1 objects as lists without their empty places."""
    pieces = {
        "jets": ("pt", "eta", "phi"),
        "egammas": ("pt", "eta", "phi", "isolation"),
        "muons": ("pt", "eta", "phi", "quality"),
    }
    columns = {
        "met_pt": ak.Array(found["met"][:, 0].astype(np.int16)),
        "met_phi": ak.Array(found["met"][:, 1].astype(np.uint8)),
        "ht": ak.Array(found["sums"][:, 1].astype(np.int16)),
    }
    for group, names in pieces.items():
        filled = found[group][..., 0] > 0
        for place, name in enumerate(names):
            values = found[group][filled][:, place].astype(np.int16)
            columns[f"{group}_{name}"] = ak.unflatten(values, filled.sum(axis=1))
    return columns


_TEXT = """\
Definition
    Proton-proton crossings at 13.6 TeV with a Poisson number of inelastic collisions of mean 50
    (Pythia 8), also in the crossings before and after, and in most processes a hard collision on
    top. `process`: 0 zero bias (pileup alone); 1 QCD (pTHat > 20 GeV, weights that fall as pTHat to
    the power of -3 fill the tail); 2 W to a lepton and a neutrino; 3 Z to two leptons (mass > 50
    GeV); 4 top pairs; and after arXiv:2107.02157 5 A to four leptons (a scalar of 50 GeV by gluon
    fusion, to two virtual Z), 6 pairs of leptoquarks of 80 GeV, each to b and tau, 7 h to tau tau
    (60 GeV, gluon fusion), 8 h+- to tau nu (60 GeV, from two quarks). Leptons are electrons, muons
    and taus. No selection. Shares 40 : 20 : 3 : 3 : 3 : 4 : 4 : 4 : 4.
Detector
    Version 1 of the book's parametric detector, CMS-like, with out-of-time pileup.
Level 1
    `jets`, `egammas`, `muons`, `met_*` and `ht` are integers of the hardware. pT in steps of 0.5
    GeV; angles of jets, e/gamma and MET in steps of 0.0436 in eta and 2 pi / 144 in phi, of muons
    in steps of 0.010875 and 2 pi / 576 (`detector.level1.SCALES`). Lists hold the hardest 10, 4 and
    4, without empty places. No calibration of energies follows.
Offline
    Particle flow. Tracks of all vertices but that of the largest sum of squared pT are dropped;
    anti-kT jets of R = 0.4 less rho times area, |eta| < 2.5; HT of those above 30 GeV. Electrons
    and muons with a relative isolation below 0.15; they are among the jets too. MET of all
    candidates, pileup included.
Truth
    `generated_*`: the same of the hard collision alone at particle level, leptons of any origin,
    MET of the neutrinos; zero for zero bias. `pthat`: scale of the hard scattering; zero for single
    bosons, which have none. `pthat_max`: largest one among the pileup of the crossing.
    `interactions`: all collisions of the crossing.
Rates
    `rates.crossing_weights` gives kHz per event at 30 MHz of filled crossings. Zero bias holds the
    jets of QCD as well: it counts up to `pthat_max` = 20 GeV, QCD where its own scattering is
    harder than that and than all in its pileup. Minimum bias, where soft scatterings are regulated,
    has (8 +- 3) % fewer scatterings above 20 GeV than the cross section of QCD: a step of that size
    remains. At the particle level their leading jets agree.
Pileup pool
    Each chunk of 2125 events has 3000 minimum-bias collisions of its own. Each is drawn 35 times on
    average, 17 times for zero bias alone, turned and mirrored at random. What one rare collision
    brings, such as a hard muon, comes again: a rate that lives on it has up to 17 times the
    variance that the number of events suggests. Resample whole chunks: event // 10**6 names them.
Precision
    pT to 10 bits (0.1 %), sums to 9 bits, angles in steps of 0.008.
Limits
    Leading order. The cross section of a signal is set to 1 pb. The set of 2107.02157 asks for a
    lepton above 23 GeV, has offline objects and other rates. No decays in flight of pions and
    kaons, no punch-through, cosmic or halo muons: muon rates are lower than real ones. No noise, no
    tau objects; identification and isolation of e/gamma are simpler than in the hardware.
"""

_FIELDS = {
    "event": "int64         identity of the crossing, unique in the whole book",
    "process": "int8          0 zero bias, 1 QCD, 2 W, 3 Z, 4 top pairs, 5 A, 6 leptoquarks, 7 h, "
    "8 h+-",
    "split": "int8          0 train, 1 validation, 2 test",
    "weight": "float32       the generator's weight, 1 but for QCD",
    "cross_section": "float32  pb  of the process; for zero bias the inelastic one divided by 50",
    "interactions": "int16         inelastic collisions of the crossing",
    "pthat": "float32  GeV  scale of the hard scattering, 0 where there is none",
    "pthat_max": "float32  GeV  hardest parton scattering in the pileup of the crossing",
    "jets": "list of Level-1 jets, hardest first: pt, eta, phi (int16, steps of the hardware)",
    "egammas": "list of Level-1 e/gamma: pt, eta, phi, isolation (transverse energy around)",
    "muons": "list of Level-1 muons: pt, eta, phi, quality (12, 8 or 4)",
    "met_pt": "int16         Level-1 missing transverse momentum [0.5 GeV]",
    "met_phi": "uint8         its azimuth [2 pi / 144]",
    "ht": "int16         Level-1 sum of jets above 30 GeV, |eta| < 2.5 [0.5 GeV]",
}
for _level in ("offline", "generated"):
    _FIELDS[f"{_level}_met"] = "float32  GeV  missing transverse momentum"
    _FIELDS[f"{_level}_ht"] = "float32  GeV  sum of the jets above 30 GeV"
    for _name in ("jet", "electron", "muon"):
        _FIELDS[f"{_level}_{_name}_pt"] = f"float32  GeV  of the hardest {_name}, 0 for none"
        _FIELDS[f"{_level}_{_name}_eta"] = "float32       its pseudorapidity"
        _FIELDS[f"{_level}_{_name}_phi"] = "float32  rad  its azimuth"

RECIPE = Recipe(
    name="trigger_events",
    title="crossings at 50 pileup as the Level-1 trigger sees them",
    number=3,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=2125,
    committed={"train": 21_250, "validation": 4_250, "test": 17_000},
    share=4.5,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=CARDS,
    make=make,
    decode=layout.decode,
    needs={},
)
