"""Figures of merit of a classifier of several classes."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from hepml_lib.metrics.measurement import Statistic, metric
from hepml_lib.metrics.ranking import area
from hepml_lib.metrics.scored import Scored

__all__ = ["macro_auc"]


@metric("logits", "labels")
def macro_auc(test: Scored) -> Statistic:
    """Area under the curve of each class against all others, averaged over the classes.

    Of one class it is `auc` of ``scipy.special.softmax(logits, axis=1)[:, k]`` and ``labels == k``.

    Parameters
    ----------
    logits : array_like of float, shape (events, classes)
        Logits of the network; their softmax are the scores.
    labels : array_like of int, shape (events,)
        Class of each event.
    {resampling}

    Returns
    -------
    Estimate
        The mean area, 0.5 for scores that know nothing.

    Raises
    ------
    ValueError
        As in `auc`, such as for a class without events.

    Examples
    --------
    >>> labels = np.arange(60) % 3
    >>> macro_auc(np.eye(3)[labels], labels).value, macro_auc(np.zeros((60, 3)), labels).value
    (1.0, 0.5)
    """
    truth = np.asarray(test.labels)
    rankings = [
        Scored(probability, truth == k, test.weights).ranking
        for k, probability in enumerate(softmax(np.asarray(test.scores, float), axis=1).T)
    ]
    return Statistic(
        lambda drawn: float(np.mean([area(*ranking.accumulate(drawn)) for ranking in rankings]))
    )
