"""Areas of several classes: against closed forms, and with intervals that are paired."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from hepml_lib import settings
from hepml_lib.metrics import auc, compare, macro_auc


def test_the_mean_area_knows_chance_and_certainty() -> None:
    label = np.arange(500) % 5
    assert macro_auc(np.eye(5)[label], label).value == 1
    assert macro_auc(np.zeros((500, 5)), label).value == pytest.approx(0.5)


def test_gaussian_classes_have_the_area_of_the_formula() -> None:
    """Each logit alone tells its class from the other: Φ(d/√2) for a shift d of two classes."""
    rng, shift = settings.rng("test", "macro"), 1.5
    label = np.arange(40_000) % 2
    logit = rng.normal(shift * label)
    found = macro_auc(np.stack([-logit, logit], axis=1), label)
    assert found.value == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=0.01)
    assert found.contains(norm.cdf(shift / np.sqrt(2)))


def test_the_library_agrees() -> None:
    rng = settings.rng("test", "library")
    logits, label = rng.normal(size=(600, 5)).round(1), np.arange(600) % 5
    scores = softmax(logits, axis=1)
    expected = roc_auc_score(label, scores, multi_class="ovr", average="macro")
    assert macro_auc(logits, label).value == pytest.approx(expected, abs=1e-12)
    each = [auc(scores[:, k], label == k).value for k in range(5)]
    assert np.mean(each) == pytest.approx(expected, abs=1e-12)


def test_what_the_softmax_does_not_see_changes_nothing() -> None:
    rng = settings.rng("test", "shift")
    logits, label = rng.normal(size=(500, 5)), np.arange(500) % 5
    moved = logits + rng.normal(size=(500, 1)) * 50
    areas = [macro_auc(values, label).value for values in (moved, logits)]
    assert areas[0] == pytest.approx(areas[1], abs=1e-12)


def test_a_difference_is_paired() -> None:
    rng = settings.rng("test", "difference")
    label, event = np.arange(1000) % 5, np.arange(1000) // 2
    good = np.eye(5)[label] + rng.normal(size=(1000, 5))
    poor = good + 2 * rng.normal(size=(1000, 5))
    same = compare(macro_auc, good, good, label, events=event)
    assert same.value == same.low == same.high == 0
    other = compare(macro_auc, good, poor, label, events=event)
    alone = macro_auc(good, label, events=event)
    assert other.value == pytest.approx(alone.value - macro_auc(poor, label).value)
    assert 0 < other.low < other.high
    near = good + 0.01 * rng.normal(size=(1000, 5))
    assert compare(macro_auc, good, near, label, events=event).spread < 0.2 * alone.spread


def test_a_class_without_events_is_refused() -> None:
    with pytest.raises(ValueError, match="all 10 events are background"):
        macro_auc(np.zeros((10, 3)), np.arange(10) % 2)
