"""Generation: the same content however it is made, whole files only, clear errors."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib import samples, settings
from hepml_lib.samples import catalogue, generate, manifest, storage
from hepml_lib.samples.recipe import SPLITS, Chunk
from hepml_lib.samples.recipes import top_jets

TINY = replace(top_jets.RECIPE, chunk=4, committed={"train": 4, "validation": 4, "test": 4})


def make_toy(chunk, entries):
    """A peak and some jets: a chunk that takes milliseconds."""
    rng = chunk.rng(0)
    numbers = rng.poisson(4, entries)
    momenta = rng.exponential(30, numbers.sum()).astype(np.float32)
    return {
        "event": ak.Array(chunk.event(0) + np.arange(entries)),
        "split": ak.Array(np.full(entries, chunk.code, np.int8)),
        "mass": ak.Array(rng.normal(91.2, 2.5, entries).astype(np.float32)),
        "jets_pt": ak.unflatten(momenta, numbers),
    }


TOY = replace(
    top_jets.RECIPE,
    name="toy",
    cards=(),
    packages=("numpy",),
    chunk=500,
    committed={"train": 1000, "validation": 500, "test": 1000},
    make=make_toy,
    decode=partial(ak.zip, depth_limit=1),
)

TOY_CARD = """
title = "a peak"
text = "Definition"
fields = { event = "int64", split = "int8", mass = "float32  GeV", jets_pt = "list" }
"""

# What a test runs in another process: the tiny recipe, as a user's script would use it.
SCRIPT = """
from dataclasses import replace
from hepml_lib.samples import catalogue
from hepml_lib.samples.recipes import top_jets
tiny = replace(
    top_jets.RECIPE, chunk=4, committed={"train": 4, "validation": 4, "test": 4}
)
catalogue._RECIPES["top_jets"] = tiny
catalogue.make("top_jets", events=EVENTS, split="train", workers=1)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A few chunks, made in this process: the content that every other way must give."""
    cache = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEPML_CACHE", str(cache))
        files = generate.ensure(TINY, "train", range(4), workers=1)
        files += generate.ensure(TINY, "validation", range(1), workers=1)
        files += generate.ensure(TINY, "test", range(1), workers=1)
    return {file.name: storage.content(storage.read(file)) for file in files}, cache


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A checkout with cards but no samples, an empty cache, and the tiny recipe."""
    shutil.copytree(settings.data_dir() / "cards", tmp_path / "data" / "cards")
    (tmp_path / "data" / "samples").mkdir()
    (tmp_path / "data" / "samples" / "toy.toml").write_text(TOY_CARD)
    monkeypatch.setenv("HEPML_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HEPML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(catalogue._RECIPES, "top_jets", TINY)
    return tmp_path


@pytest.fixture
def filled(place, made):
    """The same with the cache filled."""
    shutil.copytree(made[1], place / "cache")
    return place


def cached(place):
    return sorted((place / "cache").rglob("*.root"))


def contents(place):
    return {file.name: storage.content(storage.read(file)) for file in cached(place)}


def run(events):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.replace("EVENTS", str(events))],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_and_seed_do_not_change_the_content(place, made, monkeypatch):
    monkeypatch.setenv("HEPML_SEED", "12345")
    samples.make("top_jets", events=16, split="train", workers=2)
    found = contents(place)
    assert len(found) == 4
    assert all(made[0][name] == content for name, content in found.items())


def test_any_executor_will_do(place, made):
    with ThreadPoolExecutor(1) as executor:
        files = samples.make("top_jets", events=4, split="train", executor=executor)
    assert [file.name for file in files] == ["train-00000.root"]
    assert contents(place)["train-00000.root"] == made[0]["train-00000.root"]


def test_a_dask_cluster_gives_the_same_content(place, made):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()
        samples.make("top_jets", events=8, split="train", executor=executor)
    found = contents(place)
    assert len(found) == 2
    assert all(made[0][name] == content for name, content in found.items())


def test_a_killed_run_resumes(place, made):
    process = run(12)
    deadline = time.monotonic() + 60
    while not cached(place) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    survivors = {file: file.stat().st_mtime_ns for file in cached(place)}
    assert survivors
    assert len(survivors) < 3
    samples.make("top_jets", events=12, split="train", workers=1)
    assert {file: file.stat().st_mtime_ns for file in survivors} == survivors
    found = contents(place)
    assert len(found) == 3
    assert all(made[0][name] == content for name, content in found.items())
    assert not list((place / "cache").rglob("*.part"))


def test_ten_kills_at_random_moments_lose_and_double_nothing(place, monkeypatch):
    tiny = replace(TOY, chunk=10, committed=dict.fromkeys(SPLITS, 10))
    monkeypatch.setitem(catalogue._RECIPES, "toy", tiny)
    moments = random.Random(20)
    chunks, survivors = 120, {}
    for _ in range(10):
        # A fork, so that the time goes into chunks rather than into imports.
        process = get_context("fork").Process(
            target=samples.make, args=("toy",), kwargs={"events": 10 * chunks, "workers": 1}
        )
        process.start()
        enough = len(survivors) + moments.randint(1, 5)
        deadline = time.monotonic() + 60
        while len(cached(place)) < enough and time.monotonic() < deadline:
            pass
        time.sleep(moments.uniform(0, 0.005))
        process.kill()
        process.join()
        found = {file: file.stat().st_mtime_ns for file in cached(place)}
        assert survivors.items() < found.items()
        for file in found.keys() - survivors.keys():
            storage.read(file)
        survivors = found
    assert len(survivors) < chunks
    samples.make("toy", events=10 * chunks, workers=1)
    assert survivors.items() < {file: file.stat().st_mtime_ns for file in cached(place)}.items()
    events = samples.load("toy", split="train", events=10 * chunks)
    expected = [tiny.make(tiny.part("train", index), 10) for index in range(chunks)]
    assert events.tolist() == ak.concatenate([tiny.decode(part) for part in expected]).tolist()
    assert len(set(events.event.tolist())) == 10 * chunks


def test_what_killed_runs_left_is_cleared_away(place, monkeypatch):
    monkeypatch.setitem(catalogue._RECIPES, "toy", TOY)
    folder = samples.make("toy", events=500, workers=1)[0].parent
    for name, age in ((".old.root.12.part", 3600), (".new.root.12.part", 0)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    samples.make("toy", events=1000, workers=1)
    assert [path.name for path in folder.glob(".*.part")] == [".new.root.12.part"]


def test_a_disk_that_fills_up_gives_a_clear_error_and_the_next_call_resumes(place, monkeypatch):
    monkeypatch.setitem(catalogue._RECIPES, "toy", TOY)
    samples.make("toy", events=500, workers=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OSError, match=r"train-00001\.root cannot be written .*make room"):
            samples.make("toy", events=1000, workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in cached(place)] == ["train-00000.root"]
    assert not list((place / "cache").rglob("*.part"))
    samples.make("toy", events=1000, workers=1)
    assert len(cached(place)) == 2


def test_a_cache_that_cannot_be_written_is_told_before_any_work(place, monkeypatch):
    def never(chunk, entries):
        raise AssertionError

    monkeypatch.setitem(catalogue._RECIPES, "toy", replace(TOY, make=never))
    (place / "file").touch()
    monkeypatch.setenv("HEPML_CACHE", str(place / "file"))
    with pytest.raises(OSError, match=r"cannot be written .*HEPML_CACHE to another folder"):
        samples.make("toy", events=500, workers=1)


def test_two_processes_at_once_give_one_good_file(place, made):
    processes = [run(4) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    found = contents(place)
    assert sorted(found) == ["train-00000.root"]
    assert all(made[0][name] == content for name, content in found.items())
    assert not list((place / "cache").rglob("*.part"))


def harmed(file, harm):
    """Bytes of a file cut short, with one byte of the data flipped, or gone."""
    raw = bytearray(file.read_bytes())
    with uproot.open(file) as opened:
        branch = opened["sample/constituents_pt"]
        data = branch.member("fBasketSeek")[0] + 3 * branch.compressed_bytes // 4
    raw[data] ^= 0xFF
    return {"cut": raw[: len(raw) // 2], "flip": raw, "empty": b""}[harm]


@pytest.mark.parametrize("harm", ["cut", "flip", "empty"])
def test_a_damaged_chunk_is_named_and_made_again_once_deleted(filled, made, harm):
    file = next(file for file in cached(filled) if file.name == "train-00000.root")
    file.write_bytes(harmed(file, harm))
    with pytest.raises(OSError, match=rf"{file.name} is cut short or damaged.*Delete it"):
        samples.load("top_jets", split="train", events=4)
    file.unlink()
    samples.load("top_jets", split="train", events=4)
    assert storage.content(storage.read(file)) == made[0][file.name]


def test_the_committed_file_is_the_first_chunks(filled):
    generated = samples.load("top_jets")
    samples.build("top_jets")
    samples.check("top_jets")
    assert samples.load("top_jets").tolist() == generated.tolist()
    assert generated.split.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    # More of a split than is committed: the file, then the cache.
    more = samples.load("top_jets", split="train", events=10)
    assert len(more) == 10
    assert more[:4].tolist() == generated[:4].tolist()
    assert "sha256" in samples.describe("top_jets")


def test_building_again_gives_the_same_columns_in_another_file(filled):
    manifests = []
    for _ in range(2):
        samples.build("top_jets")
        manifests.append((filled / "data" / "manifest.toml").read_text())
    columns = [text.partition(".columns]")[2] for text in manifests]
    assert columns[0] == columns[1]
    assert manifests[0] != manifests[1]


def test_beyond_the_file_test_events_come_only_when_asked_for(filled, monkeypatch):
    samples.build("top_jets")
    asked = []
    ensure = generate.ensure

    def spy(recipe, split, chunks, *rest):
        # Who is asked counts; nothing is generated.
        asked.extend((split, index) for index in chunks)
        return ensure(recipe, split, chunks[:0], *rest)

    monkeypatch.setattr(generate, "ensure", spy)
    samples.load("top_jets", events=40)
    samples.make("top_jets", events=20, split="test")
    assert {split for split, _ in asked[:-4]} == {"train", "validation"}
    assert asked[-4:] == [("test", index) for index in range(1, 5)]


@pytest.mark.parametrize("harm", ["cut", "flip", "empty"])
def test_a_damaged_committed_file_is_named(filled, harm):
    file = samples.build("top_jets")
    file.write_bytes(harmed(file, harm))
    for use in (samples.load, samples.check):
        with pytest.raises(OSError, match=r"top_jets\.root is damaged.*Restore it"):
            use("top_jets")


def test_a_file_without_manifest_is_not_trusted(filled):
    samples.build("top_jets")
    (filled / "data" / "manifest.toml").unlink()
    with pytest.raises(OSError, match=r"has no entry for samples/top_jets\.root"):
        samples.load("top_jets")


def test_the_manifest_keeps_the_entries_of_others(filled):
    path = filled / "data" / "manifest.toml"
    path.write_text('["models/pfn.safetensors"]\nsha256 = "12"\nseeds = [1, 2]\n')
    samples.build("top_jets")
    assert '["models/pfn.safetensors"]\nsha256 = "12"\nseeds = [1, 2]\n' in path.read_text()


def test_a_missing_generator_says_how_to_get_it(place, monkeypatch):
    monkeypatch.setattr(
        manifest, "version", lambda name: "not installed" if name == "pythia8mc" else "1"
    )
    with pytest.raises(ModuleNotFoundError, match="pip install pythia8mc"):
        samples.load("top_jets", split="train", events=4)
    with pytest.raises(FileNotFoundError, match=r"samples\.build"):
        samples.check("top_jets")


def test_unknown_names_come_with_the_nearest_one():
    with pytest.raises(ValueError, match="did you mean 'top_jets'"):
        samples.load("top_jet")
    with pytest.raises(ValueError, match="did you mean 'top_jets'"):
        samples.describe("topjets")
    with pytest.raises(ValueError, match="did you mean 'validation'"):
        samples.load("top_jets", split="valid")
    with pytest.raises(ValueError, match="did you mean 'constituents'"):
        samples.load("top_jets", fields=["constituent"])
    with pytest.raises(ValueError, match="at least one entry"):
        samples.load("top_jets", events=0)


@given(st.integers(1, 60_000))
def test_shares_add_up_and_never_grow_the_test_split(events):
    shares = catalogue._shares(top_jets.RECIPE, None, events)
    assert sum(shares.values()) == events
    assert min(shares.values()) >= 0
    assert shares["test"] <= top_jets.RECIPE.committed["test"]


def test_one_entry_needs_no_generation_of_the_other_splits(filled):
    assert len(samples.load("top_jets", events=1)) == 1
    assert samples.load("top_jets", split="train", events=1).fields == list(TINY.fields)


def test_fields_and_shares_of_the_committed_file():
    some = samples.load("top_jets", events=1000, fields=["mass", "label", "split"])
    assert some.fields == ["mass", "label", "split"]
    assert [int((some.split == code).to_numpy().sum()) for code in range(3)] == [500, 100, 400]
    jets = samples.load("top_jets", split="test", events=10, fields=["constituents"])
    assert jets.constituents[0].pt[0] > 0
    assert samples.names() == sorted(samples.names())


def test_the_data_card_lists_every_field():
    card = samples.describe("top_jets")
    for word in (*top_jets.RECIPE.fields, "14 TeV", "R = 0.8", "CC0", "8000 test", "Limits"):
        assert word in card


chunks = st.builds(
    Chunk,
    sample=st.integers(1, 80),
    split=st.sampled_from(SPLITS),
    index=st.integers(0, 199_999),
)


@given(chunks, chunks, st.integers(0, 9), st.integers(0, 9), st.integers(0, 999_999))
def test_no_two_chunks_share_a_seed_or_an_event(one, two, first, second, number):
    assert 1 <= one.pythia_seed(first) <= 900_000_000
    if (one, first) != (two, second):
        assert one.pythia_seed(first) != two.pythia_seed(second)
    if one != two:
        assert one.event(number) != two.event(number)
        assert one.rng(0).random() != two.rng(0).random()
