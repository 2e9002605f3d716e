"""The linear classifier against scikit-learn in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from hepml_lib import training
from hepml_lib.tagging.linear import logistic_regression


def test_stored_linear_model_is_the_one_in_double_precision() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2000, 5)) @ rng.normal(size=(5, 5)) + 3
    x = np.column_stack([x, x[:, 0] + 1e-3 * rng.normal(size=2000), np.ones(2000)])
    y = (x[:, 0] + rng.normal(size=2000) > 3).astype(int)
    model = logistic_regression(x, y)
    scaled = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    exact = LogisticRegression(C=1e4, solver="newton-cholesky").fit(scaled, y)
    scores = training.predict(model, torch.from_numpy(x).float())
    np.testing.assert_allclose(scores, exact.decision_function(scaled), atol=0.02)
    with pytest.raises(ValueError, match=r"columns \[2\] hold NaN"):
        logistic_regression(np.where(np.arange(7) == 2, np.nan, x), y)
