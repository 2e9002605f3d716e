"""Rates of a trigger from weighted events: thresholds, intervals, and what lies beyond the sample.

Weights are kHz per event, from `samples.rates.crossing_weights`. Events share pileup collisions
inside a chunk of the sample; intervals of rates therefore resample whole chunks.
"""

from __future__ import annotations

from collections.abc import Callable

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.metrics import Estimate
from hepml_lib.metrics.resampling import resample
from hepml_lib.samples import rates
from hepml_lib.samples.rates import effective_events

__all__ = [
    "FEWEST",
    "chunks",
    "efficiency_at",
    "extrapolated",
    "pileup_weights",
    "rate",
    "rate_ratio",
    "threshold",
]

FEWEST = 100
"""Effective events below which no rate is quoted as measured."""

_CHUNK = 10**6
_REACH = 1.96
"""Standard deviations to each side of a value that hold 95 %."""

_METHOD = "bootstrap of chunks"


def chunks(events: ak.Array) -> NDArray[np.int64]:
    """Chunk of each event of `trigger_events`: events of one chunk share their pileup pool.

    Parameters
    ----------
    events
        Array with `event`.

    Returns
    -------
    ndarray
        Shape (n,).

    Examples
    --------
    >>> chunks(ak.Array({"event": [32_000_007_000_001, 32_000_008_000_001]})).tolist()
    [32000007, 32000008]
    """
    return ak.to_numpy(events["event"]) // _CHUNK


def threshold(scores: ArrayLike, weights: ArrayLike, wanted: float) -> float:
    """Lowest threshold whose rate, of scores strictly above it, does not exceed `wanted`.

    Parameters
    ----------
    scores, weights
        Scores and rates [kHz] of background events.
    wanted
        Rate [kHz].

    Returns
    -------
    float
        One of the scores.

    Raises
    ------
    ValueError
        If the rate is not between zero and the rate of all events.

    Examples
    --------
    >>> threshold([1, 2, 3, 4], [10, 10, 10, 10], 20)
    2.0
    """
    values, above, _ = _rate_steps(scores, weights, wanted)
    return float(values[np.flatnonzero(above <= wanted * (1 + 1e-12))[-1]])


def efficiency_at(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike, wanted: float, total: float
) -> float:
    """Signal efficiency at exactly a background rate.

    Scores made of hardware integers come in steps. Between two steps the events on the step are
    taken in part, which is what a prescale does, so that coarse and fine scores are compared at
    the same rate. `metrics.compare` takes it in a function that hands it the resampled rates::

        def at_rate(test):
            return lambda drawn: efficiency_at(
                test.scores, test.labels, test.weighted(drawn), wanted, total
            )

        compare(at_rate, scores, other_scores, labels, weights=weights, events=chunks(events))

    Parameters
    ----------
    scores, labels, weights
        Scores; 1 for signal and 0 for background; rates [kHz] of the background events, any
        common factor for the signal.
    wanted
        Rate of background [kHz].
    total
        Rate of all background [kHz], to which the weights are scaled: it is known from the
        machine, and does not fluctuate when events are resampled.

    Returns
    -------
    float
        Between 0 and 1; NaN where there is no signal or no background.

    Raises
    ------
    ValueError
        If the rate is not between zero and the rate of all events, or a score is not finite.

    Examples
    --------
    Five of ten kHz: all signal above 3, and half of that at 3.

    >>> labels, weights = [0, 0, 1, 1], [4.0, 6.0, 1.0, 1.0]
    >>> efficiency_at([4, 1, 5, 1], labels, weights, 7.0, 10.0)
    0.75
    """
    score, weight = np.asarray(scores, float), np.asarray(weights, float)
    signal = np.asarray(labels) == 1
    # With eight chunks a resampling now and then draws none.
    if min(weight[signal].sum(), weight[~signal].sum()) <= 0:
        return float("nan")
    background = weight[~signal] * (total / weight[~signal].sum())
    values, above, with_step = _rate_steps(score[~signal], background, wanted)
    place = np.flatnonzero(above <= wanted)[-1]
    cut = values[place]
    share = (wanted - above[place]) / (with_step[place] - above[place])
    passed = (score[signal] > cut) + share * (score[signal] == cut)
    return float(np.average(passed, weights=weight[signal]))


def _rate_steps(
    scores: ArrayLike, weights: ArrayLike, wanted: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Distinct scores, falling; rate strictly above each; rate with the step itself."""
    score, weight = np.asarray(scores, float), np.asarray(weights, float)
    if not np.isfinite(score).all():
        raise ValueError("scores hold NaN or infinity: a trigger must decide on every event")
    counted = weight > 0
    values, step = np.unique(-score[counted], return_inverse=True)
    with_step = np.cumsum(np.bincount(step, weight[counted])).astype(np.float64)
    if not 0 < wanted < with_step[-1]:
        raise ValueError(f"{wanted:g} kHz is not between 0 and all events, {with_step[-1]:g} kHz")
    return -values, np.concatenate([[0.0], with_step[:-1]]), with_step


def rate(passed: ArrayLike, weights: ArrayLike, groups: ArrayLike) -> Estimate:
    """Rate of the events that pass [kHz], with a bootstrap of whole chunks.

    Parameters
    ----------
    passed
        Decision of each event.
    weights
        Rates [kHz] of the events.
    groups
        Chunk of each event; the sum of all weights is held fixed, as the machine fixes it.

    Returns
    -------
    Estimate
        With its interval of 95 %.

    Raises
    ------
    ValueError
        Below `FEWEST` effective events: use `extrapolated`, which adds the error of the model.
    """
    taken, weight = np.asarray(passed, bool), np.asarray(weights, float)
    effective = effective_events(weight[taken])
    if effective < FEWEST:
        raise ValueError(
            f"{effective:.0f} effective events pass, fewer than {FEWEST}: too few to measure a "
            "rate; extrapolate it with its uncertainty"
        )

    def statistic(drawn: NDArray) -> float:
        return weight.sum() * (weight * drawn)[taken].sum() / (weight * drawn).sum()

    # Eight chunks tell a spread to a quarter: never below that of the events themselves.
    spread = max(float(_spread(statistic, groups)), float(np.sqrt((weight[taken] ** 2).sum())))
    value, reach = weight[taken].sum(), _REACH * spread
    return Estimate(value, max(value - reach, 0.0), value + reach, _METHOD)


def rate_ratio(
    passed: ArrayLike, weights: ArrayLike, factors: ArrayLike, groups: ArrayLike
) -> Estimate:
    """By what factor a rate changes if each event becomes more or less frequent.

    Both rates are those of the same events, so that their ratio is known better than either.

    Parameters
    ----------
    passed, weights, groups
        As in `rate`.
    factors
        Change of the frequency of each event, such as `pileup_weights`.

    Returns
    -------
    Estimate
        With its interval of 95 %, from a bootstrap of whole chunks.
    """
    taken, weight = np.asarray(passed, bool), np.asarray(weights, float)
    changed = weight * np.asarray(factors, float)

    def statistic(drawn: NDArray) -> float:
        return float((changed * drawn)[taken].sum() / (weight * drawn)[taken].sum())

    value, reach = statistic(np.ones(len(taken))), _REACH * float(_spread(statistic, groups))
    return Estimate(value, value - reach, value + reach, _METHOD)


def extrapolated(scores: ArrayLike, weights: ArrayLike, cut: float, groups: ArrayLike) -> Estimate:
    """Rate above a threshold beyond the events, from the tail that can be measured [kHz].

    Above the point u where `FEWEST` effective events are left, the rate falls as R(u) exp(−(s − u)
    / a) or as R(u) (s / u)^−b; a and 1 / b are the weighted means of s − u and of log(s / u). A
    tail of independent objects is of neither form exactly. The value is the geometric mean of the
    two, the interval holds the 95 % bootstrap interval of both: the difference is the error of the
    model.

    Parameters
    ----------
    scores
        Scores above zero.
    weights, groups
        As in `rate`.
    cut
        Threshold, at u or beyond.

    Returns
    -------
    Estimate
        With an interval that holds those of both forms.

    Raises
    ------
    ValueError
        If the threshold lies where the rate can be measured, or scores are not above zero there.
    """
    score, weight = np.asarray(scores, float), np.asarray(weights, float)
    start = _tail_start(score, weight)
    if not 0 < start <= cut:
        raise ValueError(f"the tail begins at {start:g}; the threshold {cut:g} must not lie below")
    tail = score > start
    # Distances from the start: in units of s an exponential tail has one mean, in log s a power.
    distances = np.stack([score[tail] - start, np.log(score[tail] / start)])
    wanted = np.array([cut - start, np.log(cut / start)])

    def log_rates(drawn: NDArray) -> NDArray:
        drawn_weight = weight * drawn
        in_tail = drawn_weight[tail]
        if in_tail.sum() <= 0:
            return np.full(2, np.nan)
        start_rate = weight.sum() * in_tail.sum() / drawn_weight.sum()
        return np.log(start_rate) - wanted / np.average(distances, axis=1, weights=in_tail)

    both, reach = log_rates(np.ones(len(score))), _REACH * _spread(log_rates, groups)
    value, low, high = np.exp([both.mean(), (both - reach).min(), (both + reach).max()]).tolist()
    return Estimate(value, low, high, f"exponential and power-law tail, {_METHOD}")


def _tail_start(score: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Score above which `FEWEST` effective events are left, and from which on there are more."""
    order = np.argsort(-score)
    falling = weight[order]
    effective = np.cumsum(falling) ** 2 / np.maximum(np.cumsum(falling**2), 1e-300)
    # One heavy event can lower the number again: the tail begins where it stays high enough.
    first = int(np.flatnonzero(effective < FEWEST)[-1]) + 1
    if first == len(score):
        raise ValueError(f"the sample has fewer than {FEWEST} effective events")
    return score[order][first]


def _spread(statistic: Callable[[NDArray], ArrayLike], groups: ArrayLike) -> NDArray[np.float64]:
    """Standard deviation of a statistic, whole chunks being resampled."""
    with np.errstate(invalid="ignore"):  # a resampling that drew no chunk is left out
        return resample(statistic, len(np.asarray(groups)), groups).std(axis=0, ddof=1)


def pileup_weights(events: ak.Array, mean: float) -> NDArray[np.float64]:
    """Factors that turn the sample's pileup of 50 into another mean.

    The number of collisions is Poisson distributed, so that the factor is a ratio of two Poisson
    probabilities: exact for the crossing itself. A hard process also becomes more frequent, as
    mean / 50, and its own collision is not part of the pileup. Collisions in the crossings before
    and after stay at 50.

    Parameters
    ----------
    events
        Array with `process` and `interactions`.
    mean
        Mean number of inelastic collisions per crossing; far from 50 few events carry all weight.

    Returns
    -------
    ndarray
        Shape (n,).

    Examples
    --------
    >>> events = ak.Array({"process": [0, 0], "interactions": [50, 60]})
    >>> pileup_weights(events, 55.0).round(2).tolist()
    [0.79, 2.05]
    """
    hard = ak.to_numpy(events["process"]) != rates.ZERO_BIAS
    number = ak.to_numpy(events["interactions"]).astype(float) - hard
    ratio = mean / rates.PILEUP
    factor = np.exp(number * np.log(ratio) - (mean - rates.PILEUP))
    return np.where(hard, factor * ratio, factor)
