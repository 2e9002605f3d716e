"""The cut-based top tagger: it finds a window that is known, and its score repeats its decision."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.tagging.selection import MassTau32Cut, best_cut


def sample(events: int, seed: int):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, events)
    mass = np.where(label == 1, rng.normal(173, 15, events), rng.exponential(100, events))
    tau32 = np.where(label == 1, rng.beta(6, 6, events), rng.beta(12, 5, events))
    return mass, tau32, label


def test_window_surrounds_the_top_mass():
    cut = best_cut(*sample(20_000, 1))
    assert 130 < cut.mass_low < 173 < cut.mass_high < 220
    mass, tau32, label = sample(20_000, 2)
    kept = cut.passes(mass, tau32)
    assert kept[label == 1].mean() == pytest.approx(0.5, abs=0.03)
    # Without the window the same efficiency costs several times the background.
    alone = tau32 <= np.median(tau32[label == 1])
    assert alone[label == 0].mean() > 3 * kept[label == 0].mean()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.3, 0.5, 0.8]))
def test_no_cut_of_the_scan_is_better(seed, efficiency):
    mass, tau32, label = sample(300, seed)
    cut, tops = best_cut(mass, tau32, label, efficiency, steps=5), label == 1
    kept = cut.passes(mass, tau32)
    assert kept[tops].mean() >= efficiency
    quantile = {"method": "inverted_cdf"}
    masses = np.quantile(mass[tops], np.linspace(0, 1, 6), **quantile)
    limits = np.quantile(tau32[tops], np.linspace(0, 1, 11)[1:], **quantile)
    for low, high, limit in itertools.product(masses[:-1], masses[1:], limits):
        other = MassTau32Cut(low, high, limit).passes(mass, tau32)
        if other[tops].mean() >= efficiency:
            assert other[~tops].sum() >= kept[~tops].sum()


def test_score_repeats_the_cut():
    mass, tau32, label = sample(5000, 3)
    cut = best_cut(mass, tau32, label)
    np.testing.assert_array_equal(cut.score(mass, tau32) >= -cut.tau32, cut.passes(mass, tau32))


def test_useless_requests_are_refused():
    mass, tau32, label = sample(100, 4)
    with pytest.raises(ValueError, match="efficiency is 1.5"):
        best_cut(mass, tau32, label, 1.5)
    with pytest.raises(ValueError, match="both classes"):
        best_cut(mass, tau32, np.ones(100))
