from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hepml_lib.metrics import accuracy, auc, compare, rejection, roc, significance_improvement

SIZE = 4000
LABELS = np.arange(SIZE) % 2


def taggers(seed: int, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Two taggers with the same physics in common; the second one has more noise."""
    rng = np.random.default_rng(seed)
    good = rng.normal(2 * LABELS)
    return good, good + rng.normal(0, noise, SIZE)


def test_pairing_knows_the_difference_better():
    good, poor = taggers(1)
    together = compare(auc, good, poor, LABELS)
    apart = np.hypot(auc(good, LABELS).spread, auc(poor, LABELS, seed=99).spread)
    assert together.spread < 0.6 * apart
    assert together.low > 0
    assert together.p_value == 1 / 201


def test_interval_covers_the_true_difference():
    truth = stats.norm.cdf(2 / np.sqrt(2)) - stats.norm.cdf(2 / np.sqrt(2 + 2 * 0.25))
    toys = 300
    found = [compare(auc, *taggers(k), LABELS, seed=k, replicas=100) for k in range(toys)]
    hit = np.mean([e.contains(truth) for e in found])
    narrow = np.mean([abs(truth - e.value) < 0.7 * e.half_width for e in found])
    allowed = 0.01 + 3 * np.sqrt(0.95 * 0.05 / toys)
    assert abs(hit - 0.95) < allowed
    assert abs(narrow - 0.95) > allowed


@pytest.mark.parametrize(
    ("metric", "options"),
    [
        (auc, {}),
        (accuracy, {"threshold": 1.0}),
        (rejection, {"efficiency": 0.6}),
        (significance_improvement, {"efficiency": 0.6}),
    ],
)
def test_value_is_the_difference_of_the_figures(metric, options):
    good, poor = taggers(2)
    a, b = metric(good, LABELS, **options), metric(poor, LABELS, **options)
    assert compare(metric, good, poor, LABELS, **options).value == pytest.approx(a.value - b.value)
    ratio = compare(metric, good, poor, LABELS, ratio=True, **options)
    assert ratio.value == pytest.approx(a.value / b.value)
    assert ratio.low > 1
    assert compare(metric, good, good, LABELS, **options).half_width == 0


def test_a_method_does_not_beat_its_equal():
    rng = np.random.default_rng(3)
    common = rng.normal(2 * LABELS)
    a, b = common + rng.normal(0, 0.5, (2, SIZE))
    found = compare(auc, a, b, LABELS)
    assert found.contains(0)
    assert 0.02 < found.p_value < 0.98


def test_own_metric_and_own_weights():
    good, poor = taggers(4)
    weights = np.random.default_rng(5).exponential(size=SIZE)

    def area(test):
        return lambda drawn: roc(test.scores, test.labels, test.weighted(drawn)).auc

    own = compare(area, good, poor, LABELS, weights=weights)
    ours = compare(auc, good, poor, LABELS, weights=weights)
    assert (own.value, own.low, own.high) == pytest.approx((ours.value, ours.low, ours.high))


def test_jets_of_one_event_stay_together():
    good, poor = (np.repeat(scores, 2) for scores in taggers(6))
    labels, events = np.repeat(LABELS, 2), np.repeat(np.arange(SIZE), 2)
    naive = compare(auc, good, poor, labels, replicas=1000)
    grouped = compare(auc, good, poor, labels, events=events, replicas=1000)
    assert grouped.half_width / naive.half_width == pytest.approx(np.sqrt(2), rel=0.1)


def test_errors_say_what_is_wrong():
    good, poor = taggers(7)
    with pytest.raises(ValueError, match="3999 scores and 4000 labels"):
        compare(auc, good, poor[1:], LABELS)
    with pytest.raises(ValueError, match="background events survive"):
        compare(rejection, good, poor, LABELS, efficiency=0.05)
    with pytest.raises(ValueError, match="take the difference"):
        compare(lambda test: lambda drawn: -1.0, good, poor, LABELS, ratio=True)
