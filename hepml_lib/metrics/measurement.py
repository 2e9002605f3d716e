"""The one engine of all figures: a metric, its interval, and the comparison of two methods.

A metric is a function from scored events to a `Statistic`: the figure as a function of how often
each event is taken. `measure` takes it to an `Estimate` and `compare` to the paired difference of
two methods; `metric` makes of the function what a notebook calls::

    @metric("scores", "labels")
    def mean_signal(test: Scored) -> Statistic:
        signal = np.asarray(test.labels) == 1
        return Statistic(
            lambda drawn: np.average(test.scores, weights=test.weighted(drawn) * signal)
        )

    mean_signal(scores, labels, events=events)
    compare(mean_signal, scores, other_scores, labels, events=events)
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.metrics.estimate import Estimate, normal
from hepml_lib.metrics.resampling import resample
from hepml_lib.metrics.scored import Scored

__all__ = ["Statistic", "compare", "measure", "metric"]


@dataclass(frozen=True)
class Statistic:
    """A figure of one test sample, and how its interval is made.

    Parameters
    ----------
    evaluate : callable
        Takes how often each row is drawn (uint8, shape (events,); None: each once); returns a
        number, or an array.
    interval : callable
        Takes the value, its standard deviation under resampling, the method in words and the
        confidence level; returns the result, such as `normal` or `fraction` of `estimate`.
    quoted : callable, optional
        Monotone function of the value and the ends that is quoted in their place: a rejection is
        the inverse of the fraction that is resampled.
    exact : callable, optional
        Result as a function of the confidence level where no resampling is needed.
    """

    evaluate: Callable[[np.ndarray | None], Any]
    interval: Callable[[Any, Any, str, float], Any] = normal
    quoted: Callable[[Any], Any] | None = None
    exact: Callable[[float], Any] | None = None

    def quote(self, drawn: np.ndarray | None) -> float:
        """The quoted figure of resampled events.

        Parameters
        ----------
        drawn : ndarray of uint8, shape (events,), or None
            How often each row is drawn; None for the events as they are.

        Returns
        -------
        float
            The value, or `quoted` of it.
        """
        value = self.evaluate(drawn)
        return value if self.quoted is None else self.quoted(value)


def measure(
    metric: Callable[..., Any],
    test: Scored,
    *,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
    **options: Any,
) -> Any:
    """Figure of scored events with the interval of an event bootstrap.

    Parameters
    ----------
    metric : callable
        A metric of this package, or any function ``metric(test, **options)`` that returns a
        `Statistic`, or the callable that would be its `evaluate`.
    test : Scored
        The events.
    replicas : int
        Number of resamplings; the spread of 200 is known to 5 %.
    seed : int, optional
        Seed of the resampling; by default the stream of ``HEPML_SEED``.
    level : float
        Confidence level of the interval.
    **options
        Handed to the metric.

    Returns
    -------
    Estimate
        Or what else the `interval` of the statistic makes, such as a `Band`.

    Raises
    ------
    ValueError
        If the metric refuses the events, or more than one resampling in twenty is undefined.

    Examples
    --------
    The mean of 900 normal numbers is known to 1.96 / 30 = 0.065:

    >>> test = Scored(np.random.default_rng(1).normal(size=900))
    >>> def mean(test):
    ...     return lambda drawn: np.average(test.scores, weights=test.weighted(drawn))
    >>> round(measure(mean, test).half_width, 2)
    0.07
    """
    statistic = _statistic(metric, test, options)
    if statistic.exact is not None:
        return statistic.exact(level)
    values = resample(statistic.evaluate, test.size, test.events, replicas, seed)
    spread = np.std(values, axis=0, ddof=1)
    method = f"event bootstrap, {replicas} replicas"
    result = statistic.interval(statistic.evaluate(None), spread, method, level)
    return result if statistic.quoted is None else result.transformed(statistic.quoted)


def compare(
    metric: Callable[..., Any],
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
    events: ArrayLike | None = None,
    ratio: bool = False,
    replicas: int = 200,
    seed: int | None = None,
    level: float = 0.95,
    **options: Any,
) -> Estimate:
    """How much better method A is than method B, both measured on the same resampled events.

    Two taggers find the same jets hard, so their figures move together under resampling, and the
    difference is known better than either. It covers the finite test sample only; the scatter from
    training anew comes from a seed study.

    Parameters
    ----------
    metric : callable
        A metric of this package such as `auc`, `rejection` or `macro_auc`, or a function as
        `measure` takes it.
    scores_a, scores_b : array_like of float, shape (events,) or (events, classes)
        Scores of both methods for the same events, in the same order; scales may differ.
    labels : array_like, shape (events,), optional
        1 for signal and 0 for background, or the class of each event.
    weights : array_like of float, shape (events,), optional
        Event weights.
    events : array_like, shape (events,), optional
        Event identity: rows of one event, such as its jets, are resampled together.
    ratio : bool
        A/B with a null of 1, in place of A − B with a null of 0; natural for a rejection.
    replicas : int
        Number of resamplings; the spread of 200 is known to 5 %.
    seed : int, optional
        Seed of the resampling; by default the stream of ``HEPML_SEED``.
    level : float
        Confidence level of the interval.
    **options
        Handed to the metric, such as ``efficiency=0.3``.

    Returns
    -------
    Estimate
        With `p_value`: the fraction of resamplings in which A is not better than B, one added to
        numerator and denominator.

    Raises
    ------
    ValueError
        If the metric refuses the events, or the ratio of figures that are not above zero is asked.

    Examples
    --------
    Twice the noise: the area falls from Φ(1/√2) = 0.760 to Φ(1/√8) = 0.638.

    >>> from hepml_lib.metrics import auc
    >>> rng = np.random.default_rng(1)
    >>> labels = np.arange(20_000) % 2
    >>> good = rng.normal(labels)
    >>> poor = good + rng.normal(0, np.sqrt(3), len(good))
    >>> difference = compare(auc, good, poor, labels)
    >>> difference.contains(0.760 - 0.638), difference.p_value < 0.01
    (True, True)
    """
    tests = [Scored(scores, labels, weights, events) for scores in (scores_a, scores_b)]
    statistics = [_statistic(metric, test, options) for test in tests]

    def both(drawn: np.ndarray | None) -> list[float]:
        return [statistic.quote(drawn) for statistic in statistics]

    a, b = both(None)
    values = resample(both, tests[0].size, events, replicas, seed)
    p_value = (1 + int(np.sum(values[:, 0] <= values[:, 1]))) / (1 + len(values))
    method = f"paired event bootstrap, {replicas} replicas"
    if not ratio:
        difference = normal(a - b, np.std(values[:, 0] - values[:, 1], ddof=1), method, level)
        return Estimate(a - b, difference.low, difference.high, method, level, p_value)
    if min(a, b, values.min()) <= 0:
        raise ValueError("a ratio needs figures above zero; take the difference")
    spread = np.std(np.log(values[:, 0] / values[:, 1]), ddof=1)
    factor = np.exp(normal(0.0, spread, method, level).high)
    return Estimate(a / b, a / b / factor, a / b * factor, method, level, p_value)


def _statistic(metric: Callable[..., Any], test: Scored, options: dict[str, Any]) -> Statistic:
    # A metric of this package is wrapped by `metric`; its definition lies below.
    statistic = inspect.unwrap(metric)(test, **options)
    return statistic if isinstance(statistic, Statistic) else Statistic(statistic)


_DOCUMENTED = {
    "scores": """
        scores : array_like of float, shape (events,)
            Larger for what looks like signal; any scale.""",
    "labels": """
        labels : array_like, shape (events,)
            1 for signal, 0 for background.""",
    "resampling": """
        weights : array_like of float, shape (events,), optional
            Event weights.
        events : array_like, shape (events,), optional
            Event identity: rows of one event, such as its jets, are resampled together.
        replicas : int
            Number of resamplings; the spread of 200 is known to 5 %.
        seed : int, optional
            Seed of the resampling; by default the stream of ``HEPML_SEED``.
        level : float
            Confidence level of the interval.""",
}


def metric(*arrays: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make of a definition ``definition(test, **options)`` the call of a metric.

    The call takes the arrays, then the options of the definition, and by keyword `weights`,
    `events`, `replicas`, `seed` and `level`; it returns what `measure` returns.

    Parameters
    ----------
    *arrays : str
        Names of the first arguments of the call, which become `Scored.scores` and `Scored.labels`.
        In the docstring, ``{scores}``, ``{labels}`` and ``{resampling}`` stand for the description
        of the arguments that all metrics share.

    Returns
    -------
    callable
        The decorator.

    Examples
    --------
    >>> @metric("values")
    ... def mean(test):
    ...     return lambda drawn: np.average(test.scores, weights=test.weighted(drawn))
    >>> print(mean(np.arange(101.0), seed=1, level=0.6827))
    50.0 [47.0, 53.0]
    """

    def decorate(definition: Callable[..., Any]) -> Callable[..., Any]:
        signature = _signature(arrays, definition)

        @functools.wraps(definition)
        def call(*arguments: Any, **options: Any) -> Any:
            given = signature.bind(*arguments, **options).arguments
            columns = {name: given.pop(name, None) for name in ("weights", "events")}
            test = Scored(*(given.pop(name) for name in arrays), **columns)
            return measure(definition, test, **given)

        call.__signature__ = signature  # type: ignore[attr-defined]
        for name, text in _DOCUMENTED.items():
            lines = textwrap.indent(textwrap.dedent(text).strip(), "    ").strip()
            call.__doc__ = (call.__doc__ or "").replace(f"{{{name}}}", lines)
        return call

    return decorate


def _signature(arrays: tuple[str, ...], definition: Callable[..., Any]) -> inspect.Signature:
    """Arguments of the call of a metric: arrays, own options, then those that all share."""
    own = list(inspect.signature(definition).parameters.values())[1:]
    shared = inspect.signature(compare).parameters
    return inspect.Signature(
        [
            *(inspect.Parameter(x, inspect.Parameter.POSITIONAL_OR_KEYWORD) for x in arrays),
            *own,
            *(shared[x] for x in ("weights", "events", "replicas", "seed", "level")),
        ]
    )
