"""Discovery and exclusion of a signal in bins: significances and CLs limits, with pyhf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.statistics.binned import complete
from hepml_lib.statistics.counting import Array
from hepml_lib.statistics.deviance import bounds, precise_fits, strength_unit

__all__ = ["Limit", "cls", "discovery_significance", "upper_limit"]

_UNDEFINED = (
    "CLs has no value: the data lie so far below every expectation that their probability is zero; "
    "the model lacks an uncertainty, or data and model differ"
)


def discovery_significance(model: Any, data: ArrayLike) -> float:
    """Significance √q₀ with which `data` reject μ = 0, by asymptotic formulas.

    Valid from about ten expected events on; below, use `on_off_p_value` or toys.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    data : array_like of float, shape (bins,)
        Counts per bin; with or without the auxiliary measurements.

    Returns
    -------
    float
        Standard deviations; zero if the best signal is not above zero.

    Raises
    ------
    ValueError
        If the data do not fit to the model, or no bin has a signal.

    References
    ----------
    arXiv:1007.1727, equation 12.

    Examples
    --------
    One bin agrees with the closed formula:

    >>> from hepml_lib.statistics import binned_model, expected_data
    >>> model = binned_model(10, {"b": 20}, errors={"b": 4})
    >>> round(discovery_significance(model, expected_data(model, 1)), 3)
    1.501
    >>> from hepml_lib.statistics import asimov_significance
    >>> float(asimov_significance(10, 20, 4).round(3))
    1.501
    """
    with precise_fits() as pyhf:
        squared = pyhf.infer.test_statistics.q0(
            0.0,
            complete(model, data),
            model,
            model.config.suggested_init(),
            bounds(model),
            model.config.suggested_fixed(),
        )
    return float(np.sqrt(max(float(squared), 0.0)))


def cls(model: Any, data: ArrayLike, mu: float) -> tuple[float, Array]:
    """CLs of the signal strength μ, observed and expected, by asymptotic formulas.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    data : array_like of float, shape (bins,)
        Counts per bin; with or without the auxiliary measurements.
    mu : float
        Signal strength to be tested, above zero.

    Returns
    -------
    observed : float
        Between 0 and 1; below 0.05 the strength is excluded at 95 % confidence level.
    expected : ndarray of float64, shape (5,)
        For background alone at -2, -1, 0, 1, 2 standard deviations, from low to high.

    Raises
    ------
    ValueError
        If the data do not fit to the model, no bin has a signal, or the data lie so far below
        every expectation that CLs has no value.

    References
    ----------
    arXiv:1007.1727, with its test statistic for upper limits.

    Examples
    --------
    At 1.96 standard deviations of the strength, CLs of the median experiment is 5 %:

    >>> from hepml_lib.statistics import binned_model, expected_data
    >>> model = binned_model(100, {"b": 1e4})
    >>> observed, expected = cls(model, 1e4, 1.96)
    >>> round(observed, 3), expected.round(3).tolist()
    (0.051, [0.002, 0.01, 0.051, 0.204, 0.533])
    """
    with precise_fits() as pyhf, np.errstate(invalid="ignore"):
        observed, expected = pyhf.infer.hypotest(
            mu,
            complete(model, data),
            model,
            par_bounds=bounds(model),
            return_expected_set=True,
        )
    if np.isnan(observed):
        raise ValueError(_UNDEFINED)
    return float(observed), np.array([float(x) for x in expected])


@dataclass(frozen=True)
class Limit:
    """Upper limit on the signal strength.

    Parameters
    ----------
    observed : float
        From the data.
    expected : ndarray of float64, shape (5,)
        For background alone at -2, -1, 0, 1, 2 standard deviations.
    level : float
        Confidence level.
    """

    observed: float
    expected: Array
    level: float


def upper_limit(model: Any, data: ArrayLike, level: float = 0.95) -> Limit:
    """Upper limit on μ where CLs falls to 1 - level, by asymptotic formulas.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    data : array_like of float, shape (bins,)
        Counts per bin; with or without the auxiliary measurements.
    level : float
        Confidence level of the exclusion.

    Returns
    -------
    Limit
        The limits on μ, observed and expected, in units of the model's signal.

    Raises
    ------
    ValueError
        If the data do not fit to the model, no bin has a signal, or the data lie so far below
        every expectation that CLs has no value.
    RuntimeError
        If the expected limits are not in order, which says that a fit went wrong.

    Examples
    --------
    For many events the median limit is 1.96 standard deviations, here of 100 events:

    >>> from hepml_lib.statistics import binned_model
    >>> limit = upper_limit(binned_model(100, {"b": 1e4}), 1e4)
    >>> round(limit.observed, 2), limit.expected.round(2).tolist()
    (1.97, [1.06, 1.42, 1.97, 2.75, 3.7])
    """
    data, unit = complete(model, data), strength_unit(model)
    with precise_fits() as pyhf, np.errstate(invalid="ignore"):
        # Not pyhf's `upper_limit`: without a scan it drops the level and ends at the bound of μ.
        scan = pyhf.infer.intervals.upper_limits.toms748_scan
        try:
            observed, expected = scan(
                data,
                model,
                unit,
                4 * unit,
                level=1 - level,
                atol=1e-6 * unit,
                rtol=1e-6,
                par_bounds=bounds(model),
            )
        except ValueError as error:
            raise ValueError(_UNDEFINED) from error
    limit = Limit(float(observed), np.array([float(x) for x in expected]), level)
    if not (limit.observed > 0 and (np.diff(limit.expected) > 0).all()):
        raise RuntimeError(f"these limits are not in order, so that a fit went wrong: {limit}")
    return limit
