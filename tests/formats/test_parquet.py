from __future__ import annotations

import awkward as ak
import pyarrow as pa
import pytest

from hepml_lib.formats import parquet

EVENTS = ak.Array(
    {
        "Jet.pt": [[50.0], [], [91.2, 30.0]],
        "Jet.ptD": [1, 2, 3],
        "Jet": [{"pt": 1, "n": 2}, {"pt": 3, "n": 4}, {"pt": 5, "n": 6}],
        "missing": ak.Array([None, None, [1]]),
    }
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "events.parquet"
    parquet.write(path, [EVENTS[:2], EVENTS[2:], EVENTS], "fast")
    return path


def same(left, right):
    return ak.array_equal(left, right, same_content_types=False)


def test_a_dot_in_a_name_is_a_dot(path):
    """ATLAS names its branches so, and Parquet its records' fields."""
    whole = ak.concatenate([EVENTS, EVENTS])
    assert same(parquet.read(path, None), whole)
    for columns in (["Jet.pt"], ["Jet"], ["missing", "Jet.ptD"], ["Jet", "Jet.pt"]):
        found = parquet.read(path, columns)
        assert found.fields == columns
        assert same(found, whole[columns])


@pytest.mark.parametrize("start", [0, 1, 3, 6, -2])
@pytest.mark.parametrize("stop", [None, 2, 4, 9, -1])
def test_a_range_crosses_row_groups(path, start, stop):
    expected = ak.concatenate([EVENTS] * 2).to_list()[start:stop]
    assert parquet.read(path, None, start, stop).to_list() == expected


@pytest.mark.parametrize("column", [[None, None, [1]], [{"name": None}, None, {"name": "Z"}]])
def test_a_row_group_of_missing_values(tmp_path, column):
    """What is missing throughout: awkward alone cannot write it."""
    column = ak.Array({"column": column})
    pieces = [ak.to_packed(column[:2]), column]
    parquet.write(tmp_path / "nothing.parquet", pieces, "none")
    assert same(parquet.read(tmp_path / "nothing.parquet", None), ak.concatenate(pieces))


def test_the_memory_pool_is_given_back(path):
    before = pa.default_memory_pool().backend_name
    with pytest.raises(RuntimeError, match="midway"):
        parquet.write(path, failing(), "none")
    assert pa.default_memory_pool().backend_name == before


def failing():
    yield EVENTS
    raise RuntimeError("midway")
