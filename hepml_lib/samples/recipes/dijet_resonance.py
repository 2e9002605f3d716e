"""Dijets and a resonance hidden in them, after the R&D set of the LHC Olympics."""

from __future__ import annotations

from collections.abc import Iterator

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics, substructure
from hepml_lib.samples import clustering, detector, layout, pythia
from hepml_lib.samples.columns import Columns, constant, gather, join
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.jets import match, nearest_generated, steps
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["RECIPE", "decode", "make", "select"]

RADIUS = 1.0
ETA_MAX = 2.5
LEADING_PT = 1200.0
SUBLEADING_PT = 200.0
ANGLE_STEP = 2.0**-11
BATCH = 200

QCD, SIGNAL = 0, 1
CARDS = ("dijet_resonance_qcd", "dijet_resonance_signal")
ONE_IN = 11
"""One event in so many is signal."""


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: ten QCD events to one of signal, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.
    """
    signal = entries // ONE_IN
    parts = [_events(chunk, QCD, entries - signal), _events(chunk, SIGNAL, signal)]
    order = chunk.rng(9).permutation(entries)
    return join(parts, order)


def _events(chunk: Chunk, process: int, entries: int) -> Columns:
    """Generate one process until it has given enough events."""
    rng = chunk.rng(process)
    # The two processes count their events from different numbers.
    offset = chunk.event(500_000 * process)
    # However few are asked for, a batch holds some that pass.
    size = min(BATCH, 10 + 3 * entries)
    source = pythia.batches(CARDS[process], chunk.pythia_seed(process), size)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(source):
            part = select(pythia.records(batch.prt), process, rng)
            yield part | {"event": part["event"] + (offset + number * size)}

    return gather(batches(), entries) | constant(
        entries, label=np.int8(process), split=np.int8(chunk.code)
    )


def select(table: ParticleTable, process: int, rng: np.random.Generator) -> Columns:
    """Events of a batch with a jet above the threshold and a second one, as columns.

    Parameters
    ----------
    table
        Columns of `pythia.records`.
    process
        `QCD` or `SIGNAL`.
    rng
        Fluctuations of the detector.
    """
    particles = pythia.stable(table)
    candidates = detector.respond(particles, rng).candidates
    jets, members = clustering.anti_kt(candidates, RADIUS, SUBLEADING_PT)
    rows = _leading_two(jets)
    jets, members = take(jets, rows), members[rows]
    origins = _origins(table, process)
    near = match(jets, origins, RADIUS)
    generated = nearest_generated(particles, jets, RADIUS, 0.5 * SUBLEADING_PT)
    flat = {
        "pt": round_mantissa(jets["pt"], 11),
        "eta": steps(jets["eta"], ANGLE_STEP),
        "phi": steps(jets["phi"], ANGLE_STEP),
        "mass": round_mantissa(jets["mass"], 10),
        **_subjettiness(candidates, members),
        **{name: round_mantissa(ak.to_numpy(value), 10) for name, value in generated.items()},
        "origin_id": np.where(near >= 0, origins["id"][near], 0).astype(np.int8),
    }
    columns = {f"jets_{name}": ak.from_regular(v.reshape(-1, 2)) for name, v in flat.items()}
    return columns | {"event": ak.Array(jets["event"][::2])}


def _leading_two(jets: ParticleTable) -> NDArray[np.int64]:
    """Rows of the two hardest central jets of events that pass, the harder first."""
    rows = np.flatnonzero(np.abs(jets["eta"]) < ETA_MAX)
    rows = rows[np.lexsort((-jets["pt"][rows], jets["event"][rows]))]
    _, first, counts = np.unique(jets["event"][rows], return_index=True, return_counts=True)
    passed = (counts > 1) & (jets["pt"][rows[first]] > LEADING_PT)
    return rows[(first[passed, None] + [0, 1]).ravel()]


def _subjettiness(candidates: ParticleTable, members: ak.Array) -> ParticleTable:
    """N-subjettiness from all constituents."""
    rows = ak.to_numpy(ak.flatten(members))
    flat = {name: candidates[name][rows] for name in ("pt", "eta", "phi")}
    flat["mass"] = detector.MASSES[candidates["kind"][rows]]
    inside = ak.unflatten(ak.zip(flat), ak.num(members))
    return {
        f"tau_{n}": round_mantissa(substructure.nsubjettiness(inside, n, RADIUS), 9)
        for n in (1, 2, 3)
    }


def _origins(table: ParticleTable, process: int) -> ParticleTable:
    """The two particles that the jets stem from: the bosons, or the outgoing partons."""
    identity, status = table["id"], np.abs(table["status"])
    if process == SIGNAL:
        # At a recoil a boson is copied: the last copy has another kind of daughter.
        daughter = identity[table["first"] + table["daughter1"]]
        chosen = np.isin(np.abs(identity), (23, 24)) & (daughter != identity)
    else:
        chosen = status == 23
    return pythia.directions(take(table, chosen))


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them, with the invariant mass of the two jets."""
    array = layout.decode(columns)
    if "jets" in array.fields:
        pair = kinematics.total(array.jets)
        array = ak.with_field(array, ak.values_astype(pair.mass, np.float32), "m_jj")
    return array


_TEXT = """\
Definition
    That of the R&D set of the LHC Olympics (arXiv:2101.08320), with other tools: events with a jet
    of R = 1.0 (anti-kT), |eta| < 2.5, above 1200 GeV, and a second one above 200 GeV. Background:
    dijets (HardQCD) from pTHat = 1000 GeV. Signal: a resonance of 3.5 TeV that decays to particles
    of 500 and 100 GeV, each of which decays to two quarks; ours is a W' -> W Z with changed masses
    and a width of 1 %. The median of its m_jj is 3.48 TeV.
    Theirs is at 13 TeV with Delphes; ours is at 13.6 TeV, with multiparton interactions and no
    pileup. Ten events in eleven are QCD: by `label` one injects as many signal events as wanted.
Detector
    Version 1 of the book's parametric detector. Jet response 1.00, resolution 4 to 5 %.
Jets
    The two hardest, not groomed: multiparton interactions and radiation add some 20 GeV to the mass
    of a jet of 100 GeV. tau_n: N-subjettiness divided by R, with exclusive kT axes, from all
    constituents; ratios compare with those of the Olympics, absolute values need not. `m_jj` is
    computed from the two jets when the sample is loaded.
Truth
    `label`. `origin_id` of a jet: the signal's boson (24 stands for 500 GeV, 23 for 100 GeV) or the
    outgoing parton of the hard process nearest within 1.0, 0 for none. `generated_*`: the jet of
    visible particles nearest within 1.0, clustered the same way, 0 for none.
Precision
    Jet pT to 12 significant bits (0.02 %), masses to 11 (0.05 %), tau to 10 (0.1 %), angles in
    steps of 0.49 mrad.
Limits
    Leading order with parton shower. In a study, (13 +- 3) % of the QCD events that pass came from
    pTHat between 850 and 1000 GeV, by initial-state radiation; they are missing here, at small
    m_jj. The cut on the leading jet shapes m_jj below 2.6 TeV; above 2.8 TeV the function of dijet
    searches, p0 (1 - x)^p1 / x^p2 with x = m_jj / 13.6 TeV, describes QCD. After the selection QCD
    has (5.65 +- 0.06) pb at leading order; the cross section of the signal is free, so there are no
    weights. The "W" and the "Z" are polarised as those of a W' are.
"""

_FIELDS = {
    "event": "int64         identity of the collision, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "label": "int8          1 signal, 0 QCD",
    "jets": "two per event, the harder first: pt, eta, phi, mass [GeV, rad]; tau_1, tau_2, tau_3; "
    "generated_pt, generated_mass [GeV] and origin_id (int8), truth",
    "m_jj": "float32  GeV  invariant mass of the two jets",
}

RECIPE = Recipe(
    name="dijet_resonance",
    title="dijets with a hidden resonance, for anomaly searches",
    number=8,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=1100,
    committed={"train": 11_000, "validation": 2_200, "test": 8_800},
    share=1.5,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=CARDS,
    make=make,
    decode=decode,
    needs={"m_jj": ("jets",)},
)
