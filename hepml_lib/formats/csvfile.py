"""CSV files, compressed with gzip or not."""

from __future__ import annotations

import gzip
import io
import itertools
import zlib
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

__all__ = ["columns", "header"]


def _opened(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")


def header(path: Path) -> tuple[str, ...]:
    """Names in the first line.

    Parameters
    ----------
    path
        CSV file, compressed with gzip or not.

    Returns
    -------
    tuple of str
        The names, without quotation marks.

    Raises
    ------
    OSError
        If the file is cut short or damaged.
    ValueError
        If the first line is not a list of names: the file is something else.
    """
    try:
        with _opened(path) as stream:
            line = stream.readline(2**20).decode()
    except UnicodeDecodeError:
        line = ""
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, error) from error
    names = tuple(name.strip('"') for name in line.rstrip("\r\n").split(","))
    if len(names) < 2 or not all(name.isprintable() for name in names):
        raise ValueError(f"{path} is neither ROOT, nor HDF5, nor CSV with a line of names")
    return names


def columns(path: Path, _: str, names: list[str], events: int | None) -> dict[str, Any]:
    """First `events` rows of columns: NumPy arrays, awkward ones for text; NaN for what is empty.

    Parameters
    ----------
    path
        CSV file, compressed with gzip or not.
    _
        Not used: a CSV file is one table without a name.
    names
        Columns to read.
    events
        How many rows to read, from the first; None for all.

    Returns
    -------
    dict
        Column by its name, shape (rows,). A column of whole numbers is one of integers.

    Raises
    ------
    OSError
        If the file is cut short or damaged.
    """
    import pyarrow as pa
    from pyarrow import csv

    try:
        with _opened(path) as stream:
            # Names, and at least one row for the types.
            lines = None if events is None else max(events, 1) + 1
            text = stream.read() if lines is None else b"".join(itertools.islice(stream, lines))
        options = csv.ConvertOptions(include_columns=names)
        table = csv.read_csv(io.BytesIO(text), convert_options=options)[:events]
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    values: dict[str, Any] = {}
    for name, column in zip(names, table.columns, strict=True):
        if pa.types.is_string(column.type):
            values[name] = ak.from_arrow(column)
        elif pa.types.is_null(column.type):
            values[name] = np.full(len(column), np.nan)
        else:
            values[name] = column.to_numpy()
    return values


def _damaged(path: Path, error: Exception) -> OSError:
    return OSError(f"{path} cannot be read: it is cut short or damaged ({error})")
