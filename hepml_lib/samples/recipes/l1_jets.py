"""Jets of 1 TeV in five classes, after the jet set of the first networks in trigger hardware."""

from __future__ import annotations

import numpy as np

from hepml_lib.samples import jet_classes, jets
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable
from hepml_lib.samples.jet_classes import GLUON, QUARK, TOP, Definition, W, Z
from hepml_lib.samples.recipe import Chunk, Recipe

__all__ = ["CLASSES", "DEFINITION", "RECIPE", "make", "select"]

CLASSES = ("q", "g", "W", "Z", "t")
"""Names of the labels 0 to 4."""

DEFINITION = Definition(
    sources=(QUARK, GLUON, W, Z, TOP),
    cards=tuple(f"l1_jets_{name.lower()}" for name in CLASSES),
    window=(800.0, 1200.0),
    eta_max=1.5,
    # Fitted to 7800 to 10100 jets of each class, made without this selection.
    densities=(
        (0.02, -0.08, -0.22, -0.66, -0.24),
        (0.03, -0.12, -1.03, -1.00, -0.44),
        (0.05, -0.14, -0.83, -0.53, -0.39),
        (-0.04, -0.06, -1.03, -0.63, -0.38),
        (-0.06, -0.06, -1.23, -0.74, -0.43),
    ),
    slope=2.0,
    most=32,
    step=2.0**-9,
    bits=7,
)


def make(chunk: Chunk, entries: int) -> Columns:
    """Columns of one chunk: as many jets of each class, shuffled.

    Parameters
    ----------
    chunk
        Which chunk; it decides every seed.
    entries
        Jets to make.
    """
    return jets.balanced(chunk, entries, DEFINITION.cards, select)


def select(table: ParticleTable, label: int, rng: np.random.Generator) -> Columns:
    """Jets of a batch of event records that pass the definition of a class, as columns."""
    return jet_classes.select(DEFINITION, table, label, rng).columns


_TEXT = """\
Definition
    After the jet set of the first networks in trigger hardware (arXiv:1804.06913), with the
    constituents of its later form (arXiv:2402.01876: 8, 16 or 32 of them). Pythia 8, proton-proton
    at 13.6 TeV with multiparton interactions, no pileup; anti-kT jets of R = 0.8 with
    800 < pT < 1200 GeV and |eta| < 1.5, so that the whole jet lies in the tracker. Classes are
    equally many, which no collider delivers. q: u, d or s of two-parton collisions with two quarks
    and no gluon in the final state; g: gluons of collisions to two gluons; W and Z: pairs of W or
    of Z to quarks, within 20 GeV of the pole; t: top pairs, all quarks.
Spectra
    Every class is flat in pT and falls as exp(-2 (eta/1.5)^2): jets are drawn with a probability
    that depends on their pT and eta alone. Each spectrum is also generated flat in the pT of the
    collision, so that at a given pT of the jet there are more jets that lost momentum, and fewer
    that gained it, than a falling spectrum has. Collisions with 680 < pTHat < 1600 GeV; beyond lie
    under 1 % of the quark jets and about 2 % of the gluon jets of the window.
Detector
    Version 1 of the book's parametric detector, CMS-like, all of it: what a trigger sees is
    coarser. Median jet response 0.992 (g) to 0.997 (t), resolution 4 to 5 %; no calibration
    follows.
Jets
    Masses, multiplicity and substructure are of all candidates; listed are the 32 hardest above
    0.5 GeV. They carry 98 % of the pT of a quark jet and 92 % of that of a gluon jet.
Precision
    Constituents: pT to 8 significant bits (0.4 % at most), angles in steps of 2 mrad from the axis,
    coarser than those of hard tracks and much finer than towers; other numbers to 10 bits.
Truth
    A quark or gluon is the nearest outgoing parton of the hard process within 0.8 of the axis; a
    boson or top, and each of its quarks, lies within 0.8 (`parton_*`). The bosons are transverse,
    as in the production of pairs: the longitudinal share, from the quarks' angle `decay_angle`
    before matching, is 0.08 +- 0.02 of the W and 0.00 +- 0.02 of the Z. Bosons of a heavy resonance
    or of a Higgs boson would be longitudinal and more symmetric. `generated_*`: the particle-level
    jet of the same definition, without neutrinos, nearest within 0.8.
Limits
    Leading order with parton shower; c and b quarks are no class. Quarks are mostly
    valence quarks of the proton: 58 % u, 35 % d and 7 % s, antiquarks included. Dense jets cost the
    tracker nothing.
"""

_FIELDS = jet_classes.FIELDS | {
    "label": "int8          0 light quark, 1 gluon, 2 W, 3 Z, 4 top",
    "constituents": "list of pt, eta, phi, mass [GeV, rad], hardest first, with charge (int8) and "
    "kind (int8): 0 charged hadron, 1 neutral hadron, 2 photon, 3 electron, 4 muon",
}

RECIPE = Recipe(
    name="l1_jets",
    title="jets of 1 TeV from q, g, W, Z and t, 32 constituents",
    number=4,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=2000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=4.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=DEFINITION.cards,
    make=make,
    decode=jets.decode,
    needs={"constituents": ("eta", "phi")},
)
