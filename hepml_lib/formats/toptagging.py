"""Top-quark tagging reference set: two million jets, top or QCD (arXiv:1902.09914).

Layout: https://doi.org/10.5281/zenodo.2603256. A data frame in pandas' ``table`` format: columns
``E_0, PX_0, PY_0, PZ_0`` … ``PZ_199`` of up to 200 constituents by falling pT, zero where there is
none, ``truthE`` … ``truthPZ`` of the top quark, ``ttv``, ``is_signal_new``.
"""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable

__all__ = ["COLUMNS", "read"]

COLUMNS = ("E_0", "PX_0", "truthE", "is_signal_new")
"""Columns that tell this format from others."""


def read(table: FileTable, events: int | None) -> ak.Array:
    """Jets: ``Momentum4D`` with `label` and `constituents`.

    `pt, eta, phi, mass` [GeV, rad]: sum of the constituents; `label` (int8: 1 top, 0 QCD), `event`
    (position in the file), `ttv` as it is stored, `truth`: the top quark, ``Momentum4D``, zero for
    QCD. `constituents`: `pt, eta, phi, mass` [GeV, rad], in the order of the file.

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
    OSError
        If the file is cut short or damaged.
    ValueError
        If it lacks a column.
    """
    slots = sum(column.startswith("E_") for column in table.columns)
    names = {axis: [f"{axis}_{i}" for i in range(slots)] for axis in ("PX", "PY", "PZ", "E")}
    truth = [f"truth{axis}" for axis in names]
    wanted = [name for columns in names.values() for name in columns]
    data = table.read([*wanted, *truth, "ttv", "is_signal_new"], events)
    padded = [np.stack([data[name] for name in columns], axis=1) for columns in names.values()]
    there = padded[-1] > 0
    constituents = momenta.unpadded(there, momenta.cartesian(*padded))
    top = momenta.cartesian(*(data[name] for name in truth))
    return momenta.records(
        momenta.jet(constituents)
        | {
            "label": data["is_signal_new"].astype(np.int8),
            "event": np.arange(len(there)),
            "ttv": data["ttv"],
            "truth": momenta.records(top),
            "constituents": constituents,
        }
    )
