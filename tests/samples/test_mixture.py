"""Mixtures of processes: shares, numbers of events, seeds, several command files."""

from __future__ import annotations

import pickle
from itertools import count

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib.samples import catalogue, mixture
from hepml_lib.samples.mixture import Mixture, Process, numbers
from hepml_lib.samples.recipe import Chunk

CHUNK = Chunk(4, "test", 0)


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Card, seed and size of every Pythia that is asked for; each gives its card and a counter."""
    asked = []

    def batches(card, seed, size, hook):
        asked.append((card, seed, size, hook))
        for number in count():
            yield ak.Array([{"card": card, "number": number}] * size)

    monkeypatch.setattr(mixture.pythia, "batches", batches)
    return asked


def select(batch, process, rng):
    """Three of the events of a batch."""
    return {"event": np.array([0, 3, 5]), "card": batch.card[:3], "value": rng.random(3)}


def classes(cards="abc", **options):
    processes = (
        Process(card, columns={"label": np.int8(label)}) for label, card in enumerate(cards)
    )
    return Mixture(tuple(processes), select, batch=100, stride=100_000, **options)


def test_entries_are_balanced_and_named(asked):
    columns = classes(smallest_batch=100)(CHUNK, 11)
    label = columns["label"].to_numpy()
    assert np.bincount(label).tolist() == [4, 3, 4]
    assert set(columns["split"].tolist()) == {2}
    offset = columns["event"].to_numpy() - CHUNK.event(0)
    # A batch has 100 events, a class starts from a multiple of 100 000.
    assert (offset // 100_000).tolist() == label.tolist()
    assert sorted(offset[label == 2] - 200_000) == [0, 3, 5, 100]
    assert [card for card, *_ in asked] == ["a", "b", "c"]
    assert [seed for _, seed, *_ in asked] == [CHUNK.pythia_seed(process) for process in range(3)]
    # Mixed, and nothing is lost by it.
    assert not np.array_equal(label, np.sort(label))
    assert columns["card"].tolist() == ["abc"[code] for code in label]


def test_a_chunk_is_the_same_again_and_another_is_not():
    first, again, other = (classes()(Chunk(4, "test", k), 11) for k in (0, 0, 1))
    assert all(ak.array_equal(first[name], again[name]) for name in first)
    assert not set(first["value"].tolist()) & set(other["value"].tolist())
    assert not set(first["event"].tolist()) & set(other["event"].tolist())


def test_without_shuffling_events_stay_in_order():
    columns = classes(shuffle=False)(CHUNK, 9)
    assert columns["label"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert (np.diff(columns["event"].to_numpy()) > 0).all()


def test_a_process_without_share_is_not_started(asked):
    Mixture((Process("a", 1000), Process("b", 1)), select)(CHUNK, 6)
    assert [card for card, *_ in asked] == ["a"]


def test_few_entries_take_small_batches(asked):
    Mixture((Process("a"),), select, batch=200, smallest_batch=10, per_entry=3)(CHUNK, 6)
    Mixture((Process("a"),), select, batch=200, smallest_batch=10, per_entry=3)(CHUNK, 90)
    assert [size for *_, size, _ in asked] == [28, 200]


def test_command_files_come_in_rounds_and_in_their_shares(asked):
    process = Process({"left": 0.6, "right": 0.4}, hook=lambda: "hook")
    columns = Mixture((process,), select, batch=100, sampled=True, smallest_batch=100)(CHUNK, 7)
    assert asked == [
        ("left", CHUNK.pythia_seed(0), 60, "hook"),
        ("right", CHUNK.pythia_seed(5), 40, "hook"),
    ]
    # Nine events of three batches, which start at 0, 60 and 100: seven of them at random.
    offset = columns["event"].to_numpy() - CHUNK.event(0)
    assert set(offset) < {0, 3, 5, 60, 63, 65, 100, 103, 105}
    assert {"left", "right"} == set(columns["card"].tolist())
    right = (offset >= 60) & (offset < 100)
    assert ((columns["card"] == "right").to_numpy() == right).all()


def test_pileup_is_made_once_and_may_be_alone(monkeypatch):
    pools = []

    def pool(seed, events):
        pools.append((seed, events))
        return "pool"

    def crossings(batch, process, rng, pool):
        assert pool == "pool"
        return {"event": np.arange(len(batch)), "hard": np.full(len(batch), len(batch.fields))}

    monkeypatch.setattr(mixture, "Pool", pool)
    processes = Process(None, 2), Process("a", 1)
    mixed = Mixture(processes, crossings, per_entry=1, pileup=(1000, 4), shuffle=False)
    columns = mixed(CHUNK, 9)
    assert pools == [(CHUNK.pythia_seed(9), 36)]
    assert columns["hard"].tolist() == [0] * 6 + [2] * 3
    assert mixed.cards == ("minimum_bias", "a")


@given(st.integers(1, 5000), st.lists(st.floats(0.01, 50), min_size=1, max_size=9))
def test_numbers_add_up_and_are_those_of_the_shares(entries, shares):
    parts = numbers(entries, shares)
    assert sum(parts) == entries
    assert np.allclose(parts, entries * np.array(shares) / sum(shares), atol=1.001)


@pytest.mark.parametrize("name", catalogue.names())
def test_a_recipe_reaches_other_processes(name):
    """Workers get the recipe pickled."""
    recipe = pickle.loads(pickle.dumps(catalogue.definition(name)))
    assert recipe.fingerprint() == catalogue.definition(name).fingerprint()
