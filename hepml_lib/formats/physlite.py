"""ATLAS PHYSLITE: containers of calibrated objects with the branches ``ContainerAuxDyn.quantity``.

Layout: https://opendata.atlas.cern/docs/documentation/data_format/physlite and arXiv:2404.06335.
Momenta are stored in MeV. The missing momentum is not stored; an analysis builds it from its own
selection of objects.
"""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable

__all__ = ["COLUMNS", "read"]

COLUMNS = ("EventInfoAuxDyn.eventNumber",)
"""Columns that tell this format from others."""

_EVENT = {
    "event": "EventInfoAuxDyn.eventNumber",
    "run": "EventInfoAuxDyn.runNumber",
    "luminosity_block": "EventInfoAuxDyn.lumiBlock",
}
_SIMULATED = {"channel": "EventInfoAuxDyn.mcChannelNumber"}
_WEIGHTS = "EventInfoAuxDyn.mcEventWeights"

_ALWAYS = {
    "jets": "AnalysisJetsAuxDyn.",
    "electrons": "AnalysisElectronsAuxDyn.",
    "muons": "AnalysisMuonsAuxDyn.",
}
_OFTEN = {
    "fat_jets": "AnalysisLargeRJetsAuxDyn.",
    "photons": "AnalysisPhotonsAuxDyn.",
    "taus": "AnalysisTauJetsAuxDyn.",
}
_MORE = {
    "charge": "charge",
    "flavour": "HadronConeExclTruthLabelID",
    "tau_1": "Tau1_wta",
    "tau_2": "Tau2_wta",
    "tau_3": "Tau3_wta",
}
_MUON_MASS = 0.1056583755  # GeV, Review of Particle Physics 2022


def read(table: FileTable, events: int | None) -> ak.Array:
    """Events with `event, run, luminosity_block` and collections, in GeV.

    Always `jets` (anti-kT, R = 0.4), `electrons`, `muons`; where the file has them `fat_jets`
    (R = 1.0), `photons`, `taus`: lists of ``Momentum4D`` with `pt, eta, phi, mass` [GeV, rad] and,
    where the file has it, `charge` (int8), `flavour` (5 b, 4 c, 15 τ, 0 light), `tau_1` … `tau_3`.
    In simulation `channel`, and `weight`, the first of the generator's weights.

    Parameters
    ----------
    table
        The file, as `hepml_lib.formats.tables.tables` gives it.
    events
        How many entries to read, from the first; None for all.

    Returns
    -------
    ak.Array
        One record per entry: the events with the fields above.

    Raises
    ------
    OSError
        If the file is cut short or damaged.
    ValueError
        If it lacks a column.
    """
    known = set(table.columns)
    present = _ALWAYS | {ours: name for ours, name in _OFTEN.items() if f"{name}pt" in known}
    single = _EVENT | {ours: name for ours, name in _SIMULATED.items() if name in known}
    quantities = {ours: _quantities(name, known) for ours, name in present.items()}
    wanted = [*single.values(), *(b for group in quantities.values() for b in group.values())]
    data = table.read([*wanted, *({_WEIGHTS} & known)], events)
    fields = {ours: data[branch] for ours, branch in single.items()}
    if _WEIGHTS in data and ak.all(ak.num(data[_WEIGHTS]) > 0):
        fields["weight"] = data[_WEIGHTS][:, 0]
    for ours, group in quantities.items():
        columns = {quantity: data[branch] for quantity, branch in group.items()}
        for quantity in {"pt", "mass"} & set(columns):
            columns[quantity] = columns[quantity] / np.float32(1000)
        columns.setdefault("mass", ak.full_like(columns["pt"], _MUON_MASS))
        if "charge" in columns:
            columns["charge"] = ak.values_astype(columns["charge"], np.int8)
        fields[ours] = momenta.jagged(columns)
    return ak.zip(fields, depth_limit=1)


def _quantities(container: str, known: set[str]) -> dict[str, str]:
    always = {"pt": "pt", "eta": "eta", "phi": "phi"}
    # The mass of a muon is a constant and not stored.
    if "Muons" not in container:
        always["mass"] = "m"
    more = {ours: name for ours, name in _MORE.items() if f"{container}{name}" in known}
    return {ours: f"{container}{name}" for ours, name in (always | more).items()}
