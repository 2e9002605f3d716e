"""AMS: the formula and its limits, the choice of a threshold, and what choosing does to it."""

from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.statistics import asimov_significance
from hepml_lib.tagging.ams import ams, best_selection, selected_ams


def toy(seed, events=4000, separation=1.5):
    rng = np.random.default_rng(seed)
    labels = np.arange(events) % 2
    weights = np.where(labels == 1, 0.05, 5.0)
    return rng.normal(separation * labels), labels, weights


def test_formula_and_limits():
    """The challenge's own formula; s/√b for a small signal; no gain from an empty corner."""
    s, b = np.array([5.0, 50.0]), np.array([1e4, 300.0])
    expected = np.sqrt(2 * ((s + b + 10) * np.log(1 + s / (b + 10)) - s))
    assert ams(s, b) == pytest.approx(expected, rel=1e-6)
    assert ams(s, b)[0] == pytest.approx(5 / np.sqrt(1e4 + 10), rel=1e-3)
    assert ams(s, b, 0.0) == pytest.approx(asimov_significance(s, b))
    assert ams(3.0, 0.0) < 1 < asimov_significance(3.0, 0.01)


def test_luminosity_enters_as_its_root():
    assert ams(200.0, 4e4) / ams(100.0, 2e4) == pytest.approx(np.sqrt(2), rel=2e-3)


def test_median_of_pseudo_experiments():
    rng = np.random.default_rng(1)
    s, b = 60.0, 400.0
    n = rng.poisson(s + b, 20_000)
    z = np.sign(n - b) * np.sqrt(2 * (n * np.log(n / b) - (n - b)))
    assert np.median(z) == pytest.approx(float(ams(s, b, 0.0)), abs=0.06)
    assert z.std() == pytest.approx(1, abs=0.1)


def test_best_selection_is_the_best_of_all_thresholds():
    scores, labels, weights = toy(2, 400)
    best = best_selection(scores, labels, weights, background=5)
    brute = []
    for threshold in scores:
        taken = scores >= threshold
        if (taken & (labels == 0)).sum() >= 5:
            counts = [weights[taken & (labels == code)].sum() for code in (1, 0)]
            brute.append((float(ams(*counts)), threshold))
    assert (best.ams, best.threshold) == pytest.approx(max(brute))
    on_the_same = selected_ams(scores, labels, best.threshold, weights=weights)
    assert on_the_same.value == pytest.approx(best.ams)


def test_equal_scores_are_selected_together():
    scores, labels, weights = toy(3)
    coarse = np.round(scores)
    best = best_selection(coarse, labels, weights)
    assert best.threshold in np.unique(coarse)
    assert selected_ams(coarse, labels, best.threshold, weights=weights).value == pytest.approx(
        best.ams
    )


def test_choosing_and_measuring_on_the_same_events_flatters():
    optimism, honest = [], []
    for seed in range(60):
        first, second = toy(seed, 300), toy(seed + 1000, 300)
        best = best_selection(*first, background=2)
        optimism.append(best.ams)
        scores, labels, weights = second
        measured = selected_ams(scores, labels, best.threshold, weights=weights, replicas=20)
        honest.append(measured.value)
    difference = np.array(optimism) - honest
    assert difference.mean() > 5 * difference.std() / np.sqrt(len(difference))


def test_interval_is_that_of_the_simulated_sample():
    """It covers the true value of a known mixture, and shrinks with the root of the sample."""
    scores, labels, weights = toy(5, 2_000_000, 1.5)
    true = selected_ams(scores, labels, 1.5, weights=weights, replicas=20).value
    covered, widths = 0, {}
    for events in (1000, 4000):
        for seed in range(40):
            scores, labels, weights = toy(seed, events)
            # The same luminosity, whatever the size of the sample.
            weights = weights * 2_000_000 / events
            found = selected_ams(scores, labels, 1.5, weights=weights, replicas=60)
            covered += found.contains(true)
            widths.setdefault(events, []).append(found.half_width)
    assert covered >= 68  # of 80; 76 expected
    assert np.mean(widths[1000]) / np.mean(widths[4000]) == pytest.approx(2, rel=0.25)


def test_errors():
    scores, labels, weights = toy(1, 100)
    with pytest.raises(ValueError, match="fewer than 60 background"):
        best_selection(scores, labels, weights, background=60)
    with pytest.raises(ValueError, match="no event"):
        selected_ams(scores, labels, 99.0, weights=weights)
    with pytest.raises(ValueError, match="give weights"):
        selected_ams(scores, labels, 1.0)
    with pytest.raises(ValueError, match="100 scores and 50 labels"):
        best_selection(scores, labels[:50], weights)
    with pytest.raises(ValueError, match="NaN"):
        best_selection(np.where(scores > 1, np.nan, scores), labels, weights)
