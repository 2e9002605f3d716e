"""Boosted trees in the words of conifer, and against simulated hardware."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from hepml_lib import samples, settings
from hepml_lib.studies import l1_boosted
from hepml_lib.trigger import boosted, l1_jets
from hepml_lib.trigger.forests import Forest


def test_conifer_is_told_the_same_trees():
    """Whole numbers of so few values that some branches of a tree end early."""
    rng = settings.rng("test", "conifer")
    x = rng.integers(0, [3, 2], (2000, 2))
    label = rng.random(2000) < np.array([[0.1, 0.8], [0.5, 0.3], [0.9, 0.2]])[x[:, 0], x[:, 1]]
    forest = Forest.from_sklearn(boosted.train(x, label, trees=7, depth=3, seed=1), 5)
    assert (forest.feature == -1).any(), "no branch ends early: the test is too easy"
    told = l1_boosted.ensemble(forest)
    x = x[:200]
    total = np.full(len(x), told["init_predict"][0])
    for (tree,) in told["trees"]:
        for k, row in enumerate(x):
            node = 0
            while tree["children_left"][node] >= 0:
                feature = tree["feature"][node]
                left = feature == -2 or row[feature] <= tree["threshold"][node]
                node = tree["children_left" if left else "children_right"][node]
            total[k] += tree["value"][node]
    np.testing.assert_array_equal(total, forest.scores(x))


def test_simulated_hardware_agrees(tmp_path, monkeypatch):
    for package in ("conifer", "pandas", "hls4ml"):
        pytest.importorskip(package, reason=f"{package} is not installed: an optional check")
    if shutil.which("ghdl") is None:
        pytest.skip("GHDL is not installed: an optional check")
    jets = samples.load("l1_jets", split="test", events=300)
    x = boosted.variables(l1_jets.whole_constituents(jets, boosted.CONSTITUENTS))
    model = boosted.train(x, jets.label == boosted.TOP, trees=3, depth=2, seed=1)
    forest = Forest.from_sklearn(model, 4)
    monkeypatch.chdir(tmp_path)
    found = l1_boosted._simulate(forest, x, forest.scores(x))
    assert found["simulated jets"] == len(x)
    assert found["cycles"] == forest.depth + 3 + 2, "a level for two and for four terms"
