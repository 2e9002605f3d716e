"""The curve of signal against background efficiency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.ranking import Ranking, area, background_at, check_efficiency
from hepml_lib.metrics.scored import checked, refuse_negative

__all__ = ["Roc", "roc"]


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
        """Background efficiency at given signal efficiencies, linear between events of equal score.

        Parameters
        ----------
        efficiency : array_like of float
            Signal efficiencies, above 0 and at most 1.

        Returns
        -------
        ndarray of float
            Background efficiencies, of the shape of `efficiency`.

        Raises
        ------
        ValueError
            If an efficiency lies out of its range.
        """
        return background_at(
            self.efficiency, self.background_efficiency, check_efficiency(efficiency)
        )

    def threshold_at(self, efficiency: float) -> float:
        """Tightest threshold that keeps the given signal efficiency.

        Parameters
        ----------
        efficiency : float
            Signal efficiency, above 0 and at most 1.

        Returns
        -------
        float
            A score; events at or above it pass.

        Raises
        ------
        ValueError
            If the efficiency lies out of its range.
        """
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

    Returns
    -------
    Roc
        Signal and background efficiency, and the threshold, of each distinct score.

    Raises
    ------
    ValueError
        On NaN or masked values, unequal lengths, a single class, or negative weights.

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
