"""Files of other people as arrays with the field names of our samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import awkward as ak

from hepml_lib import settings
from hepml_lib.formats import (
    higgsml,
    jetclass,
    nanoaod,
    olympics,
    physlite,
    spanet,
    toptagging,
    trackml,
)
from hepml_lib.formats.tables import FileTable, tables

__all__ = ["FORMATS", "detect", "read"]


@dataclass(frozen=True)
class Format:
    """A format that `read` knows.

    Attributes
    ----------
    title
        A line on what it is.
    container
        What a `FileTable` calls the container.
    columns
        Columns that it has and no other format has together.
    read
        ``read(table, events)`` gives the array; its docstring says which fields.
    """

    title: str
    container: str
    columns: tuple[str, ...]
    read: Callable[[FileTable, int | None], ak.Array]

    def recognises(self, table: FileTable) -> bool:
        return table.container == self.container and set(self.columns) <= set(table.columns)


FORMATS: dict[str, Format] = {
    "nanoaod": Format("CMS NanoAOD", "ROOT", nanoaod.COLUMNS, nanoaod.read),
    "physlite": Format("ATLAS PHYSLITE", "ROOT", physlite.COLUMNS, physlite.read),
    "jetclass": Format("JetClass", "ROOT", jetclass.COLUMNS, jetclass.read),
    "top_tagging": Format(
        "top-quark tagging reference set", "pandas", toptagging.COLUMNS, toptagging.read
    ),
    "olympics_events": Format(
        "LHC Olympics, particles", "pandas", olympics.EVENT_COLUMNS, olympics.read_events
    ),
    "olympics_features": Format(
        "LHC Olympics, features of jets", "pandas", olympics.FEATURE_COLUMNS, olympics.read_features
    ),
    "spanet": Format("SPA-NET", "HDF5", spanet.COLUMNS, spanet.read),
    "higgsml": Format("ATLAS Higgs challenge", "CSV", higgsml.COLUMNS, higgsml.read),
} | {
    f"trackml_{kind}": Format(f"TrackML, {kind}", "CSV", columns, trackml.read)
    for kind, columns in trackml.COLUMNS.items()
}
"""Every format by its name."""


def read(path: str | Path, format: str | None = None, events: int | None = None) -> ak.Array:
    r"""Read a public data set or an experiment's file.

    Jets and other objects are ``Momentum4D`` with `pt, eta, phi, mass` [GeV, rad]; `label`,
    `event`, `constituents` and so on are called what our samples call them. The docstring of each
    format's function says what it gives: ``help(formats.FORMATS["nanoaod"].read)``. What is not
    listed there stays in the file; `convert` keeps all of it.

    Parameters
    ----------
    path
        ROOT, HDF5 or CSV file, or a folder of TrackML events.
    format
        Name in `FORMATS`; default: what the content says. The name of the file does not matter.
    events
        How many entries to read, from the first; default all.

    Returns
    -------
    ak.Array
        A record per event, or per jet where the file is one of jets.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModuleNotFoundError
        If it is compressed in a way that needs another package; the message says which.
    OSError
        If it is cut short or damaged.
    ValueError
        If its format is unknown or not clear: what was found and what is known; or if a branch is
        missing: the nearest name, and those there are.

    Examples
    --------
    A proton of 7 TeV in TrackML's list of particles:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "event000000001-particles.csv")
    >>> rows = ["particle_id,vx,vy,vz,px,py,pz,q,nhits", "7,0,0,0,3.0,4.0,7e3,1,0"]
    >>> size = path.write_text("\n".join(rows))
    >>> proton = read(path)[0]
    >>> float(proton.pt), round(float(proton.eta), 2)
    (5.0, 7.94)
    """
    path = Path(path)
    if events is not None and events < 0:
        raise ValueError(f"events is {events}; it must not be negative")
    if format is not None and format not in FORMATS:
        raise ValueError(settings.unknown_name("format", format, FORMATS))
    if path.is_dir():
        return trackml.read_folder(path, events)
    name, table = _recognised(path, format)
    return FORMATS[name].read(table, events)


def detect(path: str | Path) -> str:
    """Name of a file's format, by its content.

    Parameters
    ----------
    path
        ROOT, HDF5 or CSV file.

    Returns
    -------
    str
        A name in `FORMATS`.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As `read`.
    """
    return _recognised(Path(path), None)[0]


def _recognised(path: Path, format: str | None) -> tuple[str, FileTable]:
    """The one format and table of a file that fit each other."""
    found = tables(path)
    names = FORMATS if format is None else [format]
    fitting = [
        (name, table) for name in names for table in found if FORMATS[name].recognises(table)
    ]
    if len(fitting) == 1:
        return fitting[0]
    content = "\n".join(f"  {table}" for table in found) or "  nothing"
    if fitting:
        several = ", ".join(f"{name} ({table.name or table.container})" for name, table in fitting)
        hint = "" if format else "; choose one by format="
        raise ValueError(f"{path} fits several formats: {several}{hint}. It holds:\n{content}")
    known = "\n".join(
        f"  {name}: {FORMATS[name].title}; {FORMATS[name].container} "
        f"with {', '.join(FORMATS[name].columns)}"
        for name in names
    )
    raise ValueError(f"{path} is in no known format. It holds:\n{content}\nKnown are:\n{known}")
