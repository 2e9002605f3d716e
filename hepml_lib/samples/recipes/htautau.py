"""Higgs bosons to a tau pair, lepton and hadrons, with the backgrounds of that search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import htautau, pythia
from hepml_lib.samples.columns import Columns, constant, join
from hepml_lib.samples.detector import ParticleTable
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.recipes.htautau_events import UNDEFINED, hard_leptons, select

__all__ = ["PROCESSES", "RECIPE", "Process", "make"]

BATCH = 250


class Process(NamedTuple):
    """A process of the sample.

    Attributes
    ----------
    name
        Of the process.
    cards
        Command files, and the share of the collisions that each makes.
    leptons
        Charged leptons that an event must have before hadronisation [GeV].
    jet
        Jet of partons that it must have [GeV]; 0 for none.
    share
        Of the events of the sample.
    cross_section
        After the selection [pb].
    """

    name: str
    cards: tuple[tuple[str, float], ...]
    leptons: tuple[float, ...]
    jet: float
    share: float
    cross_section: float


_ONE_EACH = 2 * 0.3521 * 0.6479
"""Part of the tau pairs of which one goes to a lepton and one to hadrons (PDG); the command files
make only these."""

# Cross sections [pb]: Higgs boson of 125 GeV (arXiv:2402.09955) to tau pairs in 6.27 %; Z of 60 to
# 120 GeV, and W, to one flavour of lepton as measured by CMS (arXiv:2503.09742); top pair at NNLO.
# Pythia's own, at leading order, are 27.6, 3.90, 1544, 566 and, for W of three flavours, 48730; of
# W and a parton above 15 GeV 16030. Efficiencies of the selection are measured in longer runs;
# their statistical errors are 2.5, 2.5, 2.6, 4.2 and 4.3 %.
PROCESSES = (
    Process(
        "ggh",
        (("htautau_ggh", 1.0),),
        leptons=(19.0, 17.0),
        jet=0.0,
        share=0.23,
        cross_section=52.2 * 0.0627 * _ONE_EACH * 0.1211,
    ),
    Process(
        "vbf",
        (("htautau_vbf", 1.0),),
        leptons=(19.0, 17.0),
        jet=0.0,
        share=0.23,
        cross_section=4.08 * 0.0627 * _ONE_EACH * 0.1340,
    ),
    Process(
        "ztautau",
        # The mean polarisation of the tau minus of a Z is -0.15: (1 + 0.15) / 2 are left-handed.
        (("htautau_ztautau_left", 0.575), ("htautau_ztautau_right", 0.425)),
        leptons=(19.0, 17.0),
        jet=0.0,
        share=0.44,
        cross_section=2021 * _ONE_EACH * 0.0373,
    ),
    Process(
        "ttbar",
        (("htautau_ttbar", 1.0),),
        leptons=(19.0,),
        jet=0.0,
        share=0.04,
        cross_section=923 * 0.0083,
    ),
    Process(
        "wjets",
        (("htautau_wjets", 1.0),),
        leptons=(19.0,),
        jet=15.0,
        share=0.06,
        cross_section=3 * (11_930 + 8_860) * 16_030 / 48_730 * 0.00202,
    ),
)
"""The codes 0 to 4 of the field `process`; the first two are the signal."""


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: all processes in fixed shares, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.
    """
    numbers = np.diff(np.rint(entries * np.cumsum([0, *(p.share for p in PROCESSES)])).astype(int))
    parts = [_events(chunk, process, number) for process, number in enumerate(numbers) if number]
    order = chunk.rng(9).permutation(entries)
    return join(parts, order)


def _events(chunk: Chunk, process: int, entries: int) -> Columns:
    """Generate one process until it has given enough events."""
    rng = chunk.rng(process)
    found, parts = 0, []
    for first, table in _records(chunk, process):
        part = select(table, rng)
        part["event"] = part["event"] + chunk.event(100_000 * process + first)
        parts.append(part)
        found += len(part["event"])
        if found >= entries:
            break
    # Of the last batches, take events of all command files alike.
    return join(parts, rng.permutation(found)[:entries]) | constant(
        entries,
        process=np.int8(process),
        split=np.int8(chunk.code),
        weight=np.float32(1),
        cross_section=np.float32(PROCESSES[process].cross_section),
    )


def _records(chunk: Chunk, process: int) -> Iterator[tuple[int, ParticleTable]]:
    """Event records in rounds over the command files, with the number of the first event."""
    _, cards, leptons, jet, *_ = PROCESSES[process]
    sources = []
    for k, (card, share) in enumerate(cards):
        # Codes 5 to 8 of the seed are free for second command files.
        seed = chunk.pythia_seed(process + 5 * k)
        sources.append(pythia.batches(card, seed, round(BATCH * share), hard_leptons(leptons, jet)))
    first = 0
    while True:
        for source in sources:
            batch = next(source)
            yield first, pythia.records(batch.prt)
            first += len(batch)


def decode(columns: Columns) -> ak.Array:
    """Events as the reader of the challenge's file gives them, with what this sample has more."""
    primary = {name: column for name, column in columns.items() if name.startswith("PRI_")}
    fields = {name: column for name, column in columns.items() if name not in primary}
    if "process" in fields:
        fields["label"] = ak.values_astype(fields["process"] < 2, np.int8)
    if "PRI_jet_num" in primary:
        # As the other primaries: the challenge's file has no integers of eight bits.
        primary["PRI_jet_num"] = ak.values_astype(primary["PRI_jet_num"], np.int64)
    fields |= {name: ak.mask(value, value != UNDEFINED) for name, value in primary.items()}
    if primary.keys() >= set(htautau.PRIMARY):
        values = htautau.derived(fields)
        fields |= {name: ak.values_astype(value, np.float32) for name, value in values.items()}
        fields |= _objects(primary)
    return ak.zip(fields, depth_limit=1)


def _objects(primary: Columns) -> Columns:
    """`tau`, `lepton` and `jets` as four-vectors without mass, and `met`."""

    def massless(name: str) -> dict[str, NDArray]:
        one = {a: ak.to_numpy(primary[f"PRI_{name}_{a}"]) for a in ("pt", "eta", "phi")}
        return one | {"mass": np.zeros_like(one["pt"])}

    pair = [massless(f"jet_{name}") for name in ("leading", "subleading")]
    both = {name: ak.from_regular(np.stack([one[name] for one in pair], 1)) for name in pair[0]}
    there = both["pt"] != UNDEFINED
    return {
        "tau": kinematics.momenta(massless("tau")),
        "lepton": kinematics.momenta(massless("lep")),
        "jets": kinematics.momenta({name: column[there] for name, column in both.items()}, 2),
        "met": ak.zip(
            {
                "pt": primary["PRI_met"],
                "phi": primary["PRI_met_phi"],
                "sum_et": primary["PRI_met_sumet"],
            }
        ),
    }


_TEXT = """\
Definition
    Higgs bosons of 125 GeV from gluon fusion and vector-boson fusion that decay to a tau pair, and
    Z -> tau tau (60 to 120 GeV), top pairs, and W + jets with a jet that passes for a tau. As in
    the ATLAS Higgs machine-learning challenge (doi 10.7483/OPENDATA.ATLAS.ZBP2.M5T8), but
    proton-proton at 13.6 TeV, Pythia 8 without multiparton interactions and without pileup.
Selection
    One electron or muon with pT > 20 GeV, |eta| < 2.5 (2.4 for muons), relative isolation below
    0.15, and no second above 10 GeV; a hadronic tau of the other charge with pT > 18 GeV, |eta| <
    2.3, 0.5 from the lepton. `htautau.select` asks for 20 GeV: 8 % of the events are below, so that
    `htautau.shift` can lift them over the threshold by up to 11 %. Select before any comparison.
Detector
    Version 1 of the book's parametric detector. Taus by hadrons and strips (arXiv:1510.07488) with
    less than 2.5 GeV around them: of true decays above 20 GeV 62 % are found (H) and 61 % (Z), with
    a resolution of 1.4 %; of the jets beside a W 1.0 % pass. Jets: anti-kT R = 0.4, pT > 30 GeV,
    |eta| < 4.5, 0.5 from lepton and tau. Each component of the missing momentum has a resolution of
    0.5 to 0.6 sqrt(sum ET / GeV) GeV; with pileup it would be worse.
Quantities
    Names and definitions of the challenge; None for what is not defined, which needs more jets.
    `PRI_jet_num` stops at 3, `PRI_jet_all_pt` counts all. The derived ones are computed from the
    primary ones, by `htautau.derived`. DER_mass_MMC is an estimate of ours in place of ATLAS's
    missing-mass calculator: medians 91 GeV for Z and 120 GeV for H, both with a width of 14 to 17.
Normalisation
    `cross_section`: Higgs (arXiv:2402.09955) 52.2 and 4.08 pb times 6.27 %, Z 2021 pb and W 20.8 nb
    per lepton (CMS, arXiv:2503.09742), top pair 923 pb, times the efficiency measured here (errors
    2.5 % for Higgs and Z, 4 % for the others). Pythia's own are 27.6, 3.90, 1544, 48730 / 3 and
    566 pb. Of a tau pair one tau goes to a lepton and one to hadrons: 45.6 %, included. `weight` is
    1; samples.event_weights gives pb per event. Event numbers are far from these rates.
Truth
    `process`, `label`, and `generated_tau_pt`: 99 % of the taus in H and Z are true, 75 % in top
    pairs, none in W + jets, where a tau is always a jet.
Precision
    Momenta to 11 significant bits (0.05 %), angles in steps of 2 mrad.
Limits
    Leading order with parton shower. W + jets starts at pTHat = 15 GeV; of 224 selected events of a
    study one came from below. It has 6 % of the events, and in pb half of the background. Tau
    leptons of a Z have opposite helicities and their mean polarisation, but no correlation across
    their direction; in all tau pairs the tau minus goes to the lepton. Left out: Z -> ee and mu mu,
    multijets, dibosons, electrons that pass for taus. No veto on b jets.
"""

_FIELDS = {
    "event": "int64         identity of the collision, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "process": "int8          0 gluon fusion, 1 vector-boson fusion, 2 Z to tau pair, 3 top pair, "
    "4 W and jets",
    "label": "int8          1 signal (process 0 and 1), 0 background",
    "weight": "float32       weight of the generator, 1",
    "cross_section": "float32  pb   cross section of the process after the selection",
    "generated_tau_pt": "float32  GeV  visible transverse momentum of the true tau, 0 if fake",
    "tau": "pt, eta, phi, mass (0) of the tau [GeV, rad]",
    "lepton": "the same of the electron or muon",
    "jets": "the same of none to two jets, the hardest first",
    "met": "missing transverse momentum: pt, sum_et [GeV], phi [rad]",
}
_FIELDS |= {
    f"PRI_{name}_{axis}": f"float32  {text} of the {what}"
    for name, what in (
        ("tau", "tau"),
        ("lep", "lepton"),
        ("jet_leading", "hardest jet"),
        ("jet_subleading", "second jet"),
    )
    for axis, text in (
        ("pt", "GeV  transverse momentum"),
        ("eta", "     pseudorapidity"),
        ("phi", "rad  azimuth"),
    )
}
_FIELDS |= {
    "PRI_jet_num": "int64         number of jets, at most 3",
    "PRI_jet_all_pt": "float32  GeV  sum of the transverse momenta of all jets",
    "PRI_met": "float32  GeV  missing transverse momentum",
    "PRI_met_phi": "float32  rad  its azimuth",
    "PRI_met_sumet": "float32  GeV  sum of the transverse energies of all candidates",
}
_FIELDS |= {name: f"float32  {meaning}" for name, meaning in htautau.DERIVED.items()}

RECIPE = Recipe(
    name="htautau",
    title="Higgs bosons to lepton and hadronic tau, with backgrounds",
    number=13,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=1000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=2.5,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=tuple(card for process in PROCESSES for card, _ in process.cards),
    make=make,
    decode=decode,
    needs=dict.fromkeys(("tau", "lepton", "jets", "met", *htautau.DERIVED), htautau.PRIMARY)
    | {"label": ("process",)},
)
