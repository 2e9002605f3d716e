"""The slice of a notebook holds what an assertion needs."""

from __future__ import annotations

import pytest

from tests.notebooks.slicing import needed


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        (["import numpy as np", "a = 1", "assert np.pi > 3"], [0, 2]),
        (["def f():\n    return g()", "def g():\n    return 1", "assert f() == 1"], [0, 1, 2]),
        (["import training", "m = M()", "log = training.fit(m, x)", "assert m(1)"], [0, 1, 2, 3]),
        (["tree = T()", "tree.fit(x)", "plots.roc(tree)", "assert tree.score()"], [0, 1, 3]),
        (
            ["import torch", "torch.manual_seed(1)", "x = torch.rand(3)", "assert x.sum()"],
            [0, 1, 2, 3],
        ),
        (["scores = {}", "for m in (1, 2):\n    scores[m] = m", "assert scores[1]"], [0, 1, 2]),
        (["rng = make()", "x = rng.normal()", "y = rng.normal()", "assert y"], [0, 1, 2, 3]),
        (["data = 1", "shuffle(data)", "assert data"], [0, 1, 2]),
        (["x = 1", "print(x)", "x = x + 1", "results.record('R', 'x', x)", "assert x"], [0, 2, 4]),
    ],
)
def test_a_slice_keeps_what_binds_or_changes_a_name(cells: list[str], kept: list[int]) -> None:
    assert needed(cells, len(cells) - 1) == kept


def test_a_slice_gives_the_same_answer_as_the_whole() -> None:
    cells = ["a = [3]", "b = 5", "a.append(4)", "c = sum(a)", "b += c", "result = c * 2"]
    whole: dict[str, object] = {}
    part: dict[str, object] = {}
    for index, cell in enumerate(cells):
        exec(cell, whole)
        if index in needed(cells, 5):
            exec(cell, part)
    assert part["result"] == whole["result"] == 14
    assert "b" not in part
