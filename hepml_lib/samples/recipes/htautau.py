"""Higgs bosons to a tau pair, lepton and hadrons, with the backgrounds of that search."""

from __future__ import annotations

from functools import partial

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples import hooks, htautau
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.mixture import Mixture, Process, normalised
from hepml_lib.samples.recipe import Recipe
from hepml_lib.samples.recipes.htautau_events import UNDEFINED, select

__all__ = ["PROCESSES", "RECIPE", "decode", "make"]

_ONE_EACH = 2 * 0.3521 * 0.6479
"""Part of the tau pairs of which one goes to a lepton and one to hadrons (PDG); the command files
make only these."""

_TAU_PAIR, _ONE_LEPTON = (19.0, 17.0), (19.0,)
"""Least transverse momenta of the charged leptons of an event before hadronisation [GeV]."""


def _process(
    code: int,
    cards: str | dict[str, float],
    share: float,
    leptons: tuple[float, ...],
    cross_section: float,
    jet: float = 0.0,
) -> Process:
    """Process with its share of the events and its cross section after the selection [pb]."""
    hook = partial(hooks.hard_leptons, leptons, jet)
    return Process(cards, share, hook, normalised(code, cross_section))


# The mean polarisation of the tau minus of a Z is -0.15: (1 + 0.15) / 2 are left-handed.
_POLARISED = {"htautau_ztautau_left": 0.575, "htautau_ztautau_right": 0.425}

# Cross sections [pb]: Higgs boson of 125 GeV (arXiv:2402.09955) to tau pairs in 6.27 %; Z of 60 to
# 120 GeV, and W, to one flavour of lepton as measured by CMS (arXiv:2503.09742); top pair at NNLO.
# Pythia's own, at leading order, are 27.6, 3.90, 1544, 566 and, for W of three flavours, 48730; of
# W and a parton above 15 GeV 16030. Efficiencies of the selection are measured in longer runs;
# their statistical errors are 2.5, 2.5, 2.6, 4.2 and 4.3 %.
_W_WITH_JET = 3 * (11_930 + 8_860) * 16_030 / 48_730 * 0.00202
PROCESSES = (
    _process(0, "htautau_ggh", 0.23, _TAU_PAIR, 52.2 * 0.0627 * _ONE_EACH * 0.1211),
    _process(1, "htautau_vbf", 0.23, _TAU_PAIR, 4.08 * 0.0627 * _ONE_EACH * 0.1340),
    _process(2, _POLARISED, 0.44, _TAU_PAIR, 2021 * _ONE_EACH * 0.0373),
    _process(3, "htautau_ttbar", 0.04, _ONE_LEPTON, 923 * 0.0083),
    _process(4, "htautau_wjets", 0.06, _ONE_LEPTON, _W_WITH_JET, jet=15.0),
)
"""The codes 0 to 4 of the field `process`; the first two are the signal."""


def decode(columns: Columns) -> ak.Array:
    """Events as the reader of the challenge's file gives them, with what this sample has more.

    Parameters
    ----------
    columns
        Columns of `htautau_events.select`, or part of them.

    Returns
    -------
    ak.Array
        One record per event; what is not defined is masked, in place of the challenge's −999.
    """
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
        axis = {a: ak.to_numpy(primary[f"PRI_{name}_{a}"]) for a in ("pt", "eta", "phi")}
        return axis | {"mass": np.zeros_like(axis["pt"])}

    pair = [massless(f"jet_{name}") for name in ("leading", "subleading")]
    both = {name: ak.from_regular(np.stack([jet[name] for jet in pair], 1)) for name in pair[0]}
    there = both["pt"] != UNDEFINED
    met = {"pt": "PRI_met", "phi": "PRI_met_phi", "sum_et": "PRI_met_sumet"}
    return {
        "tau": kinematics.momenta(massless("tau")),
        "lepton": kinematics.momenta(massless("lep")),
        "jets": kinematics.momenta({name: column[there] for name, column in both.items()}, 2),
        "met": ak.zip({field: primary[name] for field, name in met.items()}),
    }


make = Mixture(
    PROCESSES,
    select,
    smallest_batch=250,
    stride=100_000,
    # Of the last batches, take events of all command files alike.
    sampled=True,
)

RECIPE = Recipe(
    name="htautau",
    number=13,
    version=1,
    chunk=1000,
    committed={"train": 10_000, "validation": 2_000, "test": 8_000},
    share=2.5,
    make=make,
    cards=make.cards,
    decode=decode,
    needs=dict.fromkeys(("tau", "lepton", "jets", "met", *htautau.DERIVED), htautau.PRIMARY)
    | {"label": ("process",)},
)
