"""A Higgs boson beside a top pair, and top pairs with jets, in lepton plus jets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import awkward as ak
import numpy as np

from hepml_lib import kinematics
from hepml_lib.samples import layout, pythia
from hepml_lib.samples.columns import Columns, constant, gather, join
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.recipes.tth_objects import JET_ETA, JETS, RADIUS, select

__all__ = ["CROSS_SECTIONS", "RECIPE", "hard_events", "make"]

PARTON_JET = 18.0
BORN_LEPTON_PT, BORN_LEPTON_ETA = 10.0, 3.5
BATCH = 250

CARDS = ("tth_events_ttbar", "tth_events_tth")

_ONE_LEPTON = 2 * (0.1071 + 0.1063) * 0.6741
"""Part of the top pairs with one W to an electron or a muon, the other to quarks (PDG)."""

CROSS_SECTIONS = (923 * _ONE_LEPTON * 0.303, 0.570 * 0.582 * _ONE_LEPTON * 0.491)
"""Of top pairs and of top pairs with a Higgs boson, after the selection [pb]: 923 pb at NNLO and
0.570 pb (arXiv:2402.09955), Higgs to b quarks in 58.2 %. The last factors are the efficiencies of
the selection in longer runs; their statistical errors are 1.7 and 1.4 %. Pythia's own, at leading
order, are 566 and 0.41 pb."""


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: as many events with a Higgs boson as without, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Events to make.
    """
    numbers = entries - entries // 2, entries // 2
    parts = [_events(chunk, process, number) for process, number in enumerate(numbers) if number]
    return join(parts, chunk.rng(9).permutation(entries))


def _events(chunk: Chunk, process: int, entries: int) -> Columns:
    """Generate one process until it has given enough events."""
    rng = chunk.rng(process)
    size = min(BATCH, 4 * entries)
    source = pythia.batches(CARDS[process], chunk.pythia_seed(process), size, hard_events())
    offset = chunk.event(100_000 * process)

    def batches() -> Iterator[Columns]:
        for number, batch in enumerate(source):
            part = select(pythia.records(batch.prt), rng)
            yield part | {"event": part["event"] + (offset + number * size)}

    return gather(batches(), entries) | constant(
        entries,
        process=np.int8(process),
        label=np.int8(process),
        split=np.int8(chunk.code),
        weight=np.float32(1),
        cross_section=np.float32(CROSS_SECTIONS[process]),
    )


def hard_events() -> Any:
    """Hook that drops hopeless events before the shower, or before they hadronise.

    Before the shower those without a lepton of 10 GeV, for what recoils against the top pair can
    still lift one over the threshold; then those with fewer than four jets of partons above 18 GeV.

    Returns
    -------
    UserHooks
        Its `tried` counts all events.
    """
    import pythia8mc

    class HardEvents(pythia8mc.UserHooks):
        def __init__(self) -> None:
            super().__init__()
            self.tried = 0
            self.finder = pythia8mc.SlowJet(
                -1, RADIUS, PARTON_JET, JET_ETA + 0.3, 2, 2, None, False
            )

        def canVetoProcessLevel(self) -> bool:
            return True

        def doVetoProcessLevel(self, process: Any) -> bool:
            self.tried += 1
            particles = (process[row] for row in range(process.size()))
            return not any(
                one.isFinal()
                and one.idAbs() in (11, 13)
                and one.pT() > BORN_LEPTON_PT
                and abs(one.eta()) < BORN_LEPTON_ETA
                for one in particles
            )

        def canVetoPartonLevel(self) -> bool:
            return True

        def doVetoPartonLevel(self, event: Any) -> bool:
            self.finder.analyze(event)
            # The lepton is a jet to the finder.
            return self.finder.sizeJet() <= JETS

    return HardEvents()


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them; the lepton is massless."""
    columns = dict(columns)
    groups: dict[str, ak.Array] = {}
    for name in ("lepton", "met"):
        parts = {
            field.partition("_")[2]: columns.pop(field)
            for field in list(columns)
            if field.startswith(f"{name}_")
        }
        if name == "lepton" and parts:
            parts["mass"] = ak.zeros_like(parts["pt"])
            groups[name] = kinematics.momenta(parts)
        elif parts:
            groups[name] = ak.zip(parts)
    events = layout.decode(columns)
    for name, group in groups.items():
        events = ak.with_field(events, group, name)
    return events


_TEXT = """\
Definition
    Top pairs with a Higgs boson of 125 GeV that decays to two b quarks, and top pairs alone, in
    equal numbers, proton-proton at 13.6 TeV, Pythia 8. One W boson of each top pair goes to an
    electron or a muon, the other to quarks.
Selection
    Exactly one electron or muon with pT > 25 GeV, |eta| < 2.5 (2.4 for muons), relative isolation
    below 0.15. At least four anti-kT jets of R = 0.4 with pT > 25 GeV, |eta| < 2.5, 0.4 from the
    lepton; the hardest twelve are kept. No b tag is asked for. 30 % of the top pairs pass, and 49 %
    of those with a Higgs boson. They have 4.7 and 5.6 jets on average.
Detector
    Version 1 of the book's parametric detector, no pileup. Two jets of the quarks of a Higgs boson
    have a median mass of 110 GeV (92 to 124 hold 68 %), of a W boson 77 GeV (67 to 88).
Displacement
    Of the tracks above 1 GeV in each jet: `displaced` counts those whose signed impact parameter is
    above three standard deviations, `displaced_mass` is their mass as pions, 0 for fewer than two;
    `impact_2` and `impact_3` are the second and third largest signed significances, within +-60,
    and -60 where there are too few tracks. Two displaced tracks have 64 % of the b jets, 16 % of
    the c jets, and 2 % of the others.
Normalisation
    `cross_section`: top pair 923 pb (NNLO) and with a Higgs boson 0.570 pb (arXiv:2402.09955) times
    58.2 %, times 28.8 % for one lepton, times the efficiency measured in longer runs (errors 1.7
    and 1.4 %): 80.5 and 0.0469 pb. Pythia's own are 566 and 0.41 pb. samples.event_weights gives pb
    per event. The events are in equal numbers, nature's are 1700 to 1.
Truth
    `flavour` of a jet: 5 with a b hadron above 5 GeV within 0.4, else 4 with a c hadron, else 0.
    `origin`: PDG code of the particle whose quark has this as its nearest jet within 0.4: 25 Higgs,
    24 W, 6 top (its b quark); 0 for no quark, or for two. Both jets of the Higgs boson are there in
    47 % of its events. Of the top pairs alone 2.5 % have three or more b jets.
Precision
    Momenta to 10 significant bits (0.1 %), angles in steps of 4 mrad.
Limits
    Leading order with parton shower: jets beyond those of the top quarks, and above all pairs of b
    quarks beside a top pair, come from the shower alone, which experiments do not trust. In all
    events the positive W boson goes to the lepton. Events without a lepton of 10 GeV before the
    shower, or without four jets of partons above 18 GeV, are dropped, with 0.3 % of those that
    would pass. Left out: single top, W + jets, tops with W or Z, taus.
"""

_FIELDS = {
    "event": "int64         identity of the collision, unique in the whole book",
    "split": "int8          0 train, 1 validation, 2 test",
    "process": "int8          0 top pair, 1 top pair with a Higgs boson",
    "label": "int8          the same",
    "weight": "float32       weight of the generator, 1",
    "cross_section": "float32  pb   cross section of the process after the selection",
    "lepton": "pt, eta, phi, mass (0) of the electron or muon [GeV, rad]",
    "met": "missing transverse momentum: pt [GeV], phi [rad]",
    "jets": "list of pt, eta, phi, mass [GeV, rad], hardest first, with displaced (int8), "
    "impact_2, impact_3, displaced_mass [GeV], and the truth: flavour and origin (int8)",
}

RECIPE = Recipe(
    name="tth_events",
    title="a Higgs boson beside a top pair, against top pairs with jets",
    number=17,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=1000,
    committed={"train": 8_000, "validation": 2_000, "test": 12_000},
    share=2.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=CARDS,
    make=make,
    decode=decode,
    needs={},
)
