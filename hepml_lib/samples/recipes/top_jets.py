"""Top jets against QCD jets, after the definition of the public top-tagging reference set."""

from __future__ import annotations

from collections.abc import Iterator

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples import clustering, detector, jets, pythia, truth
from hepml_lib.samples.columns import Columns, constant, gather, join
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.recipe import Chunk, Recipe

__all__ = ["RECIPE", "make", "select"]

RADIUS = 0.8
WINDOW = (550.0, 650.0)
ETA_MAX = 2.0
SOFTEST = 0.5
MOST = 100
PARTON_JET = 460.0
ANGLE_STEP = 2.0**-11
BATCH = 250

QCD, TOP = 0, 1
CARDS = ("top_jets_qcd", "top_jets_top")


def make(chunk: Chunk, entries: int, response: bool = True) -> Columns:
    """Columns of one chunk: as many top jets as QCD jets, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Jets to make.
    response
        False skips the detector: the same collisions at particle level.
    """
    half = entries // 2
    parts = [_jets(chunk, QCD, entries - half, response), _jets(chunk, TOP, half, response)]
    order = chunk.rng(9).permutation(entries)
    return join(parts, order)


def _jets(chunk: Chunk, process: int, entries: int, response: bool) -> Columns:
    """Generate one process until it has given enough jets."""
    rng = chunk.rng(process)
    # The two processes count their events from different numbers.
    offset = chunk.event(500_000 * process)
    size = min(BATCH, 4 * entries)
    hook = pythia.hard_jet(PARTON_JET, RADIUS)
    source = pythia.batches(CARDS[process], chunk.pythia_seed(process), size, hook)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(source):
            part = select(pythia.records(batch.prt), process, rng if response else None)
            yield part | {"event": part["event"] + (offset + number * size)}

    return gather(batches(), entries) | constant(
        entries, label=np.int8(process), split=np.int8(chunk.code)
    )


def select(table: ParticleTable, process: int, rng: np.random.Generator | None) -> Columns:
    """Jets of a batch of event records that pass the definition, as columns.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    process
        `QCD` or `TOP`.
    rng
        Fluctuations of the detector; None stays at particle level.
    """
    particles = pythia.stable(table)
    candidates = (
        detector.perfect(particles) if rng is None else detector.respond(particles, rng).candidates
    )
    found, members = clustering.anti_kt(candidates, RADIUS, WINDOW[0])
    parton, matched = (_tops if process == TOP else _partons)(table, found)
    chosen = matched & (found["pt"] < WINDOW[1]) & (np.abs(found["eta"]) < ETA_MAX)
    found, parton, members = take(found, chosen), take(parton, chosen), members[chosen]
    columns, _ = jets.constituents(candidates, found, members, MOST, SOFTEST, ANGLE_STEP)
    return (
        {name: ak.Array(found[name].astype(np.float32)) for name in ("pt", "eta", "phi", "mass")}
        | {"event": ak.Array(found["event"])}
        | {name: ak.Array(column) for name, column in parton.items()}
        | jets.nearest_generated(particles, found, RADIUS, 0.5 * WINDOW[0])
        | columns
    )


def _tops(table: ParticleTable, found: ParticleTable) -> tuple[ParticleTable, NDArray[np.bool_]]:
    """Top of each jet, and whether it and its three quarks lie within R of the jet's axis."""
    tops, quarks = truth.decays(table, 6)
    return _parton(tops, row := jets.contained(found, tops, quarks, RADIUS)), row >= 0


def _partons(table: ParticleTable, found: ParticleTable) -> tuple[ParticleTable, NDArray[np.bool_]]:
    """Nearest outgoing parton of the hard process within R of each jet; every jet is kept."""
    hard = pythia.directions(take(table, np.abs(table["status"]) == 23))
    row = jets.match(found, hard, RADIUS)
    return _parton(hard, row), np.ones(len(row), bool)


def _parton(partons: ParticleTable, row: NDArray[np.int64]) -> ParticleTable:
    """Code and momentum of the matched partons, 0 for none."""
    return {
        "parton_id": np.where(row >= 0, partons["id"][row], 0).astype(np.int8),
        "parton_pt": np.where(row >= 0, partons["pt"][row], 0).astype(np.float32),
    }


_TEXT = """\
Definition
    That of the public top-tagging reference set (arXiv:1902.09914), with other tools: Pythia 8,
    proton-proton at 14 TeV, no multiparton interactions, no pileup; anti-kT jets of R = 0.8 with
    550 < pT < 650 GeV and |eta| < 2. A top jet has the top and its three quarks within 0.8 of its
    axis. Background: dijets of light quarks, gluons, c and b (HardQCD). Both jets of an event may
    enter: the field `event` tells, and splits never share an event.
Detector
    Version 1 of the book's parametric detector, CMS-like (the reference set: Delphes, ATLAS card).
    Mean jet response 1.00, resolution 4 % (top) to 5 % (QCD) at 600 GeV; no calibration follows.
Jets
    The jet's four-momentum is that of all its candidates. The listed constituents are those above
    0.5 GeV, at most 100 (1 % of the jets have more): they carry 99.8 % of pT on average, and their
    mass is 0.5 % lower in the median, 11 % at the worst percentile.
Precision
    Constituents: pT to 11 significant bits (0.05 %), angles in steps of 0.49 mrad from the axis.
Truth
    `parton_*`: the matched top, or the nearest outgoing parton of the hard process within 0.8 (2 %
    of QCD jets, from radiation, have none: 0). `generated_*`: the particle-level jet of the same
    definition, without neutrinos, nearest within 0.8 (0 if there is none).
Limits
    Leading order with parton shower. Collisions start at pTHat = 300 GeV and have no upper limit.
    In a study from 170 GeV, (1.2 +- 0.4) % of the QCD jets of the window and (4.6 +- 1.7) % of the
    top jets came from below 300 GeV and are missing here, those with the hardest initial-state
    radiation; a cut at 480 GeV would lose a quarter. Events without a jet of partons above 460 GeV
    are dropped before hadronisation. The tracker loses nothing in dense jets. Jets of the two kinds
    are equally many, which no collider delivers.
"""

_FIELDS = {
    "pt": "float32  GeV  transverse momentum of the reconstructed jet",
    "eta": "float32       pseudorapidity of the jet",
    "phi": "float32  rad  azimuth of the jet",
    "mass": "float32  GeV  mass of the jet",
    "event": "int64         identity of the collision, unique in the whole book",
    "parton_id": "int8          PDG code of the matched top or parton, 0 for none",
    "parton_pt": "float32  GeV  its transverse momentum, 0 for none",
    "generated_pt": "float32  GeV  transverse momentum of the particle-level jet, 0 for none",
    "generated_mass": "float32  GeV  mass of the particle-level jet, 0 for none",
    "label": "int8          1 top, 0 QCD",
    "split": "int8          0 train, 1 validation, 2 test",
    "constituents": "list of pt, eta, phi, mass [GeV, rad], hardest first, with charge (int8) and "
    "kind (int8): 0 charged hadron, 1 neutral hadron, 2 photon, 3 electron, 4 muon",
}

RECIPE = Recipe(
    name="top_jets",
    title="hadronic top jets against QCD jets at 600 GeV",
    number=1,
    version=2,
    text=_TEXT,
    fields=_FIELDS,
    chunk=1000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=8.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=CARDS,
    make=make,
    decode=jets.decode,
    needs={"constituents": ("eta", "phi")},
)
