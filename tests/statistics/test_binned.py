from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib import statistics
from tests.statistics.exact import draw

_SIGNAL = np.array([2.0, 4.0, 6.0])
_BACKGROUND = np.array([400.0, 60.0, 15.0])
_ERROR = np.array([12.0, 5.0, 2.5])


@pytest.fixture(scope="module")
def model():
    return statistics.binned_model(_SIGNAL, {"qcd": _BACKGROUND}, errors={"qcd": _ERROR})


def _profiled(mu, n, m, ratio):
    """-2 ln L of independent on-off bins at their best backgrounds, up to a constant."""
    signal = mu * _SIGNAL
    half = ((1 + ratio) * signal - n - m) / (2 * (1 + ratio))
    best = np.sqrt(half**2 + m * signal / (1 + ratio)) - half
    rates = signal + best, ratio * best
    return 2 * sum(np.sum(rate - k * np.log(rate)) for k, rate in zip((n, m), rates, strict=True))


def test_expected_significance_is_that_of_the_closed_formula(model):
    z = statistics.asimov_significance(_SIGNAL, _BACKGROUND, _ERROR)
    found = statistics.discovery_significance(model, statistics.expected_data(model, 1.0))
    assert found == pytest.approx(np.sqrt(np.sum(z**2)), rel=1e-3)


def test_no_excess_is_no_discovery(model):
    assert statistics.discovery_significance(model, _BACKGROUND - 5) < 0.01


def test_expected_limit_solves_the_profile_likelihood(model):
    """CLs of the median experiment is 5 % where q = 1.96² on the Asimov data."""
    limit = statistics.upper_limit(model, _BACKGROUND).expected[2]
    ratio = (_BACKGROUND / _ERROR) ** 2 / _BACKGROUND
    off = ratio * _BACKGROUND
    q = _profiled(limit, _BACKGROUND, off, ratio) - _profiled(0.0, _BACKGROUND, off, ratio)
    assert q == pytest.approx(1.959964**2, rel=2e-3)


def test_expected_limit_agrees_with_an_independent_code():
    """The example of cranmer/fast-asimov-utils: 50 ± 7 background, 19.7 signal events."""
    model = statistics.binned_model([10.0], {"b": [50.0]}, errors={"b": [7.0]})
    assert 10 * statistics.upper_limit(model, [50.0]).expected[2] == pytest.approx(19.7, abs=0.05)


def test_limits_are_in_order_and_follow_the_data(model):
    limit = statistics.upper_limit(model, _BACKGROUND)
    assert (np.diff(limit.expected) > 0).all()
    assert limit.observed == pytest.approx(limit.expected[2], rel=1e-5)
    more = statistics.upper_limit(model, _BACKGROUND + _SIGNAL).observed
    less = statistics.upper_limit(model, _BACKGROUND - _SIGNAL).observed
    assert less < limit.observed < more


def test_level_and_scale_of_a_limit(model):
    tight = statistics.upper_limit(model, _BACKGROUND, level=0.9).observed
    loose = statistics.upper_limit(model, _BACKGROUND).observed
    assert tight < loose
    doubled = statistics.binned_model(2 * _SIGNAL, {"qcd": _BACKGROUND}, errors={"qcd": _ERROR})
    half = statistics.upper_limit(doubled, _BACKGROUND).observed
    assert half == pytest.approx(loose / 2, rel=1e-5)


def test_limit_of_many_events_is_that_of_the_exact_count():
    model = statistics.binned_model([20.0], {"b": [400.0]})
    asymptotic = 20 * statistics.upper_limit(model, [400]).observed
    assert asymptotic == pytest.approx(statistics.counting_limit(400, 400.0), rel=0.015)


def test_limit_of_a_strong_signal():
    """The limit on s events is the same whatever the units of μ."""
    model = statistics.binned_model([3e4], {"b": [20.0]})
    weak = statistics.binned_model([3.0], {"b": [20.0]})
    limits = [statistics.upper_limit(m, [20]).observed for m in (model, weak)]
    assert 1e4 * limits[0] == pytest.approx(limits[1], rel=1e-5)


def test_a_weak_signal_has_a_large_limit():
    """No bound of the fit comes before the data: 0.01 events per unit of μ among 100."""
    weak = statistics.binned_model([0.01], {"b": [100.0]})
    plain = statistics.binned_model([1.0], {"b": [100.0]})
    limits = [statistics.upper_limit(m, [100]).observed for m in (weak, plain)]
    assert limits[0] == pytest.approx(100 * limits[1], rel=1e-5)


def test_without_signal_there_is_no_limit():
    nothing = statistics.binned_model([0.0, 0.0], {"b": [100.0, 20.0]})
    for ask in (statistics.upper_limit, statistics.signal_strength):
        with pytest.raises(ValueError, match="no signal in any bin"):
            ask(nothing, [100, 20])


def test_limits_of_millions_of_events():
    """Two bins known to 20 %: the exact profile over both backgrounds gives 5.494 (pyhf #2232)."""
    background = np.array([5e6, 1.6e6])
    error = 0.2 * background
    signal = np.array([0.1, 0.3]) * error
    model = statistics.binned_model(signal, {"b": background}, errors={"b": error})
    assert statistics.cls(model, background, 5.0)[0] == pytest.approx(0.0782, abs=1e-4)
    limit = statistics.upper_limit(model, background)
    assert limit.observed == pytest.approx(5.494, abs=1e-3)
    assert limit.expected[2] == pytest.approx(limit.observed, rel=1e-5)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6))
def test_tests_of_a_strength_agree_with_a_second_implementation(seed):
    """From 1 to 10⁸ events a bin, with any of the uncertainties."""
    experiment = draw(np.random.default_rng(seed))
    model, counts = experiment.model(), experiment.counts
    limit = statistics.upper_limit(model, counts)
    assert experiment.cls(limit.observed)[0] == pytest.approx(0.05, abs=1e-4)
    assert experiment.cls(limit.expected[2])[1] == pytest.approx(0.05, abs=1e-4)
    strength, best = statistics.signal_strength(model, counts), experiment.fit()
    assert strength.value == pytest.approx(best[0], abs=0.01 * strength.spread)
    assert experiment.fit(strength.high)[2] - best[2] == pytest.approx(1.0, abs=1e-3)
    z = np.sqrt(max(experiment.fit(0.0)[2] - best[2], 0.0))
    assert statistics.discovery_significance(model, counts) == pytest.approx(z, abs=1e-3)


def test_a_strength_beyond_any_bound_is_measured():
    """100 events of signal on 20: ln L falls by 1/2 at 89.4 and 111.3, and √q₀ is 15.17."""
    model = statistics.binned_model(1, {"b": 20})
    strength = statistics.signal_strength(model, 120)
    assert strength.value == pytest.approx(100, abs=1e-3)
    for end in (strength.low, strength.high):
        assert end - 100 - 120 * np.log((end + 20) / 120) == pytest.approx(0.5, abs=1e-4)
    z = np.sqrt(2 * (120 * np.log(6) - 100))
    assert statistics.discovery_significance(model, 120) == pytest.approx(z, abs=1e-4)


def test_a_bound_is_no_measurement():
    with pytest.raises(ValueError, match="upper bound 50 .* widen the bounds"):
        statistics.profile_interval(
            lambda x: x[0] + 20 - 69 * np.log(x[0] + 20), [10.0], bounds=[(0, 50)]
        )


def test_a_factor_near_zero_is_found():
    """Above μ = 609 the signal alone exceeds the count, so that the background all but goes."""
    model = statistics.binned_model(
        [1229.0], {"b": [759_854.0]}, errors={"b": [226_000.0]}, normalisation={"b": 0.066}
    )
    limit = statistics.upper_limit(model, [748_418])
    assert limit.observed < limit.expected[2] < 0.5 * 748_418 / 1229
    assert statistics.cls(model, [748_418], 800.0)[0] == pytest.approx(0.0, abs=1e-12)


def test_data_far_from_every_expectation_have_no_limit():
    model = statistics.binned_model([1e4], {"b": [1e7]})
    with pytest.raises(ValueError, match="lacks an uncertainty"):
        statistics.upper_limit(model, [9.8e6])
    with pytest.raises(ValueError, match="lacks an uncertainty"):
        statistics.cls(model, [9.8e6], 0.1)


def test_models_with_other_uncertainties_agree_with_the_optimiser_of_pyhf():
    """Shapes that move together, and errors of simulation: few events, where pyhf does well."""
    import pyhf

    correlated = pyhf.simplemodels.correlated_background([5.0], [50.0], [57.0], [43.0])
    errors = [{"name": "mc", "type": "staterror", "data": [4.0, 2.0]}]
    strength = [{"name": "mu", "type": "normfactor", "data": None}]
    samples = [
        {"name": "s", "data": [3.0, 4.0], "modifiers": strength},
        {"name": "b", "data": [50.0, 20.0], "modifiers": errors},
    ]
    simulated = pyhf.Model({"channels": [{"name": "c", "samples": samples}]})
    for model, counts in ((correlated, [56.0]), (simulated, [54.0, 19.0])):
        theirs = pyhf.infer.hypotest(2.0, counts + model.config.auxdata, model)
        assert statistics.cls(model, counts, 2.0)[0] == pytest.approx(float(theirs), abs=2e-4)


def test_the_optimiser_of_pyhf_is_given_back():
    import pyhf

    before = pyhf.get_backend()
    model = statistics.binned_model(1, {"b": 20})
    statistics.upper_limit(model, 20)
    with pytest.raises(ValueError, match="2,"):
        statistics.upper_limit(model, [20, 30])
    assert pyhf.get_backend() == before


def test_a_common_normalisation_costs_sensitivity():
    signal, background = [5.0, 8.0], {"b": [50.0, 20.0]}
    free = statistics.binned_model(signal, background)
    tied = statistics.binned_model(signal, background, normalisation={"b": 0.3})
    limits = [statistics.upper_limit(m, background["b"]).observed for m in (free, tied)]
    assert limits[1] > 1.05 * limits[0]


def test_strength_recovers_what_was_put_in(model):
    found = statistics.signal_strength(model, _BACKGROUND + 1.5 * _SIGNAL)
    assert found.value == pytest.approx(1.5, abs=0.01)
    ratio = (_BACKGROUND / _ERROR) ** 2 / _BACKGROUND
    data, off = _BACKGROUND + 1.5 * _SIGNAL, ratio * _BACKGROUND
    best = _profiled(1.5, data, off, ratio)
    for end in (found.low, found.high):
        assert _profiled(end, data, off, ratio) - best == pytest.approx(1.0, abs=0.01)


def test_strength_stops_at_zero(model):
    found = statistics.signal_strength(model, _BACKGROUND - _SIGNAL)
    assert found.low == 0.0
    assert found.value == pytest.approx(0.0, abs=1e-6)
    assert found.high > 0.1


def test_interval_of_a_count_has_the_height_of_its_level():
    n = 9.0

    def nll(rate):
        return rate[0] - n * np.log(rate[0])

    for level, height in ((0.6826895, 0.5), (0.9544997, 2.0)):
        found = statistics.profile_interval(nll, [7.0], level=level)
        for end in (found.low, found.high):
            assert nll([end]) - nll([n]) == pytest.approx(height, abs=2e-3)


def test_profile_interval_profiles_the_others():
    """Two correlated Gaussians: profiled, the interval is that of the margin."""
    inverse = np.linalg.inv([[1.0, 0.8], [0.8, 1.0]])
    found = statistics.profile_interval(lambda x: x @ inverse @ x / 2, [0.5, 0.5], 1)
    assert (found.low, found.high) == pytest.approx((-1.0, 1.0), abs=1e-3)


def test_a_likelihood_without_minimum_is_refused():
    with pytest.raises(RuntimeError, match="minimum|end of the interval"):
        statistics.profile_interval(lambda x: -(x[0] ** 2), [1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], {"b": [3.0]}), "shape"),
        (([1.0], {"b": [-3.0]}), "not negative"),
        (([1.0], {"b": [np.nan]}), "finite"),
        (([1.0, 1.0], {"b": [3.0, 0.0]}), "merge bins"),
        (([1.0], {"signal": [3.0]}), "name 'signal'"),
    ],
)
def test_impossible_models_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        statistics.binned_model(*arguments)


def test_errors_do_not_hide_a_negative_background():
    with pytest.raises(ValueError, match="not negative"):
        statistics.binned_model([1.0, 1.0], {"b": [-1.0, 3.0]}, errors={"b": [1.0, 1.0]})


def test_uncertainties_need_a_background():
    with pytest.raises(ValueError, match="not among"):
        statistics.binned_model([1.0], {"b": [3.0]}, errors={"c": [1.0]})


def test_data_of_another_shape_are_refused(model):
    with pytest.raises(ValueError, match="3 bins"):
        statistics.cls(model, [1.0, 2.0], 1.0)


def test_pyhf_is_not_imported_before_it_is_needed():
    code = (
        "import sys, hepml_lib.statistics; print('pyhf' in sys.modules, 'iminuit' in sys.modules)"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert output.split() == ["False", "False"]
