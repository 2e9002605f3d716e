"""Profile-likelihood intervals of a signal strength, and of any parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from hepml_lib.metrics import Estimate
from hepml_lib.metrics.estimate import normal_quantile
from hepml_lib.statistics.binned import complete
from hepml_lib.statistics.counting import Array
from hepml_lib.statistics.deviance import bounds, precise_fits, strength_unit

__all__ = ["profile_interval", "signal_strength"]

_SIGMA = 0.6826894921370859  # probability within one standard deviation


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
        The strength μ, in units of the model's signal.

    Raises
    ------
    ValueError
        If the data do not fit to the model, or no bin has a signal.

    References
    ----------
    Profile likelihood intervals: Rolke, López, Conrad, arXiv:physics/0403059.

    Examples
    --------
    120 events where 20 are expected without a signal, and 1 per unit of strength:

    >>> from hepml_lib.statistics import binned_model
    >>> print(f"{signal_strength(binned_model(1, {'b': 20}), 120):.1f}")
    100.0 [89.4, 111.3]
    """
    data, unit, index = complete(model, data), strength_unit(model), model.config.poi_index
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
    nll : callable
        Negative logarithm of the likelihood as a function of an array of parameters.
    start : sequence of float, shape (parameters,)
        Where the minimisation starts.
    parameter : int
        Number of the parameter of interest; the others are profiled.
    bounds : sequence of pairs, shape (parameters, 2), optional
        Range of each parameter, None for no end. The interval ends at a lower end, such as zero.
    level : float
        Confidence level; the coverage is asymptotic.

    Returns
    -------
    Estimate
        The parameter at the minimum, and its interval.

    Raises
    ------
    ValueError
        If the interval reaches the upper end of the range.
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
