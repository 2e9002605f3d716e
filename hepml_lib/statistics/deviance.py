"""Fits of pyhf's models that stay right for millions of counts.

pyhf hands −2 ln L to a general minimiser. Of 10⁷ counts that function is some 10⁸, its second
derivatives along the parameters differ by 10⁶, and the minimiser stops where it should not. The
likelihood is a product over counts and auxiliary measurements: of each the deviance from a perfect
fit is known to all digits, and its derivatives are known in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

__all__ = ["bounds", "deviance", "precise_fits", "strength_unit"]

Array = NDArray[np.float64]

_MOST_STEPS = 1000
_STEP = 1e-6  # of a derivative, where parameters are of order one
_CONVERGED = 1e-9  # of the deviance that the next step would gain


def deviance(counts: Array, expected: Array) -> Array:
    """Twice the log-likelihood that each count lacks of a perfect fit, 2 ln L(n | n) / L(n | λ).

    Parameters
    ----------
    counts, expected : ndarray of float64, shape (n,)
        Counts, not negative, and their expectations λ.

    Returns
    -------
    ndarray of float64, shape (n,)
        Close to (λ − n)² / n; infinite where λ is not above zero.

    Examples
    --------
    >>> deviance(np.array([1e8, 0.0]), np.array([1e8 + 1e4, 2.0])).round(4).tolist()
    [0.9999, 4.0]
    """
    seen = counts > 0
    change = np.where(seen, (expected - counts) / np.where(seen, counts, 1.0), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # n (x − ln(1 + x)) keeps the digits that n ln(n/λ) − n + λ would lose.
        excess = np.where(seen, counts * (change - np.log1p(change)), expected)
    return np.where(expected > 0, 2 * excess, np.inf)


def bounds(model: Any) -> list[tuple[float, float]]:
    """Range of each parameter of a model of pyhf: its own lower end where that is physics.

    A strength and the factors of Poisson constraints keep their lower end; nothing else ends a fit.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf.

    Returns
    -------
    list of pairs of float
        Lower and upper end of each parameter, in pyhf's order; infinite for none.
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

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.

    Returns
    -------
    float
        Above zero: 1 / √(Σ s² / b) over the bins.

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
    """Parameters of the smallest deviance, and that deviance.

    Newton's method: each step solves the weighted least squares of the linear model around the
    parameters, within their ranges, as in a generalised linear model.
    """
    parameters, sigma = np.array(start, float), _widths(model)
    unit = np.ones(len(parameters))
    unit[model.config.poi_index] = strength_unit(model)
    free = np.setdiff1d(np.arange(len(parameters)), fixed)
    low, high = (np.array(ranges, float)[free] / unit[free, None]).T

    def expect(values: Array) -> Array:
        trial = parameters.copy()
        trial[free] = values * unit[free]
        return np.asarray(model.expected_data(trial))

    values = parameters[free] / unit[free]
    for _ in range(_MOST_STEPS):
        expected = expect(values)
        smallest = _total(data, expected, sigma)
        if not len(free):
            return parameters, smallest
        slopes = np.column_stack(
            [(expect(values + change) - expected) / _STEP for change in _STEP * np.eye(len(free))]
        )
        pull, curvature = _derivatives(data, expected, sigma)
        root = np.sqrt(curvature)
        step = optimize.lsq_linear(
            root[:, None] * slopes, -pull / root, (low - values, high - values), method="bvls"
        ).x
        gain = -2 * float(pull @ slopes @ step)
        while gain > _CONVERGED:
            if _total(data, expect(values + step), sigma) < smallest - 1e-3 * gain:
                break
            step, gain = step / 2, gain / 2
        else:
            parameters[free] = values * unit[free]
            return parameters, smallest
        values = np.clip(values + step, low, high)
    raise RuntimeError(f"the fit did not converge in {_MOST_STEPS} steps")


def _total(data: Array, expected: Array, sigma: Array) -> float:
    """Deviance of all counts and auxiliary measurements."""
    gaussian = ((expected - data) / sigma) ** 2
    return float(np.sum(np.where(np.isinf(sigma), deviance(data, expected), gaussian)))


def _derivatives(data: Array, expected: Array, sigma: Array) -> tuple[Array, Array]:
    """First and second derivative of half the deviance with respect to each expectation."""
    with np.errstate(divide="ignore", invalid="ignore"):  # of what is not counted
        first = np.where(np.isinf(sigma), 1 - data / expected, (expected - data) / sigma**2)
        # Of n / λ² and its mean 1 / λ the larger one, so that no step goes too far.
        second = np.maximum(data, expected) / expected**2
    return first, np.where(np.isinf(sigma), second, sigma**-2.0)


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
    """Let pyhf, which the context gives, fit the smallest deviance until it ends.

    Yields
    ------
    module
        pyhf, with the backend and the optimiser of this library.
    """
    import pyhf

    before = pyhf.get_backend()
    pyhf.set_backend("numpy", _LeastSquares())
    try:
        yield pyhf
    finally:
        pyhf.set_backend(*before)
