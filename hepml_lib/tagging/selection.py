"""The cut that a top tagger replaces: a mass window and the three-prong ratio τ₃₂."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["MassTau32Cut", "best_cut"]


@dataclass(frozen=True)
class MassTau32Cut:
    """Jets with a mass inside a window and τ₃₂ not above a limit are called top.

    Attributes
    ----------
    mass_low, mass_high
        The window, both ends included [GeV].
    tau32
        The limit.

    Examples
    --------
    >>> MassTau32Cut(140.0, 220.0, 0.6).passes([173.0, 173.0, 91.0], [0.5, 0.7, 0.5])
    array([ True, False, False])
    """

    mass_low: float
    mass_high: float
    tau32: float

    def passes(self, mass: ArrayLike, tau32: ArrayLike) -> np.ndarray:
        """Whether each jet passes, shape (n,).

        Parameters
        ----------
        mass, tau32
            Jet mass [GeV] and τ₃₂, shape (n,).
        """
        return self._inside(mass) & (np.asarray(tau32) <= self.tau32)

    def score(self, mass: ArrayLike, tau32: ArrayLike) -> np.ndarray:
        """Number whose thresholds vary the τ₃₂ limit with the window fixed, shape (n,).

        Every jet inside the window scores above every jet outside: a threshold of −τ₃₂ repeats
        `passes`, and one so low that the window is exhausted lets in the jets outside, by τ₃₂.

        Parameters
        ----------
        mass, tau32
            Jet mass [GeV] and τ₃₂, shape (n,).
        """
        outside = -10.0  # τ₃₂ is 1 at most with the best axes, and hardly more with any others
        return np.where(self._inside(mass), 0.0, outside) - np.asarray(tau32)

    def _inside(self, mass: ArrayLike) -> np.ndarray:
        mass = np.asarray(mass)
        return (self.mass_low <= mass) & (mass <= self.mass_high)


def best_cut(
    mass: ArrayLike, tau32: ArrayLike, labels: ArrayLike, efficiency: float = 0.5, steps: int = 50
) -> MassTau32Cut:
    """Cut that keeps `efficiency` of the tops and the fewest background jets.

    Scans every window and limit whose borders are quantiles of the tops given. Call it on training
    jets and measure on others: the best of many cuts is optimistic where it was chosen.

    Parameters
    ----------
    mass, tau32
        Jet mass [GeV] and τ₃₂, shape (n,).
    labels
        1 for top, 0 for background, shape (n,).
    efficiency
        Fraction of tops to keep, at least.
    steps
        Quantiles of the mass; τ₃₂ has twice as many.

    Returns
    -------
    MassTau32Cut
        Its window [GeV] and its limit on τ₃₂.

    Raises
    ------
    ValueError
        If the efficiency is not between 0 and 1, or one of the classes is missing.

    Examples
    --------
    Background has no peak: of two separated tops keep the one where there is less background.

    >>> mass = np.r_[np.full(50, 80.0), np.full(50, 173.0), np.full(30, 80.0), np.full(10, 173.0)]
    >>> label = np.r_[np.ones(100), np.zeros(40)]
    >>> cut = best_cut(mass, np.full(140, 0.5), label)
    >>> cut.mass_low, cut.mass_high
    (173.0, 173.0)
    """
    mass, tau32, top = np.asarray(mass), np.asarray(tau32), np.asarray(labels) == 1
    if not 0 < efficiency < 1:
        raise ValueError(f"efficiency is {efficiency}; it must lie between 0 and 1")
    if top.all() or not top.any():
        raise ValueError("a cut is chosen on jets of both classes, labels 0 and 1")
    lows = np.quantile(mass[top], np.linspace(0, 1, steps + 1)[:-1], method="inverted_cdf")
    highs = np.quantile(mass[top], np.linspace(0, 1, steps + 1)[1:], method="inverted_cdf")
    limits = np.quantile(tau32[top], np.linspace(0, 1, 2 * steps + 1)[1:], method="inverted_cdf")

    def passing(chosen: np.ndarray) -> np.ndarray:
        """Jets below each limit, for masses in each window: axes low, high, limit."""
        below = _table(mass[chosen], tau32[chosen], highs, limits, side="left")
        missed = _table(mass[chosen], tau32[chosen], lows, limits, side="right")
        return below[None, :, :] - missed[:, None, :]

    tops, background = passing(top), passing(~top)
    allowed = tops >= efficiency * top.sum()
    # Among equal backgrounds, the most tops.
    merit = np.where(allowed, background - tops / (1 + top.sum()), np.inf)
    low, high, limit = np.unravel_index(np.argmin(merit), merit.shape)
    return MassTau32Cut(float(lows[low]), float(highs[high]), float(limits[limit]))


def _table(
    mass: np.ndarray, tau32: np.ndarray, masses: np.ndarray, limits: np.ndarray, side: str
) -> np.ndarray:
    """Jets with mass up to (side "right": below) each of `masses` and τ₃₂ up to each limit."""
    rows = np.searchsorted(masses, mass, side=side)  # type: ignore[call-overload]
    columns = np.searchsorted(limits, tau32, side="left")
    counts = np.zeros((len(masses) + 1, len(limits) + 1))
    np.add.at(counts, (rows, columns), 1)
    return counts.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
