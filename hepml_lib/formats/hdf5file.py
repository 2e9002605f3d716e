"""HDF5 files: plain data sets, and the data frames that pandas stores, read without PyTables."""

from __future__ import annotations

import contextlib
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

__all__ = ["contents", "datasets", "frame", "opened"]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file to read from.

    Parameters
    ----------
    path
        HDF5 file.

    Yields
    ------
    h5py.File
        Open for reading; closed after the ``with`` block.

    Raises
    ------
    OSError
        If it is cut short or damaged, when it is opened or within the block.
    """
    import h5py

    # Published files are often compressed with Blosc; this package, where present, teaches h5py.
    with contextlib.suppress(ModuleNotFoundError):
        import hdf5plugin  # noqa: F401
    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise OSError(f"{path} cannot be read: it is cut short or damaged ({error})") from error


def contents(path: Path) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Columns of every data frame by its name, and the names of all other data sets and groups.

    Parameters
    ----------
    path
        HDF5 file.

    Returns
    -------
    frames : dict of str to tuple of str
        Columns of each data frame.
    others : tuple of str
        Paths of everything that is in no data frame.

    Raises
    ------
    OSError
        If the file is cut short or damaged.
    """
    import h5py

    frames: dict[str, tuple[str, ...]] = {}
    others: list[str] = []

    def visit(name: str, node: Any) -> None:
        if any(name.startswith(f"{other}/") for other in frames):
            return
        if isinstance(node, h5py.Group) and _text(node.attrs.get("pandas_type")).startswith(
            "frame"
        ):
            blocks = _blocks(node)
            frames[name] = tuple(column for _, _, labels in blocks for column in labels)
        else:
            others.append(name)

    with opened(path) as file:
        file.visititems(visit)
    return frames, tuple(others)


def datasets(path: Path, _: str, columns: list[str], events: int | None) -> dict[str, Any]:
    """First `events` rows of data sets.

    Parameters
    ----------
    path
        HDF5 file.
    _
        Not used: data sets outside of frames have no name in common.
    columns
        Paths of the data sets.
    events
        How many rows to read, from the first; None for all.

    Returns
    -------
    dict of ndarray
        Data set by its path.

    Raises
    ------
    ModuleNotFoundError
        If they are compressed in a way that h5py does not know; the message says what to install.
    OSError
        If the file is cut short or damaged.
    """
    with opened(path) as file:
        return {column: _rows(path, file[column], events) for column in columns}


def frame(path: Path, name: str, columns: list[str], events: int | None) -> dict[str, NDArray[Any]]:
    """First `events` rows of columns of a data frame.

    pandas groups columns of one type into a block: in its ``fixed`` format a data set for each
    block, in its ``table`` format one compound data set with a field for each block.

    Parameters
    ----------
    path
        File.
    name
        Name of the data frame.
    columns
        Names of the columns to read.
    events
        How many rows to read, from the first; None for all.

    Returns
    -------
    dict of ndarray
        Column by its name, shape (rows,).

    Raises
    ------
    ModuleNotFoundError
        If they are compressed in a way that h5py does not know; the message says what to install.
    OSError
        If the file is cut short or damaged.
    """
    wanted = set(columns)
    values: dict[str, NDArray[Any]] = {}
    rows: dict[str, NDArray[Any]] = {}
    with opened(path) as file:
        for dataset, field, labels in _blocks(file[name]):
            if wanted.isdisjoint(labels):
                continue
            if dataset.name not in rows:
                rows[dataset.name] = _rows(path, dataset, events)
            data = rows[dataset.name] if field is None else rows[dataset.name][field]
            if data.size != len(data) * len(labels):
                raise OSError(
                    f"{dataset.name} does not have the {len(labels)} columns of its labels"
                )
            data = data.reshape(len(data), len(labels))
            values |= {label: data[:, i] for i, label in enumerate(labels) if label in wanted}
    return values


def _blocks(group: Any) -> list[tuple[Any, str | None, list[str]]]:
    """Data set, field of it if it is compound, and column labels of every block of a frame."""
    if "table" not in group:
        numbers = range(int(group.attrs["nblocks"]))
        return [
            (group[f"block{i}_values"], None, [_text(c) for c in group[f"block{i}_items"][...]])
            for i in numbers
        ]
    table = group["table"]
    blocks = []
    for field in table.dtype.names:
        if field == "index":
            continue
        labels = [field]
        if field.startswith("values_block_"):
            labels = [_text(label) for label in _labels(table.attrs[f"{field}_kind"])]
        blocks.append((table, field, labels))
    return blocks


def _rows(path: Path, dataset: Any, events: int | None) -> NDArray[Any]:
    import h5py

    plan = dataset.id.get_create_plist()
    for i in range(plan.get_nfilters()):
        code, _, _, title = plan.get_filter(i)
        if not h5py.h5z.filter_avail(code):
            raise ModuleNotFoundError(
                f"{path}, data set {dataset.name}, is compressed with {_text(title) or code}, "
                "which h5py does not know: python -m pip install hdf5plugin, then try again"
            )
    return dataset[:events]


class _Plain(pickle.Unpickler):
    """Unpickles lists, numbers and text; refuses everything that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(
            f"the column labels need {module}.{name}, which is not allowed"
        )


def _labels(pickled: bytes) -> list[Any]:
    try:
        return list(_Plain(io.BytesIO(bytes(pickled)), encoding="utf-8").load())
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError) as error:
        raise OSError(f"column labels are not plain text ({error})") from error


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else "" if value is None else str(value)
