"""Boosted trees in whole numbers against scikit-learn, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib import samples, settings
from hepml_lib.trigger import boosted, forests, l1_jets
from hepml_lib.trigger.forests import Forest


@pytest.fixture(scope="module")
def problem():
    """Whole numbers of so few values that some branches of a tree end early."""
    rng = settings.rng("test", "boosted")
    x = rng.integers(0, [3, 2], (2000, 2))
    return x, rng.random(2000) < np.array([[0.1, 0.8], [0.5, 0.3], [0.9, 0.2]])[x[:, 0], x[:, 1]]


@pytest.fixture(scope="module")
def model(problem):
    return boosted.train(*problem, trees=7, depth=3, seed=1)


@pytest.fixture(scope="module")
def test_jets():
    return samples.load("l1_jets", split="test")


def test_variables_of_one_jet_by_hand():
    found = np.zeros((1, 8, 3), int)
    found[0, :3] = [[300, -20, 5], [100, 40, -60], [50, 0, 7]]
    assert boosted.variables(found).tolist() == [[300, 450, 25, 100, 7, 132 >> 2, 100]]


def test_variables_that_do_not_fit_are_refused():
    with pytest.raises(OverflowError, match="2400 does not fit"):
        boosted.variables(np.full((1, 8, 3), 300))


def test_variables_do_not_change_if_the_jet_is_mirrored(test_jets):
    found = l1_jets.whole_constituents(test_jets[:500], 8)
    np.testing.assert_array_equal(boosted.variables(found), boosted.variables(found * [1, -1, -1]))


def test_adders_give_the_variables(test_jets):
    pytest.importorskip("da4ml")
    found = l1_jets.whole_constituents(test_jets[:1000], 8)
    given = boosted.circuit().predict(found.reshape(len(found), -1))
    np.testing.assert_array_equal(given, boosted.variables(found))


@pytest.mark.parametrize("fraction", [0, 3, 12])
def test_scores_are_those_of_scikit_learns_walk(problem, model, fraction):
    forest = Forest.from_sklearn(model, fraction)
    assert (forest.feature == -1).any(), "no branch ends early: the test is too easy"
    expected = forests.leaf_sums(model, problem[0], fraction)
    np.testing.assert_array_equal(forest.scores(problem[0]), expected)


def test_with_many_bits_nothing_is_lost(problem, model):
    scores = Forest.from_sklearn(model, 20).scores(problem[0]) * 2.0**-20
    # Eight roundings, each by at most half a step.
    np.testing.assert_allclose(scores, model.decision_function(problem[0]), atol=8 * 2.0**-21)


def test_every_score_fits_into_the_width(model):
    forest = Forest.from_sklearn(model, 12)
    half = 1 << (forest.width - 1)
    highest = forest.start + forest.leaf.max(axis=1).sum()
    lowest = forest.start + forest.leaf.min(axis=1).sum()
    assert -half <= lowest
    assert highest < half
    assert max(highest, -lowest - 1) >= half >> 1, "a bit too many"


def test_a_forest_takes_whole_numbers_alone(model):
    with pytest.raises(TypeError, match="whole numbers"):
        Forest.from_sklearn(model, 3).scores(np.zeros((1, 2)))


def test_a_forest_of_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="nodes"):
        Forest(np.zeros((1, 3), int), np.zeros((1, 3), int), np.zeros((1, 2), int), 0, 0)
    with pytest.raises(ValueError, match="power of two"):
        Forest(np.zeros((1, 2), int), np.zeros((1, 2), int), np.zeros((1, 3), int), 0, 0)


def test_the_committed_forest_gives_the_scores_of_the_simulation(test_jets):
    forest, record = forests.committed()
    x = boosted.variables(l1_jets.whole_constituents(test_jets, 8))
    found = forests.digest(forest.scores(x))
    trees, depth = len(forest.leaf), forest.depth
    entry = record["taggers"][f"{trees} trees of depth {depth}"]
    assert found == entry["digest"] == record["gates"]["digest"]
    assert entry["simulated jets"] == record["gates"]["jets"] == len(x)
    assert entry["cycles"] == depth + 3 + np.log2(trees + 1)


def test_the_digest_notices_order_and_value():
    first = forests.digest([1, 2])
    assert first == forests.digest(np.array([1, 2], np.int16))
    assert first not in {forests.digest([2, 1]), forests.digest([1, 3])}
