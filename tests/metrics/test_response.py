"""Response and resolution: quantiles of known distributions, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml_lib.metrics import median, resolution, width


@pytest.mark.parametrize(
    ("figure", "truth"), [(median, 0.9), (resolution, 0.2 / 0.9), (width, 0.2)]
)
def test_intervals_cover_and_narrower_ones_do_not(figure, truth):
    rng = np.random.default_rng(2)
    toys = 400
    found = [figure(rng.normal(0.9, 0.2, 300), seed=k, replicas=100) for k in range(toys)]
    value, low, high = np.array([(e.value, e.low, e.high) for e in found]).T
    allowed = 0.02 + 3 * np.sqrt(0.95 * 0.05 / toys)
    assert abs(np.mean((low <= truth) & (truth <= high)) - 0.95) < allowed
    assert np.mean(np.abs(value - truth) < 0.7 * (high - value)) < 0.95 - allowed


def test_tails_do_not_matter():
    rng = np.random.default_rng(3)
    core = rng.normal(1.0, 0.1, 20_000)
    core[:200] = 50.0
    assert resolution(core, seed=1).value == pytest.approx(0.1, rel=0.05)
    assert median(core, seed=1).value == pytest.approx(1.0, abs=0.005)


@given(st.integers(1, 5), st.integers(0, 100))
def test_a_weight_is_as_good_as_that_many_copies(copies, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(1.0, 0.1, 2000)
    weights = np.where(values > 1, copies, 1)
    repeated = np.repeat(values, weights)
    found = median(values, weights=weights, replicas=20, seed=1).value
    assert found == pytest.approx(np.median(repeated), abs=2e-3)


def test_values_of_one_event_go_together():
    """Twice the same values are no better than once."""
    values = np.random.default_rng(5).normal(1.0, 0.1, 1000)
    once = median(values, events=np.arange(1000), seed=1)
    twice = median(np.tile(values, 2), events=np.tile(np.arange(1000), 2), seed=1)
    naive = median(np.tile(values, 2), seed=1)
    assert twice.half_width == pytest.approx(once.half_width, rel=0.02)
    assert naive.half_width < 0.85 * once.half_width


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        (np.ones(5), None, "too few"),
        (np.ma.array(np.ones(30), mask=np.arange(30) == 4), None, "1 scores are masked"),
        (np.r_[np.ones(30), np.nan], None, "number 30 is NaN"),
        (np.ones(30), -np.ones(30), "negative weights"),
    ],
)
def test_errors_say_what_is_wrong(values, weights, message):
    with pytest.raises(ValueError, match=message):
        median(values, weights=weights)


def test_a_relative_width_needs_a_scale():
    with pytest.raises(ValueError, match="above zero"):
        resolution(np.linspace(-2, 1, 100))
