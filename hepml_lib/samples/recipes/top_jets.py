"""Top jets against QCD jets, after the definition of the public top-tagging reference set."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import clustering, detector, layout, pythia
from hepml_lib.samples.detector import Table, take
from hepml_lib.samples.recipe import Chunk, Columns, Recipe
from hepml_lib.samples.storage import round_mantissa

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
    return {name: ak.concatenate([part[name] for part in parts])[order] for name in parts[0]}


def _jets(chunk: Chunk, process: int, entries: int, response: bool) -> Columns:
    """Generate one process until it has given enough jets."""
    rng = chunk.rng(process)
    # The two processes count their events from different numbers.
    offset = chunk.event(500_000 * process)
    found, parts = 0, []
    size = min(BATCH, 4 * entries)
    hook = pythia.hard_jet(PARTON_JET, RADIUS)
    source = pythia.batches(CARDS[process], chunk.pythia_seed(process), size, hook)
    for number, batch in enumerate(source):
        table = pythia.records(batch.prt)
        part = select(table, process, rng if response else None)
        part["event"] = part["event"] + (offset + number * size)
        parts.append(part)
        found += len(part["event"])
        if found >= entries:
            break
    columns = {name: ak.concatenate([part[name] for part in parts])[:entries] for name in parts[0]}
    constant = {"label": process, "split": chunk.code}
    return columns | {
        name: ak.Array(np.full(entries, value, np.int8)) for name, value in constant.items()
    }


def select(table: Table, process: int, rng: np.random.Generator | None) -> Columns:
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
    jets, members = clustering.anti_kt(candidates, RADIUS, WINDOW[0])
    parton, matched = (_tops if process == TOP else _partons)(table, jets)
    chosen = matched & (jets["pt"] < WINDOW[1]) & (np.abs(jets["eta"]) < ETA_MAX)
    jets, parton, members = take(jets, chosen), take(parton, chosen), members[chosen]
    return (
        {name: ak.Array(jets[name].astype(np.float32)) for name in ("pt", "eta", "phi", "mass")}
        | {"event": ak.Array(jets["event"])}
        | {name: ak.Array(column) for name, column in parton.items()}
        | _generated(particles, jets)
        | _constituents(candidates, jets, members)
    )


def _tops(table: Table, jets: Table) -> tuple[Table, NDArray[np.bool_]]:
    """Top of each jet, and whether it and its three quarks lie within R of the jet's axis."""
    identity, first = table["id"], table["first"]
    mother = identity[first + table["mother1"]]
    # Before its decay a top is copied at every recoil: the last copy has another kind of daughter.
    last = (np.abs(identity) == 6) & (identity[first + table["daughter1"]] != identity)
    decay = np.isin(np.abs(mother), (6, 24)) & (np.abs(identity) < 6)
    decay &= np.abs(table["status"]) == 23
    tops = pythia.directions(take(table, last))
    quarks = pythia.directions(take(table | {"id": mother}, decay))
    tops, quarks = (take(t, np.lexsort((np.sign(t["id"]), t["event"]))) for t in (tops, quarks))
    # All W decay to quarks, so that every event has two tops and three quarks of each.
    here = jets["event"]
    axis = {name: jets[name][:, None] for name in ("eta", "phi")}
    to_top = kinematics.delta_r(
        axis["eta"], axis["phi"], *(tops[n].reshape(-1, 2)[here] for n in ("eta", "phi"))
    )
    to_quarks = kinematics.delta_r(
        axis["eta"][..., None],
        axis["phi"][..., None],
        *(quarks[n].reshape(-1, 2, 3)[here] for n in ("eta", "phi")),
    )
    inside = (to_top < RADIUS) & (to_quarks < RADIUS).all(axis=-1)
    which = 2 * here + inside.argmax(axis=1)
    parton = {
        "parton_id": tops["id"][which].astype(np.int8),
        "parton_pt": tops["pt"][which].astype(np.float32),
    }
    return parton, np.asarray(inside.any(axis=1))


def _partons(table: Table, jets: Table) -> tuple[Table, NDArray[np.bool_]]:
    """Nearest outgoing parton of the hard process within R of each jet; every jet is kept."""
    hard = pythia.directions(take(table, np.abs(table["status"]) == 23))
    here = jets["event"]
    eta, phi = (hard[name].reshape(-1, 2)[here] for name in ("eta", "phi"))
    distance = kinematics.delta_r(jets["eta"][:, None], jets["phi"][:, None], eta, phi)
    which = 2 * here + distance.argmin(axis=1)
    near = distance.min(axis=1) < RADIUS
    parton: Table = {
        "parton_id": np.where(near, hard["id"][which], 0).astype(np.int8),
        "parton_pt": np.where(near, hard["pt"][which], 0).astype(np.float32),
    }
    return parton, np.ones(len(here), bool)


def _generated(particles: Table, jets: Table) -> Columns:
    """Particle-level jet nearest to each jet, clustered the same way."""
    particles = detector.perfect(take(particles, np.isin(particles["event"], jets["event"])))
    truth, _ = clustering.anti_kt(particles, RADIUS, 0.5 * WINDOW[0])
    pair = np.flatnonzero(jets["event"][:, None] == truth["event"])
    reco, true = np.divmod(pair, max(len(truth["event"]), 1))
    distance = kinematics.delta_r(
        jets["eta"][reco], jets["phi"][reco], truth["eta"][true], truth["phi"][true]
    )
    order = np.lexsort((distance, reco))
    reco, true, distance = reco[order], true[order], distance[order]
    nearest = np.unique(reco, return_index=True)[1]
    nearest = nearest[distance[nearest] < RADIUS]
    columns = {}
    for name in ("pt", "mass"):
        value = np.zeros(len(jets["event"]), np.float32)
        value[reco[nearest]] = truth[name][true[nearest]]
        columns[f"generated_{name}"] = ak.Array(value)
    return columns


def _constituents(candidates: Table, jets: Table, members: ak.Array) -> Columns:
    """Constituents above the softest pT, hardest first, with angles relative to the jet's axis."""
    counts = ak.num(members)
    rows = ak.to_numpy(ak.flatten(members))
    jet = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((-candidates["pt"][rows], jet))
    rows, jet = rows[order], jet[order]
    hard = candidates["pt"][rows] > SOFTEST
    rows, jet = rows[hard], jet[hard]
    rank = np.arange(len(jet)) - np.searchsorted(jet, jet)
    rows, jet = rows[rank < MOST], jet[rank < MOST]
    one = take(candidates, rows)
    # Steps of 0.49 mrad, about the resolution of the best tracks, compress well.
    angles = {
        "eta": one["eta"] - jets["eta"][jet],
        "phi": kinematics.wrap_phi(one["phi"] - jets["phi"][jet]),
    }
    flat = {"pt": round_mantissa(one["pt"], 10)}
    for name, value in angles.items():
        flat[name] = (np.rint(value / ANGLE_STEP) * ANGLE_STEP).astype(np.float32)
    flat |= {"charge": one["charge"], "kind": one["kind"]}
    numbers = np.bincount(jet, minlength=len(counts))
    return {f"constituents_{name}": ak.unflatten(value, numbers) for name, value in flat.items()}


def decode(columns: Columns) -> ak.Array:
    """Jets as the reader sees them, with absolute angles of the constituents."""
    if "constituents_eta" in columns:
        phi = columns["constituents_phi"] + columns["phi"]
        wrapped = kinematics.wrap_phi(ak.to_numpy(ak.flatten(phi)))
        columns = columns | {
            "constituents_eta": columns["constituents_eta"] + columns["eta"],
            "constituents_phi": ak.unflatten(wrapped, ak.num(phi)),
        }
    return layout.decode(columns)


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
    are dropped before hadronisation. Kaons and Lambdas decay at the vertex; the tracker loses
    nothing in dense jets. Jets of the two kinds are equally many, which no collider delivers.
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
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=1000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=8.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=CARDS,
    make=make,
    decode=decode,
    needs={"constituents": ("eta", "phi")},
)
