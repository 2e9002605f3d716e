"""The linear classifier, fitted to its minimum and kept as a network."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from hepml_lib import nets

__all__ = ["logistic_regression"]


def logistic_regression(inputs: ArrayLike, labels: ArrayLike) -> nets.MLP:
    """Linear model with the lowest cross-entropy, as a network without hidden layer.

    The inputs are standardised, then scikit-learn finds the minimum by Newton's method: energy-flow
    polynomials are so alike that descent along the gradient would take thousands of epochs. The
    penalty on the weights is next to none, there only to make the minimum unique.

    Parameters
    ----------
    inputs
        Shape (n, inputs).
    labels
        1 for signal, 0 for background, shape (n,).

    Returns
    -------
    MLP
        In evaluation mode; its output is the logit, shape (n,).

    Raises
    ------
    ValueError
        If an input is NaN or infinite.

    Examples
    --------
    Two Gaussians of width one at ±1 have the logit 2 x:

    >>> from hepml_lib import training
    >>> y = np.arange(20_000) % 2
    >>> x = np.random.default_rng(1).normal(2 * y - 1)[:, None]
    >>> model = logistic_regression(x, y)
    >>> bool(abs(training.predict(model, torch.ones(1, 1))[0] - 2) < 0.1)
    True
    """
    from sklearn.linear_model import LogisticRegression

    x = torch.as_tensor(inputs).float()
    model = nets.MLP(x.shape[1], hidden=()).standardise(x)
    scaled = ((x.double() - model.centre) / model.width).numpy()
    fitted = LogisticRegression(C=1e4, solver="newton-cholesky").fit(scaled, np.asarray(labels))
    with torch.no_grad():
        model.output.weight.copy_(torch.from_numpy(fitted.coef_))
        model.output.bias.copy_(torch.from_numpy(fitted.intercept_))
    return model.eval()
