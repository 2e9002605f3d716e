"""Areas under the curve of several classes: each against all others, and their mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.metrics import Estimate
from hepml_lib.metrics.estimate import normal_quantile
from hepml_lib.metrics.figures import auc_statistic
from hepml_lib.metrics.resampling import resample

__all__ = ["class_score", "macro_auc", "macro_interval"]

_LEVEL = 0.95


def class_score(logits: ArrayLike, which: int) -> NDArray[np.float64]:
    """Probability of one class by the logits, shape (n,).

    Examples
    --------
    >>> class_score([[0.0, 0.0]], 1).tolist()
    [0.5]
    """
    given = np.asarray(logits, np.float64)
    power = np.exp(given - given.max(axis=1, keepdims=True))
    return power[:, which] / power.sum(axis=1)


def macro_auc(logits: ArrayLike, label: ArrayLike) -> float:
    """Area under the curve of each class against all others, averaged over the classes.

    Parameters
    ----------
    logits
        Shape (n, classes); their softmax are the scores.
    label
        Class of each event, shape (n,).

    Examples
    --------
    >>> macro_auc(np.eye(3), [0, 1, 2])
    1.0
    """
    return _statistic(logits, label)(None)


def macro_interval(
    parts: Sequence[tuple[int, ArrayLike]],
    label: ArrayLike,
    events: ArrayLike,
    replicas: int = 200,
) -> Estimate:
    """Signed sum of `macro_auc` of several logits, with an interval of 95 %.

    All are resampled together, by the collision that an event comes from: the interval of a
    difference is a paired one.

    Parameters
    ----------
    parts
        Sign and logits, such as ``[(1, a), (-1, b)]`` for the area of `a` less that of `b`.
    label, events
        Class and collision, shape (n,).
    replicas
        Bootstrap samples.

    Examples
    --------
    >>> label, event = np.arange(60) % 3, np.arange(60)
    >>> macro_interval([(1, np.eye(3)[label]), (-1, np.zeros((60, 3)))], label, event).value
    0.5
    """
    statistics = [(sign, _statistic(logits, label)) for sign, logits in parts]

    def total(drawn: NDArray | None) -> float:
        return sum(sign * statistic(drawn) for sign, statistic in statistics)

    values = resample(total, len(np.asarray(label)), np.asarray(events), replicas)
    value, reach = total(None), normal_quantile(_LEVEL) * float(np.std(values, ddof=1))
    method = f"event bootstrap, {replicas} replicas"
    return Estimate(value, value - reach, value + reach, method, _LEVEL)


def _statistic(logits: ArrayLike, label: ArrayLike) -> Callable[[NDArray | None], float]:
    """Macro AUC as a function of how often each event is taken."""
    truth = np.asarray(label)
    classes = range(np.shape(logits)[1])
    areas = [auc_statistic(class_score(logits, k), truth == k, None) for k in classes]
    return lambda drawn: float(np.mean([area(drawn) for area in areas]))
