"""The figure of merit of the Higgs machine-learning challenge, AMS, and choosing a threshold by it.

A figure that chose something flatters it: choose on some events, measure on others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.metrics import Estimate
from hepml_lib.metrics.estimate import normal_quantile
from hepml_lib.metrics.resampling import resample
from hepml_lib.statistics import asimov_significance

__all__ = ["Selection", "ams", "best_selection", "selected_ams"]

Array = NDArray[np.float64]


def ams(signal: ArrayLike, background: ArrayLike, regularisation: float = 10.0) -> Array:
    """Approximate median significance with which a search sees its signal.

    The median significance of a counting experiment with a known background
    (`hepml_lib.statistics.asimov_significance`), where the background is first raised by a constant
    so that nobody gains by a selection that leaves almost nothing.

    Parameters
    ----------
    signal, background
        Expected events after the selection.
    regularisation
        The constant; 10 in the ATLAS Higgs machine-learning challenge.

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
class Selection:
    """A threshold on a score, and the AMS that the events which chose it have there.

    Attributes
    ----------
    threshold
        Events at or above it are selected.
    ams
        On the events that chose it: optimistic. Measure it on others with `selected_ams`.
    """

    threshold: float
    ams: float


def best_selection(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike, background: int = 20
) -> Selection:
    """Threshold with the highest AMS on these events.

    Parameters
    ----------
    scores, labels
        One per event; labels 1 for signal, 0 for background.
    weights
        Expected events that each one stands for.
    background
        Fewest simulated background events that a selection may keep. With fewer, the best AMS is
        that of the place where by chance none is left.

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
    score, label, weight = _checked(scores, labels, weights)
    if (label == 0).sum() < background:
        raise ValueError(f"there are fewer than {background} background events to choose with")
    order = np.argsort(-score, kind="stable")
    signal, other = (np.cumsum(np.where(label == code, weight, 0)[order]) for code in (1, 0))
    last = np.append(np.diff(score[order]) < 0, True)  # equal scores go together
    allowed = last & (np.cumsum(label[order] == 0) >= background)
    value = np.where(allowed, ams(signal, other), -np.inf)
    best = int(value.argmax())
    return Selection(float(score[order][best]), float(value[best]))


def selected_ams(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike,
    threshold: float,
    *,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """AMS of the events at or above a threshold, with the error of the finite simulated sample.

    The interval is that of a bootstrap of weighted events: pseudo-experiments in which every event
    occurs a Poisson number of times. It does not hold the fluctuation of real data, whose
    significance scatters by about one around its median.

    Parameters
    ----------
    scores, labels, weights
        As in `best_selection`. These events must not have chosen the threshold.
    threshold
        Events at or above it are selected.
    replicas, seed, level
        As in `hepml_lib.metrics.auc`.

    Raises
    ------
    ValueError
        If nothing is selected, or an input is NaN or does not fit.
    """
    score, label, weight = _checked(scores, labels, weights)
    taken = score >= threshold
    if not taken.any():
        raise ValueError(f"no event has a score of {threshold:.3g} or more")
    signal, background = (np.where(taken & (label == code), weight, 0) for code in (1, 0))

    def statistic(drawn: np.ndarray | float) -> float:
        return float(ams((signal * drawn).sum(), (background * drawn).sum()))

    value = statistic(1.0)
    spread = float(np.std(resample(statistic, len(score), None, replicas, seed), ddof=1))
    reach = normal_quantile(level) * spread
    method = f"bootstrap of weighted events, {replicas} replicas"
    return Estimate(value, max(value - reach, 0.0), value + reach, method, level)


def _checked(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike
) -> tuple[Array, Array, Array]:
    score, label, weight = (np.asarray(x, np.float64) for x in (scores, labels, weights))
    if not score.shape == label.shape == weight.shape or score.ndim != 1 or not len(score):
        raise ValueError(
            f"scores, labels and weights must be lists of equal length, not of shapes "
            f"{score.shape}, {label.shape}, {weight.shape}"
        )
    if not (np.isfinite(score).all() and np.isfinite(weight).all()):
        raise ValueError("a score or a weight is NaN or infinite")
    return score, label, weight
