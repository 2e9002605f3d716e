"""Scores sorted once: what every resampling starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Ranking", "area", "background_at", "check_efficiency"]


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

        Returns
        -------
        signal, background : ndarray, shape (scores + 1,)
            Counts (int32), or sums of weights (float64), not decreasing.
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
    """Area under the curve of accumulated contents: the probability that signal scores higher.

    Parameters
    ----------
    signal, background : ndarray, shape (scores + 1,)
        As `Ranking.accumulate` gives them.

    Returns
    -------
    float
        Between 0 and 1 if no weight is negative; NaN if a class is empty.
    """
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

    Parameters
    ----------
    signal, background : ndarray, shape (scores + 1,)
        As `Ranking.accumulate` gives them.
    efficiency : ndarray or float
        Signal efficiencies, above 0 and at most 1.

    Returns
    -------
    ndarray of float
        Background efficiencies, of the shape of `efficiency`; NaN if a class is empty.
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
    """Signal efficiencies as an array, after the check that they are between 0 and 1.

    Parameters
    ----------
    efficiency : array_like of float
        Signal efficiencies.

    Returns
    -------
    ndarray of float64
        The same numbers.

    Raises
    ------
    ValueError
        If one is not above 0, or is above 1.
    """
    values = np.asarray(efficiency, float)
    if not ((values > 0) & (values <= 1)).all():
        raise ValueError(f"a signal efficiency lies above 0 and at most at 1, not at {values}")
    return values
