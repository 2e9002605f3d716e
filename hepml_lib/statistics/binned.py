"""Counts in bins with uncertain backgrounds: profile likelihoods and CLs limits, with pyhf."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from hepml_lib.metrics import Estimate
from hepml_lib.metrics.estimate import normal_quantile
from hepml_lib.statistics.counting import Array, refuse
from hepml_lib.statistics.deviance import bounds, precise_fits, strength_unit

__all__ = [
    "Limit",
    "binned_model",
    "cls",
    "discovery_significance",
    "expected_data",
    "profile_interval",
    "signal_strength",
    "upper_limit",
]

_SIGMA = 0.6826894921370859  # probability within one standard deviation


def binned_model(
    signal: ArrayLike,
    backgrounds: Mapping[str, ArrayLike],
    *,
    errors: Mapping[str, ArrayLike] | None = None,
    normalisation: Mapping[str, float] | None = None,
) -> Any:
    """Model of pyhf: bins with μ times a signal and backgrounds with uncertainties.

    Parameters
    ----------
    signal
        Expected signal events at μ = 1, shape (bins,).
    backgrounds
        Name → expected events, shape (bins,).
    errors
        Name → standard deviations of these expectations, shape (bins,), independent from bin to
        bin: √Σw² of simulated events. Each is a Poisson constraint with (expected / error)² events.
    normalisation
        Name → relative uncertainty of a background that moves all of its bins together.

    Returns
    -------
    pyhf.Model
        With the parameter of interest ``mu``, not below zero.

    Raises
    ------
    ValueError
        If shapes differ, numbers are negative, a name is unknown or a bin has no background.

    References
    ----------
    HistFactory, CERN-OPEN-2012-016; pyhf, doi 10.21105/joss.02823.
    """
    errors, normalisation = dict(errors or {}), dict(normalisation or {})
    if "signal" in backgrounds:
        raise ValueError("a background cannot have the name 'signal'")
    if unknown := (set(errors) | set(normalisation)) - set(backgrounds):
        raise ValueError(f"uncertainties for {sorted(unknown)}, not among {sorted(backgrounds)}")
    import pyhf  # it takes seconds to load

    s = np.atleast_1d(np.asarray(signal, float))
    counts = {name: np.atleast_1d(np.asarray(b, float)) for name, b in backgrounds.items()}
    sigmas = {name: np.atleast_1d(np.asarray(e, float)) for name, e in errors.items()}
    for name, values in [("signal", s), *counts.items(), *sigmas.items()]:
        if values.shape != s.shape or not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"{name!r} must be finite, not negative, and of shape {s.shape}")
    refuse(sum(counts.values()) <= 0, "each bin needs background: merge bins that have none")
    factors: dict[str, list[dict[str, Any]]] = {name: [] for name in counts}
    for name, sigma in sigmas.items():
        entry = {"name": f"{name} bins", "type": "shapesys", "data": sigma.tolist()}
        factors[name].append(entry)
    for name, part in normalisation.items():
        ends = {"hi": 1 + part, "lo": 1 / (1 + part)}
        factors[name].append({"name": f"{name} total", "type": "normsys", "data": ends})
    strength = {"name": "mu", "type": "normfactor", "data": None}
    samples = [{"name": "signal", "data": s.tolist(), "modifiers": [strength]}]
    samples += [
        {"name": name, "data": b.tolist(), "modifiers": factors[name]} for name, b in counts.items()
    ]
    specification = {"channels": [{"name": "bins", "samples": samples}]}
    return pyhf.Model(specification, poi_name="mu")


def expected_data(model: Any, mu: float) -> Array:
    """Asimov data of a model: counts, then auxiliary measurements, all as expected at μ."""
    parameters = np.array(model.config.suggested_init())
    parameters[model.config.poi_index] = mu
    return np.asarray(model.expected_data(parameters))


def discovery_significance(model: Any, data: ArrayLike) -> float:
    """Significance √q₀ with which `data` reject μ = 0, by asymptotic formulas.

    Valid from about ten expected events on; below, use `on_off_p_value` or toys.

    Parameters
    ----------
    model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    data
        Counts per bin; with or without the auxiliary measurements.

    Examples
    --------
    One bin agrees with the closed formula:

    >>> model = binned_model(10, {"b": 20}, errors={"b": 4})
    >>> round(discovery_significance(model, expected_data(model, 1)), 3)
    1.501
    >>> from hepml_lib.statistics import asimov_significance
    >>> float(asimov_significance(10, 20, 4).round(3))
    1.501
    """
    with precise_fits() as pyhf:
        squared = pyhf.infer.test_statistics.q0(
            0.0,
            _complete(model, data),
            model,
            model.config.suggested_init(),
            bounds(model),
            model.config.suggested_fixed(),
        )
    return float(np.sqrt(max(float(squared), 0.0)))


def cls(model: Any, data: ArrayLike, mu: float) -> tuple[float, Array]:
    """CLs of the signal strength μ, observed and expected, by asymptotic formulas.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    data : array_like of float, shape (bins,)
        Counts per bin; with or without the auxiliary measurements.
    mu : float
        Signal strength to be tested, above zero.

    Returns
    -------
    observed : float
    expected : ndarray of float64, shape (5,)
        For background alone at -2, -1, 0, 1, 2 standard deviations, from low to high.

    References
    ----------
    arXiv:1007.1727, with its test statistic for upper limits.

    Examples
    --------
    At 1.96 standard deviations of the strength, CLs of the median experiment is 5 %:

    >>> model = binned_model(100, {"b": 1e4})
    >>> observed, expected = cls(model, 1e4, 1.96)
    >>> round(observed, 3), expected.round(3).tolist()
    (0.051, [0.002, 0.01, 0.051, 0.204, 0.533])
    """
    with precise_fits() as pyhf:
        observed, expected = pyhf.infer.hypotest(
            mu,
            _complete(model, data),
            model,
            par_bounds=bounds(model),
            return_expected_set=True,
        )
    return float(observed), np.array([float(x) for x in expected])


@dataclass(frozen=True)
class Limit:
    """Upper limit on the signal strength.

    Parameters
    ----------
    observed
        From the data.
    expected
        For background alone at -2, -1, 0, 1, 2 standard deviations, shape (5,).
    level
        Confidence level.
    """

    observed: float
    expected: Array
    level: float


def upper_limit(model: Any, data: ArrayLike, level: float = 0.95) -> Limit:
    """Upper limit on μ where CLs falls to 1 - level, by asymptotic formulas.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    data : array_like of float, shape (bins,)
        Counts per bin; with or without the auxiliary measurements.
    level : float
        Confidence level of the exclusion.

    Returns
    -------
    Limit

    Raises
    ------
    ValueError
        If the data do not fit to the model, or no bin has a signal.
    RuntimeError
        If the expected limits are not in order, which says that a fit went wrong.

    Examples
    --------
    For many events the median limit is 1.96 standard deviations, here of 100 events:

    >>> limit = upper_limit(binned_model(100, {"b": 1e4}), 1e4)
    >>> round(limit.observed, 2), limit.expected.round(2).tolist()
    (1.97, [1.06, 1.42, 1.97, 2.75, 3.7])
    """
    data, unit = _complete(model, data), strength_unit(model)
    with precise_fits() as pyhf:
        # Not pyhf's `upper_limit`: without a scan it drops the level and ends at the bound of μ.
        scan = pyhf.infer.intervals.upper_limits.toms748_scan
        try:
            observed, expected = scan(
                data,
                model,
                unit,
                4 * unit,
                level=1 - level,
                atol=1e-6 * unit,
                rtol=1e-6,
                par_bounds=bounds(model),
            )
        except ValueError as error:
            raise ValueError(
                "CLs has no value: the data lie so far below every expectation that their "
                "probability is zero; the model lacks an uncertainty, or data and model differ"
            ) from error
    limit = Limit(float(observed), np.array([float(x) for x in expected]), level)
    if not (limit.observed > 0 and (np.diff(limit.expected) > 0).all()):
        raise RuntimeError(f"these limits are not in order, so that a fit went wrong: {limit}")
    return limit


def signal_strength(model: Any, data: ArrayLike, level: float = _SIGMA) -> Estimate:
    """Best μ with the interval in which twice the profiled log-likelihood stays close to its best.

    The interval ends at the lower end that the model gives μ: zero in a `binned_model`.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    data : array_like of float, shape (bins,)
        Counts per bin; with or without the auxiliary measurements.
    level : float
        Confidence level; the coverage is asymptotic.

    Returns
    -------
    Estimate

    Examples
    --------
    120 events where 20 are expected without a signal, and 1 per unit of strength:

    >>> print(f"{signal_strength(binned_model(1, {'b': 20}), 120):.1f}")
    100.0 [89.4, 111.3]
    """
    data, unit, index = _complete(model, data), strength_unit(model), model.config.poi_index
    ranges, height = bounds(model), normal_quantile(level) ** 2
    with precise_fits() as pyhf:
        best, smallest = pyhf.infer.mle.fit(data, model, None, ranges, return_fitted_val=True)

        def excess(mu: float) -> float:
            profiled = pyhf.infer.mle.fixed_poi_fit(
                mu, data, model, None, ranges, return_fitted_val=True
            )
            return float(profiled[1]) - smallest - height

        value, low = float(best[index]), ranges[index][0]
        high = value + unit
        while excess(high) < 0:
            high += 2 * (high - value)
        if not np.isfinite(low):
            low = value - unit
            while excess(low) < 0:
                low -= 2 * (value - low)
        if excess(low) > 0:
            low = optimize.brentq(excess, low, value, xtol=1e-6 * unit)
        high = optimize.brentq(excess, value, high, xtol=1e-6 * unit)
    return Estimate(value, low, high, "profile likelihood", level)


def profile_interval(
    nll: Callable[[Array], float],
    start: Sequence[float],
    parameter: int = 0,
    *,
    bounds: Sequence[tuple[float | None, float | None]] | None = None,
    level: float = _SIGMA,
) -> Estimate:
    """Profile-likelihood interval of one parameter, with MINOS.

    Parameters
    ----------
    nll
        Negative logarithm of the likelihood as a function of an array of parameters.
    start
        Where the minimisation starts.
    parameter
        Number of the parameter of interest; the others are profiled.
    bounds
        Range of each parameter.
    level
        Confidence level; the coverage is asymptotic.

    Raises
    ------
    RuntimeError
        If no minimum, or no end of the interval, is found.

    Examples
    --------
    Twenty events counted: from Δ ln L = 1/2 the interval is 15.9 to 24.8.

    >>> print(f"{profile_interval(lambda x: x[0] - 20 * np.log(x[0]), [15.0]):.1f}")
    20.0 [15.9, 24.8]
    """
    from iminuit import Minuit

    minuit = Minuit(nll, np.asarray(start, float))
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.limits = bounds or [(None, None)] * len(start)
    minuit.migrad()
    if not minuit.valid:
        raise RuntimeError(f"no minimum was found; iminuit says:\n{minuit.fmin}")
    name = minuit.parameters[parameter]
    minuit.minos(name, cl=level)
    ends, value = minuit.merrors[name], minuit.values[parameter]
    lowest, highest = minuit.limits[parameter]
    low, high = value + ends.lower, value + ends.upper
    if ends.at_lower_limit:
        low = lowest
    if ends.at_upper_limit or high >= highest:
        raise ValueError(
            f"the interval reaches the upper bound {highest:g} of the parameter, which is no "
            "measurement: widen the bounds"
        )
    if not ends.upper_valid or not (ends.lower_valid or ends.at_lower_limit):
        raise RuntimeError(f"an end of the interval was not found; iminuit says:\n{ends}")
    return Estimate(value, low, high, "profile likelihood", level)


def _complete(model: Any, data: ArrayLike) -> Array:
    """Counts followed by the auxiliary measurements."""
    values = np.atleast_1d(np.asarray(data, float))
    auxiliary = np.asarray(model.config.auxdata, float)
    bins = model.nominal_rates.shape[-1]
    if values.shape == (bins,):
        return np.concatenate([values, auxiliary])
    if values.shape != (bins + len(auxiliary),):
        raise ValueError(f"data have shape {values.shape}; the model has {bins} bins")
    return values
