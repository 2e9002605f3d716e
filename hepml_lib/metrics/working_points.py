"""Figures at a working point: what background is left once a signal efficiency is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.curve import roc
from hepml_lib.metrics.estimate import Estimate, fraction, fraction_ends
from hepml_lib.metrics.measurement import Statistic, metric
from hepml_lib.metrics.ranking import background_at, check_efficiency
from hepml_lib.metrics.scored import Scored, refuse_negative

__all__ = ["Band", "rejection", "roc_band", "significance_improvement", "survivors"]

_TINY = np.finfo(float).tiny


def survivors(
    scores: ArrayLike, labels: ArrayLike, efficiency: float = 0.5, weights: ArrayLike | None = None
) -> float:
    """Number of background events that pass at a signal efficiency; effective when weighted.

    Parameters
    ----------
    scores : array_like of float, shape (events,)
        Larger for what looks like signal; any scale.
    labels : array_like, shape (events,)
        1 for signal, 0 for background.
    efficiency : float
        Signal efficiency, above 0 and at most 1.
    weights : array_like of float, shape (events,), optional
        Event weights, not negative.

    Returns
    -------
    float
        Events at or above the threshold; with weights (Σw)² / Σw² of them.

    Raises
    ------
    ValueError
        On NaN or masked values, unequal lengths, a single class, or negative weights.

    Examples
    --------
    >>> survivors([0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0], efficiency=1.0)
    1.0
    """
    threshold = roc(scores, labels, weights).threshold_at(efficiency)
    passing = (np.asarray(scores) >= threshold) & ~np.asarray(labels).astype(bool)
    if weights is None:
        return float(passing.sum())
    weight = np.asarray(weights, float)[passing]
    return float(weight.sum() ** 2 / max(np.sum(weight**2), _TINY))


def _background(
    test: Scored, efficiency: float, minimum_survivors: int, quoted: Callable[[float], float]
) -> Statistic:
    """Background efficiency at a signal efficiency, refused where too little background is left."""
    score, label, weight = test.classified
    refuse_negative(weight)
    left = survivors(score, label, efficiency, weight)
    if left < max(minimum_survivors, 1):
        total = (~label).sum()
        more = f"about {total * minimum_survivors / left:,.0f}" if left else "much more"
        raise ValueError(
            f"{left:.0f} of {total:,} background events survive at signal efficiency "
            f"{efficiency:g}; a rejection is quoted from {minimum_survivors} on. Test on more "
            f"background ({more}), or quote a larger signal efficiency"
        )
    ranking = test.ranking

    def evaluate(drawn: np.ndarray | None) -> float:
        return float(background_at(*ranking.accumulate(drawn), efficiency))

    def interval(value: float, spread: float, method: str, level: float) -> Estimate:
        method = f"{method}; {left:.0f} background events survive"
        return fraction(value, spread, method, level, trials=len(label))

    return Statistic(evaluate, interval, quoted)


@metric("scores", "labels")
def rejection(test: Scored, efficiency: float = 0.5, minimum_survivors: int = 50) -> Statistic:
    """Background rejection 1/ε_B at a fixed signal efficiency ε_S.

    The interval carries both the number of surviving background events and, because the threshold
    is set on the same finite signal, the uncertainty of the threshold.

    Parameters
    ----------
    {scores}
    {labels}
    efficiency : float
        Signal efficiency, above 0 and at most 1.
    minimum_survivors : int
        Background events that must survive. Below 50 the figure is known to no better than 15 %
        and methods can no longer be ordered by it.
    {resampling}

    Returns
    -------
    Estimate
        Its `method` names the number of surviving background events, which `survivors` returns.

    Raises
    ------
    ValueError
        When fewer than `minimum_survivors` background events survive; the message says how many
        test events would do. As in `auc`, and for negative weights.

    Examples
    --------
    Exponential scores whose signal falls half as fast: ε_B = ε_S², a rejection of 4 at 0.5.

    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> rejection(rng.exponential(1 + labels), labels).contains(4)
    True
    """
    return _background(test, efficiency, minimum_survivors, lambda left: 1 / max(left, _TINY))


@metric("scores", "labels")
def significance_improvement(
    test: Scored, efficiency: float = 0.5, minimum_survivors: int = 50
) -> Statistic:
    """Significance improvement ε_S/√ε_B at a fixed signal efficiency.

    The factor by which a cut raises S/√B. Fix the efficiency beforehand: the maximum over
    efficiencies, read off the events that it is quoted for, is biased upward. For a curve, take
    ``band.efficiency / np.sqrt(band.background_efficiency)`` of `roc_band`.

    Parameters
    ----------
    {scores}
    {labels}
    efficiency : float
        Signal efficiency, above 0 and at most 1.
    minimum_survivors : int
        Background events that must survive, as in `rejection`.
    {resampling}

    Returns
    -------
    Estimate
        The factor; √ε_S for scores that know nothing.

    Raises
    ------
    ValueError
        As in `rejection`.

    References
    ----------
    Significance improvement characteristic: arXiv:2001.04990.

    Examples
    --------
    Exponential scores whose signal falls half as fast: ε_B = ε_S², so the factor is one.

    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> significance_improvement(rng.exponential(1 + labels), labels).contains(1)
    True
    """
    return _background(
        test, efficiency, minimum_survivors, lambda left: efficiency / max(left, _TINY) ** 0.5
    )


@dataclass(frozen=True)
class Band:
    """A ROC curve on a grid of signal efficiencies, with the interval at each point.

    Parameters
    ----------
    efficiency, background_efficiency, low, high : ndarray, shape (points,)
        Signal efficiency; background efficiency and the ends of its interval. The rejection is
        ``1 / background_efficiency`` with the ends exchanged.
    survivors : ndarray of float, shape (points,)
        Background events behind each point; draw a rejection only where they are 50 or more.
    level : float
        Confidence level of each point by itself, not of the whole curve.
    """

    efficiency: np.ndarray
    background_efficiency: np.ndarray
    low: np.ndarray
    high: np.ndarray
    survivors: np.ndarray
    level: float


@metric("scores", "labels")
def roc_band(test: Scored, efficiency: ArrayLike | None = None) -> Statistic:
    """ROC curve with its pointwise interval, ready to be drawn.

    Parameters
    ----------
    {scores}
    {labels}
    efficiency : array_like of float, optional
        Signal efficiencies, above 0 and at most 1; by default 0.01, 0.02, ... 0.99. At 1 the
        threshold is the lowest score of all, of which resampling knows little.
    {resampling}

    Returns
    -------
    Band
        Background efficiency and its interval at each signal efficiency.

    Raises
    ------
    ValueError
        As in `auc`, and for negative weights.

    Examples
    --------
    Exponential scores whose signal falls half as fast: ε_B = ε_S².

    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> band = roc_band(rng.exponential(1 + labels), labels, [0.5, 0.9])
    >>> bool(np.all((band.low < [0.25, 0.81]) & ([0.25, 0.81] < band.high)))
    True
    """
    _, label, weight = test.classified
    refuse_negative(weight)
    grid = np.linspace(0.01, 0.99, 99) if efficiency is None else check_efficiency(efficiency)
    ranking, weight = test.ranking, test.weighted()[~label]
    background = float(weight.sum() ** 2 / np.sum(weight**2))

    def interval(value: np.ndarray, spread: np.ndarray, method: str, level: float) -> Band:
        low, high = fraction_ends(value, spread, background, level)
        return Band(grid, value, low, high, value * background, level)

    return Statistic(lambda drawn: background_at(*ranking.accumulate(drawn), grid), interval)
