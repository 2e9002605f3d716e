"""Properties that a right answer must have, each of which says what is wrong when it fails."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "Property",
    "UnansweredError",
    "agrees_with",
    "close_to",
    "closure",
    "covers",
    "invariant",
    "monotonic",
]


class UnansweredError(Exception):
    """The reader has not written the answer yet."""


@dataclass(frozen=True)
class Property:
    """Something that a right answer has.

    Parameters
    ----------
    text : str
        The property, as the end of a sentence that starts with "the answer".
    fault : callable
        Takes the answer; returns what is wrong with it, or an empty string. It may call the answer,
        which then gets copies of the inputs; one that returns ``...`` counts as not answered.

    Examples
    --------
    >>> def doubled(answer):
    ...     return "" if answer(2) == 2 * answer(1) else "it is not twice as large"
    >>> Property("is proportional to its input", doubled).fault(lambda x: x + 1)
    'it is not twice as large'
    """

    text: str
    fault: Callable[[Any], str]


def asked(answer: Any) -> Any:
    """The answer; a function gets copies of its inputs, and must return something.

    Raises
    ------
    UnansweredError
        When it is called and returns ``...`` or None.
    """
    if not callable(answer):
        return answer

    @functools.wraps(answer)
    def ask(*inputs: Any) -> Any:
        given = answer(*copy.deepcopy(inputs))
        if given is None or given is ...:
            raise UnansweredError
        return given

    return ask


def _values(answer: Any, *inputs: Any) -> np.ndarray:
    """What the answer gives for the inputs; a value is taken as it is."""
    return np.asarray(answer(*inputs) if callable(answer) else answer, float)


def _shape_fault(given: np.ndarray, shape: tuple[int, ...]) -> str:
    if given.shape != shape:
        return f"it has shape {given.shape} where {shape} is expected"
    if not np.isfinite(given).all():
        return f"{np.count_nonzero(~np.isfinite(given))} of {given.size} entries are not finite"
    return ""


def close_to(value: ArrayLike, tolerance: float, *inputs: Any, text: str = "") -> Property:
    """The answer is a known value.

    Parameters
    ----------
    value : array_like of float
        What it should be, of any shape.
    tolerance : float
        Allowed distance, in the unit of the value.
    *inputs
        Arguments with which the answer is called, if it is a function.
    text : str
        The property in words, as in `Property`; by default a general phrase.

    Returns
    -------
    Property
        It holds if the shape is the same and every entry is close.
    """
    expected = np.asarray(value, float)

    def fault(answer: Any) -> str:
        given = _values(answer, *inputs)
        if problem := _shape_fault(given, expected.shape):
            return problem
        far = np.abs(given - expected) > tolerance
        if not far.any():
            return ""
        if expected.ndim:
            return f"{far.sum()} of {far.size} entries are off by more"
        return f"{given:.4g} is too {'large' if given > expected else 'small'}"

    return Property(text or f"is the expected number within {tolerance:g}", fault)


def agrees_with(
    reference: Callable[..., Any], inputs: Sequence[Any], tolerance: float, *, text: str = ""
) -> Property:
    """The answer agrees with an independent function on the same inputs.

    Parameters
    ----------
    reference : callable
        Another way to the answer, called with `inputs`: slower, more general or from another
        library.
    inputs : sequence
        Arguments of one call.
    tolerance : float
        Allowed distance, relative to the largest value of the reference.
    text : str
        The property in words, as in `Property`; by default a general phrase.

    Returns
    -------
    Property
        It holds if all values agree.
    """

    def fault(answer: Any) -> str:
        expected = np.asarray(reference(*copy.deepcopy(tuple(inputs))), float)
        given = _values(answer, *inputs)
        if problem := _shape_fault(given, expected.shape):
            return problem
        distance = np.abs(given - expected)
        if distance.max() <= tolerance * np.abs(expected).max():
            return ""
        worst = np.unravel_index(int(np.argmax(distance)), distance.shape)
        where = f", most at entry {', '.join(map(str, worst))}" if worst else ""
        off = np.count_nonzero(distance > tolerance * np.abs(expected).max())
        return f"{off} of {distance.size} values differ{where}"

    return Property(text or "agrees with an independent calculation", fault)


def closure(
    inputs: Sequence[Any],
    truth: ArrayLike,
    tolerance: float,
    *,
    groups: ArrayLike | None = None,
    text: str = "",
) -> Property:
    """The answer gives back the known truth on average: |⟨answer⟩/⟨truth⟩ − 1| ≤ tolerance.

    Parameters
    ----------
    inputs : sequence
        Arguments of one call, which returns one value per event.
    truth : array_like, shape (events,)
        What it should give on average.
    tolerance : float
        Allowed relative distance of the means.
    groups : array_like, shape (events,), optional
        Bin of each event, such as one of truth momentum: closure is then asked in every bin, which
        an answer that is right only on the whole fails.
    text : str
        The property in words, as in `Property`; by default a general phrase.

    Returns
    -------
    Property
        It holds if the means agree, in every bin if there are `groups`.
    """
    known = np.asarray(truth, float)
    bins = np.zeros(known.shape) if groups is None else np.asarray(groups)

    def fault(answer: Any) -> str:
        given = _values(answer, *inputs)
        if problem := _shape_fault(given, known.shape):
            return problem
        off = {b: given[bins == b].mean() / known[bins == b].mean() - 1 for b in np.unique(bins)}
        worst = max(off, key=lambda b: abs(off[b]))
        if abs(off[worst]) <= tolerance:
            return ""
        place = "" if groups is None else f" in bin {worst}"
        return f"it is {abs(off[worst]):.2%} too {'high' if off[worst] > 0 else 'low'}{place}"

    where = "" if groups is None else " in every bin"
    return Property(text or f"gives back the truth on average{where} within {tolerance:.2g}", fault)


def invariant(
    inputs: Sequence[Any],
    under: Callable[..., Sequence[Any]],
    tolerance: float = 1e-9,
    *,
    text: str = "",
) -> Property:
    """The answer does not change under a transformation of its arguments.

    Parameters
    ----------
    inputs : sequence
        Arguments of one call.
    under : callable
        Takes the arguments of a call and returns the transformed ones.
    tolerance : float
        Allowed change, relative to the largest value.
    text : str
        The property in words, as in `Property`; by default it names the transformation.

    Returns
    -------
    Property
        It holds for a constant too: ask for something else besides.
    """

    def fault(answer: Any) -> str:
        before = _values(answer, *inputs)
        after = _values(answer, *under(*copy.deepcopy(tuple(inputs))))
        if problem := _shape_fault(before, after.shape) or _shape_fault(after, before.shape):
            return problem
        change = np.abs(after - before).max() / max(np.abs(before).max(), 1e-300)
        return "" if change <= tolerance else f"it changes by {change:.2g} of its size"

    return Property(text or f"is unchanged under {_words(under)}", fault)


def monotonic(inputs: Sequence[Any], *, increasing: bool = True, text: str = "") -> Property:
    """The values of one call rise (or fall) strictly from each entry to the next.

    Parameters
    ----------
    inputs : sequence
        Arguments of one call, which returns two values or more, shape (n,).
    increasing : bool
        Whether they should rise, or fall.
    text : str
        The property in words, as in `Property`; by default a general phrase.

    Returns
    -------
    Property
        It holds if no entry equals or passes the next.
    """
    word = "rises" if increasing else "falls"

    def fault(answer: Any) -> str:
        given = _values(answer, *inputs)
        if problem := _shape_fault(given, given.shape):
            return problem
        if given.ndim != 1 or len(given) < 2:
            return f"it has shape {given.shape}, which cannot rise or fall"
        steps = np.diff(given) if increasing else -np.diff(given)
        wrong = np.flatnonzero(steps <= 0)
        return f"not between entries {wrong[0]} and {wrong[0] + 1}" if len(wrong) else ""

    return Property(text or f"{word} all along", fault)


def covers(
    toys: Sequence[Sequence[Any]],
    truth: float,
    level: float,
    *,
    slack: float = 0.02,
    text: str = "",
) -> Property:
    """The answer gives intervals that hold the truth as often as they say.

    Parameters
    ----------
    toys : sequence
        Arguments of one call per toy experiment; the answer returns ``(low, high)``. A thousand
        toys tell an interval that is 30 % too narrow from a right one.
    truth : float
        True value in every toy.
    level : float
        Promised coverage. Too much of it fails as well.
    slack : float
        Added to four standard errors of the observed coverage.
    text : str
        The property in words, as in `Property`; by default a general phrase.

    Returns
    -------
    Property
        It holds if the observed coverage is the promised one.
    """

    def fault(answer: Any) -> str:
        intervals = np.stack([_values(answer, *toy) for toy in toys])
        if problem := _shape_fault(intervals, (len(toys), 2)):
            return problem
        if (intervals[:, 0] > intervals[:, 1]).any():
            return "the lower end of an interval lies above the upper end"
        observed = np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))
        allowed = slack + 4 * np.sqrt(level * (1 - level) / len(toys))
        if abs(observed - level) <= allowed:
            return ""
        much = "often: the intervals are too wide" if observed > level else "rarely: too narrow"
        return f"the truth lies in {observed:.1%} of {len(toys)} intervals, too {much}"

    return Property(text or f"covers the truth in {level:.1%} of the experiments", fault)


def _words(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "")
    return name.replace("_", " ") if name not in ("", "<lambda>") else "the transformation"
