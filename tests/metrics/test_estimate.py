from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepml_lib.metrics import Estimate, clopper_pearson, efficiency


def test_text_shows_the_digits_that_the_interval_supports():
    assert str(Estimate(0.965123, 0.96221, 0.96783, "m")) == "0.9651 [0.9622, 0.9678]"
    assert str(Estimate(1234.6, 1101.2, 1402.9, "m")) == "1235 [1101, 1403]"
    assert str(Estimate(1, 1, 1, "m")) == "1 [1, 1]"
    assert str(Estimate(3e-14, 2e-14, 4e-14, "m")) == "3.0e-14 [2.0e-14, 4.0e-14]"
    assert str(Estimate(3.21e-12, 3.19e-12, 3.23e-12, "m")) == "3.210e-12 [3.190e-12, 3.230e-12]"
    assert f"{Estimate(83.2, 70.1, math.inf, 'm'):.0f}" == "83 [70, inf]"


def test_html_and_markdown_name_level_and_method():
    estimate = Estimate(0.5, 0.4, 0.6, "event bootstrap", level=0.683)
    assert "68.3 % interval, event bootstrap" in estimate._repr_html_()
    assert estimate._repr_markdown_() == "0.50 [0.40, 0.60] (68.3 % interval, event bootstrap)"


def test_a_decreasing_function_exchanges_the_ends():
    """A fraction of 1/8 to 1/2 is a rejection of 2 to 8."""
    inverse = Estimate(0.25, 0.125, 0.5, "m", level=0.9).transformed(lambda x: 1 / x)
    assert inverse == Estimate(4, 2, 8, "m", level=0.9)


def test_spread_inverts_a_normal_interval():
    assert Estimate(0, -1.95996, 1.95996, "m").spread == pytest.approx(1, abs=1e-4)
    assert Estimate(0, -1, 1, "m", level=0.6826895).spread == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0.5, 0.6, 0.4), "upside down"),
        ((0.7, 0.4, 0.6), "outside its interval"),
        ((math.nan, 0.4, 0.6), "value of the estimate is NaN"),
        ((0.5, 0.4, math.nan), "high of the estimate is NaN"),
    ],
)
def test_what_is_no_interval_is_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        Estimate(*numbers, "m")


def test_clopper_pearson_closed_form_at_the_ends():
    n = np.array([1, 10, 300])
    low, high = clopper_pearson(0, n)
    assert (low == 0).all()
    assert high == pytest.approx(1 - 0.025 ** (1 / n))
    low, high = clopper_pearson(n, n)
    assert low == pytest.approx(0.025 ** (1 / n))
    assert (high == 1).all()


@pytest.mark.parametrize(("k", "n", "level"), [(3, 10, 0.95), (50, 4000, 0.683), (999, 1000, 0.9)])
def test_clopper_pearson_agrees_with_scipy(k, n, level):
    theirs = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert np.array(clopper_pearson(k, n, level)) == pytest.approx([theirs.low, theirs.high])


@given(n=st.integers(1, 60), p=st.floats(0.01, 0.99))
def test_clopper_pearson_never_covers_too_little(n, p):
    k = np.arange(n + 1)
    low, high = clopper_pearson(k, n, 0.9)
    assert stats.binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum() >= 0.9 - 1e-9


def test_counts_and_decisions_agree():
    assert efficiency(90, 100) == efficiency(np.arange(100) < 90)


def test_weighted_efficiency_covers():
    """Weights that follow the outcome, which Kish's effective number would get wrong."""
    rng = np.random.default_rng(1)
    toys, n = 500, 400
    hits = narrow = 0
    for _ in range(toys):
        passed = rng.random(n) < 0.3
        weights = rng.exponential(1 + 2 * passed)
        estimate = efficiency(passed, weights=weights)
        truth = 0.3 * 3 / (0.3 * 3 + 0.7)
        hits += estimate.contains(truth)
        narrow += abs(truth - estimate.value) < 0.7 * estimate.half_width
    error = np.sqrt(0.95 * 0.05 / toys)
    assert abs(hits / toys - 0.95) < 0.01 + 3 * error
    assert abs(narrow / toys - 0.95) > 0.01 + 3 * error


def test_equal_weights_change_nothing():
    passed = np.arange(1000) < 137
    weighted, counted = efficiency(passed, weights=np.full(1000, 2.5)), efficiency(passed)
    assert weighted.value == counted.value
    assert (weighted.low, weighted.high) == pytest.approx((counted.low, counted.high))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((11, 10), {}, "11 passed of 10 is no efficiency"),
        ((0, 0), {}, "total must be positive"),
        ((5,), {}, "must be a count with its total"),
        (([0.2, 0.9],), {}, "array of True and False"),
        (([True, False], 2), {}, "not both"),
        (([True, False],), {"weights": [1]}, "2 decisions and 1 weights"),
        (([True, False],), {"weights": [1, -1]}, "not negative"),
        ((np.ma.array([True, False], mask=[0, 1]),), {}, "1 decisions are masked"),
    ],
)
def test_errors_say_what_is_wrong(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        efficiency(*arguments, **options)
