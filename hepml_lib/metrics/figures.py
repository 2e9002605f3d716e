"""Figures of merit of a classifier, each with its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.estimate import (
    Estimate,
    fraction,
    normal_quantile,
)
from hepml_lib.metrics.estimate import efficiency as passing
from hepml_lib.metrics.ranking import Ranking, area, checked, refuse_negative
from hepml_lib.metrics.resampling import Statistic, resample

__all__ = ["accuracy", "accuracy_statistic", "auc", "auc_statistic", "best_threshold"]


def _independent(label: np.ndarray, events: ArrayLike | None) -> int:
    """Events of the rarer class: what an interval rests on when the resampling shows no spread."""
    if events is None:
        return int(min(label.sum(), (~label).sum()))
    identity = np.asarray(events)
    return min(len(np.unique(identity[label])), len(np.unique(identity[~label])))


def auc_statistic(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None) -> Statistic:
    """Area under the curve as a function of how often each event is taken."""
    ranking = Ranking(*checked(scores, labels, weights))
    return lambda drawn: area(*ranking.accumulate(drawn))


def auc(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Area under the ROC curve: how often a signal event scores above a background event.

    Equal scores count half. The interval is that of an event bootstrap.

    Parameters
    ----------
    scores, labels : array_like, shape (events,)
        Scores, larger for signal; labels, 1 for signal and 0 for background.
    weights : array_like of float, shape (events,), optional
        Event weights. Negative ones are allowed, as long as each class sums to more than zero: the
        area is the ratio of the weighted sums over pairs, and may leave the range 0 to 1.
    events : array_like, shape (events,), optional
        Event identity. Jets of one event are then resampled together.
    replicas, seed, level
        Number of resamplings, their seed (default: the stream of ``HEPML_SEED``), confidence level.

    Raises
    ------
    ValueError
        On NaN, unequal lengths, a single class, or too few events to resample.

    Examples
    --------
    Two unit normal distributions one standard deviation apart: Φ(1/√2) = 0.760.

    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> auc(rng.normal(labels), labels).contains(0.760)
    True
    """
    statistic = auc_statistic(scores, labels, weights)
    size = len(np.asarray(scores))
    spread = float(np.std(resample(statistic, size, events, replicas, seed), ddof=1))
    value = statistic(None)
    method = f"event bootstrap, {replicas} replicas"
    if weights is not None and (np.asarray(weights) < 0).any():
        reach = normal_quantile(level) * spread
        return Estimate(value, value - reach, value + reach, method, level)
    rarer = _independent(np.asarray(labels).astype(bool), events)
    return fraction(value, spread, rarer, method, level)


def _decisions(scores: ArrayLike, labels: ArrayLike, threshold: float) -> np.ndarray:
    """Whether each event falls on its own side of the threshold."""
    score, label, _ = checked(scores, labels)
    if threshold == 0 and score.min() >= 0 and score.max() <= 1:
        raise ValueError(
            f"all scores lie between {score.min():.3g} and {score.max():.3g}: these look like "
            "probabilities, whose threshold is 0.5; the default 0 is for logits"
        )
    return (score >= threshold) == label


def accuracy_statistic(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None, threshold: float = 0.0
) -> Statistic:
    """Accuracy as a function of how often each event is taken."""
    right = _decisions(scores, labels, threshold)
    weight = np.ones(len(right)) if weights is None else np.asarray(weights, float)
    refuse_negative(weight)
    return lambda drawn: float(
        np.average(right, weights=weight if drawn is None else weight * drawn)
    )


def accuracy(
    scores: ArrayLike,
    labels: ArrayLike,
    threshold: float = 0.0,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Fraction of events on their own side of a threshold.

    It depends on the mixture of classes in the test sample, so it compares only on the same sample.

    Parameters
    ----------
    threshold : float
        Events at or above it are called signal: 0 for logits, 0.5 for probabilities, or
        `best_threshold` of *other* events, since maximising on these would be biased.
    scores, labels, weights, events, replicas, seed, level
        As in `auc`; weights must not be negative. Without `events` the interval is Clopper–Pearson.

    Raises
    ------
    ValueError
        As in `auc`, and for probabilities with the threshold of logits.
    """
    right = _decisions(scores, labels, threshold)
    if events is None:
        return passing(right, weights=weights, level=level)
    statistic = accuracy_statistic(scores, labels, weights, threshold)
    spread = float(np.std(resample(statistic, len(right), events, replicas, seed), ddof=1))
    groups = len(np.unique(np.asarray(events)))
    return fraction(statistic(None), spread, groups, f"event bootstrap, {replicas} replicas", level)


def best_threshold(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Threshold of highest accuracy; find it on validation events, use it on test events."""
    score, label, weight = checked(scores, labels, weights)
    refuse_negative(weight)
    ranking = Ranking(score, label, weight)
    signal, background = ranking.accumulate()
    return float(ranking.threshold[np.argmax((signal - background)[1:])])
