"""Awkward arrays in HDF5, piece by piece and exactly: flat content, offsets, masks.

A file holds one *node* per column, under the column's name:

===========  =====================================================================================
node         what is stored
===========  =====================================================================================
dataset      Numbers or booleans, shape ``(n,)``; arrays of fixed size ``(n, k)``, ``(n, k, l)`` …
``list``     Group. Dataset ``offsets``, int64, ``(n + 1,)``, and node ``content``: entry ``i`` is
             ``content[offsets[i]:offsets[i + 1]]``. Text is a list of UTF-8 bytes.
``record``   Group. One node per field.
``option``   Group. Dataset ``mask``, ``(n,)``, true where the value is missing, and node
             ``content`` with the values that are there, in order.
``regular``  Group. Node ``content``: entry ``i`` is ``content[i * size:(i + 1) * size]``.
===========  =====================================================================================

Attributes: ``node`` (the word in the table), ``parameters`` (awkward's, JSON; text has
``"__array__": "string"``), ``length`` of a record or regular node, ``size`` of a regular one,
``tuple`` of a record whose fields have no names. Groups remember the order in which their members
came: it is the order of columns and fields. In names ``%``, ``/`` and a lone ``.`` are written
``%25``, ``%2F`` and ``%2E``, for HDF5 gives the last two a meaning. The root has ``layout`` and
``entries``.

Reading a jagged column without this module takes two lines::

    offsets, content = file["Jet_pt/offsets"][...], file["Jet_pt/content"][...]
    jets_of_event_7 = content[offsets[7]:offsets[8]]
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Collection
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import settings
from hepml_lib.formats import hdf5file

__all__ = ["FILTERS", "LAYOUT", "Writer", "read"]

LAYOUT = "hepml columns 1"
"""Attribute ``layout`` of the root: what this module writes and reads."""

_CHUNK = 2**18  # bytes; an HDF5 chunk is the smallest piece that can be read

FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "fast": {"compression": "lzf", "shuffle": True},
    "small": {"compression": "gzip", "compression_opts": 6, "shuffle": True},
}
"""Settings of HDF5 by the name of a compression."""


def _encoded(name: str) -> str:
    if name in ("", "."):
        return {"": "%", ".": "%2E"}[name]
    return name.replace("%", "%25").replace("/", "%2F")


def _decoded(name: str) -> str:
    return "" if name == "%" else urllib.parse.unquote(name)


class Writer:
    """A new HDF5 file of columns, each appended to in pieces.

    Parameters
    ----------
    path
        File to write; complete when the ``with`` block has ended well.
    compression
        ``"none"``, ``"fast"`` or ``"small"``.
    """

    def __init__(self, path: Path, compression: str) -> None:
        import h5py

        self._filters = FILTERS[compression]
        self._file = h5py.File(path, "w", track_order=True)
        self._lengths: dict[str, int] = {}  # of every node, by its path

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._file:
            if exception[0] is None:
                self._finish()

    def append(self, column: str, piece: ak.Array) -> None:
        """Add the next entries of a column.

        Parameters
        ----------
        column
            Name of the column.
        piece
            Entries, of the type of the pieces before.

        Raises
        ------
        TypeError
            If the type has no layout here: unions, and contents of unknown type.
        """
        self._node(self._file, _encoded(column), ak.to_packed(piece).layout)

    def _finish(self) -> None:
        """Write what is only known at the end."""
        for path, length in self._lengths.items():
            node = self._file[path]
            if node.attrs.get("node") in ("record", "regular"):
                node.attrs["length"] = length
        self._file.attrs["layout"] = LAYOUT
        self._file.attrs["entries"] = max(
            (self._lengths[f"/{name}"] for name in self._file), default=0
        )

    def _node(self, parent: Any, name: str, layout: Any) -> None:
        path = f"{parent.name.rstrip('/')}/{name}"
        self._lengths[path] = self._lengths.get(path, 0) + len(layout)
        numbers = _numbers(layout)
        if numbers is not None:
            self._dataset(parent, name, numbers, layout.parameters)
        elif layout.is_option:
            group = self._group(parent, name, "option", layout)
            self._dataset(group, "mask", layout.mask_as_bool(valid_when=False))
            # Packed, for a record would come as an index into itself.
            self._node(group, "content", ak.to_packed(layout.project(), highlevel=False))
        elif layout.is_list and not layout.is_regular:
            group = self._group(parent, name, "list", layout)
            layout = layout.to_ListOffsetArray64(True)
            offsets = np.asarray(layout.offsets)
            first = self._lengths.get(f"{path}/content", 0)
            # The first offset would repeat the last one of the piece before.
            repeated = int("offsets" in group)
            self._dataset(group, "offsets", offsets[repeated:] + first)
            self._node(group, "content", layout.content[: offsets[-1]])
        elif layout.is_regular:
            group = self._group(parent, name, "regular", layout, size=layout.size)
            self._node(group, "content", layout.content[: len(layout) * layout.size])
        elif layout.is_record:
            group = self._group(parent, name, "record", layout, tuple=layout.is_tuple)
            for field, content in zip(layout.fields, layout.contents, strict=True):
                self._node(group, _encoded(field), content[: len(layout)])
        else:
            raise TypeError(f"the type {layout.form.type} cannot be stored in HDF5 by this layout")

    def _group(self, parent: Any, name: str, node: str, layout: Any, **attributes: Any) -> Any:
        if name in parent:
            return parent[name]
        group = parent.create_group(name, track_order=True)
        group.attrs["node"] = node
        for key, value in attributes.items():
            group.attrs[key] = value
        _store_parameters(group, layout.parameters)
        return group

    def _dataset(self, parent: Any, name: str, data: NDArray[Any], parameters: Any = None) -> None:
        if name in parent:
            dataset = parent[name]
            before = len(dataset)
            dataset.resize(before + len(data), axis=0)
            dataset[before:] = data
            return
        row = data.dtype.itemsize * int(np.prod(data.shape[1:]))
        most = max(1, _CHUNK // row)
        dataset = parent.create_dataset(
            name,
            data=data,
            maxshape=(None, *data.shape[1:]),
            # A short column gets a short chunk, since HDF5 stores whole ones.
            chunks=(min(most, max(len(data), most // 16, 1)), *data.shape[1:]),
            **self._filters,
        )
        _store_parameters(dataset, parameters)


def _store_parameters(node: Any, parameters: Any) -> None:
    if parameters:
        node.attrs["parameters"] = json.dumps(parameters)


def _numbers(layout: Any) -> NDArray[Any] | None:
    """Numbers of a layout as a NumPy array; None if it is not made of numbers alone."""
    inner = layout
    while inner.is_regular and not inner.parameters and inner.size > 0:
        inner = inner.content
    if (
        not inner.is_numpy
        or 0 in inner.data.shape[1:]
        or (inner.parameters and inner is not layout)
    ):
        return None
    data = ak.to_numpy(ak.Array(layout), allow_missing=False)
    return data.astype(data.dtype.newbyteorder("="), copy=False)


def read(
    path: Path, columns: Collection[str] | None, start: int = 0, stop: int | None = None
) -> ak.Array:
    """Entries from `start` up to `stop` of the columns of a file written by `Writer`.

    Parameters
    ----------
    path
        File that `Writer` wrote.
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
        If the file has another layout, or lacks a column.
    """
    with hdf5file.opened(path) as file:
        if file.attrs.get("layout") != LAYOUT:
            raise ValueError(f"{path} was not written by formats.convert; formats.read may know it")
        known = [_decoded(name) for name in file]
        wanted = known if columns is None else list(columns)
        for column in wanted:
            if column not in known:
                raise ValueError(f"{path}: {settings.unknown_name('column', column, known)}")
        start, stop, _ = slice(start, stop).indices(int(file.attrs["entries"]))
        stop = max(start, stop)
        contents = [_read(file[_encoded(column)], start, stop) for column in wanted]
    return ak.Array(ak.contents.RecordArray(contents, wanted, length=stop - start))


def _read(node: Any, start: int, stop: int) -> Any:
    """Entries of a node from `start` up to `stop`."""
    parameters = json.loads(node.attrs.get("parameters", "null"))
    kind = node.attrs.get("node", "numbers")
    length = stop - start
    if kind == "numbers":
        data = ak.contents.NumpyArray(node[start:stop]).to_RegularArray()
        return data.copy(parameters=parameters)
    if kind == "record":
        contents = [_read(node[name], start, stop) for name in node]
        fields = None if node.attrs["tuple"] else [_decoded(name) for name in node]
        return ak.contents.RecordArray(contents, fields, length=length, parameters=parameters)
    if kind == "regular":
        size = int(node.attrs["size"])
        content = _read(node["content"], start * size, stop * size)
        return ak.contents.RegularArray(content, size, length, parameters=parameters)
    if kind == "option":
        there = ~node["mask"][:stop]
        first, last = np.count_nonzero(there[:start]), np.count_nonzero(there)
        index = np.where(there, np.cumsum(there) - 1 - first, -1)[start:]
        content = _read(node["content"], int(first), int(last))
        return ak.contents.IndexedOptionArray(
            ak.index.Index64(index), content, parameters=parameters
        )
    offsets = node["offsets"][start : stop + 1]
    content = _read(node["content"], int(offsets[0]), int(offsets[-1]))
    return ak.contents.ListOffsetArray(
        ak.index.Index64(offsets - offsets[0]), content, parameters=parameters
    )
