from __future__ import annotations

import awkward as ak
import h5py
import numpy as np
import pytest
from awkward.contents import (
    IndexedOptionArray,
    ListOffsetArray,
    NumpyArray,
    RecordArray,
    RegularArray,
)
from awkward.index import Index64
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.formats import columnar

NUMBERS = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")

# A type is a tuple: its kind, then what it is made of.
LEAVES = st.sampled_from([("number", kind) for kind in NUMBERS] + [("text",), ("bytes",)])


def _nested(inner):
    return st.one_of(
        st.tuples(st.just("list"), inner),
        st.tuples(st.just("regular"), st.integers(0, 3), inner),
        st.tuples(
            st.just("record"), st.sampled_from([None, "Particle"]), st.lists(inner, max_size=3)
        ),
        st.tuples(st.just("tuple"), st.lists(inner, min_size=1, max_size=2)),
        st.tuples(st.just("option"), inner),
    )


TYPES = st.recursive(LEAVES, _nested, max_leaves=4)


def build(kind, length, rng):
    """Random awkward content of a type."""
    if kind[0] == "number":
        dtype = np.dtype(kind[1])
        if dtype.kind == "f":
            return NumpyArray(rng.normal(size=length).astype(dtype))
        bits = rng.integers(0, 256, length * dtype.itemsize, dtype=np.uint8)
        return NumpyArray(bits % 2 == 1 if dtype.kind == "b" else bits.view(dtype))
    if kind[0] in ("text", "bytes"):
        outer, inner = ("string", "char") if kind[0] == "text" else ("bytestring", "byte")
        offsets = np.append(0, np.cumsum(rng.integers(0, 4, length)))
        letters = rng.integers(97, 123, offsets[-1], dtype=np.uint8)
        content = NumpyArray(letters, parameters={"__array__": inner})
        return ListOffsetArray(Index64(offsets), content, parameters={"__array__": outer})
    if kind[0] == "list":
        offsets = np.append(0, np.cumsum(rng.integers(0, rng.integers(1, 5), length)))
        return ListOffsetArray(Index64(offsets), build(kind[1], offsets[-1], rng))
    if kind[0] == "regular":
        return RegularArray(build(kind[2], length * kind[1], rng), kind[1], length)
    if kind[0] == "tuple":
        return RecordArray([build(inner, length, rng) for inner in kind[1]], None, length=length)
    if kind[0] == "record":
        names = ["x/y", ".", "50%"][: len(kind[2])]
        contents = [build(inner, length, rng) for inner in kind[2]]
        name = {"__record__": kind[1]} if kind[1] else None
        return RecordArray(contents, names, length=length, parameters=name)
    there = rng.random(length) > rng.choice([0.0, 0.4, 1.0])
    index = np.where(there, np.cumsum(there) - 1, -1)
    return IndexedOptionArray.simplified(
        Index64(index), build(kind[1], np.count_nonzero(there), rng)
    )


@settings(max_examples=60)
@given(TYPES, st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(0, 99))
def test_every_type_survives_in_pieces(tmp_path_factory, kind, lengths, seed):
    rng = np.random.default_rng(seed)
    pieces = [ak.Array(build(kind, length, rng)) for length in lengths]
    whole = ak.concatenate(pieces) if len(pieces) > 1 else pieces[0]
    path = tmp_path_factory.mktemp("columnar") / "columns.h5"
    with columnar.Writer(path, "none") as writer:
        for piece in pieces:
            writer.append("column", piece)

    found = columnar.read(path, None).column
    assert found.type == whole.type
    assert ak.array_equal(found, whole, same_content_types=False, equal_nan=True)
    start, stop = sorted(rng.integers(0, len(whole) + 1, 2).tolist())
    part = columnar.read(path, ["column"], start, stop).column
    assert ak.array_equal(part, whole[start:stop], same_content_types=False, equal_nan=True)


def test_the_layout_reads_as_its_docstring_says(tmp_path):
    path = tmp_path / "events.h5"
    jets = ak.Array([[91.2, 80.4], [], [125.0]])
    with columnar.Writer(path, "fast") as writer:
        writer.append("Jet_pt", jets[:2])
        writer.append("Jet_pt", jets[2:])
        writer.append("flag", ak.Array([True, None, False]))
    with h5py.File(path) as file:
        offsets, content = file["Jet_pt/offsets"][...], file["Jet_pt/content"][...]
        assert [content[offsets[i] : offsets[i + 1]].tolist() for i in range(3)] == jets.tolist()
        assert file["flag/mask"][...].tolist() == [False, True, False]
        assert file["flag/content"][...].tolist() == [True, False]
        assert file["flag/content"].dtype == bool
        assert file.attrs["entries"] == 3


def test_a_foreign_file_and_a_missing_column(tmp_path):
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        file["pt"] = [1.0]
    with pytest.raises(ValueError, match="not written by formats.convert"):
        columnar.read(path, None)
    with columnar.Writer(path, "none") as writer:
        writer.append("Jet_pt", ak.Array([1.0]))
    with pytest.raises(ValueError, match="no column 'Jet_p'; did you mean 'Jet_pt'"):
        columnar.read(path, ["Jet_p"])


def test_a_union_is_refused(tmp_path):
    with (
        pytest.raises(TypeError, match="union"),
        columnar.Writer(tmp_path / "events.h5", "none") as writer,
    ):
        writer.append("mixed", ak.Array([1.0, "text"]))


def test_thousands_of_long_names_keep_their_order(tmp_path):
    """More names than fit into one attribute of HDF5, whose limit is 64 kB."""
    names = [f"HLT_{i * 7919 % 1000:04d}_" + "x" * 80 for i in range(1000)]
    one = ak.Array([True])
    with columnar.Writer(tmp_path / "events.h5", "none") as writer:
        for name in names:
            writer.append(name, one)
    assert columnar.read(tmp_path / "events.h5", None).fields == names
