"""Counts in bins with uncertain backgrounds: profile likelihoods and CLs limits, with pyhf."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from hepml_lib.metrics import Estimate
from hepml_lib.statistics.counting import Array, refuse

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
_LARGEST = 50.0  # signal strength that a fit may reach


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
        With the parameter of interest ``mu`` between 0 and 50.

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
    bounds = {"name": "mu", "bounds": [[0.0, _LARGEST]], "inits": [1.0]}
    specification = {
        "channels": [{"name": "bins", "samples": samples}],
        "parameters": [bounds],
    }
    return _pyhf().Model(specification, poi_name="mu")


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
    fitted = _pyhf().infer.test_statistics.q0(0.0, _complete(model, data), model, *_setup(model))
    return float(np.sqrt(max(float(fitted), 0.0)))


def cls(model: Any, data: ArrayLike, mu: float) -> tuple[float, Array]:
    """CLs of the signal strength μ, observed and expected, by asymptotic formulas.

    Returns
    -------
    observed : float
    expected : ndarray, shape (5,)
        For background alone at -2, -1, 0, 1, 2 standard deviations, from low to high.

    References
    ----------
    arXiv:1007.1727, with its test statistic for upper limits.
    """
    observed, expected = _pyhf().infer.hypotest(
        mu, _complete(model, data), model, return_expected_set=True
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

    Raises
    ------
    ValueError
        If the limit lies beyond μ = 50: rescale the signal.
    """
    data = _complete(model, data)

    @cache  # all six limits are found from the same tests
    def tested(mu: float) -> Array:
        observed, expected = cls(model, data, mu)
        # On this scale CLs is nearly a straight line in μ.
        return special.ndtri(np.clip([observed, *expected], 1e-12, 1)) - special.ndtri(1 - level)

    bottom = top = 1.0
    while tested(top).max() > 0:
        if top >= _LARGEST:
            raise ValueError(f"the limit lies above μ = {_LARGEST:g}: scale the signal up")
        top = min(2 * top, _LARGEST)
    while tested(bottom).min() < 0:
        bottom /= 2

    def crossing(number: int) -> float:
        def excess(mu: float) -> float:
            return float(tested(mu)[number])

        return float(optimize.brentq(excess, bottom, top, xtol=1e-4 * bottom))

    observed, *expected = (crossing(number) for number in range(6))
    return Limit(observed, np.array(expected), level)


def signal_strength(model: Any, data: ArrayLike, level: float = _SIGMA) -> Estimate:
    """Best μ with the interval in which twice the profiled log-likelihood stays close to its best.

    The interval ends at μ = 0, the edge of the model.
    """
    data = _complete(model, data)
    index, start = model.config.poi_index, model.config.suggested_init()

    def nll(parameters: Array) -> float:
        return -float(model.logpdf(parameters, data)[0])

    return profile_interval(nll, start, index, bounds=model.config.suggested_bounds(), level=level)


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
    found, value = minuit.merrors[name], minuit.values[parameter]
    low, high = value + found.lower, value + found.upper
    if found.at_lower_limit:
        low = minuit.limits[parameter][0]
    if not found.upper_valid or not (found.lower_valid or found.at_lower_limit):
        raise RuntimeError(f"an end of the interval was not found; iminuit says:\n{found}")
    return Estimate(value, low, high, "profile likelihood", level)


def _pyhf() -> Any:
    """The library, which takes seconds to load."""
    import pyhf

    return pyhf


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


def _setup(model: Any) -> tuple[Any, Any, Any]:
    config = model.config
    return config.suggested_init(), config.suggested_bounds(), config.suggested_fixed()
