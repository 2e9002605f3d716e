from __future__ import annotations

import numpy as np
import pytest

from hepml_lib.metrics import clopper_pearson
from hepml_lib.page import exercises

RNG = np.random.default_rng(1)
PT = RNG.exponential(40, 5000) + 20
RESPONSE = 0.8 + 0.1 * np.log10(PT / 20)
MEASURED = PT * RESPONSE * RNG.normal(1, 0.1, len(PT))
BIN = np.digitize(PT, [40, 80])
TOYS = [(int(k), 200) for k in RNG.binomial(200, 0.3, 1000)]
MOMENTA = RNG.normal(size=(6, 3))


def rotated(momenta: np.ndarray) -> tuple[np.ndarray]:
    return (momenta @ np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),)


def interval(k: int, n: int, scale: float = 1.0) -> tuple[float, float]:
    low, high = clopper_pearson(k, n, 0.683)
    return k / n - scale * (k / n - low), k / n + scale * (high - k / n)


def raises(*_: object) -> None:
    raise NotImplementedError


# Each kind of property, a right answer, and plausible wrong ones.
CASES = {
    "close_to a number": (
        [exercises.close_to(0.25, 0.01)],
        0.2505,
        {"percent": 25.05, "square root": 0.5},
    ),
    "close_to values of a function": (
        [exercises.close_to([1.0, 2.0], 1e-9, np.array([3.0, 4.0]))],
        lambda x: x - 2,
        {"sign": lambda x: 2 - x, "summed": lambda x: np.sum(x - 2), "nan": lambda x: x * np.nan},
    ),
    "agrees_with": (
        [exercises.agrees_with(np.linalg.norm, [MOMENTA[0]], 1e-12)],
        lambda p: (p**2).sum() ** 0.5,
        {"no root": lambda p: (p**2).sum(), "transverse": lambda p: np.hypot(p[0], p[1])},
    ),
    "agrees_with, an array": (
        [exercises.agrees_with(np.argsort, [MOMENTA[:, 0]], 0)],
        lambda x: x.argsort(),
        {"descending": lambda x: np.argsort(-x), "values": lambda x: np.sort(x)},
    ),
    "closure in every bin": (
        [exercises.closure([MEASURED], PT, 0.02, groups=BIN)],
        lambda pt: pt / np.interp(pt, PT[np.argsort(PT)] * 0.85, np.sort(RESPONSE)),
        {
            "uncalibrated": lambda pt: pt,
            "one factor": lambda pt: pt * PT.mean() / MEASURED.mean(),
            "wrong way": lambda pt: pt * 0.85,
        },
    ),
    "invariant": (
        [exercises.invariant([MOMENTA], under=rotated), exercises.close_to(5.0, 5.0, MOMENTA)],
        lambda p: np.linalg.norm(p.sum(axis=0)),
        {"sum of components": lambda p: p.sum(), "only x": lambda p: p[:, 0].max()},
    ),
    "monotonic": (
        [exercises.monotonic([np.linspace(0, 1, 20)])],
        lambda x: x**2,
        {"falls": lambda x: -x, "flat": lambda x: x * 0, "turns": lambda x: x * (1 - x)},
    ),
    "falls": (
        [exercises.monotonic([np.linspace(0, 1, 20)], increasing=False)],
        lambda x: np.exp(-x),
        {"rises": np.exp, "one number": lambda x: x.sum()},
    ),
    "covers": (
        [exercises.covers(TOYS, 0.3, 0.683)],
        interval,
        {
            "too narrow": lambda k, n: interval(k, n, 0.7),
            "too wide": lambda k, n: interval(k, n, 1.6),
            "swapped": lambda k, n: interval(k, n)[::-1],
            "one end": lambda k, n: interval(k, n)[0],
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_right_is_accepted_and_plausible_wrong_is_not(case):
    properties, right, wrong = CASES[case]
    assert exercises.check(case, right, properties, required=True)
    assert exercises.rejects(properties, wrong)


@pytest.mark.parametrize("stub", [None, ..., lambda x: None, lambda x: ..., raises])
def test_a_stub_is_not_answered_and_fails_nothing(stub):
    wanted = [exercises.monotonic([np.arange(3)])]
    verdict = exercises.check("stub", stub, wanted, hints=["think"])
    assert repr(verdict) == "○ stub: not answered yet"
    assert not verdict
    with pytest.raises(AssertionError, match="not answered yet"):
        exercises.check("stub", stub, wanted, required=True)


def test_hints_come_one_by_one():
    def attempt(answer):
        return repr(
            exercises.check("hints", answer, [exercises.close_to(1, 0.1)], hints=["one", "two"])
        )

    assert attempt(...).count("hint:") == 0
    assert [attempt(2).count("hint:") for _ in range(3)] == [1, 2, 2]
    assert attempt(1).count("hint:") == 0


def test_a_verdict_says_what_is_wrong_but_not_the_answer():
    wanted = [
        exercises.close_to(0.12345, 0.001),
        exercises.closure([MEASURED], PT, 0.02, groups=BIN),
    ]
    verdict = exercises.check("number", 0.2, wanted[:1])
    assert "0 of 1 properties hold" in repr(verdict)
    assert "0.2 is too large" in repr(verdict)
    assert "0.123" not in repr(verdict)
    said = repr(exercises.check("closure", lambda pt: pt, wanted[1:]))
    assert "too low in bin 0" in said
    assert "every bin" in said


def test_an_exception_is_a_fault_with_its_line():
    def answer(x):
        return np.linalg.norm(x, axis=7)

    wanted = [exercises.agrees_with(np.linalg.norm, [MOMENTA], 0.1)]
    said = repr(exercises.check("crash", answer, wanted))
    line = answer.__code__.co_firstlineno + 1
    assert "✗ the answer agrees with an independent calculation: it stopped with AxisError" in said
    assert f"(line {line} of answer)" in said

    def unsupported(x):
        return raises(x)

    assert "stopped with NotImplementedError" in repr(exercises.check("x", unsupported, wanted))


def test_an_answer_cannot_spoil_the_inputs_of_the_check():
    def sorts_in_place(x):
        x.sort()
        return x

    shared = np.array([3.0, 1.0, 2.0])
    wanted = [exercises.monotonic([shared]), exercises.agrees_with(lambda x: x, [shared], 0.01)]
    assert not exercises.check("copies", sorts_in_place, wanted)
    assert shared.tolist() == [3, 1, 2]


def test_weak_properties_are_found_out():
    weak = [exercises.invariant([MOMENTA], under=rotated)]
    with pytest.raises(AssertionError, match=r"accepted although wrong: \['constant'\]"):
        exercises.rejects(weak, {"constant": lambda p: 1.0, "sum": np.sum})
    with pytest.raises(AssertionError, match=r"does not run: \['crash', 'stub'\]"):
        exercises.rejects(weak, {"crash": lambda p: p.nonsense, "stub": lambda p: None})


def test_verdict_is_a_list_for_the_page():
    verdict = exercises.check("cut < 1", 2, [exercises.close_to(1, 0.1)])
    assert verdict._repr_html_() == (
        "<p>✗ cut &lt; 1: 0 of 1 properties hold</p><ul>"
        "<li>✗ the answer is the expected number within 0.1: 2 is too large</li></ul>"
    )
    assert "unchanged under rotated" in exercises.invariant([MOMENTA], under=rotated).text


def test_a_property_of_its_own_may_call_the_answer():
    """It gets copies of its inputs, and an answer that is not there yet is no wrong answer."""
    momenta = np.array([3.0, 1.0, 2.0])

    def hardest_first(answer):
        return "" if list(answer(momenta)) == [3.0, 2.0, 1.0] else "it is not sorted"

    def in_place(pt):
        pt[::-1].sort()
        return pt

    wanted = [exercises.Property("puts the hardest first", hardest_first)]
    assert exercises.check("order", in_place, wanted)
    assert list(momenta) == [3.0, 1.0, 2.0]
    assert "it is not sorted" in repr(exercises.check("order", lambda pt: pt, wanted))
    assert "not answered yet" in repr(exercises.check("order", lambda pt: ..., wanted))
