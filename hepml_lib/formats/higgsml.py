"""ATLAS Higgs machine-learning challenge: H → ττ → ℓ τ_had in one table.

Layout: https://doi.org/10.7483/OPENDATA.ATLAS.ZBP2.M5T8 and Adam-Bourdarios et al., PMLR 42 (2015)
19, https://proceedings.mlr.press/v42/cowa14.html. Primary quantities are ``PRI_*``, derived ones
``DER_*``; −999 stands for what is not defined. The files of the challenge itself have the same
columns without ``KaggleSet`` and ``KaggleWeight``, its test file neither ``Weight`` nor ``Label``.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable

__all__ = ["COLUMNS", "read"]

COLUMNS = ("EventId", "DER_mass_vis", "PRI_tau_pt", "PRI_jet_num")
"""Columns that tell this format from others."""

_UNDEFINED = -999.0


def read(table: FileTable, events: int | None) -> ak.Array:
    """Events with `event`, objects and every column of the file under its own name.

    `tau`, `lepton`: ``Momentum4D``; `jets`: none to two of them, the leading one first
    (`PRI_jet_num` counts up to three); `pt, eta, phi, mass` [GeV, rad], masses zero, for the file
    has none. `met`: `pt, sum_et` [GeV], `phi`. Where the file has them: `weight`; `label`, int8,
    1 signal, 0 background; `set`, ``"t"`` training, ``"b"`` public and ``"v"`` private leaderboard,
    ``"u"`` unused. ``PRI_*`` and ``DER_*`` [GeV, rad] are None where they are not defined.

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
    quantities = [name for name in table.columns if name.startswith(("PRI_", "DER_"))]
    extra = {"weight": "Weight", "label": "Label", "set": "KaggleSet", "set_weight": "KaggleWeight"}
    extra = {ours: name for ours, name in extra.items() if name in table.columns}
    objects = [f"PRI_{part}_{q}" for part in ("tau", "lep") for q in ("pt", "eta", "phi")]
    leading = [_jet(which) for which in ("leading", "subleading")]
    needed = [*objects, *leading[0], *leading[1], "PRI_met", "PRI_met_phi", "PRI_met_sumet"]
    data = table.read(["EventId", *needed, *quantities, *extra.values()], events)

    pairs = [
        np.stack([data[name] for name in names], axis=1) for names in zip(*leading, strict=True)
    ]
    jets = _massless(*pairs)
    fields: dict[str, Any] = {
        "event": data["EventId"],
        "tau": momenta.records(_massless(*(data[name] for name in objects[:3]))),
        "lepton": momenta.records(_massless(*(data[name] for name in objects[3:]))),
        "jets": momenta.unpadded(jets["pt"] != _UNDEFINED, jets),
        "met": ak.zip(
            {
                "pt": data["PRI_met"],
                "phi": data["PRI_met_phi"],
                "sum_et": data["PRI_met_sumet"],
            }
        ),
    }
    fields |= {ours: data[name] for ours, name in extra.items()}
    if "label" in fields:
        # The sets in circulation spell it "s" and "b".
        fields["label"] = ak.values_astype(fields["label"] == "s", np.int8)
    fields |= {name: ak.mask(data[name], data[name] != _UNDEFINED) for name in quantities}
    return ak.zip(fields, depth_limit=1)


def _jet(which: str) -> list[str]:
    return [f"PRI_jet_{which}_{quantity}" for quantity in ("pt", "eta", "phi")]


def _massless(pt: Any, eta: Any, phi: Any) -> dict[str, Any]:
    return {"pt": pt, "eta": eta, "phi": phi, "mass": np.zeros_like(pt)}
