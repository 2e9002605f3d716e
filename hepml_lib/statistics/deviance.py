"""Fits of pyhf's models that stay right for millions of counts, by least squares of deviances.

pyhf hands −2 ln L to a general minimiser. Of 10⁷ counts that function is some 10⁸, its second
derivatives along the nuisance parameters differ by 10⁶, and the minimiser stops where it should
not. The likelihood is a sum over counts and auxiliary measurements, so the excess of −2 ln L over
that of a perfect fit is a sum of squares, exactly; least squares then knows every scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

__all__ = ["bounds", "deviance_residuals", "precise_fits", "strength_unit"]

Array = NDArray[np.float64]


def deviance_residuals(counts: Array, expected: Array) -> Array:
    """Signed roots of the Poisson deviance, whose squares add up to −2 ln L / L(counts).

    Parameters
    ----------
    counts, expected : ndarray of float64, shape (n,)
        Counts, not negative, and their expectations, above zero.

    Returns
    -------
    ndarray of float64, shape (n,)
        Close to (expected − counts) / √counts; NaN where the expectation is not above zero.

    Examples
    --------
    >>> deviance_residuals(np.array([1e8, 0.0]), np.array([1e8 + 1e4, 2.0])).round(4)
    array([1., 2.])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.where(counts > 0, (expected - counts) / counts, 0.0)
        # n (x − ln(1 + x)) keeps the digits that n ln(n/λ) − n + λ would lose.
        excess = np.where(counts > 0, counts * (change - np.log1p(change)), expected)
        root = np.sqrt(2 * np.maximum(excess, 0.0))
    return np.where(expected > 0, np.copysign(root, expected - counts), np.nan)


def bounds(model: Any) -> list[tuple[float, float]]:
    """Range of each parameter of a model of pyhf: its own lower end where that is physics.

    A strength and the factors of Poisson constraints keep their lower end; nothing else ends a fit.
    """
    config = model.config
    ranges = [(-np.inf, np.inf)] * config.npars
    for name in config.par_order:
        paramset, place = config.param_set(name), config.par_slice(name)
        if name == config.poi_name or getattr(paramset, "pdf_type", "") == "poisson":
            ranges[place] = [(low, np.inf) for low, _ in paramset.suggested_bounds]
    return ranges


def strength_unit(model: Any) -> float:
    """Signal strength that moves the counts by one standard deviation if only counts are uncertain.

    Raises
    ------
    ValueError
        If the counts do not depend on the strength.
    """
    counts = []
    for strength in (0.0, 1.0):
        parameters = np.array(model.config.suggested_init(), float)
        parameters[model.config.poi_index] = strength
        counts.append(np.asarray(model.expected_data(parameters, include_auxdata=False)))
    separation = np.sum((counts[1] - counts[0]) ** 2 / counts[0])
    if not separation > 0:
        raise ValueError("the model expects no signal in any bin: its strength cannot be measured")
    return float(1 / np.sqrt(separation))


class _LeastSquares:
    """Optimiser in the place of pyhf's own: the smallest deviance, which is −2 ln L + constant."""

    name = "deviance"

    def __init__(self) -> None:
        # A test of μ repeats the fits that do not depend on μ.
        self._fits: dict[Any, tuple[Array, float]] = {}

    def minimize(
        self,
        objective: Any,
        data: Sequence[float],
        model: Any,
        start: Sequence[float],
        ranges: Sequence[tuple[float, float]],
        fixed: Sequence[tuple[int, float]] = (),
        return_fitted_val: bool = False,
    ) -> Any:
        key = (id(model), *map(float, data), *map(float, start), *fixed)
        if key not in self._fits:
            still = [index for index, _ in fixed]
            self._fits[key] = _fit(np.asarray(data, float), model, start, ranges, still)
        parameters, deviance = self._fits[key]
        return (parameters.copy(), deviance) if return_fitted_val else parameters.copy()


def _fit(
    data: Array,
    model: Any,
    start: Sequence[float],
    ranges: Sequence[tuple[float, float]],
    fixed: Sequence[int],
) -> tuple[Array, float]:
    """Parameters of the smallest deviance, and that deviance."""
    best, sigma = np.array(start, float), _widths(model)
    unit = np.ones(len(best))
    unit[model.config.poi_index] = strength_unit(model)
    free = np.setdiff1d(np.arange(len(best)), fixed)

    def residuals(values: Array) -> Array:
        parameters = best.copy()
        parameters[free] = values * unit[free]
        expected = np.asarray(model.expected_data(parameters))
        counted = deviance_residuals(data, expected)
        return np.where(np.isinf(sigma), counted, (expected - data) / sigma)

    if not len(free):
        return best, float(np.sum(residuals(best[free]) ** 2))
    low, high = (np.array(ranges, float)[free] / unit[free, None]).T
    tolerances = dict.fromkeys(("ftol", "xtol", "gtol"), 1e-12)
    solution = optimize.least_squares(
        residuals, best[free] / unit[free], bounds=(low, high), x_scale="jac", **tolerances
    )
    if not solution.success:
        raise RuntimeError(f"the fit did not converge: {solution.message}")
    best[free] = solution.x * unit[free]
    return best, float(2 * solution.cost)


def _widths(model: Any) -> Array:
    """Standard deviation of each Gaussian auxiliary measurement; infinite for what is counted."""
    config = model.config
    widths = [np.full(int(model.nominal_rates.shape[-1]), np.inf)]
    for name in config.auxdata_order:
        paramset = config.param_set(name)
        default = 1.0 if paramset.pdf_type == "normal" else np.inf
        unit = [default] * paramset.n_parameters
        widths.append(np.array(getattr(paramset, "sigmas", unit)))
    return np.concatenate(widths)


@contextmanager
def precise_fits() -> Iterator[Any]:
    """Let pyhf, which the context gives, fit by least squares of deviances until it ends."""
    import pyhf

    before = pyhf.get_backend()
    pyhf.set_backend("numpy", _LeastSquares())
    try:
        yield pyhf
    finally:
        pyhf.set_backend(*before)
