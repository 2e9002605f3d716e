"""Columns of entries: made batch by batch, joined, and completed by what all entries share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import awkward as ak
import numpy as np

__all__ = ["Columns", "constant", "gather", "join"]

Columns = dict[str, ak.Array]
"""What a file holds: one flat or jagged array per name, equal in length."""


def join(parts: Sequence[Columns], order: Any = slice(None)) -> Columns:
    """Parts end to end; `order` then picks or permutes entries, as an index of an array does.

    Examples
    --------
    >>> two = [{"pt": ak.Array([50.0])}, {"pt": ak.Array([30.0, 20.0])}]
    >>> join(two, [2, 0])["pt"].tolist()
    [20.0, 50.0]
    """
    return {name: ak.concatenate([part[name] for part in parts])[order] for name in parts[0]}


def gather(batches: Iterable[Columns], entries: int) -> Columns:
    """The first `entries` entries of batches, of which no more are asked for than it takes.

    Examples
    --------
    >>> endless = ({"event": ak.Array([k, k])} for k in range(10**9))
    >>> gather(endless, 3)["event"].tolist()
    [0, 0, 1]
    """
    found, parts = 0, []
    for part in batches:
        parts.append(part)
        found += len(next(iter(part.values())))
        if found >= entries:
            break
    return join(parts, slice(entries))


def constant(entries: int, **values: np.generic) -> Columns:
    """Columns of one value each, of the value's type.

    Examples
    --------
    >>> constant(2, label=np.int8(1))["label"].tolist()
    [1, 1]
    """
    return {name: ak.Array(np.full(entries, value)) for name, value in values.items()}
