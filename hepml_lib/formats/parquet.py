"""Awkward arrays in Parquet: row group by row group, and ranges of entries back."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepml_lib import settings

__all__ = ["COMPRESSIONS", "read", "write"]

COMPRESSIONS = {"none": "NONE", "fast": "LZ4", "small": "ZSTD"}
"""Parquet's name of a compression by ours."""


def write(path: Path, row_groups: Iterable[ak.Array], compression: str) -> None:
    """Write arrays of one type, each as a row group.

    Parameters
    ----------
    path
        File to write.
    row_groups
        Records of one type.
    compression
        A name in `COMPRESSIONS`.
    """
    masked = (ak.transform(_masked, row_group) for row_group in row_groups)
    with _frugal():
        ak.to_parquet_row_groups(masked, path, compression=COMPRESSIONS[compression])


def read(
    path: Path, columns: Collection[str] | None, start: int = 0, stop: int | None = None
) -> ak.Array:
    """Entries from `start` up to `stop` of columns; only row groups that hold some are read.

    Parameters
    ----------
    path
        File that `write` wrote.
    columns
        Names to read; None for all.
    start, stop
        First entry, and the one after the last; None for the end.

    Returns
    -------
    ak.Array
        A record per entry.

    Raises
    ------
    OSError
        If the file is damaged.
    ValueError
        If there is no such column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            known = file.schema_arrow.names
            rows = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        wanted = known if columns is None else list(columns)
        for column in wanted:
            if column not in known:
                raise ValueError(f"{path}: {settings.unknown_name('column', column, known)}")
        edges = np.append(0, np.cumsum(rows))
        start, stop, _ = slice(start, stop).indices(int(edges[-1]))
        stop = max(start, stop)
        needed = np.flatnonzero((edges[1:] > start) & (edges[:-1] < stop))
        groups = needed.tolist() or [0]
        # The inner lists keep awkward from reading a dot in a name as a record's field.
        array = ak.from_parquet(path, columns=[[name] for name in wanted], row_groups=groups)
    except (OSError, pa.ArrowException) as error:
        raise OSError(f"{path} cannot be read: it is cut short or damaged ({error})") from error
    first = edges[groups[0]]
    return array[wanted][start - first : stop - first] if len(needed) else array[wanted][:0]


def _masked(layout: Any, **_: Any) -> Any:
    # awkward 2.14 cannot hand an indexed option to Arrow when all of its values are missing.
    if not (layout.is_option and layout.is_indexed):
        return None
    masked = layout.to_ByteMaskedArray(True)
    return masked.copy(content=ak.transform(_masked, masked.content, highlevel=False))


@contextlib.contextmanager
def _frugal() -> Iterator[None]:
    """Let Arrow give memory back at once: its own allocators keep 40 MB for later."""
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
