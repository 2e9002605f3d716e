"""The figure of merit of the Higgs machine-learning challenge, AMS, and choosing a threshold by it.

A figure that chose something flatters it: choose on some events, measure on others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.metrics import Scored, Statistic, metric
from hepml_lib.metrics.estimate import normal
from hepml_lib.metrics.scored import checked
from hepml_lib.statistics import asimov_significance

__all__ = ["AmsThreshold", "ams", "best_selection", "selected_ams"]

Array = NDArray[np.float64]


def ams(signal: ArrayLike, background: ArrayLike, regularisation: float = 10.0) -> Array:
    """Approximate median significance with which a search sees its signal.

    The median significance of a counting experiment with a known background
    (`hepml_lib.statistics.asimov_significance`), where the background is first raised by a constant
    so that nobody gains by a selection that leaves almost nothing.

    Parameters
    ----------
    signal, background : array_like of float
        Expected events after the selection, of one shape.
    regularisation : float
        The constant; 10 in the ATLAS Higgs machine-learning challenge.

    Returns
    -------
    ndarray of float64
        Standard deviations.

    Raises
    ------
    ValueError
        If a signal is negative, or a background is not above zero with the constant.

    References
    ----------
    Adam-Bourdarios et al., PMLR 42 (2015) 19; Cowan et al., arXiv:1007.1727.

    Examples
    --------
    >>> ams([10.0, 100.0], [90.0, 390.0]).round(3)
    array([0.984, 4.811])
    """
    return asimov_significance(signal, np.asarray(background, float) + regularisation)


@dataclass(frozen=True)
class AmsThreshold:
    """A threshold on a score, and the AMS that the events which chose it have there.

    Parameters
    ----------
    threshold : float
        Events at or above it are selected.
    ams : float
        On the events that chose it: optimistic. Measure it on others with `selected_ams`.
    """

    threshold: float
    ams: float


def best_selection(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike, background: int = 20
) -> AmsThreshold:
    """Threshold with the highest AMS on these events.

    Parameters
    ----------
    scores : array_like of float, shape (events,)
        Larger for what looks like signal; any scale.
    labels : array_like, shape (events,)
        1 for signal, 0 for background.
    weights : array_like of float, shape (events,)
        Expected events that each one stands for.
    background : int
        Fewest simulated background events that a selection may keep. With fewer, the best AMS is
        that of the place where by chance none is left.

    Returns
    -------
    AmsThreshold
        One of the scores, and the AMS there.

    Raises
    ------
    ValueError
        If there are fewer background events, or an input is NaN or does not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> weights = np.where(labels == 1, 0.01, 1.0)
    >>> best = best_selection(rng.normal(2.0 * labels), labels, weights)
    >>> 1.5 < best.threshold < 3
    True
    """
    score, label, _ = checked(scores, labels, weights)
    weight = np.asarray(weights, float)
    if (label == 0).sum() < background:
        raise ValueError(f"there are fewer than {background} background events to choose with")
    order = np.argsort(-score, kind="stable")
    signal, other = (np.cumsum(np.where(label == code, weight, 0)[order]) for code in (1, 0))
    last = np.append(np.diff(score[order]) < 0, True)  # equal scores go together
    allowed = last & (np.cumsum(label[order] == 0) >= background)
    value = np.where(allowed, ams(signal, other), -np.inf)
    best = int(value.argmax())
    return AmsThreshold(float(score[order][best]), float(value[best]))


@metric("scores", "labels")
def selected_ams(test: Scored, threshold: float) -> Statistic:
    """AMS of the events at or above a threshold, with the error of the finite simulated sample.

    The interval is that of a bootstrap of weighted events: pseudo-experiments in which every event
    occurs a Poisson number of times. It does not hold the fluctuation of real data, whose
    significance scatters by about one around its median.

    The weights, which must be given, are the expected events that each one stands for.

    Parameters
    ----------
    {scores}
    {labels}
    threshold : float
        Events at or above it are selected. These events must not have chosen it.
    {resampling}

    Returns
    -------
    Estimate
        The AMS, not below zero.

    Raises
    ------
    ValueError
        If nothing is selected, weights are missing, or an input is NaN or does not fit.

    Examples
    --------
    Half of 100 signal events above 0, and 5 of 1000 background events:

    >>> labels = np.repeat([1, 0], [1000, 1000])
    >>> scores = np.where(labels == 1, np.arange(2000) % 2, np.arange(2000) % 200 == 0) - 0.5
    >>> weights = np.where(labels == 1, 0.1, 1.0)
    >>> round(selected_ams(scores, labels, 0.0, weights=weights).value, 2)
    9.52
    >>> round(float(ams(50, 5)), 2)
    9.52
    """
    score, label, weight = test.classified
    if weight is None:
        raise ValueError("AMS is of expected events: give weights")
    selected = score >= threshold
    if not selected.any():
        raise ValueError(f"no event has a score of {threshold:.3g} or more")
    signal, background = (np.where(selected & (label == code), weight, 0) for code in (1, 0))

    def evaluate(drawn: np.ndarray | None) -> float:
        times = 1.0 if drawn is None else drawn
        return float(ams((signal * times).sum(), (background * times).sum()))

    return Statistic(evaluate, partial(normal, at_least=0.0))
