"""Boosted jets in six classes, with the tracks that tell beauty: H to bb, W, Z, t, q and g."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.samples import jet_classes, jets, truth
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.detector import ParticleTable, take
from hepml_lib.samples.jet_classes import GLUON, HIGGS, QUARK, TOP, Definition, W, Z
from hepml_lib.samples.recipe import Chunk, Recipe
from hepml_lib.samples.storage import round_mantissa

__all__ = ["CLASSES", "DEFINITION", "HADRON_PT", "HADRON_RADIUS", "RECIPE", "make", "select"]

CLASSES = ("H", "W", "Z", "t", "q", "g")
"""Names of the labels 0 to 5."""

HADRON_PT, HADRON_RADIUS = 5.0, 0.8
"""Smallest pT [GeV] of a counted b or c hadron, and its largest distance from the axis."""

D0_STEP, Z0_STEP = 2.0**-8, 2.0**-7

DEFINITION = Definition(
    sources=(HIGGS, W, Z, TOP, QUARK, GLUON),
    cards=tuple(f"boosted_jets_{name.lower()}" for name in CLASSES),
    window=(400.0, 800.0),
    eta_max=1.5,
    # Fitted to 4200 to 6600 jets of each class, made without this selection.
    densities=(
        (-0.24, -0.15, -0.68, -0.35, -0.20),
        (0.03, -0.11, -0.37, -0.30, -0.40),
        (-0.15, -0.06, -0.18, -0.61, -0.52),
        (-0.03, -0.42, -0.67, -0.26, -0.37),
        (0.06, -0.23, -0.25, 0.00, -0.38),
        (0.00, -0.12, -0.74, -0.25, -0.43),
    ),
    slope=1.25,
    most=50,
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
    chosen = jet_classes.select(DEFINITION, table, label, rng)
    tracks = {
        "d0": jets.steps(chosen.constituents["d0"], D0_STEP),
        "z0": jets.steps(chosen.constituents["z0"], Z0_STEP),
    }
    for name in ("d0_error", "z0_error"):
        tracks[name] = round_mantissa(chosen.constituents[name], 5)
    hadrons = truth.heavy_hadrons(table, HADRON_PT)
    kinds = {"b": hadrons["quark"] == 5, "c": (hadrons["quark"] == 4) & ~hadrons["from_b"]}
    columns = chosen.columns | {
        f"constituents_{name}": ak.unflatten(value, chosen.counts) for name, value in tracks.items()
    }
    for name, kind in kinds.items():
        near = jets.number_near(chosen.axes, take(hadrons, kind), HADRON_RADIUS)
        columns[f"{name}_hadrons"] = ak.Array(near.astype(np.int8))
    return columns


_TEXT = """\
Definition
    Pythia 8, proton-proton at 13.6 TeV with multiparton interactions, no pileup; anti-kT jets of
    R = 0.8 with 400 < pT < 800 GeV and |eta| < 1.5, so that the whole jet lies in the tracker.
    Classes are equally many, which no collider delivers. H: a Higgs boson of 125 GeV to two b, with
    a jet; W and Z: pairs of W or of Z to quarks, within 20 GeV of the pole; t: top pairs, all
    quarks; q: u, d or s of collisions with two quarks and no gluon in the final state; g: gluons
    of collisions to two gluons, whatever they split into.
Spectra
    Every class is flat in pT and falls as exp(-1.25 (eta/1.5)^2): jets are drawn with a probability
    that depends on their pT and eta alone. Each spectrum is also generated flat in the pT of the
    collision, so that at a given pT of the jet there are more jets that lost momentum, and fewer
    that gained it, than a falling spectrum has. Collisions with 330 < pTHat < 1200 GeV; beyond lie
    0.3 % (t) to 1.2 % (g) of the jets of the window.
Detector
    Version 1 of the book's parametric detector, CMS-like. Median jet response 0.992 (g) to 0.996,
    resolution 4 to 5 %; no calibration follows.
Jets
    Masses, multiplicity and substructure are of all candidates; listed are the 50 hardest above
    0.5 GeV.
Tracks
    Constituents with a charge are tracks: `d0` with the sign of -x sin(phi) + y cos(phi), `z0`
    from the collision, and their errors. The sign that tells a decay in front of the vertex from
    one behind it is the reader's to make, from d0 and the direction of the jet.
Precision
    Constituents: pT to 8 significant bits (0.4 % at most), angles in steps of 2 mrad from the axis,
    d0 in steps of 4 um, z0 of 8 um, their errors to 6 significant bits; other numbers to 10 bits.
Truth
    A quark or gluon is the nearest outgoing parton of the hard process within 0.8 of the axis; a
    boson or top, and each of its quarks, lies within 0.8 (`parton_*`): decays too asymmetric or too
    wide for one jet are left out, the more so the heavier and slower the particle.
    `decay_flavour`: H to b, W to ud or cs, Z to all five (21.6 % b). `b_hadrons` and `c_hadrons`
    count hadrons at their weak decay, above 5 GeV and within 0.8 of the axis; c hadrons from a b
    hadron do not count. Produced bosons are transverse: the longitudinal share before matching is
    0.10 +- 0.02 of the W and 0.05 +- 0.02 of the Z. `generated_*`: the particle-level jet of the
    same definition, without neutrinos, nearest within 0.8.
Limits
    Leading order with parton shower; the Higgs boson with an infinitely heavy top in the loop. The
    collision's own place is known exactly. Kaons and Lambdas decay where they do, nothing converts
    or interacts before the calorimeter. Dense jets cost the tracker nothing.
"""

_FIELDS = jet_classes.FIELDS | {
    "label": "int8          0 H to bb, 1 W, 2 Z, 3 top, 4 light quark, 5 gluon",
    "b_hadrons": "int8          weakly decaying b hadrons above 5 GeV within 0.8 of the axis",
    "c_hadrons": "int8          the same of c hadrons that are not from a b hadron",
    "constituents": "list of pt, eta, phi, mass [GeV, rad], hardest first, with charge (int8), "
    "kind (int8): 0 charged hadron, 1 neutral hadron, 2 photon, 3 electron, 4 muon, and of the "
    "charged ones d0, z0, d0_error, z0_error [mm], 0 for the others",
}

RECIPE = Recipe(
    name="boosted_jets",
    title="jets of 400 to 800 GeV from H to bb, W, Z, t, q and g, with tracks",
    number=5,
    version=1,
    text=_TEXT,
    fields=_FIELDS,
    chunk=900,
    committed={"train": 4_500, "validation": 900, "test": 3_600},
    share=4.0,
    packages=("pythia8mc", "fastjet", "numpy", "awkward"),
    cards=DEFINITION.cards,
    make=make,
    decode=jets.decode,
    needs={"constituents": ("eta", "phi")},
)
