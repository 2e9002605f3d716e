from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as theirs

from hepml_lib.metrics import Estimate, accuracy, auc, best_threshold


def coverage(estimates: list[Estimate], truth: float) -> tuple[float, float]:
    """Coverage of the intervals, and of the same intervals made 30 % narrower."""
    value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    hit = np.mean((low <= truth) & (truth <= high))
    narrow = (value - 0.7 * (value - low) <= truth) & (truth <= value + 0.7 * (high - value))
    return float(hit), float(narrow.mean())


@pytest.mark.parametrize(("size", "distance"), [(120, 1.0), (400, 2.5)])
def test_interval_covers_the_area_of_two_normal_distributions(size, distance):
    rng = np.random.default_rng(3)
    labels = np.arange(size) % 2
    toys = 500
    found = [auc(rng.normal(labels * distance), labels, seed=k, replicas=100) for k in range(toys)]
    hit, narrow = coverage(found, stats.norm.cdf(distance / np.sqrt(2)))
    allowed = 0.01 + 3 * np.sqrt(0.95 * 0.05 / toys)
    assert abs(hit - 0.95) < allowed
    assert abs(narrow - 0.95) > allowed


def test_spread_agrees_with_delong():
    """The closed form of DeLong et al., Biometrics 44 (1988) 837, knows nothing of resampling."""
    rng = np.random.default_rng(4)
    labels = np.arange(2000) % 2
    scores = rng.normal(labels * 1.5).round(1)
    s, b = scores[labels == 1], scores[labels == 0]
    wins = (s[:, None] > b) + 0.5 * (s[:, None] == b)
    spread = np.sqrt(wins.mean(1).var(ddof=1) / len(s) + wins.mean(0).var(ddof=1) / len(b))
    found = auc(scores, labels, replicas=1000)
    assert found.value == pytest.approx(wins.mean())
    assert found.spread == pytest.approx(spread, rel=0.08)


def test_weighted_area_with_negative_weights_is_the_sum_over_pairs():
    rng = np.random.default_rng(5)
    labels = np.arange(600) % 2
    scores = rng.normal(labels).round(1)
    weights = np.where(rng.random(600) < 0.15, -1.0, 1.0) * rng.exponential(size=600)
    s, b = labels == 1, labels == 0
    wins = (scores[s][:, None] > scores[b]) + 0.5 * (scores[s][:, None] == scores[b])
    pairs = weights[s][:, None] * weights[b]
    found = auc(scores, labels, weights=weights)
    assert found.value == pytest.approx((wins * pairs).sum() / pairs.sum())
    assert found.contains(stats.norm.cdf(1 / np.sqrt(2)))


def test_negative_weights_widen_the_interval():
    """Of a fraction f of weights -1, the effective number of events is (1 - 2f)² of all."""
    rng = np.random.default_rng(6)
    labels = np.arange(20_000) % 2
    scores = rng.normal(labels)
    weights = np.where(rng.random(20_000) < 0.2, -1.0, 1.0)
    ratio = auc(scores, labels, weights=weights).half_width / auc(scores, labels).half_width
    assert ratio == pytest.approx(1 / 0.6, rel=0.15)


def test_copies_of_a_jet_in_its_event_carry_no_information():
    rng = np.random.default_rng(7)
    labels = np.arange(3000) % 2
    scores = rng.normal(labels)
    twice = {"scores": np.repeat(scores, 2), "labels": np.repeat(labels, 2), "replicas": 1000}
    naive, grouped = auc(**twice), auc(**twice, events=np.repeat(np.arange(3000), 2))
    assert grouped.value == naive.value == auc(scores, labels).value
    assert grouped.half_width / naive.half_width == pytest.approx(np.sqrt(2), rel=0.1)
    naive, grouped = (
        accuracy(twice["scores"], twice["labels"], 0.5),
        accuracy(**twice, threshold=0.5, events=np.repeat(np.arange(3000), 2)),
    )
    assert grouped.half_width / naive.half_width == pytest.approx(np.sqrt(2), rel=0.1)


def test_perfect_separation_is_not_certainty():
    """Zero errors among n independent pairs: at 95 %, the area is above 0.025^(1/n)."""
    found = auc(np.arange(20.0), np.arange(20) >= 10)
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(0.025 ** (1 / 10))


def test_weights_do_not_lift_a_perfect_area_above_one():
    rng = np.random.default_rng(3)
    for _ in range(30):
        found = auc(np.arange(40.0), np.arange(40) >= 20, weights=rng.random(40))
        assert 1 - 1e-12 < found.value <= found.high <= 1


def test_seed_of_the_environment_changes_the_resampling(monkeypatch):
    labels = np.arange(200) % 2
    scores = np.random.default_rng(8).normal(labels)
    first = auc(scores, labels)
    assert auc(scores, labels) == first
    assert auc(scores, labels, seed=7) == auc(scores, labels, seed=7)
    monkeypatch.setenv("HEPML_SEED", "2")
    second = auc(scores, labels)
    assert second != first
    assert second.value == first.value


def test_accuracy_agrees_with_scikit_learn_and_counts():
    rng = np.random.default_rng(9)
    labels = np.arange(1000) % 2
    logits = rng.normal(2 * labels - 1)
    found = accuracy(logits, labels)
    assert found.value == theirs.accuracy_score(labels, logits >= 0)
    exact = stats.binomtest(round(found.value * 1000), 1000).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    probabilities = 1 / (1 + np.exp(-logits))
    assert accuracy(probabilities, labels, 0.5) == found


def test_accuracy_refuses_probabilities_at_the_threshold_of_logits():
    with pytest.raises(ValueError, match=r"look like probabilities, whose threshold is 0\.5"):
        accuracy([0.2, 0.7, 0.9, 0.1], [0, 1, 1, 0])


def test_best_threshold_of_two_normal_distributions_is_half_way():
    rng = np.random.default_rng(10)
    labels = np.arange(200_000) % 2
    assert best_threshold(rng.normal(2 * labels), labels) == pytest.approx(1, abs=0.1)
    # Three times the signal moves it to where the densities times the fractions cross.
    found = best_threshold(rng.normal(2 * labels), labels, weights=1 + 2 * labels)
    assert found == pytest.approx(1 - np.log(3) / 2, abs=0.1)


def test_maximising_on_the_measured_events_is_biased():
    """What `best_threshold` warns of: labels without meaning seem to be told from scores."""
    rng = np.random.default_rng(11)
    labels = np.arange(100) % 2
    gain = []
    for _ in range(100):
        scores, fresh = rng.normal(size=(2, 100))
        threshold = best_threshold(scores, labels)
        gain.append(
            accuracy(scores, labels, threshold).value - accuracy(fresh, labels, threshold).value
        )
    assert np.mean(gain) > 0.03


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (4, {}, "too few events"),
        (200, {"replicas": 5}, "5 replicas cannot give a spread"),
        (200, {"events": np.arange(7)}, "200 scores and events of shape"),
    ],
)
def test_what_cannot_be_resampled_is_refused(size, options, message):
    with pytest.raises(ValueError, match=message):
        auc(np.arange(size) * 1.0, np.arange(size) % 2, **options)
