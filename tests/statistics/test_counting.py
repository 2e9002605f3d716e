from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepml_lib import statistics

# Table 1 of Cousins, Linnemann, Tucker (arXiv:physics/0702156): on, off, τ, and Z of the binomial.
_ON_OFF = [
    (4, 5, 5.0, 1.66),
    (6, 18.78, 14.44, 2.63),
    (9, 17.83, 4.69, 1.82),
    (17, 40.11, 10.56, 4.46),
    (50, 55, 2.0, 2.93),
    (67, 15, 0.5, 2.89),
    (200, 10, 0.1, 2.20),
    (523, 2327, 5.99, 5.93),
    (498426, 493434, 1.0, 5.01),
    (2119449, 23650096, 11.21, 6.40),
]


@pytest.mark.parametrize(("on", "off", "ratio", "z"), _ON_OFF)
def test_on_off_agrees_with_the_published_table(on, off, ratio, z):
    found = statistics.significance(statistics.on_off_p_value(on, off, ratio))
    assert found == pytest.approx(z, abs=0.006)


@given(st.floats(-5, 30))
def test_significance_and_p_value_are_inverse(z):
    assert statistics.significance(statistics.p_value(z)) == pytest.approx(z, abs=1e-6)


@given(st.integers(0, 200), st.floats(0.01, 150))
def test_p_value_of_a_count_is_the_sum_of_its_tail(observed, background):
    found = float(statistics.poisson_p_value(observed, background))
    assert found == pytest.approx(stats.poisson.sf(observed - 1, background), rel=1e-8, abs=1e-300)


def test_many_control_events_make_the_background_known():
    known = statistics.poisson_p_value(30, 20.0)
    assert statistics.on_off_p_value(30, 20e6, 1e6) == pytest.approx(float(known), rel=1e-3)


def test_on_off_test_is_never_too_eager():
    """Without a signal it rejects in at most 5 % of the experiments, whatever the background."""
    rng = np.random.default_rng(1)
    for background in (3.0, 12.0, 80.0):
        on, off = rng.poisson(background, 50_000), rng.poisson(2 * background, 50_000)
        rate = np.mean(statistics.on_off_p_value(on, off, 2.0) < 0.05)
        assert 0.01 < rate < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 50_000)


@given(st.floats(0.1, 50), st.floats(1, 1e4))
def test_asimov_significance_for_a_known_background(signal, background):
    """Of arXiv:1007.1727, equation 97; below s / √b, which is its limit."""
    exact = np.sqrt(2 * ((signal + background) * np.log1p(signal / background) - signal))
    found = float(statistics.asimov_significance(signal, background))
    assert found == pytest.approx(exact, rel=1e-12)
    assert found < signal / np.sqrt(background) * (1 + 1e-6)  # rounding of a tiny signal


def test_asimov_significance_agrees_with_its_authors_code():
    """The example of cranmer/fast-asimov-utils: 50 signal on 100 ± 7 background, 3.72 σ."""
    assert statistics.asimov_significance(50, 100, 7) == pytest.approx(3.72, abs=0.005)


def test_asimov_significance_falls_with_the_uncertainty():
    z = statistics.asimov_significance(10, 50, np.linspace(0, 30, 7))
    assert (np.diff(z) < 0).all()
    assert statistics.asimov_significance(1, 1e4, 500) == pytest.approx(1 / 510, rel=0.01)


def test_asimov_significance_is_the_median_of_toys():
    rng = np.random.default_rng(2)
    signal, background, ratio = 60.0, 200.0, 3.0
    on, off = rng.poisson(signal + background, 20_000), rng.poisson(ratio * background, 20_000)
    median = np.median(statistics.significance(statistics.on_off_p_value(on, off, ratio)))
    expected = statistics.asimov_significance(signal, background, np.sqrt(background / ratio))
    assert median == pytest.approx(float(expected), abs=0.05)


@given(st.integers(0, 40), st.floats(0.1, 30), st.floats(0, 40))
def test_cls_is_a_ratio_of_two_sums(observed, signal, background):
    poisson = stats.poisson
    ratio = poisson.cdf(observed, signal + background) / poisson.cdf(observed, background)
    assert statistics.counting_cls(observed, signal, background) == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize("observed", [0, 3, 20, 300])
def test_limit_lies_where_cls_is_five_per_cent(observed):
    limit = statistics.counting_limit(observed, 17.0)
    assert statistics.counting_cls(observed, limit, 17.0) == pytest.approx(0.05, abs=1e-9)


def test_cls_limits_cover_at_least_as_promised():
    """The true signal is excluded in at most 5 % of the experiments, for any signal."""
    rng = np.random.default_rng(3)
    for signal in (0.5, 4.0, 15.0):
        counted = rng.poisson(signal + 10, 20_000)
        excluded = statistics.counting_cls(counted, signal, 10.0) < 0.05
        assert excluded.mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 20_000)


@pytest.mark.parametrize(
    "call",
    [
        lambda: statistics.poisson_p_value(-1, 3.0),
        lambda: statistics.on_off_p_value(3, 3, 0.0),
        lambda: statistics.asimov_significance(1, 0),
        lambda: statistics.counting_cls(3, -1.0, 2.0),
    ],
)
def test_impossible_counts_are_refused(call):
    with pytest.raises(ValueError, match=r"must|b > 0"):
        call()
