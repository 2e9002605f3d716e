from __future__ import annotations

import os
import pickle

import h5py
import numpy as np
import pytest

from hepml_lib.formats import hdf5file

COLUMNS = {
    "pt": np.array([550.0, 600.5, 649.0], np.float32),
    "mass": np.array([172.5, 80.4, 91.2], np.float32),
    "label": np.array([1, 0, 1]),
}


@pytest.mark.parametrize("layout", ["table", "fixed"])
def test_a_data_frame_is_read_without_pandas(tmp_path, write_frame, layout):
    path = write_frame(tmp_path / "frame.h5", "jets/all", COLUMNS, layout)
    frames, others = hdf5file.contents(path)
    assert {name: set(columns) for name, columns in frames.items()} == {"jets/all": set(COLUMNS)}
    assert others == ("jets",)
    data = hdf5file.frame(path, "jets/all", ["label", "mass"], 2)
    assert data.keys() == {"label", "mass"}
    for name, values in data.items():
        np.testing.assert_array_equal(values, COLUMNS[name][:2])
        assert values.dtype == COLUMNS[name].dtype


@pytest.mark.parametrize("layout", ["table", "fixed"])
def test_numbered_columns_become_names(tmp_path, write_frame, layout):
    columns = {i: np.arange(4.0) + i for i in range(12)}
    path = write_frame(tmp_path / "frame.h5", "df", columns, layout)
    frames, _ = hdf5file.contents(path)
    assert frames["df"] == tuple(str(i) for i in range(12))
    assert hdf5file.frame(path, "df", ["11"], None)["11"].tolist() == [11.0, 12.0, 13.0, 14.0]


def test_labels_cannot_run_code(tmp_path, write_frame):
    path = write_frame(tmp_path / "frame.h5", "df", COLUMNS, "table")

    class Harmful:
        def __reduce__(self):
            return os.getcwd, ()

    with h5py.File(path, "a") as file:
        file["df/table"].attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(Harmful(), 0))
    with pytest.raises(OSError, match="which is not allowed"):
        hdf5file.contents(path)


def test_an_unknown_filter_says_what_to_install(tmp_path):
    blosc = 32001
    if h5py.h5z.filter_avail(blosc):
        pytest.skip("hdf5plugin is installed")
    path = tmp_path / "blosc.h5"
    with h5py.File(path, "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        plan.set_filter(blosc, h5py.h5z.FLAG_OPTIONAL, (0,))
        space = h5py.h5s.create_simple((4,))
        dataset = h5py.h5d.create(file.id, b"pt", h5py.h5t.NATIVE_FLOAT, space, plan)
        dataset.write_direct_chunk((0,), bytes(16))
    with pytest.raises(ModuleNotFoundError, match="pip install hdf5plugin"):
        hdf5file.datasets(path, "", ["pt"], None)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "short.h5"
    with h5py.File(path, "w") as file:
        file["pt"] = np.arange(1000.0)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(OSError, match=r"short\.h5 cannot be read"):
        hdf5file.contents(path)
