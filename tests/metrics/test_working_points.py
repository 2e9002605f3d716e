from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.metrics import (
    clopper_pearson,
    rejection,
    roc_band,
    significance_improvement,
    survivors,
)


def exponential(
    rng: np.random.Generator, signal: int, background: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose background efficiency is the cube of the signal efficiency."""
    labels = np.repeat([1, 0], [signal, background])
    return rng.exponential(1 + 2 * labels), labels


@pytest.mark.parametrize(("signal", "background"), [(1000, 1000), (100, 4000)])
def test_interval_covers_the_rejection_of_exponential_scores(signal, background):
    rng = np.random.default_rng(1)
    toys, truth = 300, 0.5**-3
    hit = narrow = counting = 0
    for seed in range(toys):
        scores, labels = exponential(rng, signal, background)
        found = rejection(scores, labels, 0.5, seed=seed, replicas=100)
        hit += found.contains(truth)
        # Narrower by 30 % on the scale of logarithms, where the interval is symmetric.
        low, high = found.value * (np.array([found.low, found.high]) / found.value) ** 0.7
        narrow += low <= truth <= high
        ends = clopper_pearson(survivors(scores, labels, 0.5), background)
        counting += ends[0] <= 1 / truth <= ends[1]
    allowed = 0.015 + 3 * np.sqrt(0.95 * 0.05 / toys)
    assert abs(hit / toys - 0.95) < allowed
    assert abs(narrow / toys - 0.95) > allowed
    # Counting the survivors alone forgets that the threshold was set on finite signal.
    assert counting / toys < 0.95 - allowed


def test_interval_is_that_of_the_count_when_the_threshold_is_known():
    rng = np.random.default_rng(2)
    scores, labels = exponential(rng, 100_000, 2000)
    found = rejection(scores, labels, 0.5, replicas=500)
    low, high = map(float, clopper_pearson(2000 / found.value, 2000))
    assert (1 / found.high, 1 / found.low) == pytest.approx((low, high), rel=0.05)


def test_too_few_survivors_are_refused_with_the_size_that_would_do():
    rng = np.random.default_rng(3)
    scores, labels = exponential(rng, 4000, 4000)
    left = survivors(scores, labels, 0.2)
    assert 15 < left < 50
    with pytest.raises(ValueError, match=r"of 4,000 background events survive.*Test on more") as e:
        rejection(scores, labels, 0.2)
    assert f"{4000 * 50 / left:,.0f}" in str(e.value)
    quoted = rejection(scores, labels, 0.2, minimum_survivors=10)
    assert f"{left:.0f} background events survive" in quoted.method
    assert quoted.contains(0.2**-3)
    with pytest.raises(ValueError, match="0 of 10 background"):
        rejection(np.arange(20.0), np.arange(20) >= 10, 0.5, minimum_survivors=0)


def test_significance_improvement_follows_from_the_rejection():
    scores, labels = exponential(np.random.default_rng(4), 4000, 4000)
    found, rejected = (f(scores, labels, 0.6) for f in (significance_improvement, rejection))
    assert found.value == pytest.approx(0.6 * np.sqrt(rejected.value))
    assert found.low == pytest.approx(0.6 * np.sqrt(rejected.low))
    assert found.contains(0.6**-0.5)


def test_weights_restore_the_rejection_of_the_whole_sample():
    """Background thinned tenfold where it is common, and weighted back."""
    rng = np.random.default_rng(5)
    scores, labels = exponential(rng, 20_000, 200_000)
    common = (labels == 0) & (scores < 1.5)
    kept = ~common | (rng.random(len(scores)) < 0.1)
    weights = np.where(common, 10.0, 1.0)[kept]
    found = rejection(scores[kept], labels[kept], 0.5, weights=weights)
    assert found.contains(8)
    tail = survivors(scores[kept], labels[kept], 0.5, weights)
    assert tail == pytest.approx(survivors(scores, labels, 0.5), rel=0.05)
    with pytest.raises(ValueError, match="are negative"):
        rejection(scores, labels, 0.5, weights=np.where(scores < 0.1, -1.0, 1.0))


def test_band_agrees_with_the_single_points_and_the_truth():
    scores, labels = exponential(np.random.default_rng(6), 4000, 4000)
    band = roc_band(scores, labels)
    single = rejection(scores, labels, band.efficiency[49])
    assert 1 / band.background_efficiency[49] == single.value
    assert (1 / band.high[49], 1 / band.low[49]) == pytest.approx((single.low, single.high))
    assert band.survivors[49] == survivors(scores, labels, band.efficiency[49])
    truth = band.efficiency**3
    assert np.mean((band.low <= truth) & (truth <= band.high)) > 0.8


def test_band_stays_honest_where_nothing_survives():
    """No background of 300 above half of the signal: an upper limit of 1.2 %, not zero."""
    scores = np.concatenate([np.linspace(0.5, 2, 300), np.linspace(0, 1, 300)])
    band = roc_band(scores, np.repeat([1, 0], 300), [0.3, 0.9])
    assert band.background_efficiency[0] == 0
    assert band.high[0] == pytest.approx(1 - 0.025 ** (1 / 300))
    assert band.low[1] > 0
