"""Real files where there are some, and small files of a documented layout where there are none."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest


@pytest.fixture(scope="session")
def real(root: Path) -> Callable[[str], Path]:
    """Path of a real file; the test is skipped where it is absent."""
    folder = Path(os.environ.get("HEPML_REAL_DATA", root.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (folder / name).exists():
            pytest.skip(f"{name} is not in {folder}; HEPML_REAL_DATA names the folder")
        return folder / name

    return find


def _write_table(group: h5py.Group, columns: dict) -> None:
    """Frames in the `table` format: one compound data set, a field per type, pickled labels."""
    kinds: dict[np.dtype, list] = {}
    for label, values in columns.items():
        kinds.setdefault(values.dtype, []).append(label)
    rows = len(next(iter(columns.values())))
    fields = [("index", "<i8")] + [
        (f"values_block_{i}", kind, (len(labels),))
        for i, (kind, labels) in enumerate(kinds.items())
    ]
    data = np.zeros(rows, fields)
    data["index"] = np.arange(rows)
    table = group.create_dataset("table", data=data, maxshape=(None,))
    for i, labels in enumerate(kinds.values()):
        data[f"values_block_{i}"] = np.stack([columns[label] for label in labels], axis=1)
        table.attrs[f"values_block_{i}_kind"] = np.bytes_(pickle.dumps(labels, protocol=0))
    table[...] = data
    group.create_group("_i_table/index")
    group.attrs["pandas_type"] = np.bytes_("frame_table")


def _write_fixed(group: h5py.Group, columns: dict) -> None:
    """Frames in the `fixed` format: a data set per type."""
    kinds: dict[np.dtype, list] = {}
    for label, values in columns.items():
        kinds.setdefault(values.dtype, []).append(label)
    for i, labels in enumerate(kinds.values()):
        group[f"block{i}_values"] = np.stack([columns[label] for label in labels], axis=1)
        items = np.array(labels)
        group[f"block{i}_items"] = items if items.dtype.kind == "i" else items.astype("S")
    group.attrs["nblocks"] = len(kinds)
    group.attrs["pandas_type"] = np.bytes_("frame")


@pytest.fixture
def write_frame() -> Callable[..., Path]:
    """Write a data frame as pandas does: ``write_frame(path, key, columns, layout)``.

    The layouts are those of pandas 3.1 with PyTables 3.10, as h5py shows them.
    """

    def write(path: Path, key: str, columns: dict, layout: str) -> Path:
        with h5py.File(path, "a") as file:
            writer = {"table": _write_table, "fixed": _write_fixed}[layout]
            writer(file.create_group(key), columns)
        return path

    return write
