"""Sample files: ROOT trees that carry the hash of what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib import atomic
from hepml_lib.samples.columns import Columns, grouped

__all__ = [
    "chosen",
    "combined",
    "content",
    "file_hash",
    "read",
    "round_mantissa",
    "round_to_step",
    "write",
]

_TREE = "sample"


def round_mantissa(values: ArrayLike, bits: int) -> NDArray[np.float32]:
    """Single-precision values with `bits` bits of mantissa, so that they compress.

    They are rounded to nearest: the relative error is at most 2⁻⁽ᵇⁱᵗˢ⁺¹⁾.

    Parameters
    ----------
    values
        Any real numbers.
    bits
        Of mantissa that stay, at most 22.

    Returns
    -------
    ndarray
        The rounded values.

    Examples
    --------
    >>> round_mantissa([100.0, 0.51], 10).tolist()
    [100.0, 0.509765625]
    """
    shift = 23 - bits
    word = np.asarray(values, np.float32).view(np.uint32)
    return (((word + (1 << (shift - 1))) >> shift) << shift).view(np.float32)


def round_to_step(values: ArrayLike, step: float) -> NDArray[np.float32]:
    """Values in multiples of `step`, a power of two: they compress well.

    Parameters
    ----------
    values
        Any real numbers.
    step
        Their unit is that of the values.

    Returns
    -------
    ndarray
        The rounded values.

    Examples
    --------
    >>> round_to_step([0.1, 0.2], 2.0**-3).tolist()
    [0.125, 0.25]
    """
    return (np.rint(np.asarray(values) / step) * step).astype(np.float32)


def content(columns: Columns) -> dict[str, str]:
    """SHA-256 of every column: of its type, its lengths and its values in little-endian order.

    ROOT files carry the time and a random identity, so that two files with the same content
    differ; these hashes do not.

    Parameters
    ----------
    columns
        Flat or jagged columns.

    Returns
    -------
    dict of str to str
        Hexadecimal hash of each column.
    """
    hashes = {}
    for name, column in columns.items():
        jagged = column.ndim > 1
        values = ak.to_numpy(ak.flatten(column) if jagged else column)
        digest = hashlib.sha256(values.dtype.str[1:].encode())
        if jagged:
            digest.update(ak.to_numpy(ak.num(column)).astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data)
        hashes[name] = digest.hexdigest()
    return hashes


def combined(hashes: dict[str, str]) -> str:
    """One hash of the hashes of all columns.

    Parameters
    ----------
    hashes
        As `content` gives them.

    Returns
    -------
    str
        Hexadecimal.
    """
    lines = (f"{name} {hashes[name]}\n" for name in sorted(hashes))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    str
        Hexadecimal.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(path: Path, columns: Columns) -> None:
    """Write columns to a ROOT tree, all or nothing.

    Jagged columns ``group_field`` with the same ``group`` share one counter. The file appears
    under its name only when it is complete, so that a reader never meets half a file.

    Parameters
    ----------
    path
        Of the file; its folder is made.
    columns
        Flat or jagged columns of equal length.
    """
    import uproot

    branches, groups = grouped(columns)
    branches |= {group: ak.zip(fields) for group, fields in groups.items()}
    types = {name: ak.type(value).content for name, value in branches.items()}
    with (
        atomic.replacing(path) as draft,
        uproot.recreate(draft, compression=uproot.ZSTD(19)) as file,
    ):
        file.mktree(_TREE, types).extend(branches)
        file["content"] = combined(content(columns))


def chosen(columns: Iterable[str], fields: Container[str]) -> list[str]:
    """Names of the columns that fields are made of: flat ones, and all pieces of a jagged group.

    Parameters
    ----------
    columns
        Names of all columns.
    fields
        Names of flat columns and of groups.

    Returns
    -------
    list of str
        In the order of `columns`.
    """
    return [name for name in columns if name in fields or name.partition("_")[0] in fields]


def read(path: Path, fields: Container[str] | None = None) -> Columns:
    """Columns of a sample file; all of them are checked against the hash inside when all are read.

    Parameters
    ----------
    path
        File that `write` made.
    fields
        Flat columns and groups of jagged columns to read; all by default.

    Returns
    -------
    Columns
        As awkward arrays.

    Raises
    ------
    OSError
        If the file is cut short or damaged. It is named, and nothing of it is returned.
    """
    import uproot

    try:
        with uproot.open(path) as file:
            tree = file[_TREE]
            # Counters of jagged columns are ROOT's book-keeping, not content.
            names: list[str] = tree.keys()
            counters = {f"n{name.partition('_')[0]}" for name in names if "_" in name}
            names = [name for name in names if name not in counters]
            array = tree.arrays(names if fields is None else chosen(names, fields))
            columns = {name: array[name] for name in array.fields}
            expected = str(file["content"])
    except Exception as error:
        raise _damaged(path, f"{type(error).__name__} while reading") from error
    if fields is None and combined(content(columns)) != expected:
        raise _damaged(path, "its content does not have the hash it was written with")
    return columns


def _damaged(path: Path, why: str) -> OSError:
    return OSError(
        f"{path} is cut short or damaged ({why}). Nothing of it was used. "
        "Delete it: its content is then generated again"
    )
