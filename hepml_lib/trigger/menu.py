"""A menu of single-object thresholds: the baseline of every trigger."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.samples.detector.level1 import SCALES

__all__ = ["OBJECTS", "Menu", "leading_objects", "pure_rates"]

OBJECTS = ("MET", "e/γ", "muon", "jet")
"""What each line of the menu asks for."""


def leading_objects(events: ak.Array) -> NDArray[np.float64]:
    """Missing momentum and the hardest e/γ, muon and jet of each event.

    Parameters
    ----------
    events
        Events of `trigger_events`.

    Returns
    -------
    ndarray
        Shape (n, 4), [GeV], in the order of `OBJECTS`; 0 for an object that is not there.
    """
    hardest = (
        ak.to_numpy(ak.fill_none(ak.max(events[name].pt, axis=1), 0))
        for name in ("egammas", "muons", "jets")
    )
    return SCALES["pt"] * np.column_stack([ak.to_numpy(events.met_pt), *hardest])


@dataclass(frozen=True)
class Menu:
    """An OR of thresholds that gives each object its share of the rate.

    With equal shares no signal is asked: each object alone would fire at the same rate of
    background. That leaves one number to choose, and makes the OR a score like any other.

    Parameters
    ----------
    values
        Background events: largest value of each object [GeV], shape (n, objects).
    weights
        Their rates [kHz].
    shares
        How the rate is shared among the objects, up to a common factor.

    Raises
    ------
    ValueError
        If values, weights and shares differ in length, or a share is not above zero.

    Examples
    --------
    Values that both fall exponentially: the larger one decides.

    >>> values = np.random.default_rng(1).exponential(10, (10_000, 2))
    >>> menu = Menu(values, np.ones(10_000), shares=(1.0, 1.0))
    >>> menu.thresholds(-np.log(100.0)).round(-1).tolist()
    [50.0, 50.0]
    """

    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    shares: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.weights):
            raise ValueError(
                f"values of shape {self.values.shape} and {len(self.weights)} weights do not fit"
            )
        if self.values.shape[1] != len(self.shares) or min(self.shares) <= 0:
            raise ValueError(
                f"{self.values.shape[1]} objects need as many shares above 0, not {self.shares}"
            )

    def score(self, values: ArrayLike) -> NDArray[np.float64]:
        """How rare an event is: larger for rarer ones.

        Parameters
        ----------
        values
            Largest value of each object [GeV], shape (n, objects).

        Returns
        -------
        ndarray
            Minus the logarithm of rate [kHz] over share of the rarest object, shape (n,).
        """
        given = np.asarray(values, float)
        # Half an event keeps the logarithm finite beyond the hardest object of the background.
        floor = 0.5 * self.weights[self.weights > 0].min()
        rates = [self._rate(k, given[:, k]) for k in range(given.shape[1])]
        # Where the background has run out, the larger value is still the rarer one.
        beyond = [given[:, k] / (1 + self.values[:, k].max()) for k in range(given.shape[1])]
        scores = [
            -np.log(np.where(rate > 0, rate, floor * np.exp(-over)) / share)
            for rate, over, share in zip(rates, beyond, self.shares, strict=True)
        ]
        return np.max(scores, axis=0)

    def thresholds(self, score: float) -> NDArray[np.float64]:
        """Thresholds of the OR.

        Parameters
        ----------
        score
            An event passes if its score is larger.

        Returns
        -------
        ndarray
            Lowest value [GeV] of each object that passes, shape (objects,); infinite for none.
        """
        least = []
        for k in range(self.values.shape[1]):
            known = np.unique(self.values[:, k])
            rate = np.maximum(self._rate(k, known), 1e-300)
            passing = -np.log(rate / self.shares[k]) > score
            least.append(known[np.argmax(passing)] if passing.any() else np.inf)
        return np.array(least)

    def _rate(self, column: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rate of background with at least each value."""
        order = np.argsort(self.values[:, column])
        upward = np.append(np.cumsum(self.weights[order][::-1])[::-1], 0.0)
        return upward[np.searchsorted(self.values[order, column], values, side="left")]


def pure_rates(decisions: ArrayLike, weights: ArrayLike) -> tuple[NDArray, NDArray]:
    """Rate of each line of a menu, and its pure rate: of events that no other line takes [kHz].

    Parameters
    ----------
    decisions
        Shape (events, lines).
    weights
        Rates [kHz] of the events.

    Returns
    -------
    total, pure
        Shape (lines,) each.

    Examples
    --------
    >>> total, pure = pure_rates([[True, True], [True, False], [False, False]], [1, 2, 4])
    >>> total.tolist(), pure.tolist()
    ([3.0, 1.0], [2.0, 0.0])
    """
    fired, weight = np.asarray(decisions, bool), np.asarray(weights, float)
    alone = fired & (fired.sum(axis=1, keepdims=True) == 1)
    return weight @ fired, weight @ alone
