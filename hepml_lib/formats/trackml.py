"""TrackML: hits of charged particles in a tracker, and the particles (arXiv:1904.06778).

Layout: https://doi.org/10.5281/zenodo.4730157. An event is four files, ``event000001000-hits.csv``
and the same with ``cells``, ``particles`` and ``truth``, compressed or not; only their names tell
which event they are. ``detectors.csv`` holds the modules.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable, tables

__all__ = ["COLUMNS", "read", "read_folder"]

COLUMNS: dict[str, tuple[str, ...]] = {
    "hits": ("hit_id", "x", "y", "z", "volume_id", "layer_id", "module_id"),
    "cells": ("hit_id", "ch0", "ch1", "value"),
    "particles": ("particle_id", "vx", "vy", "vz", "px", "py", "pz", "q", "nhits"),
    "truth": ("hit_id", "particle_id", "tx", "ty", "tz", "tpx", "tpy", "tpz", "weight"),
    "detectors": ("volume_id", "layer_id", "module_id", "cx", "cy", "cz", "rot_xu"),
}
"""Columns that tell the kinds of file from each other and from other formats."""


def read(table: FileTable, events: int | None) -> ak.Array:
    """One file: its rows, the first `events` of them.

    Columns keep their names and units (mm, GeV), but for ``particles``: ``Momentum3D`` with
    `pt, eta, phi` [GeV, rad], `charge` (int8), and `pdg` where the file has it, in place of
    ``px, py, pz, q, particle_type``. A folder is read by `read_folder`.

    Parameters
    ----------
    table
        The file, as `hepml_lib.formats.tables.tables` gives it.
    events
        How many entries to read, from the first; None for all.

    Returns
    -------
    ak.Array
        One record per entry: the rows with the fields above.

    Raises
    ------
    OSError
        If the file is cut short or damaged.
    ValueError
        If it lacks a column.
    """
    names = [name for name in table.columns if name]
    data = table.read(names, events)
    if set(COLUMNS["particles"]) <= data.keys():
        return _particles(data)
    return ak.zip(data)


def read_folder(folder: Path, events: int | None) -> ak.Array:
    """Events of a folder, the first `events` of them: `event` and lists of rows.

    `hits`, `cells`, `particles`, `truth`: as `read` gives them, where every event has them.

    Parameters
    ----------
    folder
        Folder of files ``event*-hits.csv`` and so on, compressed or not.
    events
        How many events to read, from the lowest number; None for all.

    Returns
    -------
    ak.Array
        One record per event.

    Raises
    ------
    ValueError
        If no file there holds hits, or some events lack a file that others have.
    """
    paths: dict[int, list[Path]] = {}
    for path in [*folder.glob("*.csv"), *folder.glob("*.csv.gz")]:
        if number := re.search(r"event(\d+)", path.name):
            paths.setdefault(int(number[1]), []).append(path)
    numbers = sorted(paths)[:events]
    files = {number: _tables(paths[number]) for number in numbers}
    if not any("hits" in kinds for kinds in files.values()):
        raise ValueError(f"{folder} has no CSV file with the columns {', '.join(COLUMNS['hits'])}")
    fields: dict[str, Any] = {"event": np.array(numbers)}
    for kind in sorted({kind for number in numbers for kind in files[number]}):
        lacking = [number for number in numbers if kind not in files[number]]
        if lacking:
            raise ValueError(f"{folder}: event {lacking[0]} has no file of {kind}, others have")
        rows = [read(files[number][kind], None) for number in numbers]
        fields[kind] = ak.unflatten(ak.concatenate(rows), [len(row) for row in rows])
    return ak.zip(fields, depth_limit=1)


def _tables(paths: list[Path]) -> dict[str, FileTable]:
    """Tables of an event by their kind, which their columns tell."""
    by_kind = {}
    for path in paths:
        (table,) = tables(path)
        for kind, names in COLUMNS.items():
            if set(names) <= set(table.columns):
                by_kind[kind] = table
    return by_kind


def _particles(data: dict[str, Any]) -> ak.Array:
    columns = momenta.cartesian(*(data.pop(name) for name in ("px", "py", "pz")))
    columns["charge"] = data.pop("q").astype(np.int8)
    if "particle_type" in data:
        columns["pdg"] = data.pop("particle_type")
    return momenta.records(columns | data, name="Momentum3D")
