"""Scores sorted once: the ROC curve, and what every resampling starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "Ranking",
    "Roc",
    "area",
    "background_at",
    "check_efficiency",
    "checked",
    "refuse_negative",
    "roc",
]


def checked(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Scores (float), labels (bool) and weights (float) after every check of what goes wrong."""
    score, label = np.asarray(scores), np.asarray(labels)
    if score.dtype.kind in "bui":
        score = score.astype(float)
    weight = None if weights is None else np.asarray(weights, float)
    for name, array in (("scores", score), ("labels", label), ("weights", weight)):
        if array is None:
            continue
        if array.ndim != 1:
            raise ValueError(
                f"{name} must hold one number per event, not an array of shape {array.shape}; "
                "of a network with several outputs, pass the signal's column"
            )
        if len(array) != len(score):
            raise ValueError(f"there are {len(score)} scores and {len(array)} {name}")
        nan = np.isnan(array) if array.dtype.kind == "f" else np.zeros(0, bool)
        if nan.any():
            raise ValueError(
                f"{nan.sum()} of {len(array)} {name} are NaN, the first at index {np.argmax(nan)}; "
                "a metric of the others would hide it"
            )
    if not ((label == 0) | (label == 1)).all():
        raise ValueError(
            "labels must be 1 for signal and 0 for background; "
            f"these hold {np.unique(label)[:5].tolist()}"
        )
    label = label.astype(bool)
    if label.all() or not label.any():
        kind = "signal" if label.any() else "background"
        raise ValueError(
            f"all {len(label)} events are {kind}: separation needs both classes, so select neither "
            "by label before measuring"
        )
    if weight is not None:
        if not np.isfinite(weight).all():
            raise ValueError("weights must be finite")
        for kind, chosen in (("signal", label), ("background", ~label)):
            if weight[chosen].sum() <= 0:
                raise ValueError(f"the weights of the {kind} sum to {weight[chosen].sum():g}")
    return score, label, weight


def refuse_negative(weights: np.ndarray | None) -> None:
    """Raise when an efficiency at a threshold would not be a fraction."""
    if weights is not None and (weights < 0).any():
        raise ValueError(
            f"{(weights < 0).sum()} weights are negative: the efficiency then neither rises with "
            "a looser threshold nor stays below 1. `auc` is defined for them; for a working point "
            "make the weights positive first (cell or neural resampling)"
        )


class Ranking:
    """Events in decreasing order of score, equal scores taken together.

    Sorting is what costs; a resampling only accumulates, so all of them share one `Ranking`.

    Parameters
    ----------
    score, label, weight
        As `checked` returns them.
    """

    def __init__(self, score: np.ndarray, label: np.ndarray, weight: np.ndarray | None) -> None:
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        last = np.append(ranked[1:] != ranked[:-1], True)
        self.threshold = ranked[last]
        self._order = order
        self._ends = None if last.all() else np.flatnonzero(last)
        signal = label[order]
        if weight is None:
            # Small integers: an accumulation of a million takes half a millisecond.
            self._signal, self._background = signal.astype(np.uint8), (~signal).astype(np.uint8)
        else:
            self._signal = np.where(signal, weight[order], 0.0)
            self._background = np.where(signal, 0.0, weight[order])

    def accumulate(self, multiplicity: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Signal and background at or above each distinct score, after a leading zero.

        Parameters
        ----------
        multiplicity : ndarray of uint8, shape (events,), optional
            How often a resampling took each event, in the order of the input.
        """
        signal, background = self._signal, self._background
        if multiplicity is not None:
            drawn = multiplicity[self._order]
            signal, background = signal * drawn, background * drawn
        return self._running(signal), self._running(background)

    def _running(self, content: np.ndarray) -> np.ndarray:
        kind = np.int32 if content.dtype == np.uint8 else np.float64
        if self._ends is None:
            total = np.zeros(len(content) + 1, kind)
            np.cumsum(content, out=total[1:])
            return total
        return np.concatenate([np.zeros(1, kind), np.cumsum(content, dtype=kind)[self._ends]])


def area(signal: np.ndarray, background: np.ndarray) -> float:
    """Area under the curve of accumulated contents: the probability that signal scores higher."""
    if signal[-1] <= 0 or background[-1] <= 0:
        return np.nan
    middle = (signal[1:] + signal[:-1]).astype(float)
    pairs = np.dot(np.diff(background).astype(float), middle)
    return float(pairs / (2.0 * float(signal[-1]) * float(background[-1])))


def background_at(
    signal: np.ndarray, background: np.ndarray, efficiency: np.ndarray | float
) -> np.ndarray:
    """Background efficiency where the accumulated signal reaches `efficiency`.

    The tightest threshold that reaches it; among events of equal score, linear in between.
    """
    if signal[-1] <= 0 or background[-1] <= 0:
        return np.full(np.shape(efficiency), np.nan)
    # A hair less, lest rounding of the product skip the very event that reaches it.
    target = np.asarray(efficiency) * float(signal[-1]) * (1 - 1e-12)
    upper = np.clip(np.searchsorted(signal, target), 1, len(signal) - 1)
    part = (target - signal[upper - 1]) / (signal[upper] - signal[upper - 1])
    count = background[upper - 1] + part * (background[upper] - background[upper - 1])
    return np.asarray(count / float(background[-1]))


def check_efficiency(efficiency: ArrayLike) -> np.ndarray:
    """Signal efficiencies as an array, after the check that they are between 0 and 1."""
    values = np.asarray(efficiency, float)
    if not ((values > 0) & (values <= 1)).all():
        raise ValueError(f"a signal efficiency lies above 0 and at most at 1, not at {values}")
    return values


@dataclass(frozen=True)
class Roc:
    """Signal against background efficiency as the threshold is lowered.

    Parameters
    ----------
    efficiency, background_efficiency, threshold : ndarray, shape (points,)
        Signal efficiency, background efficiency and the score at or above which an event passes.
        The first point is (0, 0) at an infinite threshold; events of equal score make one point.
    """

    efficiency: np.ndarray
    background_efficiency: np.ndarray
    threshold: np.ndarray

    @property
    def auc(self) -> float:
        """Area under the curve: how often a signal event scores above a background event."""
        return area(self.efficiency, self.background_efficiency)

    def background_at(self, efficiency: ArrayLike) -> np.ndarray:
        """Background efficiency at the given signal efficiencies (above 0, at most 1)."""
        return background_at(
            self.efficiency, self.background_efficiency, check_efficiency(efficiency)
        )

    def threshold_at(self, efficiency: float) -> float:
        """Tightest threshold that keeps the given signal efficiency."""
        wanted = float(check_efficiency(efficiency)) * (1 - 1e-12)
        return float(self.threshold[np.searchsorted(self.efficiency, wanted)])


def roc(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> Roc:
    """Receiver operating characteristic of scores.

    Parameters
    ----------
    scores : array_like of float, shape (events,)
        Larger for what looks like signal; any scale.
    labels : array_like, shape (events,)
        1 for signal, 0 for background.
    weights : array_like of float, shape (events,), optional
        Event weights, not negative.

    Raises
    ------
    ValueError
        On NaN, unequal lengths, a single class, or negative weights.

    Examples
    --------
    >>> curve = roc([0.9, 0.8, 0.7, 0.1], [1, 1, 0, 0])
    >>> curve.auc, float(curve.background_at(0.5)), curve.threshold_at(0.5)
    (1.0, 0.0, 0.9)
    """
    score, label, weight = checked(scores, labels, weights)
    refuse_negative(weight)
    ranking = Ranking(score, label, weight)
    signal, background = ranking.accumulate()
    return Roc(
        signal / signal[-1],
        background / background[-1],
        np.append(np.inf, ranking.threshold.astype(float)),
    )
