"""Boosted jets in six classes, with the tracks that tell beauty: H to bb, W, Z, t, q and g."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.samples import constituents, jet_classes, jets, truth
from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector import take
from hepml_lib.samples.jet_classes import GLUON, HIGGS, QUARK, TOP, Definition, W, Z
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.storage import round_mantissa, round_to_step

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
    max_constituents=50,
    step=2.0**-9,
    bits=7,
)


def select(batch: ak.Array, label: int, rng: np.random.Generator) -> Columns:
    """Jets of a batch of collisions that pass the definition of a class, as columns.

    Parameters
    ----------
    batch
        As `pythia.batches` gives it.
    label
        Class of the jets, counted from 0.
    rng
        Fluctuations of the detector, and which jets are kept for a flat spectrum.

    Returns
    -------
    dict of ak.Array
        Columns with one row per jet; `event` counts within the batch.
    """
    chosen = jet_classes.select(DEFINITION, batch, label, rng)
    tracks = {
        "d0": round_to_step(chosen.constituents["d0"], D0_STEP),
        "z0": round_to_step(chosen.constituents["z0"], Z0_STEP),
        "d0_error": round_mantissa(chosen.constituents["d0_error"], 5),
        "z0_error": round_mantissa(chosen.constituents["z0_error"], 5),
    }
    hadrons = truth.heavy_hadrons(chosen.table, HADRON_PT)
    b, own_c = hadrons["quark"] == 5, (hadrons["quark"] == 4) & ~hadrons["from_b"]
    b_near, c_near = (
        jets.number_near(chosen.axes, take(hadrons, kind), HADRON_RADIUS).astype(np.int8)
        for kind in (b, own_c)
    )
    return (
        chosen.columns
        | jagged("constituents", tracks, chosen.counts)
        | {"b_hadrons": b_near, "c_hadrons": c_near}
    )


make = jet_classes.balanced(DEFINITION, select)

RECIPE = Recipe(
    name="boosted_jets",
    number=5,
    version=1,
    chunk=900,
    committed={"train": 4_500, "validation": 900, "test": 3_600},
    share=4.0,
    make=make,
    cards=make.cards,
    decode=constituents.decode,
    needs={"constituents": ("eta", "phi")},
)
