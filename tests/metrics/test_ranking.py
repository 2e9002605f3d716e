from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as theirs

from hepml_lib.metrics import roc


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_curve_agrees_with_scikit_learn(tied, weighted):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 3000)
    scores = rng.normal(labels)
    scores = scores.round(1) if tied else scores
    weights = rng.exponential(size=3000) if weighted else None
    curve = roc(scores, labels, weights)
    background, signal, threshold = theirs.roc_curve(
        labels, scores, sample_weight=weights, drop_intermediate=False
    )
    np.testing.assert_allclose(curve.efficiency, signal)
    np.testing.assert_allclose(curve.background_efficiency, background)
    np.testing.assert_array_equal(curve.threshold, threshold)
    assert curve.auc == pytest.approx(theirs.roc_auc_score(labels, scores, sample_weight=weights))


def test_working_point_is_the_tightest_that_reaches_the_efficiency():
    #        signal passes:   1/4      2/4            3/4       4/4
    scores = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    labels = np.array([1, 0, 1, 0, 0, 1, 1, 0])
    curve = roc(scores, labels)
    assert curve.background_at([0.25, 0.5, 0.75, 1]).tolist() == [0, 0.25, 0.75, 0.75]
    assert curve.threshold_at(0.5) == 0.8
    assert curve.threshold_at(0.51) == 0.5


def test_equal_scores_are_interpolated():
    curve = roc([1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0])
    assert curve.background_at(1 / 3) == pytest.approx(1 / 3)
    assert roc(np.zeros(10), np.arange(10) % 2).auc == 0.5


@pytest.mark.parametrize("efficiency", [0.07, 0.29, 0.3, 0.57, 0.7])
def test_rounding_does_not_skip_the_event_that_reaches_the_efficiency(efficiency):
    scores, labels = np.arange(2000.0), np.arange(2000) % 2
    curve = roc(scores, labels)
    passing = scores >= curve.threshold_at(efficiency)
    assert passing[labels == 1].mean() == efficiency
    assert passing[labels == 0].mean() == curve.background_at(efficiency)


events = hnp.arrays(float, st.integers(4, 60), elements=st.floats(-5, 5).map(lambda x: round(x, 2)))


@settings(deadline=None)
@given(scores=events)
def test_area_keeps_under_monotone_maps_and_turns_with_the_sign(scores):
    labels = np.arange(len(scores)) % 2
    area = roc(scores, labels).auc
    assert roc(np.exp(scores) * 3 - 1, labels).auc == pytest.approx(area)
    assert roc(-scores, labels).auc == pytest.approx(1 - area)
    assert roc(scores, 1 - labels).auc == pytest.approx(1 - area)


@settings(deadline=None)
@given(scores=events, copies=st.integers(1, 4))
def test_a_weight_is_a_number_of_copies(scores, copies):
    labels = np.arange(len(scores)) % 2
    weights = 1 + np.arange(len(scores)) % copies
    weighted = roc(scores, labels, weights)
    repeated = roc(np.repeat(scores, weights), np.repeat(labels, weights))
    np.testing.assert_allclose(weighted.efficiency, repeated.efficiency)
    np.testing.assert_allclose(
        weighted.background_efficiency, repeated.background_efficiency, atol=1e-12
    )


def test_integer_scores_are_ordered_as_numbers():
    """A negated unsigned integer would wrap around."""
    assert roc(np.array([3, 2, 1, 0], np.uint8), [1, 1, 0, 0]).auc == 1


@pytest.mark.parametrize(
    ("scores", "labels", "weights", "message"),
    [
        ([1, 2, np.nan, np.nan], [0, 1, 0, 1], None, "2 of 4 scores are NaN, the first at index 2"),
        ([1, 2, 3], [0, 1], None, "3 scores and 2 labels"),
        ([1, 2], [0, 1], [1, 2, 3], "2 scores and 3 weights"),
        ([1, 2], [1, 1], None, "all 2 events are signal"),
        ([1, 2], [0, 0], None, "all 2 events are background"),
        ([1, 2, 3], [0, 1, 5], None, r"these hold \[0, 1, 5\]"),
        ([[1, 2], [3, 4]], [0, 1], None, "shape \\(2, 2\\).*signal's column"),
        ([1, 2, 3], [0, 1, 1], [1, -1, 2], "1 weights are negative"),
        ([1, 2], [0, 1], [1, np.inf], "weights must be finite"),
        ([1, 2], [0, 1], [0, 1], "weights of the background sum to 0"),
        (np.ma.array([1, 2], mask=[1, 0]), [0, 1], None, "1 scores are masked"),
        ([1, 2], np.ma.array([0, 1], mask=[1, 1]), None, "2 labels are masked"),
    ],
)
def test_errors_say_what_is_wrong(scores, labels, weights, message):
    with pytest.raises(ValueError, match=message):
        roc(scores, labels, weights)


def test_an_efficiency_is_a_fraction():
    curve = roc([1.0, 2.0], [0, 1])
    for wrong in (0, 1.2, 50):
        with pytest.raises(ValueError, match="above 0 and at most at 1"):
            curve.background_at(wrong)
