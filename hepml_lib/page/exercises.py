"""Exercises graded by their physics: right is what has the properties it must have.

`check` tests an answer against properties, says which hold, and never shows a solution. The cell of
the reader holds ``...`` and is "not answered yet", which fails nothing; the cell of the hidden
solution runs the same check with ``required=True``, so the book does not build unless it holds.
`rejects` shows that the properties also tell a plausible wrong answer. The kinds of property are
those of `hepml_lib.page.properties`, all of which can be had from here.
"""

from __future__ import annotations

import html
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hepml_lib.page.properties import (
    Property,
    UnansweredError,
    agrees_with,
    asked,
    close_to,
    closure,
    covers,
    invariant,
    monotonic,
)

__all__ = [
    "Property",
    "Verdict",
    "agrees_with",
    "check",
    "close_to",
    "closure",
    "covers",
    "invariant",
    "monotonic",
    "rejects",
]

_attempts: Counter[str] = Counter()


@dataclass(frozen=True)
class Verdict:
    """Outcome of a check: true when every property holds; displays itself as a list.

    Attributes
    ----------
    passed
        Whether every property holds.
    lines
        What is shown: the outcome, then a line for each property.
    """

    passed: bool
    lines: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        first, *rest = (html.escape(line.strip()) for line in self.lines)
        listed = "".join(f"<li>{line}</li>" for line in rest)
        return f"<p>{first}</p>" + (f"<ul>{listed}</ul>" if listed else "")


def check(
    name: str,
    answer: Any,
    properties: Sequence[Property],
    *,
    hints: Sequence[str] = (),
    required: bool = False,
) -> Verdict:
    """Grade an answer by its properties.

    Parameters
    ----------
    name : str
        Name of the exercise.
    answer : object
        A function or a value. ``...``, ``None``, a function that returns one of these, and one that
        raises NotImplementedError count as not answered.
    properties : sequence of Property
        Tested in order, each on fresh copies of its inputs.
    hints : sequence of str
        One more is shown after each wrong attempt, while the kernel runs.
    required : bool
        For the cell of a solution: raise unless every property holds.

    Returns
    -------
    Verdict
        End the cell with the call, and it is shown.

    Raises
    ------
    AssertionError
        With `required`, if the answer is missing or wrong.

    Examples
    --------
    >>> wanted = [close_to(0.5, 0.01)]
    >>> check("efficiency", 0.503, wanted)
    ✓ efficiency: every property holds
      ✓ the answer is the expected number within 0.01
    >>> check("efficiency", ..., wanted)
    ○ efficiency: not answered yet
    """
    try:
        if answer is None or answer is ...:
            raise UnansweredError
        faults = [_fault(wanted, answer) for wanted in properties]
    except UnansweredError:
        verdict = Verdict(False, (f"○ {name}: not answered yet",))
    else:
        lines = [
            f"  ✗ the answer {wanted.text}: {fault}" if fault else f"  ✓ the answer {wanted.text}"
            for wanted, fault in zip(properties, faults, strict=True)
        ]
        if any(faults):
            _attempts[name] += 1
            held = faults.count("")
            lines.insert(0, f"✗ {name}: {held} of {len(faults)} properties hold")
            lines += [f"  hint: {hint}" for hint in hints[: _attempts[name]]]
        else:
            lines.insert(0, f"✓ {name}: every property holds")
        verdict = Verdict(not any(faults), tuple(lines))
    if required and not verdict:
        raise AssertionError(f"{verdict}")
    return verdict


def rejects(properties: Sequence[Property], wrong: Mapping[str, Any]) -> bool:
    """Whether the properties tell every wrong answer from a right one.

    Parameters
    ----------
    properties : sequence of Property
        Those that the exercise checks.
    wrong : mapping
        The mistake, in words → an answer that makes it.

    Returns
    -------
    bool
        True; else it raises.

    Raises
    ------
    AssertionError
        Naming the wrong answers that pass, or that do not even run: a crash is no plausible answer.
    """
    passing, broken = [], []
    for mistake, answer in wrong.items():
        try:
            faults = [_fault(wanted, answer) for wanted in properties]
        except UnansweredError:
            faults = [_STOPPED]
        if not any(faults):
            passing.append(mistake)
        if any(fault.startswith(_STOPPED) for fault in faults):
            broken.append(mistake)
    if passing or broken:
        raise AssertionError(f"accepted although wrong: {passing}; does not run: {broken}")
    return True


_STOPPED = "it stopped with "


def _fault(wanted: Property, answer: Any) -> str:
    """What is wrong with the answer, any exception of its own included."""
    try:
        return wanted.fault(asked(answer))
    except UnansweredError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        name = getattr(answer, "__name__", None)
        # Of its own, not from inside a library that it calls.
        if isinstance(error, NotImplementedError) and frames[-1].name == name:
            raise UnansweredError from None
        lines = [frame.lineno for frame in frames if frame.name == name]
        where = f" (line {lines[-1]} of {name})" if lines else ""
        return f"{_STOPPED}{type(error).__name__}: {error}{where}"
