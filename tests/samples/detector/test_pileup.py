"""Pileup: as many collisions as asked for, whole, turned and moved."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.samples import detector, hooks, pythia
from hepml_lib.samples.detector import objects, pileup

EVENTS = 120


@pytest.fixture(scope="module")
def pool():
    return pileup.Pool(990_000_01, 300)


@pytest.fixture(scope="module")
def hard():
    batch = next(
        pythia.batches("top_jets_top", 990_000_02, EVENTS, hooks.parton_jets(1, 460.0, 0.8))
    )
    return pythia.visible_particles(pythia.records(batch.prt))


@pytest.fixture(scope="module")
def crossing(pool, hard):
    return pool.overlay(hard, EVENTS, 40.0, np.random.default_rng(3))


def test_the_number_of_collisions_is_a_poisson_number(crossing):
    number = np.bincount(crossing[1]["event"]) - 1
    assert number.mean() == pytest.approx(40, abs=4 * np.sqrt(40 / EVENTS))
    assert number.var() == pytest.approx(40, abs=4 * 40 * np.sqrt(2 / EVENTS))


def test_one_mean_for_every_crossing(pool, hard):
    mu = np.linspace(0, 60, EVENTS)
    _, vertices = pool.overlay(hard, EVENTS, mu, np.random.default_rng(3))
    number = np.bincount(vertices["event"]) - 1
    assert number[0] == 0
    pull = (number[1:] - mu[1:]) / np.sqrt(mu[1:])
    assert pull.mean() == pytest.approx(0, abs=4 / np.sqrt(EVENTS))


def test_the_hard_collision_is_left_as_it_was(crossing, hard):
    particles, vertices = crossing
    mine = detector.take(particles, (particles["vertex"] == 0) & (particles["bunch"] == 0))
    for name, column in hard.items():
        assert np.array_equal(mine[name], column)
    assert (vertices["z"][vertices["vertex"] == 0] == 0).all()
    assert (np.diff(particles["event"]) >= 0).all()


def test_pileup_spreads_along_the_beam_and_comes_from_its_vertex(crossing):
    particles, vertices = crossing
    z = vertices["z"][vertices["vertex"] > 0]
    # Both ends of the difference spread by 35 mm.
    assert z.std() == pytest.approx(35 * np.sqrt(2), rel=0.08)
    place = np.full((EVENTS, vertices["vertex"].max() + 1), np.nan)
    place[vertices["event"], vertices["vertex"]] = vertices["z"]
    now = detector.take(particles, (particles["vertex"] > 0) & (particles["bunch"] == 0))
    distance = np.abs(now["z"] - place[now["event"], now["vertex"]])
    # A neutral pion flies micrometres, a K-short centimetres.
    assert np.mean(distance < 0.1) > 0.9


def test_momentum_flow_does_not_depend_on_the_direction(crossing):
    particles, _ = crossing
    now = detector.take(particles, particles["vertex"] > 0)
    for values in (now["eta"] > 0, now["phi"] > 0, np.abs(now["phi"]) < np.pi / 2):
        share = np.bincount(now["event"][values], now["pt"][values], EVENTS)
        share = share / np.bincount(now["event"], now["pt"], EVENTS)
        assert share.mean() == pytest.approx(0.5, abs=4 * share.std() / np.sqrt(EVENTS))


def test_other_crossings_leave_no_tracks_and_little_energy(pool, hard):
    empty = {name: column[:0] for name, column in hard.items()}
    particles, _ = pool.overlay(empty, EVENTS, 40.0, np.random.default_rng(5))
    late = detector.take(particles, particles["bunch"] != 0)
    now = detector.take(particles, particles["bunch"] == 0)
    rng = np.random.default_rng(1)
    late, now = (detector.respond(part, rng) for part in (late, now))
    assert (late.candidates["charge"] == 0).all()
    ratio = late.candidates["pt"].sum() / now.candidates["pt"].sum()
    assert 0 < ratio < 0.15
    assert np.abs(late.towers["time"]).mean() > 15
    assert np.abs(now.towers["time"]).mean() < 3


def test_density_grows_with_pileup_in_a_straight_line(pool, hard):
    empty = {name: column[:0] for name, column in hard.items()}
    rng = np.random.default_rng(6)
    rho = []
    for mu in (20.0, 40.0, 60.0):
        particles, vertices = pool.overlay(empty, EVENTS, mu, rng)
        seen = detector.respond(particles, rng, vertices=vertices).candidates
        rho.append(objects.density(seen, EVENTS).mean())
    slopes = np.diff(rho) / 20
    assert slopes[0] == pytest.approx(slopes[1], rel=0.1)
    # Half a GeV to one GeV a collision and unit of area, as CMS and ATLAS see it.
    assert 0.4 < slopes.mean() < 1.2


def test_charged_hadron_subtraction_takes_pileup_and_keeps_the_rest(crossing):
    particles, vertices = crossing
    seen = detector.respond(particles, np.random.default_rng(2), vertices=vertices).candidates
    track = seen["vertex"] >= 0
    kept = objects.from_leading(seen)
    stiff = track & (seen["pt"] > 1)
    prompt = np.abs(seen["d0"]) < 3 * seen["d0_error"]
    assert kept[stiff & prompt & (seen["hard"] == 1)].mean() > 0.9
    assert kept[stiff & (seen["hard"] == 0)].mean() < 0.12
    assert kept[~track].all()
    assert set(np.unique(seen["hard"][track])) == {0, 1}


def test_the_same_seed_gives_the_same_crossing(pool, hard):
    one, two = (pool.overlay(hard, EVENTS, 10.0, np.random.default_rng(9)) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        for name in first:
            assert np.array_equal(first[name], second[name])


def test_the_neutral_share_of_pileup_is_the_one_that_isolation_assumes(pool, hard):
    empty = {name: column[:0] for name, column in hard.items()}
    rng = np.random.default_rng(7)
    particles, vertices = pool.overlay(empty, EVENTS, 50.0, rng)
    seen = detector.respond(particles, rng, vertices=vertices).candidates
    neutral, eta = seen["charge"] == 0, np.abs(seen["eta"])
    for low, high, ratio in ((0.0, 1.0, 0.7), (1.0, 2.0, 1.0)):
        here = (eta >= low) & (eta < high)
        found = seen["pt"][here & neutral].sum() / seen["pt"][here & ~neutral].sum()
        assert found == pytest.approx(ratio, rel=0.1)
