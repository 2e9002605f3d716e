"""SPA-NET's HDF5: padded inputs, and the positions that answer the assignment (arXiv:2106.03898).

Layout: ``docs/Dataset.md`` of Alexanders101/SPANet. ``INPUTS/<name>`` with ``MASK`` is a padded
list, without it one value per event. ``TARGETS/<particle>/<product>`` are positions in the padded
lists, one list after the other, −1 where there is none. ``REGRESSIONS`` and ``CLASSIFICATIONS`` are
further targets, NaN and −1 where there is none.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.formats import momenta
from hepml_lib.formats.tables import FileTable

__all__ = ["COLUMNS", "read"]

COLUMNS = ("INPUTS", "TARGETS")
"""Columns that tell this format from others."""

_Node = dict[str, Any]


def read(table: FileTable, events: int | None) -> ak.Array:
    """Events with `event` (position in the file), the inputs and the targets.

    Every input under its name in small letters, ``source`` as `jets`: lists without their padding,
    ``Momentum4D`` with `pt, eta, phi, mass` where they hold these (`cos_phi` and `sin_phi` become
    `phi`), or one record per event, whose `met` becomes `pt`. Further features keep their names.
    `targets`: for each particle the position of each of its products in the list without padding,
    None where there is none. `regressions` and `classifications`, where the file has them, in the
    file's structure, None where there is none. Units are those of the file.

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
    ValueError
        If there are two lists, for then the file alone does not say which one a target is in, or if
        a target points at padding.
    """
    leaves = [name for name in table.columns if not _has_children(name, table.columns)]
    tree: _Node = {}
    for name, data in table.read(leaves, events).items():
        node = tree
        *groups, last = name.split("/")
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = data
    inputs = tree["INPUTS"]
    lists = [name for name, features in inputs.items() if "MASK" in features]
    if len(lists) != 1:
        raise ValueError(
            f"{table.path} has {len(lists)} lists ({', '.join(lists)}): the targets count through "
            "them in an order that only SPA-NET's event file tells"
        )
    there = inputs[lists[0]]["MASK"].astype(bool)
    fields: dict[str, Any] = {"event": np.arange(len(there))}
    for name, features in inputs.items():
        ours = "jets" if name.lower() == "source" else name.lower()
        fields[ours] = _input(features)
    fields["targets"] = _mapped(
        tree["TARGETS"], lambda positions, name: _positions(table, positions, there, name)
    )
    for name in ("REGRESSIONS", "CLASSIFICATIONS"):
        if name in tree:
            fields[name.lower()] = _mapped(tree[name], lambda values, _: _defined(values))
    return ak.zip(fields, depth_limit=1)


def _has_children(name: str, columns: tuple[str, ...]) -> bool:
    return any(other.startswith(f"{name}/") for other in columns)


def _input(features: _Node) -> ak.Array:
    columns = {name: data for name, data in features.items() if name != "MASK"}
    if {"cos_phi", "sin_phi"} <= columns.keys():
        columns["phi"] = np.arctan2(columns.pop("sin_phi"), columns.pop("cos_phi"))
    if "MASK" not in features:
        if "met" in columns:
            columns["pt"] = columns.pop("met")
        return ak.zip(columns)
    there = features["MASK"].astype(bool)
    if {"pt", "eta", "phi", "mass"} <= columns.keys():
        return momenta.unpadded(there, columns)
    return momenta.unpadded(there, columns, name=None)


def _positions(
    table: FileTable, positions: NDArray[np.integer], there: NDArray[np.bool_], name: str
) -> ak.Array:
    rows = np.arange(len(positions))
    assigned = positions >= 0
    inside = np.where(assigned & (positions < there.shape[1]), positions, 0)
    wrong = assigned & ((positions >= there.shape[1]) | ~there[rows, inside])
    if np.any(wrong):
        event = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{table.path}: target {name} of event {event} is {positions[event]}, but the list has "
            f"nothing there"
        )
    # Padding inside a list, where there is any, moves what comes after it.
    moved = (np.cumsum(there, axis=1) - 1)[rows, inside]
    return ak.mask(moved, assigned)


def _defined(values: NDArray[Any]) -> ak.Array:
    missing = np.isnan(values) if values.dtype.kind == "f" else values == -1
    return ak.mask(values, ~missing)


def _mapped(node: _Node, function: Any, name: str = "") -> ak.Array:
    return ak.zip(
        {
            key: _mapped(value, function, f"{name}{key}/")
            if isinstance(value, dict)
            else function(value, f"{name}{key}")
            for key, value in node.items()
        },
        depth_limit=1,
    )
