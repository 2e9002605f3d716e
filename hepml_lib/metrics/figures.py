"""Figures of merit of a classifier, each with its interval."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.estimate import Estimate, efficiency, fraction, normal
from hepml_lib.metrics.measurement import Statistic, metric
from hepml_lib.metrics.ranking import Ranking, area
from hepml_lib.metrics.scored import Scored, checked, refuse_negative

__all__ = ["accuracy", "auc", "best_threshold"]


@metric("scores", "labels")
def auc(test: Scored) -> Statistic:
    """Area under the ROC curve: how often a signal event scores above a background event.

    Equal scores count half. The interval is that of an event bootstrap. Weights may be negative, as
    long as each class sums to more than zero: the area is the ratio of the weighted sums over
    pairs, and may leave the range 0 to 1.

    Parameters
    ----------
    {scores}
    {labels}
    {resampling}

    Returns
    -------
    Estimate
        The area, 0.5 for scores that know nothing.

    Raises
    ------
    ValueError
        On NaN or masked values, unequal lengths, a single class, or too few events to resample.

    Examples
    --------
    Two unit normal distributions one standard deviation apart: Φ(1/√2) = 0.760.

    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> auc(rng.normal(labels), labels).contains(0.760)
    True
    """
    ranking, (_, label, weight) = test.ranking, test.classified

    def interval(value: float, spread: float, method: str, level: float) -> Estimate:
        if weight is not None and (weight < 0).any():
            return normal(value, spread, method, level)
        return fraction(value, spread, method, level, trials=_rarer(label, test.events))

    return Statistic(lambda drawn: area(*ranking.accumulate(drawn)), interval)


def _rarer(label: np.ndarray, events: ArrayLike | None) -> int:
    """Events of the rarer class: what an interval rests on when the resampling shows no spread."""
    if events is None:
        return int(min(label.sum(), (~label).sum()))
    identity = np.asarray(events)
    return min(len(np.unique(identity[chosen])) for chosen in (label, ~label))


@metric("scores", "labels")
def accuracy(test: Scored, threshold: float = 0.0) -> Statistic:
    """Fraction of events on their own side of a threshold.

    It depends on the mixture of classes in the test sample, so it compares only on the same sample.
    Without `events` the interval is Clopper–Pearson.

    Parameters
    ----------
    {scores}
    {labels}
    threshold : float
        Events at or above it are called signal: 0 for logits, 0.5 for probabilities, or
        `best_threshold` of *other* events, since maximising on these would be biased.
    {resampling}

    Returns
    -------
    Estimate
        The fraction, between 0 and 1.

    Raises
    ------
    ValueError
        As in `auc`, for negative weights, and for probabilities with the threshold of logits.

    Examples
    --------
    >>> print(accuracy([2.0, 0.3, -0.1, -1.0], [1, 0, 0, 0]))
    0.75 [0.19, 0.99]
    """
    score, label, weight = test.classified
    if threshold == 0 and score.min() >= 0 and score.max() <= 1:
        raise ValueError(
            f"all scores lie between {score.min():.3g} and {score.max():.3g}: these look like "
            "probabilities, whose threshold is 0.5; the default 0 is for logits"
        )
    refuse_negative(weight)
    right = (score >= threshold) == label

    def evaluate(drawn: np.ndarray | None) -> float:
        return float(np.average(right, weights=test.weighted(drawn)))

    if test.events is None:
        return Statistic(
            evaluate, exact=lambda level: efficiency(right, weights=weight, level=level)
        )
    return Statistic(evaluate, partial(fraction, trials=len(np.unique(np.asarray(test.events)))))


def best_threshold(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Threshold of highest accuracy; find it on validation events, use it on test events.

    Parameters
    ----------
    scores : array_like of float, shape (events,)
        Larger for what looks like signal; any scale.
    labels : array_like, shape (events,)
        1 for signal, 0 for background.
    weights : array_like of float, shape (events,), optional
        Event weights, not negative.

    Returns
    -------
    float
        One of the scores; events at or above it are called signal.

    Raises
    ------
    ValueError
        On NaN or masked values, unequal lengths, a single class, or negative weights.

    Examples
    --------
    >>> best_threshold([0.1, 0.4, 0.6, 0.9], [0, 0, 1, 1])
    0.6
    """
    score, label, weight = checked(scores, labels, weights)
    refuse_negative(weight)
    ranking = Ranking(score, label, weight)
    signal, background = ranking.accumulate()
    return float(ranking.threshold[np.argmax((signal - background)[1:])])
