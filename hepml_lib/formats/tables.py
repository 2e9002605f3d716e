"""Tables with named columns, whatever the container: what a file holds before anything is read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepml_lib import settings
from hepml_lib.formats import csvfile, hdf5file, rootfile

__all__ = ["FileTable", "tables", "unknown"]

_LISTED = 60  # names that a message may hold


@dataclass(frozen=True)
class FileTable:
    """A tree, a data frame, the data sets of an HDF5 file, or a CSV file.

    Attributes
    ----------
    path
        The file.
    container
        ``"ROOT"``, ``"pandas"`` (a data frame in HDF5), ``"HDF5"`` or ``"CSV"``.
    name
        Name of the tree or of the data frame; empty for the others.
    columns
        Names of branches, columns, or data sets and groups.
    fetch
        ``fetch(path, name, columns, events)`` reads.
    """

    path: Path
    container: str
    name: str
    columns: tuple[str, ...]
    fetch: Callable[[Path, str, list[str], int | None], dict[str, Any]]

    def __str__(self) -> str:
        title = f"{self.container} {self.name!r}" if self.name else self.container
        rest = len(self.columns) - 12
        more = f" and {rest} more" if rest > 0 else ""
        return f"{title} with {', '.join(self.columns[:12])}{more}"

    def read(self, names: Iterable[str], events: int | None) -> dict[str, Any]:
        """First `events` entries of columns, by name.

        Parameters
        ----------
        names
            Columns to read; one that is named twice is read once.
        events
            How many entries to read, from the first; None for all.

        Returns
        -------
        dict
            Column by its name: NumPy arrays, awkward ones where lengths differ.

        Raises
        ------
        OSError
            If the file is cut short or damaged.
        ValueError
            If there is no such column: the nearest one is named, and those there are.
        """
        kind = {"ROOT": "branch", "HDF5": "data set"}.get(self.container, "column")
        names = list(dict.fromkeys(names))
        known = set(self.columns)
        for name in names:
            if name not in known:
                raise ValueError(f"{self.path}: {unknown(kind, name, self.columns)}")
        return self.fetch(self.path, self.name, names, events)


def tables(path: Path) -> list[FileTable]:
    """Every table of a file.

    Parameters
    ----------
    path
        ROOT, HDF5 or CSV file; the content says which, not the name.

    Returns
    -------
    list of FileTable
        Trees, data frames and the rest of an HDF5 file, or the one table of a CSV file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is cut short or damaged.
    ValueError
        If it is neither ROOT, nor HDF5, nor CSV.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with path.open("rb") as stream:
        beginning = stream.read(8)
    if beginning.startswith(b"root"):
        with rootfile.opened(path) as trees:
            return [
                FileTable(path, "ROOT", name, tuple(tree.keys()), _branches)
                for name, tree in trees.items()
            ]
    if beginning == b"\x89HDF\r\n\x1a\n":
        frames, others = hdf5file.contents(path)
        data_frames = [
            FileTable(path, "pandas", name, names, hdf5file.frame) for name, names in frames.items()
        ]
        return data_frames + [FileTable(path, "HDF5", "", others, hdf5file.datasets)] * bool(others)
    return [FileTable(path, "CSV", "", csvfile.header(path), csvfile.columns)]


def unknown(kind: str, name: str, known: Collection[str]) -> str:
    """Message for a column that does not exist: the nearest one, and those there are.

    A tree can have thousands; then those are listed whose names are near or begin alike.

    Parameters
    ----------
    kind
        What it is called, such as ``"branch"``.
    name
        The name that does not exist.
    known
        The names that do.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> unknown("branch", "Jet_mas", ["Jet_mass", "Jet_pt"])
    "there is no branch 'Jet_mas'; did you mean 'Jet_mass'? There are: Jet_mass, Jet_pt"
    """
    shown = list(known)
    if len(shown) > _LISTED:
        prefix = name[: max(name.find(mark) for mark in "_./") + 1]
        near = difflib.get_close_matches(name, known, n=3)
        alike = [other for other in known if other.startswith(prefix)]
        shown = list(dict.fromkeys(near + alike))[:_LISTED]
    rest = len(known) - len(shown)
    return settings.unknown_name(kind, name, shown) + (f" and {rest} more" if rest else "")


def _branches(path: Path, name: str, columns: list[str], events: int | None) -> dict[str, Any]:
    with rootfile.opened(path) as trees:
        tree = trees[name]
        stop = tree.num_entries if events is None else min(events, tree.num_entries)
        return {column: rootfile.entries(path, tree[column], 0, stop) for column in columns}
