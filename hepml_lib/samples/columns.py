"""Columns of entries: flat or jagged, joined, and completed by what all entries share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Columns", "constant", "grouped", "jagged", "join"]

Columns = dict[str, ak.Array]
"""What a file holds: one flat or jagged array per name, equal in length."""


def join(parts: Sequence[Columns], order: Any = slice(None)) -> Columns:
    """Parts end to end; `order` then picks or permutes entries, as an index of an array does.

    Parameters
    ----------
    parts
        Columns of the same names.
    order
        Index of the joined entries; all in their order by default.

    Returns
    -------
    Columns
        As awkward arrays.

    Examples
    --------
    >>> two = [{"pt": ak.Array([50.0])}, {"pt": ak.Array([30.0, 20.0])}]
    >>> join(two, [2, 0])["pt"].tolist()
    [20.0, 50.0]
    """
    return {name: ak.concatenate([part[name] for part in parts])[order] for name in parts[0]}


def constant(entries: int, **values: np.generic) -> Columns:
    """Columns of one value each, of the value's type.

    Parameters
    ----------
    entries
        Length of the columns.
    **values
        Name of a column and its value.

    Returns
    -------
    Columns
        As many as there are values.

    Examples
    --------
    >>> constant(2, label=np.int8(1))["label"].tolist()
    [1, 1]
    """
    return {name: ak.Array(np.full(entries, value)) for name, value in values.items()}


def grouped(columns: Columns) -> tuple[Columns, dict[str, Columns]]:
    """Flat columns, and the jagged columns ``group_name`` by group and name; undoes `jagged`.

    Parameters
    ----------
    columns
        Flat and jagged columns.

    Returns
    -------
    flat, groups : Columns, dict of str to Columns
        Every column is in one of them.

    Examples
    --------
    >>> flat, groups = grouped({"event": ak.Array([7]), "jets_pt": ak.Array([[50.0, 30.0]])})
    >>> list(flat), groups["jets"]["pt"].tolist()
    (['event'], [[50.0, 30.0]])
    """
    flat: Columns = {}
    groups: dict[str, Columns] = {}
    for name, column in columns.items():
        if column.ndim > 1:
            group, _, field = name.partition("_")
            groups.setdefault(group, {})[field] = column
        else:
            flat[name] = column
    return flat, groups


def jagged(group: str, table: Mapping[str, ArrayLike], counts: ArrayLike) -> Columns:
    """Columns ``group_name`` with one list per entry, of columns that hold all lists end to end.

    Parameters
    ----------
    group
        Name of the group.
    table
        Flat columns, an entry after the other.
    counts
        Length of each entry's list.

    Returns
    -------
    Columns
        Jagged, as many as the table has.

    Examples
    --------
    >>> jagged("jets", {"pt": np.array([50.0, 30.0, 20.0])}, [1, 2])["jets_pt"].tolist()
    [[50.0], [30.0, 20.0]]
    """
    return {f"{group}_{name}": ak.unflatten(column, counts) for name, column in table.items()}
