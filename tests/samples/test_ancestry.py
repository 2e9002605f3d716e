"""Ancestors in event records of top pairs: chains, lifetimes, origins."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.samples import ancestry, pythia, truth

# Proper decay lengths in mm and their particles (Review of Particle Physics 2024, rounded).
LIFETIMES = {511: 0.455, 521: 0.491, 411: 0.310, 421: 0.123, 310: 26.8, 3122: 79.0}
EVENTS = 250


@pytest.fixture(scope="module")
def table():
    batch = next(pythia.batches("flavour_jets_ttbar", 5_150_001, EVENTS))
    return pythia.records(batch.prt)


@pytest.fixture(scope="module")
def decays(table):
    return ancestry.weak_decays(table)


def mothers(table, row):
    """The way up from a row, one mother at a time."""
    while table["mother1"][row] > 0:
        row = table["first"][row] + table["mother1"][row]
        yield row


def test_nearest_is_what_walking_up_finds(table):
    marked = np.abs(table["id"]) == 24
    found = ancestry.nearest(table, marked)
    for row in np.random.default_rng(1).integers(len(marked), size=300):
        way = [row, *mothers(table, row)]
        assert found[row] == next((above for above in way if marked[above]), -1)


def test_nearest_stays_in_the_event(table):
    found = ancestry.nearest(table, np.abs(table["id"]) == 6)
    inside = found >= 0
    assert inside.mean() > 0.1
    assert np.array_equal(table["event"][found[inside]], table["event"][inside])


def test_every_top_pair_has_two_b_hadrons(decays):
    per_event = np.bincount(decays["event"][decays["flavour"] == 5], minlength=EVENTS)
    # Of a thousand tops fewer than two decay to s or d; gluons split to b quarks now and then.
    assert (per_event < 2).sum() <= 5
    assert 2 <= per_event.mean() < 2.3


def test_heavy_hadrons_are_those_of_the_truth_of_jets(table, decays):
    expected = truth.heavy_hadrons(table, 5.0)
    chosen = (decays["pt"] > 5) & np.isin(decays["flavour"], (4, 5))
    assert np.array_equal(decays["pt"][chosen], expected["pt"])
    assert np.array_equal(decays["flavour"][chosen], expected["quark"])


@pytest.mark.parametrize("code", LIFETIMES)
def test_hadrons_fly_their_lifetime(table, decays, code):
    """An exponential: the mean has the relative error 1/√n."""
    chosen = np.flatnonzero(np.abs(decays["id"]) == code)
    row = decays["record"][chosen]
    momentum = np.sqrt(sum(table[axis][row] ** 2 for axis in ("px", "py", "pz")))
    mass = np.sqrt(table["e"][row] ** 2 - momentum**2)
    proper = (decays["flight"][chosen] * mass / momentum).mean()
    assert len(chosen) > 150
    assert abs(proper / LIFETIMES[code] - 1) < 4 / np.sqrt(len(chosen))


def test_chains_of_decays(table, decays):
    mother, flavour = decays["mother"], decays["flavour"]
    child = np.flatnonzero(mother >= 0)
    assert np.array_equal(decays["event"][child], decays["event"][mother[child]])
    # A b hadron comes from no weak decay; charm mostly from beauty, and then it says so.
    assert (mother[flavour == 5] == -1).all()
    charm = flavour == 4
    assert np.array_equal(decays["from_b"][charm], flavour[mother[charm]] == 5)
    assert 0.5 < decays["from_b"][charm].mean() < 0.85
    # What stems from a decay starts where that ended.
    for axis in ("x", "y", "z"):
        start = table[axis][decays["record"][child]]
        # Nearly: an eta or a pi0 between the two flies some micrometres at most.
        assert np.allclose(start, decays[axis][mother[child]], atol=0.01)


def test_origins_follow_the_last_decay(table, decays):
    rows = np.flatnonzero(table["status"] > 0)
    origin, decay = ancestry.origins(table, decays, rows)
    assert np.array_equal(origin == 1, decay == -1)
    for row, code, last in list(zip(rows, origin, decay, strict=True))[:2000]:
        above = [way for way in mothers(table, row) if way in decays["record"]]
        expected = np.searchsorted(decays["record"], above[0]) if above else -1
        assert last == expected
        if code in (2, 3):
            assert ancestry.heavy_quark(table["id"][above]).max() == 5
    # What stems from no decay starts in the collision; photons of a π⁰ within its 25 nm times γ.
    here = np.hypot(table["x"][rows], table["y"][rows])
    assert here[origin == 1].max() < 0.2
    assert np.quantile(here[origin == 1], 0.95) < 0.001
    assert here[origin > 1].min() > 0


def test_particles_of_other_collisions_are_pileup(table, decays):
    origin, decay = ancestry.origins(table, decays, np.array([-1, -1]))
    assert origin.tolist() == [0, 0]
    assert decay.tolist() == [-1, -1]


def test_charged_particles_add_up(table, decays):
    rows = np.flatnonzero(
        (table["status"] > 0) & np.isin(np.abs(table["id"]), (11, 13, 211, 321, 2212))
    )
    _, decay = ancestry.origins(table, decays, rows)
    assert np.array_equal(
        np.bincount(decay[decay >= 0], minlength=len(decays["id"])), decays["charged"]
    )


def test_prompt_leptons_are_those_of_w_bosons(table):
    """Of the nine decays of a W three are to e, mu, tau, and 35 % of the taus decay to e or mu."""
    number = ancestry.prompt_leptons(table) & (np.hypot(table["px"], table["py"]) > 1)
    expected = 2 * (2 + 0.352) / 9
    assert abs(number.sum() / EVENTS - expected) < 4 * np.sqrt(expected / EVENTS)


def test_leptonic_taus(decays):
    tau = (decays["flavour"] == 15) & (decays["mother"] == -1)
    share, error = decays["leptonic"][tau].mean(), np.sqrt(0.23 / tau.sum())
    assert abs(share - 0.352) < 4 * error
    assert not decays["leptonic"][~(decays["flavour"] == 15)].any()
