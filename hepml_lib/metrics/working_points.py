"""Figures at a working point: what background is left once a signal efficiency is chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.estimate import Estimate, clopper_pearson, fraction
from hepml_lib.metrics.ranking import (
    Ranking,
    background_at,
    check_efficiency,
    checked,
    refuse_negative,
    roc,
)
from hepml_lib.metrics.resampling import Statistic, resample

__all__ = [
    "Band",
    "background_statistic",
    "rejection",
    "roc_band",
    "significance_improvement",
    "survivors",
]


def survivors(
    scores: ArrayLike, labels: ArrayLike, efficiency: float = 0.5, weights: ArrayLike | None = None
) -> float:
    """Number of background events that pass at a signal efficiency; effective when weighted."""
    threshold = roc(scores, labels, weights).threshold_at(efficiency)
    kept = (np.asarray(scores) >= threshold) & ~np.asarray(labels).astype(bool)
    if weights is None:
        return float(kept.sum())
    weight = np.asarray(weights, float)[kept]
    return float(weight.sum() ** 2 / max(np.sum(weight**2), np.finfo(float).tiny))


def background_statistic(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None,
    efficiency: float = 0.5,
    minimum_survivors: int = 50,
) -> Statistic:
    """Background efficiency at a signal efficiency, refused where too little background is left."""
    score, label, weight = checked(scores, labels, weights)
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
    ranking = Ranking(score, label, weight)
    return lambda drawn: float(background_at(*ranking.accumulate(drawn), efficiency))


def _background(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None,
    options: dict[str, float],
    events: ArrayLike | None,
    replicas: int,
    seed: int | None,
    level: float,
) -> Estimate:
    """Background efficiency at a signal efficiency, with what its interval rests on."""
    statistic = background_statistic(scores, labels, weights, **options)  # type: ignore[arg-type]
    size = len(np.asarray(scores))
    spread = float(np.std(resample(statistic, size, events, replicas, seed), ddof=1))
    left = survivors(scores, labels, options["efficiency"], weights)
    method = f"event bootstrap, {replicas} replicas; {left:.0f} background events survive"
    return fraction(statistic(None), spread, size, method, level)


def rejection(
    scores: ArrayLike,
    labels: ArrayLike,
    efficiency: float = 0.5,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    minimum_survivors: int = 50,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Background rejection 1/ε_B at a fixed signal efficiency ε_S.

    The interval carries both the number of surviving background events and, because the threshold
    is set on the same finite signal, the uncertainty of the threshold.

    Parameters
    ----------
    efficiency : float
        Signal efficiency, above 0 and at most 1.
    minimum_survivors : int
        Background events that must survive. Below 50 the figure is known to no better than 15 %
        and methods can no longer be ordered by it.
    scores, labels, weights, events, replicas, seed, level
        As in `auc`; weights must not be negative.

    Returns
    -------
    Estimate
        Its `method` names the number of surviving background events, which `survivors` returns.

    Raises
    ------
    ValueError
        When fewer than `minimum_survivors` background events survive; the message says how many
        test events would do.

    Examples
    --------
    Exponential scores whose signal falls half as fast: ε_B = ε_S², a rejection of 4 at 0.5.

    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> rejection(rng.exponential(1 + labels), labels).contains(4)
    True
    """
    options = {"efficiency": efficiency, "minimum_survivors": minimum_survivors}
    left = _background(scores, labels, weights, options, events, replicas, seed, level)
    return Estimate(1 / left.value, 1 / left.high, 1 / left.low, left.method, level)


def significance_improvement(
    scores: ArrayLike,
    labels: ArrayLike,
    efficiency: float = 0.5,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    minimum_survivors: int = 50,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Significance improvement ε_S/√ε_B at a fixed signal efficiency.

    The factor by which a cut raises S/√B. Fix the efficiency beforehand: the maximum over
    efficiencies, read off the events that it is quoted for, is biased upward. For a curve, take
    ``band.efficiency / np.sqrt(band.background_efficiency)`` of `roc_band`.

    Parameters, errors and validity are those of `rejection`. Reference: arXiv:2001.04990.
    """
    options = {"efficiency": efficiency, "minimum_survivors": minimum_survivors}
    left = _background(scores, labels, weights, options, events, replicas, seed, level)
    value, low, high = efficiency / np.sqrt([left.value, left.high, left.low])
    return Estimate(value, low, high, left.method, level)


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


def roc_band(
    scores: ArrayLike,
    labels: ArrayLike,
    efficiency: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Band:
    """ROC curve with its pointwise interval, ready to be drawn.

    Parameters
    ----------
    efficiency : array_like of float, optional
        Signal efficiencies, above 0 and at most 1; by default 0.01, 0.02, ... 0.99. At 1 the
        threshold is the lowest score of all, of which resampling knows little.
    scores, labels, weights, events, replicas, seed, level
        As in `auc`; weights must not be negative.
    """
    score, label, weight = checked(scores, labels, weights)
    refuse_negative(weight)
    grid = np.linspace(0.01, 0.99, 99) if efficiency is None else check_efficiency(efficiency)
    ranking = Ranking(score, label, weight)
    value = background_at(*ranking.accumulate(), grid)

    def statistic(drawn: np.ndarray) -> np.ndarray:
        return background_at(*ranking.accumulate(drawn), grid)

    variance = np.var(resample(statistic, len(score), events, replicas, seed), axis=0, ddof=1)
    if weight is None:
        background = float((~label).sum())
    else:
        background = float(weight[~label].sum() ** 2 / np.sum(weight[~label] ** 2))
    known = (variance > 0) & (value > 0) & (value < 1)
    trials = np.where(known, value * (1 - value) / np.where(known, variance, 1), background)
    low, high = clopper_pearson(value * trials, trials, level)
    return Band(grid, value, low, high, value * background, level)
