"""JetClass: a hundred million jets of ten kinds (arXiv:2202.03772).

Layout: https://doi.org/10.5281/zenodo.6619768 and ``dataloader.py`` of
jet-universe/particle_transformer, which lists the branches of the tree ``tree``.
"""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable

__all__ = ["COLUMNS", "LABELS", "read"]

COLUMNS = ("part_px", "part_deta", "label_QCD", "label_Tbqq")
"""Columns that tell this format from others."""

LABELS = ("QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl")
"""Kinds of jet; the position is the value of `label`."""

_KINDS = ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon")
_JET = {
    "pt": "jet_pt",
    "eta": "jet_eta",
    "phi": "jet_phi",
    "softdrop_mass": "jet_sdmass",
    "tau_1": "jet_tau1",
    "tau_2": "jet_tau2",
    "tau_3": "jet_tau3",
    "tau_4": "jet_tau4",
}
_IMPACT = {
    "d0": "part_d0val",
    "d0_error": "part_d0err",
    "dz": "part_dzval",
    "dz_error": "part_dzerr",
}


def read(table: FileTable, events: int | None) -> ak.Array:
    """Jets: ``Momentum4D`` with `label`, `constituents` and substructure.

    `pt, eta, phi, mass, softdrop_mass` [GeV, rad], `tau_1` … `tau_4`, `label` (int8, position in
    `LABELS`), `event` (position in the file). `constituents`: `pt, eta, phi, mass` [GeV, rad],
    `charge` (int8), `kind` (int8: 0 charged hadron, 1 neutral hadron, 2 photon, 3 electron,
    4 muon), impact parameters `d0, dz` and their uncertainties `d0_error, dz_error` [mm].

    Parameters
    ----------
    table
        The file, as `hepml_lib.formats.tables.tables` gives it.
    events
        How many entries to read, from the first; None for all.

    Returns
    -------
    ak.Array
        One record per entry: the jets with the fields above.

    Raises
    ------
    ValueError
        If a jet does not have exactly one label.
    """
    labels = [f"label_{label}" for label in LABELS]
    kinds = [f"part_is{kind}" for kind in _KINDS]
    momentum = ["part_px", "part_py", "part_pz", "part_energy"]
    wanted = [*_JET.values(), "jet_energy", *labels, *momentum, "part_charge", *kinds]
    data = table.read([*wanted, *_IMPACT.values()], events)

    flags = np.stack([ak.to_numpy(data[label]) for label in labels], axis=1) > 0
    if np.any(flags.sum(axis=1) != 1):
        wrong = int(np.flatnonzero(flags.sum(axis=1) != 1)[0])
        raise ValueError(
            f"{table.path}: jet {wrong} has {flags[wrong].sum()} labels instead of one"
        )
    counts = ak.num(data["part_px"])
    flat = {name: ak.to_numpy(ak.flatten(data[name])) for name in [*momentum, *kinds]}
    columns = momenta.cartesian(*(flat[name] for name in momentum))
    columns["kind"] = np.argmax([flat[kind] for kind in kinds], axis=0).astype(np.int8)
    constituents = {name: ak.unflatten(value, counts) for name, value in columns.items()}
    constituents["charge"] = ak.values_astype(data["part_charge"], np.int8)
    constituents |= {ours: data[branch] for ours, branch in _IMPACT.items()}

    jets = {ours: ak.to_numpy(data[branch]) for ours, branch in _JET.items()}
    energy, pt, eta = (np.float64(data[f"jet_{name}"]) for name in ("energy", "pt", "eta"))
    jets["mass"] = np.sqrt(np.maximum(energy**2 - (pt * np.cosh(eta)) ** 2, 0)).astype(np.float32)
    return momenta.records(
        jets
        | {
            "label": flags.argmax(axis=1).astype(np.int8),
            "event": np.arange(len(flags)),
            "constituents": momenta.jagged(constituents),
        }
    )
