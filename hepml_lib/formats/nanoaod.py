"""CMS NanoAOD: one tree of collections with the branches ``Collection_quantity``.

Layout: https://twiki.cern.ch/twiki/bin/view/CMSPublic/WorkBookNanoAOD, and the text that every
branch carries.
"""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable

__all__ = ["COLUMNS", "read"]

COLUMNS = ("run", "luminosityBlock", "event", "nJet")
"""Columns that tell this format from others."""

_EVENT = {"event": "event", "run": "run", "luminosity_block": "luminosityBlock"}
_SIMULATED = {"weight": "genWeight", "true_interactions": "Pileup_nTrueInt"}

_ALWAYS = {
    "jets": "Jet",
    "electrons": "Electron",
    "muons": "Muon",
}
_OFTEN = {
    "fat_jets": "FatJet",
    "photons": "Photon",
    "taus": "Tau",
    "generated_jets": "GenJet",
    "generated_particles": "GenPart",
}
_MISSING = {"met": "MET", "pf_met": "PFMET", "puppi_met": "PuppiMET"}

# Our name and NanoAOD's, read where a collection has it.
_MORE = {
    "charge": "charge",
    "flavour": "hadronFlavour",
    "softdrop_mass": "msoftdrop",
    "tau_1": "tau1",
    "tau_2": "tau2",
    "tau_3": "tau3",
    "tau_4": "tau4",
    "pdg": "pdgId",
    "status": "status",
    "mother": "genPartIdxMother",
    "btagDeepB": "btagDeepB",
    "btagDeepFlavB": "btagDeepFlavB",
    "btagPNetB": "btagPNetB",
    "btagUParTAK4B": "btagUParTAK4B",
}


def read(table: FileTable, events: int | None) -> ak.Array:
    """Events with `event, run, luminosity_block`, collections and missing momenta.

    Always `jets` (anti-kT, R = 0.4), `electrons`, `muons`; where the file has them `fat_jets`
    (R = 0.8), `photons`, `taus`, `generated_jets`, `generated_particles`: lists of ``Momentum4D``
    with `pt, eta, phi, mass` [GeV, rad] and, where the file has it, `charge` (int8), `flavour`
    (5 b, 4 c, 0 light), `softdrop_mass` [GeV], `tau_1` … `tau_4`, `pdg`, `status`, `mother`, scores
    of b taggers under their own names. `met`, `pf_met`, `puppi_met`: `pt` [GeV], `phi`. In
    simulation `weight` and `true_interactions`.

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
    present = {**_ALWAYS, **{ours: name for ours, name in _OFTEN.items() if f"{name}_pt" in known}}
    missing = {ours: name for ours, name in _MISSING.items() if f"{name}_pt" in known}
    single = _EVENT | {ours: name for ours, name in _SIMULATED.items() if name in known}
    quantities = {ours: _quantities(name, known) for ours, name in present.items()}
    quantities |= {
        ours: {q: f"{name}_{q}" for q in ("pt", "phi")} for ours, name in missing.items()
    }
    wanted = [*single.values(), *(b for group in quantities.values() for b in group.values())]
    data = table.read(wanted, events)
    fields = {ours: data[branch] for ours, branch in single.items()}
    for ours, group in quantities.items():
        columns = {quantity: data[branch] for quantity, branch in group.items()}
        if "charge" in columns:
            columns["charge"] = ak.values_astype(columns["charge"], np.int8)
        if ours in missing:
            fields[ours] = ak.zip(columns)
            continue
        # NanoAOD dropped the mass of photons, which is zero.
        columns.setdefault("mass", ak.zeros_like(columns["pt"]))
        fields[ours] = momenta.jagged(columns)
    return ak.zip(fields, depth_limit=1)


def _quantities(collection: str, known: set[str]) -> dict[str, str]:
    always = ("pt", "eta", "phi") if collection == "Photon" else ("pt", "eta", "phi", "mass")
    more = {ours: f"{collection}_{name}" for ours, name in _MORE.items()}
    return {quantity: f"{collection}_{quantity}" for quantity in always} | {
        ours: branch for ours, branch in more.items() if branch in known
    }
