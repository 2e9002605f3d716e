"""Rates of a trigger: known thresholds, coverage, and the tail beyond the events."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml_lib import metrics
from hepml_lib.trigger import rates


def _sample(seed: int, events: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponential scores of unit mean, one kHz in all, in ten chunks."""
    rng = np.random.default_rng(seed)
    return rng.exponential(1.0, events), np.full(events, 1 / events), np.arange(events) % 10


def test_the_threshold_keeps_the_rate() -> None:
    score, weight, _ = _sample(1)
    cut = rates.threshold(score, weight, 0.1)
    assert weight[score > cut].sum() == pytest.approx(0.1, abs=2e-4)
    assert cut == pytest.approx(np.log(10), abs=0.1)


def test_a_threshold_on_steps_stays_below_the_rate() -> None:
    score, weight = np.array([1, 2, 2, 2, 3.0]), np.ones(5)
    assert rates.threshold(score, weight, 2.5) == 2
    assert weight[score > 2].sum() <= 2.5


@pytest.mark.parametrize("wanted", [0.0, -1.0, 2.0])
def test_an_impossible_rate_is_refused(wanted: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and all events"):
        rates.threshold([1.0, 2.0], [0.5, 0.5], wanted)


def test_scores_must_be_finite() -> None:
    with pytest.raises(ValueError, match="NaN"):
        rates.threshold([1.0, np.nan], [1.0, 1.0], 1.0)


def test_a_useless_score_keeps_as_much_signal_as_background() -> None:
    score, weight, _ = _sample(2)
    label = np.arange(len(score)) % 2
    efficiency = rates.efficiency_at(score, label, weight, 0.05, total=0.5)
    assert efficiency == pytest.approx(0.1, abs=0.01)


def test_coarse_scores_are_prescaled_to_the_same_rate() -> None:
    """A score without any information keeps the share of the rate, however coarse."""
    label, weight = np.repeat([0, 1], 500), np.ones(1000)
    efficiency = rates.efficiency_at(np.zeros(1000), label, weight, 30.0, total=100.0)
    assert efficiency == pytest.approx(0.3)


def test_a_monotone_change_of_the_score_changes_nothing() -> None:
    score, weight, _ = _sample(3)
    label = (np.random.default_rng(3).random(len(score)) < score / 10).astype(int)
    first, second = (
        rates.efficiency_at(s, label, weight, 0.1, total=1.0) for s in (score, np.exp(score))
    )
    assert first == second


def test_the_interval_of_a_rate_covers() -> None:
    """Chunks that are independent: nineteen of twenty intervals hold the truth, or more."""
    inside = []
    for seed in range(100):
        score, weight, group = _sample(seed, events=4000)
        inside.append(rates.rate(score > 2, weight, group).contains(np.exp(-2)))
    assert np.mean(inside) > 0.88


def test_too_few_events_are_refused() -> None:
    score, weight, group = _sample(4)
    with pytest.raises(ValueError, match="effective events pass, fewer than 100"):
        rates.rate(score > 7, weight, group)


def test_an_exponential_tail_is_continued() -> None:
    score, weight, group = _sample(5)
    beyond = rates.extrapolated(score, weight, 8.0, group)
    assert beyond.low < np.exp(-8) < beyond.high
    farther = rates.extrapolated(score, weight, 12.0, group)
    assert farther.high / farther.low > beyond.high / beyond.low > 1.5


def test_one_heavy_event_moves_the_start_of_the_tail() -> None:
    """Whatever `rate` refuses, `extrapolated` takes."""
    score, weight, group = _sample(10)
    weight[np.argsort(-score)[300]] *= 100
    cut = np.sort(score)[-310]
    with pytest.raises(ValueError, match="too few to measure"):
        rates.rate(score > cut, weight, group)
    beyond = rates.extrapolated(score, weight, cut, group)
    assert beyond.contains(weight[score > cut].sum())


def test_a_small_sample_is_refused() -> None:
    score, weight, group = _sample(11, events=90)
    with pytest.raises(ValueError, match="fewer than 100 effective events"):
        rates.extrapolated(score, weight, 2.0, group)


def test_no_extrapolation_where_one_can_measure() -> None:
    score, weight, group = _sample(6)
    with pytest.raises(ValueError, match="must not lie below"):
        rates.extrapolated(score, weight, 1.0, group)


def test_pileup_weights_move_the_mean_and_keep_the_rate() -> None:
    number = np.random.default_rng(7).poisson(50, 200_000)
    zero_bias = ak.Array({"process": np.zeros(len(number), int), "interactions": number})
    factor = rates.pileup_weights(zero_bias, 54.0)
    assert factor.mean() == pytest.approx(1.0, abs=0.02)
    assert np.average(number, weights=factor) == pytest.approx(54.0, abs=0.2)


def test_a_hard_process_grows_with_pileup() -> None:
    number = np.random.default_rng(8).poisson(50, 200_000) + 1
    jets = ak.Array({"process": np.ones(len(number), int), "interactions": number})
    assert rates.pileup_weights(jets, 54.0).mean() == pytest.approx(1.08, abs=0.02)
    assert rates.pileup_weights(jets, 50.0) == pytest.approx(1.0)


def test_the_growth_of_a_rate() -> None:
    score, weight, group = _sample(9)
    doubled = rates.rate_ratio(score > 1, weight, np.full(len(score), 2.0), group)
    assert (doubled.low, doubled.value, doubled.high) == pytest.approx((2, 2, 2))
    some = rates.rate_ratio(score > 1, weight, np.where(score > 2, 2.0, 1.0), group)
    assert some.low < 1 + np.exp(-1) < some.high


def test_a_resampling_without_any_chunk_is_left_out() -> None:
    """With four chunks one resampling in fifty draws none."""
    score, weight, group = _sample(12)
    few = group % 4
    assert np.isfinite(rates.rate(score > 2, weight, few).high)
    assert np.isfinite(rates.rate_ratio(score > 2, weight, 1 + score, few).high)
    assert np.isfinite(rates.extrapolated(score, weight, 8.0, few).high)
    label = np.arange(len(score)) // 10 % 2

    def at_rate(test):
        def evaluate(drawn):
            return rates.efficiency_at(test.scores, test.labels, test.weighted(drawn), 0.1, 0.5)

        return evaluate

    gain = metrics.compare(at_rate, score, -score, label, weights=weight, events=few)
    assert np.isfinite(gain.low)
