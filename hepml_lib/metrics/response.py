"""Where a distribution lies and how wide it is: the response and resolution of a measurement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hepml_lib.metrics.measurement import Statistic, metric
from hepml_lib.metrics.scored import Scored

__all__ = ["median", "resolution", "width"]

_FEWEST = 20
_CENTRAL = 0.6827  # of a normal distribution, within one standard deviation


@metric("values")
def median(test: Scored) -> Statistic:
    """Median with its interval; of a response, it ignores the tails.

    Parameters
    ----------
    values : array_like of float, shape (events,)
        Measured values, such as reconstructed over true momentum.
    {resampling}

    Returns
    -------
    Estimate
        In the unit of the values.

    Raises
    ------
    ValueError
        On fewer than 20 values, on NaN or masked ones, or on negative weights.

    Examples
    --------
    >>> response = np.random.default_rng(1).normal(0.97, 0.1, 4000)
    >>> median(response, seed=1).contains(0.97)
    True
    """
    return _of_quantiles(test, lambda q: q[1])


@metric("values")
def resolution(test: Scored) -> Statistic:
    """Half of the central 68 % over the median: for a normal distribution σ/μ, with tails ignored.

    For values that scatter about zero, such as pulls and angles, take `width`.

    Parameters
    ----------
    values : array_like of float, shape (events,)
        Measured values whose median is above zero.
    {resampling}

    Returns
    -------
    Estimate
        The resolution, without unit.

    Raises
    ------
    ValueError
        As in `median`, and if the median is not above zero.

    Examples
    --------
    >>> response = np.random.default_rng(1).normal(1.0, 0.1, 4000)
    >>> resolution(response, seed=1).contains(0.1)
    True
    """
    statistic = _of_quantiles(test, lambda q: (q[2] - q[0]) / (2 * q[1]))
    if not np.median(np.asarray(test.scores, float)) > 0:
        raise ValueError("a relative resolution needs values whose median is above zero")
    return statistic


@metric("values")
def width(test: Scored) -> Statistic:
    """Half of the central 68 %: for a normal distribution σ, with tails ignored.

    Parameters
    ----------
    values : array_like of float, shape (events,)
        Measured values.
    {resampling}

    Returns
    -------
    Estimate
        In the unit of the values.

    Raises
    ------
    ValueError
        As in `median`.

    Examples
    --------
    >>> pull = np.random.default_rng(1).normal(0.0, 1.0, 4000)
    >>> width(pull, seed=1).contains(1.0)
    True
    """
    return _of_quantiles(test, lambda q: (q[2] - q[0]) / 2)


def _of_quantiles(test: Scored, figure: Callable[[np.ndarray], float]) -> Statistic:
    """A function of the 16 %, 50 % and 84 % quantiles."""
    value, weight = np.asarray(test.scores, float), test.weighted()
    if len(value) < _FEWEST:
        raise ValueError(f"{len(value)} values are too few for quantiles; {_FEWEST} are needed")
    if np.isnan(value).any():
        raise ValueError(f"value number {np.isnan(value).argmax()} is NaN")
    if (weight < 0).any():
        raise ValueError("quantiles of negative weights are not defined; rebin or drop them")
    order = np.argsort(value, kind="stable")
    ordered, ordered_weight = value[order], weight[order]
    edges = np.array([0.5 - _CENTRAL / 2, 0.5, 0.5 + _CENTRAL / 2])

    def evaluate(drawn: np.ndarray | None) -> float:
        content = ordered_weight if drawn is None else ordered_weight * drawn[order]
        total = np.cumsum(content)
        # Half of its own weight lies below a value.
        return float(figure(np.interp(edges * total[-1], total - content / 2, ordered)))

    return Statistic(evaluate)
