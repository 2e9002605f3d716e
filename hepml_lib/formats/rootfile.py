"""Trees of a ROOT file as columns: where to cut them, and errors that name file and branch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

__all__ = ["Column", "columns", "entries", "opened", "spans"]

# In memory, of a value that takes so many bits in an RNTuple: one is a boolean, other numbers that
# are not here are truncated floats.
_BYTES = {1: 1, 8: 1, 16: 2, 32: 4, 64: 8}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[dict[str, Any]]:
    """Every TTree and RNTuple of a file by its name; the file is closed after the block.

    Parameters
    ----------
    path
        ROOT file.

    Yields
    ------
    dict
        uproot's TTrees and RNTuples by their names.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is not a ROOT file, cut short or damaged.
    """
    import uproot

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        # Arrays are read once, so that uproot's cache of 100 MB would only cost memory. The plain
        # file source takes half the time of the default one, and a mapped file counts as memory.
        source = uproot.source.file.MultithreadedFileSource
        file = uproot.open(path, array_cache=None, handler=source)
    except Exception as error:
        raise _damaged(path, error) from error
    with file:
        length, expected = os.path.getsize(path), file.file.fEND
        if length < expected:
            raise OSError(f"{path} is cut short: {length} of its {expected} bytes are there")
        try:
            kinds = file.classnames(cycle=False)
            trees = {
                name: file[name]
                for name, kind in kinds.items()
                if kind in ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")
            }
        except Exception as error:
            raise _damaged(path, error) from error
        yield trees


def _damaged(path: Path, error: Exception, where: str = "") -> OSError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return OSError(
        f"{path}{where} cannot be read: the file is cut short or damaged, or uproot does not know "
        f"what is stored there ({reason})"
    )


@dataclass(frozen=True)
class Column:
    """A branch of a TTree or a field of an RNTuple.

    Attributes
    ----------
    path, name
        File, and name as ``tree.keys()`` gives it.
    branch
        uproot's object.
    edges
        Entries at which a basket or cluster begins, and the number of entries.
    volume
        Uncompressed bytes before each edge, estimated; not decreasing.
    """

    path: Path
    name: str
    branch: Any
    edges: NDArray[np.int64]
    volume: NDArray[np.float64]

    def array(self, start: int, stop: int) -> ak.Array:
        """Entries from `start` up to `stop`, as `entries` reads them.

        Parameters
        ----------
        start, stop
            First entry, and the one after the last.

        Returns
        -------
        ak.Array
            ``stop - start`` entries.

        Raises
        ------
        OSError
            If they cannot be read.
        """
        return entries(self.path, self.branch, start, stop)

    def size(self, start: int, stop: int) -> float:
        """Estimated uncompressed bytes of the entries from `start` up to `stop`.

        Parameters
        ----------
        start, stop
            First entry, and the one after the last.

        Returns
        -------
        float
            Bytes.
        """
        first, last = np.interp((start, stop), self.edges, self.volume)
        return float(last - first)


def spans(
    edges: NDArray[np.int64], volume: NDArray[np.float64], step: float
) -> Iterator[tuple[int, int]]:
    """Ranges of entries of about `step` bytes that together are all entries.

    They end at an edge whenever that costs less than another `step`, so that no basket is unpacked
    twice. No entries give one empty range.

    Parameters
    ----------
    edges
        Entries at which a basket begins, and the number of entries, ascending.
    volume
        Uncompressed bytes before each edge, of the same shape.
    step
        Bytes of a range.

    Yields
    ------
    tuple of int
        First entry, and the one after the last.

    Examples
    --------
    Baskets of 30, 10, 10 and 90 bytes; the last one is cut:

    >>> edges, volume = np.array([0, 3, 4, 5, 8]), np.array([0.0, 30, 40, 50, 140])
    >>> list(spans(edges, volume, 40.0))
    [(0, 4), (4, 5), (5, 6), (6, 8)]
    """
    last = int(edges[-1])
    if last == 0:
        yield 0, 0
    start = 0
    while start < last:
        before = np.interp(start, edges, volume)
        following = int(np.searchsorted(edges, start, side="right"))
        # The last edge that is no further than one step away.
        fitting = int(np.searchsorted(volume, before + step, side="right")) - 1
        if fitting >= following:
            stop = int(edges[fitting])
        elif volume[following] <= before + 2 * step:
            stop = int(edges[following])
        else:
            stop = max(start + 1, int(np.interp(before + step, volume, edges)))
        yield start, stop
        start = stop


def entries(path: Path, branch: Any, start: int, stop: int) -> ak.Array:
    """Entries of a branch or field from `start` up to `stop`.

    Parameters
    ----------
    path
        The file, for messages.
    branch
        uproot's branch or field.
    start, stop
        First entry, and the one after the last.

    Returns
    -------
    ak.Array
        ``stop - start`` entries.

    Raises
    ------
    OSError
        If they cannot be read; file and branch are named.
    """
    try:
        # An RNTuple gives a view of whole clusters; packed, it lets go of them.
        array = ak.to_packed(branch.array(entry_start=start, entry_stop=stop, array_cache=None))
        if len(array) != stop - start:
            raise ValueError(f"{stop - start} entries expected, {len(array)} found")
    except Exception as error:
        raise _damaged(
            path, error, f", branch {branch.name!r}, entries {start} to {stop},"
        ) from error
    return array


def columns(path: Path, name: str, tree: Any) -> list[Column]:
    """Columns of the tree called `name`: every branch that has none below it, or every field.

    Parameters
    ----------
    path
        The file, for messages.
    name, tree
        The tree's name, and uproot's object.

    Returns
    -------
    list of Column
        In the order of the tree.

    Raises
    ------
    OSError
        If what the file says about a branch contradicts itself.
    """
    try:
        if _is_rntuple(tree):
            edges, volumes = _clusters(tree)
            return [Column(path, key, tree[key], edges, volumes[key]) for key in volumes]
        leaves = [(key, branch) for key, branch in tree.items() if not branch.branches]
        return [Column(path, key, branch, *_baskets(tree, branch)) for key, branch in leaves]
    except Exception as error:
        raise _damaged(path, error, f", tree {name!r},") from error


def _is_rntuple(tree: Any) -> bool:
    return hasattr(tree, "ntuple")


def _baskets(tree: Any, branch: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Edges of the baskets of a branch, and the bytes before each of them."""
    edges = np.asarray(branch.entry_offsets, np.int64)
    if edges[0] != 0 or edges[-1] != tree.num_entries or np.any(np.diff(edges) < 0):
        raise ValueError(
            f"branch {branch.name!r} has baskets at entries {edges[0]} to {edges[-1]}, "
            f"the tree has {tree.num_entries} entries"
        )
    sizes = np.asarray(branch.member("fBasketBytes")[: len(edges) - 1], np.float64)
    # Baskets kept in the tree's own record have no size there; they are few and small.
    sizes = np.pad(sizes, (0, len(edges) - 1 - len(sizes)))
    if np.any(sizes < 0):
        raise ValueError(f"branch {branch.name!r} has a basket of negative size")
    share = sizes / sizes.sum() if sizes.sum() > 0 else np.diff(edges) / max(edges[-1], 1)
    return edges, np.append(0.0, np.cumsum(share)) * branch.uncompressed_bytes


def _clusters(
    ntuple: Any,
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Edges of the clusters, and for every field at the top the bytes before each of them."""
    summaries = ntuple.cluster_summaries
    edges = np.asarray([s.num_first_entry for s in summaries] + [ntuple.num_entries], np.int64)
    if edges[0] != 0 or np.any(np.diff(edges) < 0):
        raise ValueError(f"its clusters begin at entries {edges.tolist()}")
    records = ntuple.field_records
    top = list(range(len(records)))
    for field, record in enumerate(records):
        # A field at the top is its own parent; parents come before their children.
        top[field] = field if record.parent_field_id == field else top[record.parent_field_id]
    sizes = np.zeros((len(records), len(summaries)))
    for cluster, links in enumerate(ntuple.page_link_list):
        for column, link in zip(ntuple.column_records, links, strict=False):
            elements = sum(page.num_elements for page in link.pages)
            sizes[top[column.field_id], cluster] += elements * _BYTES.get(column.nbits, 4)
    return edges, {
        field.name: np.append(0.0, np.cumsum(sizes[field.field_id])) for field in ntuple.fields
    }
