"""A number with its interval, and the interval of an efficiency."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hist import intervals
from numpy.typing import ArrayLike
from scipy import special

from hepml_lib.metrics.scored import refuse_masked

__all__ = [
    "Estimate",
    "clopper_pearson",
    "efficiency",
    "fraction",
    "fraction_ends",
    "normal",
    "normal_quantile",
]


@dataclass(frozen=True)
class Estimate:
    """A measured number, its interval, and how the interval was made.

    Printed, it shows as many digits as the interval supports; a format such as ``f"{e:.4f}"``
    chooses them.

    Parameters
    ----------
    value, low, high : float
        Point estimate and the ends of the interval, all in the same unit.
    method : str
        How the interval was made, in a few words.
    level : float
        Confidence level of the interval, between 0 and 1.
    p_value : float, optional
        For a comparison: how often resampling the events reverses it.

    Raises
    ------
    ValueError
        If an entry is not a number, if ``low > high``, or if `value` lies outside the interval. A
        fit at a physical boundary and a biased resampling can legally exclude their own point
        estimate; quote the boundary or a limit then, for this class is for a value in its interval.

    Examples
    --------
    >>> print(Estimate(0.96512, 0.96221, 0.96783, "event bootstrap"))
    0.9651 [0.9622, 0.9678]
    >>> f"{Estimate(83.2, 70.1, 98.3, 'event bootstrap'):.0f}"
    '83 [70, 98]'
    """

    value: float
    low: float
    high: float
    method: str
    level: float = 0.95
    p_value: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = float(getattr(self, name))
            if math.isnan(number):
                raise ValueError(f"{name} of the estimate is NaN ({self.method})")
            object.__setattr__(self, name, number)
        if self.low > self.high:
            raise ValueError(f"the interval is upside down: low {self.low} > high {self.high}")
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"the value {self.value} lies outside its interval [{self.low}, {self.high}]; "
                "quote a limit, or an interval that holds the value"
            )
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; it is a probability such as 0.95")

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2

    @property
    def spread(self) -> float:
        """Standard deviation that a normal interval of this length and level would have."""
        return self.half_width / normal_quantile(self.level)

    def contains(self, x: float) -> bool:
        """Whether `x` lies in the interval, ends included.

        Parameters
        ----------
        x : float
            A value of the quantity, such as its true one.

        Returns
        -------
        bool
            True from `low` to `high`.
        """
        return self.low <= x <= self.high

    def transformed(self, function: Callable[[float], float]) -> Estimate:
        """Estimate of a monotone function of this quantity.

        Parameters
        ----------
        function : callable
            Takes a number to a number, such as ``lambda x: -x``; if it falls, the ends change
            places.

        Returns
        -------
        Estimate
            Value and interval, with the same method and level; the p-value is left out.
        """
        low, high = sorted(float(function(end)) for end in (self.low, self.high))
        return Estimate(float(function(self.value)), low, high, self.method, self.level)

    def __format__(self, spec: str) -> str:
        spec = spec or self._digits()
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __str__(self) -> str:
        return format(self, "")

    def _digits(self) -> str:
        """Format that shows two significant digits of the half-width."""
        if self.half_width == 0 or not math.isfinite(self.half_width):
            return ".4g"
        decimals = max(0, 1 - math.floor(math.log10(self.half_width)))
        largest = max(abs(self.low), abs(self.high))
        if decimals > 12 and largest < 1e-6:
            return f".{decimals + math.floor(math.log10(largest))}e"
        return f".{min(decimals, 12)}f"

    def _repr_html_(self) -> str:
        digits = self._digits()
        return (
            f"<span>{self.value:{digits}} <small>[{self.low:{digits}}, {self.high:{digits}}], "
            f"{100 * self.level:g} % interval, {self.method}</small></span>"
        )

    def _repr_markdown_(self) -> str:
        return f"{self} ({100 * self.level:g} % interval, {self.method})"


def normal_quantile(level: float) -> float:
    """Half-width, in standard deviations, of a central normal interval: 1.96 at 0.95.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    float
        Number of standard deviations.
    """
    return float(special.ndtri(0.5 + level / 2))


def clopper_pearson(
    passed: ArrayLike, total: ArrayLike, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Exact central interval of a binomial probability, element by element.

    It never covers less than `level`, whatever the true probability, and covers more when counts
    are small. Non-integer (effective) counts are allowed and make it approximate.

    Parameters
    ----------
    passed, total : array_like of int or float
        Counts with ``0 <= passed <= total`` and ``total > 0``.
    level : float
        Confidence level.

    Returns
    -------
    low, high : ndarray of float64
        Ends of the intervals, in the common shape of the counts.

    Raises
    ------
    ValueError
        If a count is negative, exceeds its total, or a total is not positive.

    References
    ----------
    Clopper and Pearson, Biometrika 26 (1934) 404.

    Examples
    --------
    No event of 300 passes: the efficiency is below 1.2 %, one minus the 300th root of 0.025.

    >>> low, high = clopper_pearson(0, 300)
    >>> float(low), round(float(high), 4), round(1 - 0.025 ** (1 / 300), 4)
    (0.0, 0.0122, 0.0122)
    """
    k, n = np.broadcast_arrays(np.asarray(passed, float), np.asarray(total, float))
    bad = ~((n > 0) & (k >= 0) & (k <= n))
    if bad.any():
        first = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise ValueError(
            f"{k[first]:g} passed of {n[first]:g} is no efficiency: the total must be positive and "
            "the count between zero and the total"
        )
    low, high = intervals.clopper_pearson_interval(k, n, level)
    return low, high


def normal(
    value: float, spread: float, method: str, level: float = 0.95, at_least: float = -math.inf
) -> Estimate:
    """Estimate of a quantity with normal errors.

    Parameters
    ----------
    value, spread : float
        Point estimate and its standard deviation.
    method : str
        How the standard deviation was found, in a few words.
    level : float
        Confidence level.
    at_least : float
        Smallest value that the quantity can have, where the interval ends.

    Returns
    -------
    Estimate
        The value with `normal_quantile` of `level` spreads to each side.

    Examples
    --------
    >>> print(normal(10.0, 1.0, "counted", level=0.6827))
    10.0 [9.0, 11.0]
    """
    reach = normal_quantile(level) * spread
    return Estimate(value, max(value - reach, at_least), value + reach, method, level)


def fraction(
    value: float, spread: float, method: str, level: float = 0.95, *, trials: float
) -> Estimate:
    """Estimate of a quantity between 0 and 1 whose standard deviation is known.

    Parameters
    ----------
    value, spread : float
        Point estimate and its standard deviation.
    method : str
        How the standard deviation was found, in a few words.
    level : float
        Confidence level.
    trials : float
        Independent trials, as in `fraction_ends`.

    Returns
    -------
    Estimate
        Value and interval, both between 0 and 1.

    Examples
    --------
    >>> print(fraction(0.9, 0.03, "counted", trials=100))
    0.900 [0.824, 0.951]
    """
    value = min(max(value, 0.0), 1.0)  # a weighted sum may round to just beyond
    low, high = fraction_ends(value, spread, trials, level)
    return Estimate(value, min(float(low), value), max(float(high), value), method, level)


def fraction_ends(
    value: ArrayLike, spread: ArrayLike, trials: float, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of quantities between 0 and 1 whose standard deviations are known.

    The Clopper–Pearson interval of the number of independent trials that would have this spread;
    so it is asymmetric near 0 and 1, as it must be.

    Parameters
    ----------
    value, spread : array_like of float
        Point estimates and their standard deviations.
    trials : float
        Independent trials where there is no spread to tell them: nothing passed, or all did.
    level : float
        Confidence level.

    Returns
    -------
    low, high : ndarray of float64
        Ends of the intervals, between 0 and 1, in the common shape of value and spread.
    """
    value, spread = np.asarray(value, float), np.asarray(spread, float)
    known = (spread > 0) & (value > 0) & (value < 1)
    effective = np.where(known, value * (1 - value) / np.where(known, spread, 1) ** 2, trials)
    return clopper_pearson(value * effective, effective, level)


def efficiency(
    passed: ArrayLike,
    total: int | None = None,
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Fraction of events that pass, with its Clopper–Pearson interval.

    Parameters
    ----------
    passed : int, or array_like of bool
        Number of events that pass (give `total`), or one decision per event.
    total : int, optional
        Number of events.
    weights : array_like of float, optional
        Weights of the events, for decisions only. The interval is then that of the effective number
        of events, from the variance of the weighted mean: valid when ten or more effective events
        pass and ten or more fail.
    level : float
        Confidence level.

    Returns
    -------
    Estimate
        The fraction, between 0 and 1.

    Raises
    ------
    ValueError
        If counts are impossible, values are masked, lengths differ, or weights are negative: the
        fraction can then leave the range 0 to 1 and has no such interval.

    Examples
    --------
    >>> print(efficiency(90, 100))
    0.900 [0.824, 0.951]
    """
    if total is not None:
        if np.ndim(passed) or weights is not None:
            raise ValueError("give decisions per event with weights, or two counts; not both")
        low, high = clopper_pearson(passed, total, level)
        return Estimate(float(np.asarray(passed)) / total, low, high, "Clopper–Pearson", level)  # type: ignore[arg-type]
    for name, given in (("decisions", passed), ("weights", weights)):
        refuse_masked(name, given)
    decisions = np.asarray(passed)
    if decisions.ndim != 1 or decisions.dtype != bool or not len(decisions):
        raise ValueError(
            "passed must be a count with its total, or a non-empty array of True and False "
            f"(got {decisions.dtype} of shape {decisions.shape})"
        )
    if weights is None:
        return efficiency(int(decisions.sum()), len(decisions), level=level)
    w = np.asarray(weights, float)
    if len(w) != len(decisions):
        raise ValueError(f"there are {len(decisions)} decisions and {len(w)} weights")
    if not (np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
        raise ValueError("weights must be finite, not negative, and not all zero")
    value = float(w[decisions].sum() / w.sum())
    spread = float(np.sqrt(np.sum((w * (decisions - value)) ** 2)) / w.sum())
    effective = float(w.sum() ** 2 / np.sum(w**2))
    return fraction(value, spread, "Clopper–Pearson, effective counts", level, trials=effective)
