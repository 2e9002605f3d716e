"""LHC Olympics 2020 (arXiv:2101.08320): events as particles, and features of their two jets.

Layout: https://doi.org/10.5281/zenodo.4536377. Both are data frames. Events have 700 × (pT, η, φ),
massless, zero where there is no particle, in columns numbered from 0; in the R&D set column 2100 is
the label. Features have ``pxj1 … mj1, tau1j1 … tau3j1``, the same for ``j2``, and mostly ``label``.
"""

from __future__ import annotations

import awkward as ak
import numpy as np

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable

__all__ = ["EVENT_COLUMNS", "FEATURE_COLUMNS", "read_events", "read_features"]

EVENT_COLUMNS = ("0", "1", "2", "2099")
FEATURE_COLUMNS = ("pxj1", "pyj1", "pzj1", "mj1", "tau1j1")
"""Columns that tell these formats from others."""

_SLOTS = 700


def read_events(table: FileTable, events: int | None) -> ak.Array:
    """Events with `particles`, `event` (position in the file) and, where the file has it, `label`.

    `particles`: ``Momentum4D`` with `pt, eta, phi, mass` [GeV, rad], masses zero. `label`: int8, 1
    signal, 0 background. The whole R&D set is 18 GB: ask for as many `events` as you need.

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
    label = [name for name in table.columns if name == str(3 * _SLOTS)]
    names = [str(i) for i in range(3 * _SLOTS)]
    data = table.read(names + label, events)
    padded = np.stack([data[name] for name in names], axis=1).reshape(-1, _SLOTS, 3)
    columns = {"pt": padded[..., 0], "eta": padded[..., 1], "phi": padded[..., 2]}
    columns["mass"] = np.zeros_like(columns["pt"])
    fields = {
        "event": np.arange(len(padded)),
        "particles": momenta.unpadded(columns["pt"] > 0, columns),
    }
    if label:
        fields["label"] = data[label[0]].astype(np.int8)
    return ak.zip(fields, depth_limit=1)


def read_features(table: FileTable, events: int | None) -> ak.Array:
    """Events with `jets`, `event` (position in the file) and, where the file has it, `label`.

    `jets`: two per event in the order of the file, ``Momentum4D`` with `pt, eta, phi, mass` [GeV,
    rad] and `tau_1, tau_2, tau_3`; a jet without momentum is left out. `label`: int8, 1 signal,
    0 background.

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
    quantities = ("px", "py", "pz", "m", "tau1", "tau2", "tau3")
    names = {quantity: [f"{quantity}j1", f"{quantity}j2"] for quantity in quantities}
    label = [name for name in table.columns if name == "label"]
    data = table.read([name for pair in names.values() for name in pair] + label, events)
    pairs = {q: np.stack([data[name] for name in pair], axis=1) for q, pair in names.items()}
    columns = momenta.cartesian(pairs["px"], pairs["py"], pairs["pz"])
    columns |= {"mass": pairs["m"]} | {f"tau_{n}": pairs[f"tau{n}"] for n in (1, 2, 3)}
    fields = {
        "event": np.arange(len(pairs["px"])),
        "jets": momenta.unpadded(columns["pt"] > 0, columns),
    }
    if label:
        fields["label"] = data["label"].astype(np.int8)
    return ak.zip(fields, depth_limit=1)
