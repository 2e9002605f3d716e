"""One count against its expectation: p-values, significances and CLs, exact or in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

__all__ = [
    "Array",
    "asimov_significance",
    "counting_cls",
    "counting_limit",
    "on_off_p_value",
    "p_value",
    "poisson_p_value",
    "refuse",
    "significance",
]

Array = NDArray[np.float64]


def significance(p: ArrayLike) -> Array:
    """Standard deviations Z of a one-sided p-value.

    Parameters
    ----------
    p : array_like of float
        Probabilities between 0 and 1.

    Returns
    -------
    ndarray of float64
        Negative for a p-value above one half.

    Examples
    --------
    >>> float(significance(2.866516e-07).round(4))
    5.0
    """
    return np.asarray(-special.ndtri(np.asarray(p, float)))


def p_value(z: ArrayLike) -> Array:
    """One-sided p-value of Z standard deviations.

    Parameters
    ----------
    z : array_like of float
        Standard deviations.

    Returns
    -------
    ndarray of float64
        Between 0 and 1, in the shape of `z`.

    Examples
    --------
    >>> float(p_value(3).round(5))
    0.00135
    """
    return np.asarray(special.ndtr(-np.asarray(z, float)))


def poisson_p_value(observed: ArrayLike, background: ArrayLike) -> Array:
    """Probability to count `observed` events or more where `background` are expected.

    Exact for a background that is known without error.

    Parameters
    ----------
    observed : array_like of int
        Counts.
    background : array_like of float
        Expected events.

    Returns
    -------
    ndarray of float64
        Between 0 and 1, in the common shape of the arguments.

    Raises
    ------
    ValueError
        If a count or a background is negative.

    Examples
    --------
    Three events where one is expected: 1 - e⁻¹ (1 + 1 + 1/2).

    >>> float(poisson_p_value(3, 1.0).round(4)), float(np.round(1 - 2.5 * np.exp(-1), 4))
    (0.0803, 0.0803)
    """
    n, b = np.asarray(observed, float), np.asarray(background, float)
    refuse((n < 0) | (b < 0), "counts and backgrounds must not be negative")
    return np.where(n > 0, special.gammainc(np.maximum(n, 1e-300), b), 1.0)


def on_off_p_value(on: ArrayLike, off: ArrayLike, ratio: ArrayLike) -> Array:
    """p-value of `on` events when the background is measured by `off` events elsewhere.

    Without a signal the `on` events are a binomial share 1 / (1 + ratio) of all, whatever the
    background is: exact, and conservative because counts are whole numbers. Counts that are not
    whole, such as effective ones, make it approximate.

    Parameters
    ----------
    on, off : array_like of float
        Counts in the signal region and in the control region.
    ratio : array_like of float
        Expected background in the control region over that in the signal region, τ.

    Returns
    -------
    ndarray of float64
        Between 0 and 1, in the common shape of the arguments; 1 where `on` is 0.

    Raises
    ------
    ValueError
        If a count is negative or a ratio is not above zero.

    References
    ----------
    Cousins, Linnemann, Tucker, arXiv:physics/0702156.

    Examples
    --------
    The first line of their table 1: 1.66 standard deviations.

    >>> float(significance(on_off_p_value(4, 5, 5.0)).round(2))
    1.66
    """
    n, m, tau = (np.asarray(x, float) for x in (on, off, ratio))
    refuse((n < 0) | (m < 0) | (tau <= 0), "counts must not be negative, ratios be positive")
    return np.where(n > 0, special.betainc(np.maximum(n, 1e-300), m + 1, 1 / (1 + tau)), 1.0)


def asimov_significance(
    signal: ArrayLike, background: ArrayLike, uncertainty: ArrayLike = 0.0
) -> Array:
    """Median significance with which a signal is discovered in one bin.

    Of bins whose backgrounds are independent, add the squares.

    Parameters
    ----------
    signal, background : array_like of float
        Expected events; the background is above zero.
    uncertainty : array_like of float
        Standard deviation of the expected background [events], as from a control region with
        (background / uncertainty)² events.

    Returns
    -------
    ndarray of float64
        Standard deviations.

    Raises
    ------
    ValueError
        If a signal or an uncertainty is negative, or a background is not above zero.

    References
    ----------
    Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727; with uncertainty their later note, G. Cowan,
    "Discovery sensitivity for a counting experiment with background uncertainty" (2012).

    Examples
    --------
    Close to s / √b for a small signal and to s / σ for an uncertain background:

    >>> asimov_significance([1, 10], [100, 1e4], [0, 100]).round(4)
    array([0.0998, 0.0707])
    """
    s, b, sigma = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (signal, background, uncertainty))
    )
    refuse((s < 0) | (b <= 0) | (sigma < 0), "signals and uncertainties must be ≥ 0, b > 0")
    total = s + b
    known = total * np.log1p(s / b) - s
    v = np.where(sigma > 0, sigma**2, b)  # any number above zero where it is not used
    uncertain = total * np.log(total * (b + v) / (b**2 + total * v))
    uncertain = uncertain - b**2 / v * np.log1p(v * s / (b * (b + v)))
    return np.sqrt(np.maximum(2 * np.where(sigma > 0, uncertain, known), 0))


def counting_cls(observed: ArrayLike, signal: ArrayLike, background: ArrayLike) -> Array:
    """CLs of one count: P(n ≤ observed | s + b) / P(n ≤ observed | b), exact.

    A signal with CLs below 0.05 is excluded at 95 % confidence level.

    Parameters
    ----------
    observed : array_like of int
        Counts.
    signal, background : array_like of float
        Expected events.

    Returns
    -------
    ndarray of float64
        Between 0 and 1, in the common shape of the arguments.

    Raises
    ------
    ValueError
        If a count or an expectation is negative.

    References
    ----------
    Read, J. Phys. G 28 (2002) 2693.

    Examples
    --------
    Nothing seen: e⁻ˢ, whatever the background.

    >>> counting_cls(0, 3.0, [0.5, 10.0]).round(4)
    array([0.0498, 0.0498])
    """
    n, s, b = (np.asarray(x, float) for x in (observed, signal, background))
    refuse((n < 0) | (s < 0) | (b < 0), "counts and expectations must not be negative")
    return special.gammaincc(n + 1, s + b) / special.gammaincc(n + 1, b)


def counting_limit(observed: int, background: float, level: float = 0.95) -> float:
    """Largest signal [events] that one count does not exclude by `counting_cls`.

    Parameters
    ----------
    observed : int
        Count.
    background : float
        Expected background events.
    level : float
        Confidence level of the exclusion.

    Returns
    -------
    float
        Expected signal events.

    Raises
    ------
    ValueError
        If the count or the background is negative.

    References
    ----------
    Read, J. Phys. G 28 (2002) 2693.

    Examples
    --------
    >>> round(counting_limit(0, 0.0), 3)
    2.996
    """
    excess = lambda s: float(counting_cls(observed, s, background)) - (1 - level)  # noqa: E731
    return float(optimize.brentq(excess, 0, 10 + 10 * np.sqrt(observed + 1) + observed))


def refuse(wrong: ArrayLike, message: str) -> None:
    """Raise a ValueError if anything is wrong.

    Parameters
    ----------
    wrong : array_like of bool
        Where something is wrong.
    message : str
        Of the error: what must hold.

    Raises
    ------
    ValueError
        If any of `wrong` is true.
    """
    if np.any(wrong):
        raise ValueError(message)
