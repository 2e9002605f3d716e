"""ROOT trees to HDF5 or Parquet: exact, in bounded memory, all or nothing."""

from __future__ import annotations

import collections
import contextlib
import fnmatch
import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepml_lib import atomic, settings
from hepml_lib.formats import columnar, parquet, rootfile
from hepml_lib.formats.rootfile import Column
from hepml_lib.formats.tables import unknown

__all__ = ["convert", "load"]


def convert(
    source: str | Path,
    target: str | Path,
    *,
    tree: str | None = None,
    branches: Sequence[str] | None = None,
    step: str | int = "20 MB",
    compression: str = "fast",
    progress: bool = True,
) -> None:
    """Convert a tree of a ROOT file to HDF5 or Parquet; `load` gives the same arrays back.

    TTrees and RNTuples; numbers of every width, booleans, arrays of fixed size, jagged and doubly
    jagged arrays, records, text, lists of text, and values that may be missing. The layout in HDF5
    is described in `hepml_lib.formats.columnar`; in Parquet, columns are what Arrow makes of them.
    The file appears under its name when it is complete, in place of an older one; a conversion that
    fails or is interrupted leaves nothing (one that is killed leaves a hidden ``.part`` file).

    Parameters
    ----------
    source
        ROOT file.
    target
        File to write; ``.h5`` or ``.hdf5`` for HDF5, ``.parquet`` for Parquet.
    tree
        Name of the tree; may be left out if the file has only one.
    branches
        Names or patterns such as ``"Jet_*"``; default all.
    step
        Uncompressed bytes read at a time, as a number or as text. The process holds a few times as
        much, or a few times the largest basket, however large the file.
    compression
        ``"fast"`` (lzf in HDF5, lz4 in Parquet), ``"small"`` (gzip, zstd) or ``"none"``. lzf comes
        with h5py; take another one if a program outside Python shall read the HDF5 file.
    progress
        Show a bar.

    Raises
    ------
    FileNotFoundError
        If the source, or the folder of the target, does not exist.
    OSError
        If the source is cut short or damaged; file and branch are named. Damage is seen where
        sizes contradict each other or a compressed block does not unpack. A flipped bit in an
        uncompressed block, or one after which a block unpacks all the same, cannot be seen.
    TypeError
        If a branch holds values of several types.
    ValueError
        If the tree, a branch, the ending of the target or the compression is unknown.

    Examples
    --------
    Muons of three events, one of which has a Z boson:

    >>> import tempfile, uproot
    >>> folder = tempfile.TemporaryDirectory()
    >>> source, target = Path(folder.name, "muons.root"), Path(folder.name, "muons.h5")
    >>> with uproot.recreate(source) as file:
    ...     tree = file.mktree("events", {"pt": "var * float32"})
    ...     size = tree.extend({"pt": ak.Array([[45.6, 45.6], [], [12.0]])})
    >>> convert(source, target, branches=["pt"], progress=False)
    >>> load(target).pt.to_list() == [[np.float32(45.6)] * 2, [], [12.0]]
    True
    """
    source, target = Path(source), Path(target)
    if compression not in columnar.FILTERS:
        raise ValueError(settings.unknown_name("compression", compression, columnar.FILTERS))
    writers = {".h5": _write_hdf5, ".hdf5": _write_hdf5, ".parquet": _write_parquet}
    if target.suffix not in writers:
        raise ValueError(
            f"{target} ends in {target.suffix!r}, but the ending says what to write: "
            f"{', '.join(writers)}"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent} to write {target.name} in")
    size = _bytes(step)
    with rootfile.opened(source) as trees:
        columns = _selected(source, trees, tree, branches)
        total = sum(column.volume[-1] for column in columns)
        with _bar(source, total, progress) as advance, atomic.replacing(target) as draft:
            writers[target.suffix](draft, columns, size, compression, advance)


def load(
    path: str | Path,
    columns: Collection[str] | None = None,
    entry_start: int = 0,
    entry_stop: int | None = None,
) -> ak.Array:
    """Arrays of a file written by `convert`, with the types and values that the tree had.

    Parameters
    ----------
    path
        HDF5 or Parquet file.
    columns
        Names to load; default all.
    entry_start, entry_stop
        Range of entries; only what holds it is read. Default all.

    Returns
    -------
    ak.Array
        A record per entry.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is damaged.
    ValueError
        If `convert` did not write it, or a column is unknown.
    """
    path = Path(path)
    with path.open("rb") as stream:
        beginning = stream.read(4)
    readers = {b"PAR1": parquet.read, b"\x89HDF": columnar.read}
    if beginning not in readers:
        raise ValueError(f"{path} is neither HDF5 nor Parquet; formats.read may know it")
    return readers[beginning](path, columns, entry_start, entry_stop)


_Advance = Callable[[float], Any]


def _bytes(step: str | int) -> float:
    text = str(step).strip()
    number = text.rstrip("kKMGB ")
    unit = text[len(number) :].strip().upper() or "B"
    scale = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}
    try:
        size = float(number) * scale[unit]
    except (ValueError, KeyError):
        size = 0.0
    if size <= 0:
        raise ValueError(f"step is {step!r}; it is a number of bytes, or text such as '20 MB'")
    return size


def _selected(
    source: Path, trees: dict[str, Any], tree: str | None, branches: Sequence[str] | None
) -> list[Column]:
    if tree is None:
        if len(trees) != 1:
            known = ", ".join(sorted(trees)) or "none"
            raise ValueError(
                f"{source} has {len(trees)} trees; choose one by tree=. There are: {known}"
            )
        (tree,) = trees
    if tree not in trees:
        raise ValueError(f"{source}: {settings.unknown_name('tree', tree, trees)}")
    columns = rootfile.columns(source, tree, trees[tree])
    names = [column.name for column in columns]
    if twice := [name for name, times in collections.Counter(names).items() if times > 1]:
        raise ValueError(f"{source}: several branches are called {', '.join(twice)}")
    for pattern in branches or ():
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"{source}: {unknown('branch', pattern, names)}")
    if branches is not None:
        columns = [c for c in columns if any(fnmatch.fnmatchcase(c.name, p) for p in branches)]
    if not columns:
        raise ValueError(f"{source}: tree {tree!r} has no branches to convert")
    return columns


@contextlib.contextmanager
def _bar(source: Path, total: float, progress: bool) -> Iterator[_Advance]:
    from tqdm.auto import tqdm

    with tqdm(
        desc=source.name,
        total=int(total),
        unit="B",
        unit_scale=True,
        leave=False,
        disable=not progress,
    ) as bar:
        yield bar.update


def _array(column: Column, start: int, stop: int) -> ak.Array:
    array = column.array(start, stop)
    if _holds_union(array.layout):
        raise TypeError(
            f"{column.path}, branch {column.name!r}: it holds values of several types or of none, "
            f"{array.type.content}, which the target cannot; choose other branches by branches="
        )
    return array


def _holds_union(layout: Any) -> bool:
    if layout.is_union or layout.is_unknown:
        return True
    contents = layout.contents if layout.is_record else [getattr(layout, "content", None)]
    return any(_holds_union(content) for content in contents if content is not None)


def _write_hdf5(
    path: Path, columns: list[Column], step: float, compression: str, advance: _Advance
) -> None:
    with columnar.Writer(path, compression) as writer:
        # Column by column: each is cut where its own baskets end.
        for column in columns:
            for start, stop in rootfile.spans(column.edges, column.volume, step):
                writer.append(column.name, _array(column, start, stop))
                advance(column.size(start, stop))


def _write_parquet(
    path: Path, columns: list[Column], step: float, compression: str, advance: _Advance
) -> None:
    # A row group holds all columns, so it ends where the baskets of all of them end. It is half a
    # step, for Arrow makes a copy of it.
    edges = functools.reduce(np.intersect1d, [column.edges for column in columns])
    volume = np.sum([np.interp(edges, c.edges, c.volume) for c in columns], axis=0)
    spans = rootfile.spans(edges, volume, step / 2)
    if np.diff(volume).max(initial=0) <= step:
        rows = (_rows(columns, start, stop, advance) for start, stop in spans)
        parquet.write(path, rows, compression)
        return
    # Larger baskets would be unpacked once for every row group that they reach into.
    with atomic.draft(path) as stage:
        _write_hdf5(stage, columns, step, "none", advance)
        rows = (columnar.read(stage, None, start, stop) for start, stop in spans)
        parquet.write(path, rows, compression)


def _rows(columns: list[Column], start: int, stop: int, advance: _Advance) -> ak.Array:
    contents = []
    for column in columns:
        contents.append(_array(column, start, stop).layout)
        advance(column.size(start, stop))
    names = [column.name for column in columns]
    return ak.Array(ak.contents.RecordArray(contents, names, length=stop - start))
