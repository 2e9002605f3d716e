from __future__ import annotations

import itertools
import subprocess
import sys

import awkward as ak
import numpy as np
import pytest
import uproot
from awkward.contents import (
    IndexedOptionArray,
    ListOffsetArray,
    NumpyArray,
    RecordArray,
    RegularArray,
)
from awkward.index import Index64
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hepml_lib import formats
from hepml_lib.formats import rootfile

ENDINGS = ("h5", "parquet")


def same(left, right):
    """Same type and same values, whatever the arrangement in memory."""
    return str(left.type) == str(right.type) and ak.array_equal(
        left, right, same_content_types=False, equal_nan=True
    )


def events(entries):
    """One column of every type that uproot can write to a TTree."""
    rng = np.random.default_rng(1)
    jets = rng.poisson(3, entries)
    integers = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    columns = {
        **{name: rng.integers(0, 2**7, entries).astype(name) for name in integers},
        "event": np.arange(entries, dtype=np.uint64) + np.uint64(2**63),
        "trigger": rng.random(entries) > 0.5,
        "weight": rng.normal(size=entries),
        "covariance": rng.normal(size=(entries, 3, 2)).astype(np.float32),
        "name": ak.Array([f"Ereignis №{i}" * (i % 3) for i in range(entries)]),
        "hits": ak.unflatten(rng.random(jets.sum()) > 0.5, jets),
        "jets": ak.zip(
            {
                "pt": ak.unflatten(rng.exponential(30, jets.sum()).astype(np.float32), jets),
                "charge": ak.unflatten(rng.integers(-1, 2, jets.sum(), dtype=np.int8), jets),
            }
        ),
    }
    return {name: ak.Array(column) for name, column in columns.items()}


def nested(entries):
    """Columns that only an RNTuple can have."""
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 3, entries)
    layers = ak.unflatten(rng.normal(size=4 * counts.sum()), np.full(counts.sum(), 4))
    return {
        "layers": ak.unflatten(layers, counts),
        "tags": ak.Array([["b", "", "charm"][: i % 4] for i in range(entries)]),
        "mass": ak.Array([None if i % 5 == 0 else 91.2 + i for i in range(entries)]),
        "vertex": ak.Array([{"z": 0.1 * i, "tracks": [i, i]} for i in range(entries)]),
    }


def write(path, columns, edges, kind):
    """Write columns to the tree `events`, a basket from edge to edge; what uproot reads of it."""
    with uproot.recreate(path, compression=None) as file:
        if kind == "ttree":
            tree = file.mktree("events", {k: c.type.content for k, c in columns.items()})
        else:
            tree = file.mkrntuple("events", ak.zip(columns, depth_limit=1).layout.form)
        for start, stop in itertools.pairwise(edges):
            piece = {name: column[start:stop] for name, column in columns.items()}
            tree.extend(piece if kind == "ttree" else ak.zip(piece, depth_limit=1))
    with uproot.open(path) as file:
        return file["events"].arrays()


@pytest.fixture(scope="module", params=["ttree", "rntuple"])
def source(request, tmp_path_factory):
    """File of 60 events in four uneven baskets or clusters, and its arrays."""
    columns = events(60) | (nested(60) if request.param == "rntuple" else {})
    path = tmp_path_factory.mktemp("convert") / f"{request.param}.root"
    return path, write(path, columns, [0, 7, 8, 25, 60], request.param)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("step", [100, 1000, "20 MB"])
def test_every_branch_type_is_exact(tmp_path, source, ending, step):
    path, expected = source
    target = tmp_path / f"events.{ending}"
    formats.convert(path, target, step=step, progress=False)
    assert same(formats.load(target), expected)
    assert same(
        formats.load(target, ["trigger", "jets_pt", "event"][::2], 5, 30),
        expected[["trigger", "event"]][5:30],
    )
    assert same(formats.load(target, None, 60), expected[60:])


@pytest.mark.parametrize("ending", ENDINGS)
def test_compression_changes_the_size_only(tmp_path, ending):
    columns = {"charge": ak.Array(np.tile(np.array([1, -1], np.int32), 50_000))}
    expected = write(tmp_path / "events.root", columns, [0, 100_000], "ttree")
    target = tmp_path / f"events.{ending}"
    sizes = {}
    for compression in ("none", "fast", "small"):
        formats.convert(tmp_path / "events.root", target, compression=compression, progress=False)
        assert same(formats.load(target), expected)
        sizes[compression] = target.stat().st_size
    assert sizes["small"] < sizes["fast"] < 40_000 < 400_000 < sizes["none"]


LEAF = st.sampled_from(
    ["bool", "string", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)


def _nested(inner):
    # No option of a record: uproot 5.7 reads it as a list of none or one. No list of fixed-size
    # arrays of records: it cannot write some.
    return st.one_of(
        inner.map("var * {}".format),
        st.tuples(st.integers(1, 3), LEAF).map(lambda t: f"{t[0]} * {t[1]}"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda types: "{" + ", ".join(f"f{i}: {t}" for i, t in enumerate(types)) + "}"
        ),
        LEAF.map("?{}".format),
        LEAF.map("option[var * {}]".format),
    )


def fill(form, entries, rng):
    """Random array of an awkward form."""
    if form.is_option:
        there = rng.random(entries) > rng.choice([0.0, 0.4, 1.0])
        index = Index64(np.where(there, np.cumsum(there) - 1, -1))
        return IndexedOptionArray(index, fill(form.content, int(there.sum()), rng))
    if form.is_record:
        contents = [fill(content, entries, rng) for content in form.contents]
        return RecordArray(contents, form.fields, length=entries)
    if form.is_regular:
        return RegularArray(fill(form.content, entries * form.size, rng), form.size, entries)
    if form.is_list:
        offsets = np.append(0, np.cumsum(rng.integers(0, rng.integers(1, 5), entries)))
        inner = fill(form.content, int(offsets[-1]), rng)
        return ListOffsetArray(Index64(offsets), inner, parameters=form.parameters)
    values = rng.integers(97, 123, entries) * (
        1 if form.parameters else rng.integers(0, 2, entries)
    )
    return NumpyArray(values.astype(form.primitive), parameters=form.parameters)


@hypothesis_settings(max_examples=40)
@given(
    kind=st.recursive(LEAF, _nested, max_leaves=4),
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=3),
    seed=st.integers(0, 99),
    ending=st.sampled_from(ENDINGS),
    step=st.sampled_from([1, 50, 10**6]),
)
def test_random_types_survive(tmp_path_factory, kind, lengths, seed, ending, step):
    edges = np.append(0, np.cumsum(lengths))
    form = ak.forms.from_type(ak.types.from_datashape(kind, highlevel=False))
    column = ak.Array(fill(form, int(edges[-1]), np.random.default_rng(seed)))
    folder = tmp_path_factory.mktemp("random")
    read = write(folder / "events.root", {"x": column}, edges, "rntuple")
    assert same(read.x, column), "the detour through ROOT changed it"
    formats.convert(folder / "events.root", folder / f"x.{ending}", step=step, progress=False)
    assert same(formats.load(folder / f"x.{ending}"), read)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["ttree", "rntuple"])
def test_no_events_are_no_error(tmp_path, ending, kind):
    none = {name: column[:0] for name, column in events(3).items()}
    expected = write(tmp_path / "none.root", none, [0, 0], kind)
    formats.convert(tmp_path / "none.root", tmp_path / f"none.{ending}", progress=False)
    found = formats.load(tmp_path / f"none.{ending}")
    assert found.type == expected.type
    assert len(found) == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_physlite_is_exact(tmp_path, real, ending):
    """Doubly and triply jagged branches, lists of text, links between containers."""
    source = real("atlas_PHYSLITE_example.root")
    branches = ["AnalysisJetsAuxDyn.[A-G]*", "MET_Core*AuxDyn.*", "METAssoc*.overlap*"]
    formats.convert(source, tmp_path / f"a.{ending}", branches=branches, progress=False)
    found = formats.load(tmp_path / f"a.{ending}")
    with uproot.open(source) as file:
        for name in found.fields:
            assert same(found[name], file["CollectionTree"][name].array()), name
    kinds = {str(found[name].type.content) for name in found.fields}
    assert {"var * var * var * uint64", "var * string", "var * var * float32"} <= kinds


def test_nanoaod_is_exact(tmp_path, real):
    source = real("cms_nano_dy.root")
    with pytest.raises(ValueError, match=r"has 2 trees; choose one by tree=.*Events, Runs"):
        formats.convert(source, tmp_path / "events.h5", progress=False)
    branches = ["Jet_*", "nJet", "HLT_Iso*", "event"]
    formats.convert(source, tmp_path / "e.h5", tree="Events", branches=branches, progress=False)
    found = formats.load(tmp_path / "e.h5")
    with uproot.open(source) as file:
        assert same(found, file["Events"].arrays(found.fields))
    assert ak.all(ak.num(found.Jet_pt) == found.nJet)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_larger_file_takes_no_more_memory(tmp_path):
    """Peak of a fresh process on 10 and on 80 MB, in steps of 2 MB."""
    child = (
        "import sys\n"
        "from hepml_lib import formats\n"
        "formats.convert(*sys.argv[1:], step='2 MB', progress=False, compression='none')\n"
        # The system's other figure would begin with the peak of the process that started this one.
        "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    )
    peaks = {}
    column = np.arange(100_000.0)
    piece = {"x": column, "y": ak.unflatten(column, np.ones(100_000, np.int64))}
    for pieces in (5, 40):
        with uproot.recreate(tmp_path / "events.root", compression=None) as file:
            tree = file.mktree("events", {"x": "float64", "y": "var * float64"})
            for _ in range(pieces):
                tree.extend(piece)
        command = [sys.executable, "-c", child, tmp_path / "events.root", tmp_path / "events.h5"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[pieces] = int(answer.stdout) / 1e3
    assert peaks[40] < peaks[5] + 15
    assert peaks[40] < 250


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_large_basket_is_read_once(tmp_path, source, ending, monkeypatch):
    path, expected = source
    read = []
    entries = rootfile.entries

    def counted(file, branch, start, stop):
        read.append((branch.name, start, stop))
        return entries(file, branch, start, stop)

    monkeypatch.setattr(rootfile, "entries", counted)
    target = tmp_path / f"events.{ending}"
    # The last baskets of the two hold 315 bytes of data, more than twice a row group of 150.
    formats.convert(path, target, step=300, branches=["weight", "trigger"], progress=False)
    assert same(formats.load(target), expected[["trigger", "weight"]])
    assert len([name for name, _, _ in read if name == "trigger"]) <= 3
    assert [entry.name for entry in tmp_path.iterdir()] == [target.name]


def test_a_bar_shows_bytes(tmp_path, source, capsys):
    formats.convert(source[0], tmp_path / "events.h5")
    shown = capsys.readouterr().err
    assert source[0].name in shown
    assert "B/s" in shown
