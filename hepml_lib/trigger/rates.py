"""Rates of a trigger from weighted events: thresholds, intervals, and what lies beyond the sample.

Weights are kHz per event, from `samples.rates.crossing_weights`. Events share pileup collisions
inside a chunk of the sample; intervals of rates therefore resample whole chunks.
"""

from __future__ import annotations

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
    "growth",
    "pileup_weights",
    "rate",
    "threshold",
]

FEWEST = 100
"""Effective events below which no rate is quoted as measured."""

_CHUNK = 10**6


def chunks(events: ak.Array) -> NDArray[np.int64]:
    """Chunk of each event of `trigger_events`: events of one chunk share their pileup pool.

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

    Raises
    ------
    ValueError
        If the rate is not between zero and the rate of all events.

    Examples
    --------
    >>> threshold([1, 2, 3, 4], [10, 10, 10, 10], 20)
    2.0
    """
    values, above, _ = _steps(scores, weights, wanted)
    return float(values[np.flatnonzero(above <= wanted * (1 + 1e-12))[-1]])


def efficiency_at(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike, wanted: float, total: float
) -> float:
    """Signal efficiency at exactly a background rate; a metric for `metrics.compare`.

    Scores made of hardware integers come in steps. Between two steps the events on the step are
    taken in part, which is what a prescale does, so that coarse and fine scores are compared at
    the same rate.

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
    values, above, with_step = _steps(score[~signal], background, wanted)
    place = np.flatnonzero(above <= wanted)[-1]
    cut = values[place]
    share = (wanted - above[place]) / (with_step[place] - above[place])
    passed = (score[signal] > cut) + share * (score[signal] == cut)
    return float(np.average(passed, weights=weight[signal]))


def _steps(
    scores: ArrayLike, weights: ArrayLike, wanted: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Distinct scores, falling; rate strictly above each; rate with the step itself."""
    score, weight = np.asarray(scores, float), np.asarray(weights, float)
    if not np.isfinite(score).all():
        raise ValueError("scores hold NaN or infinity: a trigger must decide on every event")
    kept = weight > 0
    values, step = np.unique(-score[kept], return_inverse=True)
    with_step = np.cumsum(np.bincount(step, weight[kept])).astype(np.float64)
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

    Raises
    ------
    ValueError
        Below `FEWEST` effective events: use `extrapolated`, which adds the error of the model.
    """
    keep, weight = np.asarray(passed, bool), np.asarray(weights, float)
    effective = effective_events(weight[keep])
    if effective < FEWEST:
        raise ValueError(
            f"{effective:.0f} effective events pass, fewer than {FEWEST}: too few to measure a "
            "rate; extrapolate it with its uncertainty"
        )
    value = weight[keep].sum()
    with np.errstate(invalid="ignore"):  # a resampling that drew no chunk is left out
        spread = np.std(
            resample(
                lambda drawn: weight.sum() * (weight * drawn)[keep].sum() / (weight * drawn).sum(),
                len(weight),
                groups,
            ),
            ddof=1,
        )
    # Eight chunks tell a spread to a quarter: never below that of the events themselves.
    spread = max(float(spread), float(np.sqrt((weight[keep] ** 2).sum())))
    reach = 1.96 * spread
    return Estimate(value, max(value - reach, 0.0), value + reach, "bootstrap of chunks")


def growth(
    passed: ArrayLike, weights: ArrayLike, factors: ArrayLike, groups: ArrayLike
) -> Estimate:
    """How much a rate grows if each event becomes more or less frequent, with a bootstrap.

    Both rates are those of the same events, so that their ratio is known better than either.

    Parameters
    ----------
    passed, weights, groups
        As in `rate`.
    factors
        Change of the frequency of each event, such as `pileup_weights`.
    """
    keep, weight = np.asarray(passed, bool), np.asarray(weights, float)
    changed = weight * np.asarray(factors, float)

    def ratio(drawn: np.ndarray) -> float:
        return float((changed * drawn)[keep].sum() / (weight * drawn)[keep].sum())

    value = ratio(np.ones(len(keep)))
    with np.errstate(invalid="ignore"):  # a resampling that drew no chunk is left out
        reach = 1.96 * float(resample(ratio, len(keep), groups).std(ddof=1))
    return Estimate(value, value - reach, value + reach, "bootstrap of chunks")


def extrapolated(scores: ArrayLike, weights: ArrayLike, cut: float, groups: ArrayLike) -> Estimate:
    """Rate above a threshold beyond the events, from the tail that can be measured [kHz].

    Above the point u where `FEWEST` effective events are left, the rate falls as R(u) exp(−(s − u)
    / a) or as R(u) (s / u)^−b; a and b are the weighted means of s − u and of log(s / u). A tail of
    independent objects is of neither form exactly. The value is the geometric mean of the two, the
    interval holds the 95 % bootstrap interval of both: the difference is the error of the model.

    Parameters
    ----------
    scores
        Scores above zero.
    weights, groups
        As in `rate`.
    cut
        Threshold, at u or beyond.

    Raises
    ------
    ValueError
        If the threshold lies where the rate can be measured, or scores are not above zero there.
    """
    score, weight = np.asarray(scores, float), np.asarray(weights, float)
    order = np.argsort(-score)
    running = np.cumsum(weight[order]) ** 2 / np.maximum(np.cumsum(weight[order] ** 2), 1e-300)
    # One heavy event can lower the number again: the tail begins where it stays high enough.
    beyond = int(np.flatnonzero(running < FEWEST)[-1]) + 1
    if beyond == len(score):
        raise ValueError(f"the sample has fewer than {FEWEST} effective events")
    start = score[order][beyond]
    if not 0 < start <= cut:
        raise ValueError(f"the tail begins at {start:g}; the threshold {cut:g} must not lie below")
    tail = score > start
    excess, ratio = score[tail] - start, np.log(score[tail] / start)

    def logarithms(drawn: np.ndarray) -> tuple[float, float]:
        drawn_weight = weight * drawn
        left = drawn_weight[tail]
        if left.sum() <= 0:
            return np.nan, np.nan
        base = np.log(weight.sum() * left.sum() / drawn_weight.sum())
        steep, power = np.average(excess, weights=left), np.average(ratio, weights=left)
        return base - (cut - start) / steep, base - np.log(cut / start) / power

    best = np.array(logarithms(np.ones(len(score))))
    spread = resample(logarithms, len(score), groups).std(axis=0, ddof=1)
    low, high = (best - 1.96 * spread).min(), (best + 1.96 * spread).max()
    return Estimate(
        float(np.exp(best.mean())),
        float(np.exp(low)),
        float(np.exp(high)),
        "exponential and power-law tail, bootstrap of chunks",
    )


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
