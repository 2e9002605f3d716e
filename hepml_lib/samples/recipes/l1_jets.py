"""Jets of 1 TeV in five classes, after the jet set of the first networks in trigger hardware."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.samples import constituents, jet_classes
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.jet_classes import GLUON, QUARK, TOP, Definition, W, Z
from hepml_lib.samples.recipe import Recipe

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
    max_constituents=32,
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
    return jet_classes.select(DEFINITION, batch, label, rng).columns


make = jet_classes.balanced(DEFINITION, select)

RECIPE = Recipe(
    name="l1_jets",
    number=4,
    version=1,
    chunk=2000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=4.0,
    make=make,
    cards=make.cards,
    decode=constituents.decode,
    needs={"constituents": ("eta", "phi")},
)
