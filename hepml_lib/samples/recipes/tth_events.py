"""A Higgs boson beside a top pair, and top pairs with jets, in lepton plus jets."""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib import kinematics
from hepml_lib.samples import hooks, layout
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.mixture import Mixture, Process, normalised
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.recipes.tth_objects import select

__all__ = ["CROSS_SECTIONS", "RECIPE", "decode", "make"]

CARDS = ("tth_events_ttbar", "tth_events_tth")

_SINGLE = ("lepton_", "met_")

_ONE_LEPTON = 2 * (0.1071 + 0.1063) * 0.6741
"""Part of the top pairs with one W to an electron or a muon, the other to quarks (PDG)."""

CROSS_SECTIONS = (923 * _ONE_LEPTON * 0.303, 0.570 * 0.582 * _ONE_LEPTON * 0.491)
"""Of top pairs and of top pairs with a Higgs boson, after the selection [pb]: 923 pb at NNLO and
0.570 pb (arXiv:2402.09955), Higgs to b quarks in 58.2 %. The last factors are the efficiencies of
the selection in longer runs; their statistical errors are 1.7 and 1.4 %. Pythia's own, at leading
order, are 566 and 0.41 pb."""


def decode(columns: Columns) -> ak.Array:
    """Events as the reader sees them; the lepton is massless.

    Parameters
    ----------
    columns
        Columns of `tth_objects.select`, or part of them.

    Returns
    -------
    ak.Array
        One record per event.
    """
    events = layout.decode(
        {name: column for name, column in columns.items() if not name.startswith(_SINGLE)}
    )
    for group in _SINGLE:
        fields = {
            name.removeprefix(group): column
            for name, column in columns.items()
            if name.startswith(group)
        }
        if group == "lepton_" and fields:
            fields["mass"] = ak.zeros_like(fields["pt"])
        if fields:
            record = kinematics.momenta(fields) if "mass" in fields else ak.zip(fields)
            events = ak.with_field(events, record, group.rstrip("_"))
    return events


make = Mixture(
    tuple(
        Process(
            card,
            hook=hooks.lepton_and_parton_jets,
            columns=normalised(process, CROSS_SECTIONS[process]) | {"label": np.int8(process)},
        )
        for process, card in enumerate(CARDS)
    ),
    select,
    stride=100_000,
)

RECIPE = Recipe(
    name="tth_events",
    number=17,
    version=1,
    chunk=1000,
    committed={"train": 8_000, "validation": 2_000, "test": 12_000},
    share=2.0,
    cards=make.cards,
    make=make,
    decode=decode,
)
