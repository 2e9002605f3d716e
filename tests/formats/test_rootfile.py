from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib.formats import rootfile


@given(
    st.lists(st.tuples(st.integers(1, 9), st.floats(0, 100)), max_size=12),
    st.floats(0.5, 200),
)
def test_spans_cover_every_entry_once(baskets, step):
    edges = np.append(0, np.cumsum([entries for entries, _ in baskets], dtype=np.int64))
    volume = np.append(0.0, np.cumsum([size for _, size in baskets]))
    spans = list(rootfile.spans(edges, volume, step))
    assert [start for start, _ in spans[1:]] == [stop for _, stop in spans[:-1]]
    assert (spans[0][0], spans[-1][1]) == (0, edges[-1])
    if not baskets:
        assert spans == [(0, 0)]
        return
    for start, stop in spans:
        assert stop > start
        first, last = np.interp((start, stop), edges, volume)
        # More than two steps only where a single entry is as large as that.
        assert last - first <= 2 * step * (1 + 1e-9) or stop == start + 1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_small_baskets_are_never_cut(entries):
    edges = np.append(0, np.cumsum(entries))
    spans = list(rootfile.spans(edges, 8.0 * edges, 8.0 * max(entries)))
    assert {stop for _, stop in spans} <= set(edges.tolist())


def one_each(values):
    return ak.unflatten(values, np.ones(len(values), np.int64))


def test_columns_know_their_baskets(tmp_path):
    path = tmp_path / "events.root"
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("Events", {"weight": "float64", "hits": "var * int32"})
        for size in (100, 300):
            hits = np.arange(size, dtype=np.int32)
            tree.extend({"weight": np.ones(size), "hits": one_each(hits)})
    with rootfile.opened(path) as trees:
        weight = rootfile.columns(path, "Events", trees["Events"])[0]
        assert weight.edges.tolist() == [0, 100, 400]
        assert weight.size(0, 400) == pytest.approx(3200, rel=0.1)
        assert weight.size(0, 100) == pytest.approx(800, rel=0.2)
        assert weight.array(99, 101).tolist() == [1.0, 1.0]


def test_folders_in_a_file_are_searched(tmp_path):
    path = tmp_path / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("analysis/nominal", {"pt": "float32"})
    with rootfile.opened(path) as trees:
        assert list(trees) == ["analysis/nominal"]


def test_a_text_file_is_not_root(tmp_path):
    path = tmp_path / "notes.root"
    path.write_text("no tree in here")
    with pytest.raises(OSError, match=r"notes\.root cannot be read"), rootfile.opened(path):
        pass


def test_a_short_file_says_how_much_is_missing(tmp_path):
    path = tmp_path / "events.root"
    with uproot.recreate(path) as file:
        file.mktree("Events", {"pt": "float64"}).extend({"pt": np.zeros(1000)})
        file["note"] = "x" * 5000
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(OSError, match=f"{len(whole) - 1} of its {len(whole)} bytes"):
        rootfile.opened(path).__enter__()
