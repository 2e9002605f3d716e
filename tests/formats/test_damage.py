"""Damaged sources, interruptions and mistakes: a clear error, and nothing written."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml_lib import formats
from hepml_lib.formats import rootfile

ENDINGS = ("h5", "parquet")


@pytest.fixture
def source(tmp_path):
    """File of 300 events whose baskets all compress, so that zlib's checksum guards them."""
    path = tmp_path / "in" / "events.root"
    path.parent.mkdir()
    numbers = np.arange(300)
    columns = {
        "event": numbers,
        "run": numbers // 100,
        "hits": ak.unflatten(np.tile([1.5, 2.5, 0.5], 200), np.full(300, 2)),
        "name": ak.Array([f"event {i}" for i in numbers]),
    }
    types = {name: ak.type(ak.Array(column)).content for name, column in columns.items()}
    with uproot.recreate(path, compression=uproot.ZLIB(6)) as file:
        tree = file.mktree("events", types)
        for piece in (slice(100), slice(100, None)):
            tree.extend({name: column[piece] for name, column in columns.items()})
    return path


@pytest.fixture
def folder(tmp_path):
    """Empty folder to convert into."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def outcome(source, target):
    """Array that came out, or the error."""
    try:
        formats.convert(source, target, progress=False)
    except (OSError, ValueError) as error:
        return error
    found = formats.load(target)
    target.unlink()
    return found


def test_flipped_bits_are_found(source, folder):
    whole = source.read_bytes()
    with uproot.open(source) as file:
        expected = file["events"].arrays()
        baskets = [
            place
            for branch in file["events"].branches
            for start, size in zip(
                branch.member("fBasketSeek"), branch.member("fBasketBytes"), strict=True
            )
            for place in range(start, start + size)
        ]
    rng = np.random.default_rng(1)
    errors = 0
    for flip in range(120):
        data = bytearray(whole)
        # Every other one anywhere: much of so small a file is reserved space.
        place = rng.choice(baskets) if flip % 2 else rng.integers(0, len(data))
        data[place] ^= 1 << rng.integers(0, 8)
        source.write_bytes(data)
        result = outcome(source, folder / "events.h5")
        assert list(folder.iterdir()) == []
        if isinstance(result, Exception):
            errors += 1
            assert str(source) in str(result)
        else:
            # Names have no checksum: a flipped letter in one renames a branch, no more.
            values = dict(zip(expected.fields, ak.unzip(result), strict=True))
            assert all(ak.array_equal(values[name], expected[name]) for name in values)
    assert errors > 50


def test_short_files_are_found(source, folder):
    whole = source.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        source.write_bytes(whole[:length])
        assert isinstance(outcome(source, folder / "events.parquet"), OSError)
        assert list(folder.iterdir()) == []


def test_a_damaged_branch_is_named_and_an_older_file_stays(source, folder):
    data = bytearray(source.read_bytes())
    with uproot.open(source) as file:
        data[file["events"]["run"].member("fBasketSeek")[1] + 90] ^= 4
    source.write_bytes(data)
    for ending in ENDINGS:
        older = folder / f"events.{ending}"
        older.write_text("an older file")
        with pytest.raises(OSError, match=r"events\.root, branch 'run', entries 0 to 300"):
            formats.convert(source, older, progress=False)
        assert older.read_text() == "an older file"
    assert len(list(folder.iterdir())) == len(ENDINGS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interrupt_leaves_nothing(source, folder, ending, monkeypatch):
    entries = rootfile.entries
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return entries(*arguments)

    monkeypatch.setattr(rootfile, "entries", interrupted)
    with pytest.raises(KeyboardInterrupt):
        formats.convert(source, folder / f"events.{ending}", progress=False)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_is_not_a_damaged_source(source, folder, ending, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left") as caught:
        formats.convert(source, folder / f"events.{ending}", progress=False)
    assert "damaged" not in str(caught.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_union_is_refused(tmp_path, folder, ending):
    mixed = ak.Array({"mixed": [1.5, "text", 2.5]})
    with uproot.recreate(tmp_path / "mixed.root") as file:
        file.mkrntuple("events", mixed.layout.form).extend(mixed)
    with pytest.raises(TypeError, match="branch 'mixed': it holds values of several types"):
        formats.convert(tmp_path / "mixed.root", folder / f"mixed.{ending}", progress=False)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "change", "message"),
    [
        ("events.txt", {}, "ends in '.txt', but the ending says what to write"),
        ("events.h5", {"tree": "event"}, "no tree 'event'; did you mean 'events'"),
        ("events.h5", {"branches": ["evnt"]}, "no branch 'evnt'; did you mean 'event'"),
        ("events.h5", {"branches": []}, "has no branches to convert"),
        ("events.h5", {"compression": "fats"}, "no compression 'fats'; did you mean 'fast'"),
        ("events.h5", {"step": "20 apples"}, "step is '20 apples'; it is a number of bytes"),
        ("events.h5", {"step": 0}, "step is 0"),
    ],
)
def test_mistakes_are_explained(source, folder, target, change, message):
    with pytest.raises(ValueError, match=message):
        formats.convert(source, folder / target, progress=False, **change)
    assert list(folder.iterdir()) == []


def test_a_missing_source_and_a_missing_folder(source, folder):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        formats.convert(folder / "none.root", folder / "events.h5", progress=False)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*away to write events\.h5"):
        formats.convert(source, folder / "away" / "events.h5", progress=False)


def test_load_refuses_other_files(source, folder):
    with pytest.raises(FileNotFoundError):
        formats.load(folder / "none.h5")
    (folder / "a.csv").write_text("pt,eta\n")
    with pytest.raises(ValueError, match="neither HDF5 nor Parquet"):
        formats.load(folder / "a.csv")


@pytest.mark.parametrize("ending", ENDINGS)
def test_load_explains_itself(source, folder, ending):
    target = folder / f"events.{ending}"
    formats.convert(source, target, progress=False)
    with pytest.raises(ValueError, match="no column 'evnt'; did you mean 'event'"):
        formats.load(target, ["evnt"])
    target.write_bytes(target.read_bytes()[:-100])
    with pytest.raises(OSError, match="cut short or damaged"):
        formats.load(target)


def test_two_branches_of_one_name_are_refused(source, folder):
    with uproot.recreate(source, compression=None) as file:
        file.mktree("events", {"jet1": "int32", "jet2": "int32"})
    source.write_bytes(source.read_bytes().replace(b"jet2", b"jet1"))
    with pytest.raises(ValueError, match=r"events\.root: several branches are called jet1"):
        formats.convert(source, folder / "events.h5", progress=False)
