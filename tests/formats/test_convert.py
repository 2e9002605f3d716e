from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import awkward as ak
import numpy as np
import pytest
import uproot
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


def events(entries, seed=1):
    """One column of every type that a TTree written by uproot can have."""
    rng = np.random.default_rng(seed)
    jets = rng.poisson(3, entries)
    momenta = ak.zip(
        {
            "pt": ak.unflatten(rng.exponential(30, jets.sum()).astype(np.float32), jets),
            "charge": ak.unflatten(rng.integers(-1, 2, jets.sum(), dtype=np.int8), jets),
        }
    )
    integers = {
        f"{sign}int{bits}": rng.integers(0, 2**7, entries).astype(f"{sign}int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    }
    columns = {
        **integers,
        "event": np.arange(entries, dtype=np.uint64) + np.uint64(2**63),
        "trigger": rng.random(entries) > 0.5,
        "weight": rng.normal(size=entries),
        "covariance": rng.normal(size=(entries, 3, 2)).astype(np.float32),
        "name": ak.Array([f"Ereignis №{i}" * (i % 3) for i in range(entries)]),
        "hits": ak.unflatten(rng.random(jets.sum()) > 0.5, jets),
        "jets": momenta,
    }
    return {name: ak.Array(column) for name, column in columns.items()}


def nested(entries, seed=1):
    """Columns that only an RNTuple can have."""
    rng = np.random.default_rng(seed)
    layers = ak.unflatten(rng.normal(size=3 * entries), np.full(entries, 3))
    counts = rng.integers(0, 3, entries)
    tracks = ak.unflatten(layers[: counts.sum()], counts) if counts.sum() else layers[:0]
    return {
        "tracks": tracks if counts.sum() else ak.Array([[[1.0]][:0]] * entries),
        "tags": ak.Array([["b", "", "charm"][: i % 4] for i in range(entries)]),
        "mass": ak.Array([None if i % 5 == 0 else 91.2 + i for i in range(entries)]),
        "vertex": ak.Array([{"z": 0.1 * i, "tracks": [i, i]} for i in range(entries)]),
    }


def write(path, columns, pieces, kind, compression=None):
    """Write columns to the tree `events`, cut at `pieces`; give back what uproot reads."""
    with uproot.recreate(path, compression=compression) as file:
        if kind == "ttree":
            tree = file.mktree("events", {k: c.type.content for k, c in columns.items()})
        else:
            tree = file.mkrntuple("events", ak.zip(columns, depth_limit=1).layout.form)
        for start, stop in zip(pieces[:-1], pieces[1:], strict=True):
            piece = {name: column[start:stop] for name, column in columns.items()}
            tree.extend(piece if kind == "ttree" else ak.zip(piece, depth_limit=1))
    with uproot.open(path) as file:
        return file["events"].arrays()


@pytest.fixture(scope="module", params=["ttree", "rntuple"])
def source(request, tmp_path_factory):
    """File of 300 events in four uneven baskets or clusters, and its arrays."""
    columns = events(300)
    if request.param == "rntuple":
        columns |= nested(300)
    path = tmp_path_factory.mktemp("convert") / f"{request.param}.root"
    return path, write(path, columns, [0, 7, 8, 120, 300], request.param)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("step", [1, 3000, "20 MB"])
def test_every_branch_type_is_exact(tmp_path, source, ending, step):
    path, expected = source
    target = tmp_path / f"events.{ending}"
    formats.convert(path, target, step=step, progress=False)
    assert same(formats.load(target), expected)
    part = formats.load(target, ["trigger", "weight"], 5, 130)
    assert same(part, expected[["trigger", "weight"]][5:130])
    assert same(formats.load(target, None, 300), expected[300:])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("compression", ["none", "fast", "small"])
def test_compression_changes_the_size_only(tmp_path, ending, compression):
    columns = {"charge": ak.Array(np.tile(np.array([1, -1], np.int32), 50_000))}
    expected = write(tmp_path / "events.root", columns, [0, 100_000], "ttree")
    target = tmp_path / f"events.{ending}"
    formats.convert(tmp_path / "events.root", target, compression=compression, progress=False)
    assert same(formats.load(target), expected)
    assert (target.stat().st_size < 100_000) == (compression != "none")


NUMBER = st.sampled_from(["bool", *(f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64))])
LEAF = NUMBER | st.sampled_from(["float32", "float64", "string"])


def _jagged(inner):
    # No option of a record: uproot 5.7 reads it as a list of none or one.
    return st.one_of(
        inner.map(lambda t: f"var * {t}"),
        st.tuples(st.integers(1, 3), inner).map(lambda t: f"{t[0]} * {t[1]}"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda ts: "{" + ", ".join(f"f{i}: {t}" for i, t in enumerate(ts)) + "}"
        ),
        LEAF.map(lambda t: f"?{t}"),
        LEAF.map(lambda t: f"option[var * {t}]"),
    )


TYPE = st.recursive(LEAF, _jagged, max_leaves=4)


def random_array(form, entries, rng):
    """Random array of an awkward form, filled from the outside in."""
    if form.is_option:
        there = rng.random(entries) > rng.choice([0.0, 0.4, 1.0])
        inner = random_array(form.content, int(there.sum()), rng)
        index = ak.index.Index64(np.where(there, np.cumsum(there) - 1, -1))
        return ak.contents.IndexedOptionArray(index, inner)
    if form.is_record:
        contents = [random_array(content, entries, rng) for content in form.contents]
        return ak.contents.RecordArray(contents, form.fields, length=entries)
    if form.is_regular:
        inner = random_array(form.content, entries * form.size, rng)
        return ak.contents.RegularArray(inner, form.size, entries)
    if form.is_list:
        offsets = np.append(0, np.cumsum(rng.integers(0, rng.integers(1, 5), entries)))
        inner = random_array(form.content, offsets[-1], rng)
        return ak.contents.ListOffsetArray(
            ak.index.Index64(offsets), inner, parameters=form.parameters
        )
    values = rng.integers(97, 123, entries).astype(
        ak.types.numpytype.primitive_to_dtype(form.primitive)
    )
    return ak.contents.NumpyArray(values, parameters=form.parameters)


@hypothesis_settings(max_examples=40)
@given(TYPE, st.lists(st.integers(0, 6), min_size=1, max_size=3), st.integers(0, 99), st.data())
def test_random_types_survive(tmp_path_factory, kind, lengths, seed, data):
    rng = np.random.default_rng(seed)
    form = ak.forms.from_type(ak.types.from_datashape(kind, highlevel=False))
    pieces = np.append(0, np.cumsum(lengths))
    columns = {"x": ak.Array(random_array(form, int(pieces[-1]), rng))}
    folder = tmp_path_factory.mktemp("random")
    read = write(folder / "events.root", columns, pieces, "rntuple")
    # The detour through ROOT changes nothing, so what follows is not only our own reading of it.
    assert same(read.x, columns["x"])
    ending = data.draw(st.sampled_from(ENDINGS))
    step = data.draw(st.sampled_from([1, 50, 10**6]))
    formats.convert(folder / "events.root", folder / f"x.{ending}", step=step, progress=False)
    assert same(formats.load(folder / f"x.{ending}"), read)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["ttree", "rntuple"])
def test_no_events_are_no_error(tmp_path, ending, kind):
    expected = write(tmp_path / "none.root", events(0), [0, 0], kind)
    formats.convert(tmp_path / "none.root", tmp_path / f"none.{ending}", progress=False)
    found = formats.load(tmp_path / f"none.{ending}")
    assert len(found) == 0
    assert found.type == expected.type


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_readable_branch_of_physlite(tmp_path, real, ending):
    source = real("atlas_PHYSLITE_example.root")
    branches = ["Analysis*AuxDyn.*", "MET_*AuxDyn.*", "METAssoc*.overlap*", "METAssoc*.cal*"]
    with uproot.open(source) as file:
        # Doubly and triply jagged, lists of text, links between containers.
        formats.convert(
            source, tmp_path / f"a.{ending}", branches=branches, progress=False, compression="none"
        )
        found = formats.load(tmp_path / f"a.{ending}")
        assert len(found.fields) > 250
        for name in found.fields:
            assert same(found[name], file["CollectionTree"][name].array()), name
    kinds = {str(found[name].type.content) for name in found.fields}
    assert {"var * var * var * uint64", "var * string", "var * float32", "uint64"} - kinds <= {
        "uint64"
    }


def test_nanoaod_needs_the_name_of_a_tree(tmp_path, real):
    source = real("cms_nano_dy.root")
    with pytest.raises(ValueError, match="has 2 trees; choose one by tree=.*Events, Runs"):
        formats.convert(source, tmp_path / "events.h5", progress=False)
    formats.convert(
        source,
        tmp_path / "e.h5",
        tree="Events",
        branches=["Jet_*", "nJet", "HLT_Iso*"],
        progress=False,
    )
    found = formats.load(tmp_path / "e.h5")
    with uproot.open(source) as file:
        assert same(found, file["Events"].arrays(found.fields))
    assert ak.all(ak.num(found.Jet_pt) == found.nJet)


def test_a_larger_file_takes_no_more_memory(tmp_path):
    """Peak of a fresh process on 8 and on 64 MB, in steps of 2 MB."""
    child = (
        "import resource, sys\n"
        "from hepml_lib import formats\n"
        "formats.convert(*sys.argv[1:], step='2 MB', progress=False, compression='none')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = {}
    for pieces in (4, 32):
        source = tmp_path / f"{pieces}.root"
        with uproot.recreate(source, compression=None) as file:
            tree = file.mktree("events", {"x": "float64", "y": "var * float64"})
            for _ in range(pieces):
                column = np.arange(100_000.0)
                tree.extend(
                    {"x": column, "y": ak.unflatten(column[:99_000], np.full(99_000, 1))[:0]}
                    if False
                    else {"x": column, "y": ak.unflatten(column, np.full(100_000, 1))}
                )
        command = [sys.executable, "-c", child, source, tmp_path / "out.h5"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[pieces] = int(answer.stdout) * (1 if sys.platform == "darwin" else 1024) / 1e6
    assert peaks[32] < peaks[4] + 15
    assert peaks[32] < 250


@pytest.mark.parametrize("ending", ENDINGS)
def test_large_baskets_reach_parquet_through_a_stage(tmp_path, source, ending, monkeypatch):
    path, expected = source
    read = []
    entries = rootfile.entries

    def counted(file, branch, start, stop):
        read.append((branch.name, start, stop))
        return entries(file, branch, start, stop)

    monkeypatch.setattr(rootfile, "entries", counted)
    target = tmp_path / f"events.{ending}"
    formats.convert(path, target, step=4000, branches=["weight", "trigger"], progress=False)
    assert same(formats.load(target), expected[["weight", "trigger"]])
    starts = [start for name, start, _ in read if name == "trigger"]
    assert len(starts) <= 4
    assert [entry.name for entry in tmp_path.iterdir()] == [target.name]


def damaged(whole, rng):
    """The file cut short, or with one bit flipped."""
    data = bytearray(whole)
    if rng.random() < 0.3:
        return bytes(data[: rng.integers(0, len(data))])
    data[rng.integers(0, len(data))] ^= 1 << rng.integers(0, 8)
    return bytes(data)


@pytest.mark.parametrize("kind", ["ttree", "rntuple"])
def test_damage_leaves_no_output(tmp_path, kind):
    """Cut or flipped zlib files: an error that names the file and nothing written, or all is well."""
    columns = {name: events(300)[name] for name in ("event", "weight", "name", "hits")}
    # Baskets that compress are checked by zlib; uproot stores the others as they are.
    columns["weight"] = ak.Array(np.arange(300) // 10 * 1.0)
    source, target = tmp_path / "events.root", tmp_path / "out" / "events.h5"
    expected = write(source, columns, [0, 100, 300], kind, uproot.ZLIB(6))
    whole = source.read_bytes()
    rng = np.random.default_rng(1)
    target.parent.mkdir()
    refused = 0
    for _ in range(150):
        source.write_bytes(damaged(whole, rng))
        try:
            formats.convert(source, target, progress=False)
        except (OSError, ValueError) as error:
            refused += 1
            assert str(source) in str(error)
            assert list(target.parent.iterdir()) == []
            continue
        found = formats.load(target)
        target.unlink()
        # Names in the tree's header carry no checksum; a flipped letter in one changes the name only.
        if found.fields == expected.fields:
            assert same(found, expected)
    assert refused > 60


def test_a_damaged_branch_is_named(tmp_path):
    source = tmp_path / "events.root"
    columns = {"early": ak.Array(np.zeros(5000)), "late": ak.Array(np.ones(5000))}
    write(source, columns, [0, 5000], "ttree", uproot.ZLIB(6))
    data = bytearray(source.read_bytes())
    with uproot.open(source) as file:
        place = file["events"]["late"].member("fBasketSeek")[0] + 90
    data[place] ^= 4
    source.write_bytes(data)
    (tmp_path / "events.parquet").write_text("an older file")
    with pytest.raises(OSError, match=r"events\.root, branch 'late', entries 0 to 5000"):
        formats.convert(source, tmp_path / "events.parquet", progress=False)
    assert (tmp_path / "events.parquet").read_text() == "an older file"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupt_leaves_nothing(tmp_path, source, monkeypatch):
    path, _ = source
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return entries(*arguments)

    entries = rootfile.entries
    monkeypatch.setattr(rootfile, "entries", interrupted)
    for ending in ENDINGS:
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            formats.convert(path, tmp_path / f"events.{ending}", progress=False)
        assert list(tmp_path.iterdir()) == []


def test_a_union_is_refused(tmp_path):
    mixed = ak.Array({"mixed": [1.5, "text", 2.5]})
    with uproot.recreate(tmp_path / "mixed.root") as file:
        file.mkrntuple("events", mixed.layout.form).extend(mixed)
    for ending in ENDINGS:
        with pytest.raises(TypeError, match="branch 'mixed': it holds values of several types"):
            formats.convert(tmp_path / "mixed.root", tmp_path / f"mixed.{ending}", progress=False)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "events.txt"}, "ends in '.txt', but the ending says what to write"),
        ({"tree": "event"}, "there is no tree 'event'; did you mean 'events'"),
        ({"branches": ["weigth"]}, "there is no branch 'weigth'; did you mean 'weight'"),
        ({"branches": []}, "has no branches to convert"),
        ({"compression": "fats"}, "there is no compression 'fats'; did you mean 'fast'"),
        ({"step": "20 apples"}, "step is '20 apples'; it is a number of bytes"),
        ({"step": 0}, "step is 0"),
    ],
)
def test_mistakes_are_explained(tmp_path, source, change, message):
    target = tmp_path / change.pop("target", "events.h5")
    with pytest.raises(ValueError, match=message):
        formats.convert(source[0], target, progress=False, **change)
    assert list(tmp_path.iterdir()) == []


def test_files_that_load_does_not_know(tmp_path):
    with pytest.raises(FileNotFoundError):
        formats.load(tmp_path / "none.h5")
    (tmp_path / "a.csv").write_text("pt,eta\n")
    with pytest.raises(ValueError, match="neither HDF5 nor Parquet"):
        formats.load(tmp_path / "a.csv")
    write(tmp_path / "events.root", events(50), [0, 50], "ttree")
    for ending in ENDINGS:
        target = tmp_path / f"events.{ending}"
        formats.convert(tmp_path / "events.root", target, progress=False)
        with pytest.raises(ValueError, match="no column 'weigth'; did you mean 'weight'"):
            formats.load(target, ["weigth"])
        target.write_bytes(target.read_bytes()[:-100])
        with pytest.raises(OSError, match="cut short or damaged"):
            formats.load(target)


def test_a_bar_shows_bytes(tmp_path, source, capsys):
    with contextlib.chdir(tmp_path):
        formats.convert(source[0], "events.h5")
    shown = capsys.readouterr().err
    assert source[0].name in shown
    assert "100%" in shown
