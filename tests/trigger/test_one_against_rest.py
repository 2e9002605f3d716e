"""Areas of several classes: against closed forms, and with intervals that are paired."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from hepml_lib import settings
from hepml_lib.trigger.one_against_rest import class_score, macro_auc, macro_interval


def test_the_mean_area_knows_chance_and_certainty() -> None:
    label = np.arange(500) % 5
    assert macro_auc(np.eye(5)[label], label) == 1
    assert macro_auc(np.zeros((500, 5)), label) == pytest.approx(0.5)
    assert class_score([[0.0, np.log(3.0)]], 1) == pytest.approx(0.75)


def test_gaussian_classes_have_the_area_of_the_formula() -> None:
    """Each logit alone tells its class from the other: Φ(d/√2) for a shift d of two classes."""
    rng, shift = settings.rng("test", "macro"), 1.5
    label = np.arange(40_000) % 2
    one = rng.normal(shift * label)
    found = macro_auc(np.stack([-one, one], axis=1), label)
    assert found == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=0.01)


def test_the_library_agrees() -> None:
    rng = settings.rng("test", "library")
    logits, label = rng.normal(size=(600, 5)).round(1), np.arange(600) % 5
    scores = np.stack([class_score(logits, k) for k in range(5)], axis=1)
    expected = roc_auc_score(label, scores, multi_class="ovr", average="macro")
    assert macro_auc(logits, label) == pytest.approx(expected, abs=1e-12)


def test_what_the_softmax_does_not_see_changes_nothing() -> None:
    rng = settings.rng("test", "shift")
    logits, label = rng.normal(size=(500, 5)), np.arange(500) % 5
    moved = logits + rng.normal(size=(500, 1)) * 50
    assert macro_auc(moved, label) == pytest.approx(macro_auc(logits, label), abs=1e-12)


def test_a_difference_is_paired() -> None:
    rng = settings.rng("test", "difference")
    label, event = np.arange(1000) % 5, np.arange(1000) // 2
    good = np.eye(5)[label] + rng.normal(size=(1000, 5))
    poor = good + 2 * rng.normal(size=(1000, 5))
    same = macro_interval([(1, good), (-1, good)], label, event)
    assert same.value == same.low == same.high == 0
    other = macro_interval([(1, good), (-1, poor)], label, event)
    assert other.value == pytest.approx(macro_auc(good, label) - macro_auc(poor, label))
    assert 0 < other.low < other.high
    alone = macro_interval([(1, good)], label, event)
    near = good + 0.01 * rng.normal(size=(1000, 5))
    close = macro_interval([(1, good), (-1, near)], label, event)
    assert close.high - close.low < 0.2 * (alone.high - alone.low)
