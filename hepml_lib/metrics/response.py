"""Where a distribution lies and how wide it is: the response and resolution of a measurement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.estimate import Estimate, normal_quantile
from hepml_lib.metrics.resampling import resample

__all__ = ["median", "resolution", "width"]

_FEWEST = 20
_CENTRAL = 0.6827  # of a normal distribution, within one standard deviation


def median(
    values: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Median with its interval; of a response, it ignores the tails.

    Parameters
    ----------
    values : array_like, shape (n,)
        Measured values, such as reconstructed over true momentum.
    weights : array_like of float, shape (n,), optional
        Weights, not negative.
    events : array_like, shape (n,), optional
        Event identity: values of one event are resampled together.
    replicas, seed, level
        Number of resamplings, their seed (default: the stream of ``HEPML_SEED``), confidence level.

    Raises
    ------
    ValueError
        On fewer than 20 values, on NaN, or on negative weights.

    Examples
    --------
    >>> response = np.random.default_rng(1).normal(0.97, 0.1, 4000)
    >>> median(response, seed=1).contains(0.97)
    True
    """
    return _estimate(lambda q: q[1], values, weights, events, replicas, seed, level)


def resolution(
    values: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Half of the central 68 % over the median: for a normal distribution σ/μ, with tails ignored.

    Parameters and errors are those of `median`. For values that scatter about zero, such as pulls
    and angles, take `width`: the median must be above zero.

    Examples
    --------
    >>> response = np.random.default_rng(1).normal(1.0, 0.1, 4000)
    >>> resolution(response, seed=1).contains(0.1)
    True
    """
    found = _estimate(
        lambda q: (q[2] - q[0]) / (2 * q[1]), values, weights, events, replicas, seed, level
    )
    if not np.median(np.asarray(values, float)) > 0:
        raise ValueError("a relative resolution needs values whose median is above zero")
    return found


def width(
    values: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Half of the central 68 %: for a normal distribution σ, with tails ignored.

    Parameters and errors are those of `median`.

    Examples
    --------
    >>> pull = np.random.default_rng(1).normal(0.0, 1.0, 4000)
    >>> width(pull, seed=1).contains(1.0)
    True
    """
    return _estimate(lambda q: (q[2] - q[0]) / 2, values, weights, events, replicas, seed, level)


def _estimate(
    statistic: Callable[[np.ndarray], float],
    values: ArrayLike,
    weights: ArrayLike | None,
    events: ArrayLike | None,
    replicas: int,
    seed: int | None,
    level: float,
) -> Estimate:
    """A function of the 16 %, 50 % and 84 % quantiles, with a bootstrap interval."""
    value = np.asarray(values, float)
    weight = np.ones(len(value)) if weights is None else np.asarray(weights, float)
    if len(value) < _FEWEST:
        raise ValueError(f"{len(value)} values are too few for quantiles; {_FEWEST} are needed")
    if np.isnan(value).any():
        raise ValueError(f"value number {np.isnan(value).argmax()} is NaN")
    if (weight < 0).any():
        raise ValueError("quantiles of negative weights are not defined; rebin or drop them")
    order = np.argsort(value, kind="stable")
    ordered, heavy = value[order], weight[order]
    edges = np.array([0.5 - _CENTRAL / 2, 0.5, 0.5 + _CENTRAL / 2])

    def evaluate(drawn: np.ndarray | None) -> float:
        total = np.cumsum(heavy if drawn is None else heavy * drawn[order])
        # Half of its own weight lies below a value.
        middle = total - (heavy if drawn is None else heavy * drawn[order]) / 2
        return float(statistic(np.interp(edges * total[-1], middle, ordered)))

    spread = float(np.std(resample(evaluate, len(value), events, replicas, seed), ddof=1))
    found, reach = evaluate(None), normal_quantile(level) * spread
    method = f"event bootstrap, {replicas} replicas"
    return Estimate(found, found - reach, found + reach, method, level)
