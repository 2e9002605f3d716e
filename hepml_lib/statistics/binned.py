"""Counts in bins: a signal and backgrounds with uncertainties, as a model of pyhf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.statistics.counting import Array, refuse

__all__ = ["binned_model", "complete", "expected_data"]


def binned_model(
    signal: ArrayLike,
    backgrounds: Mapping[str, ArrayLike],
    *,
    errors: Mapping[str, ArrayLike] | None = None,
    normalisation: Mapping[str, float] | None = None,
) -> Any:
    """Model of pyhf: bins with μ times a signal and backgrounds with uncertainties.

    Parameters
    ----------
    signal : array_like of float, shape (bins,)
        Expected signal events at μ = 1.
    backgrounds : mapping of str to array_like of float
        Name → expected events, shape (bins,).
    errors : mapping of str to array_like of float, optional
        Name → standard deviations of these expectations, shape (bins,), independent from bin to
        bin: √Σw² of simulated events. Each is a Poisson constraint with (expected / error)² events.
    normalisation : mapping of str to float, optional
        Name → relative uncertainty of a background that moves all of its bins together.

    Returns
    -------
    pyhf.Model
        With the parameter of interest ``mu``, not below zero. Functions of this module give it no
        upper end; those of pyhf search up to 10.

    Raises
    ------
    ValueError
        If shapes differ, numbers are negative, a name is unknown or a bin has no background.

    References
    ----------
    HistFactory, CERN-OPEN-2012-016; pyhf, doi 10.21105/joss.02823.

    Examples
    --------
    >>> model = binned_model([3, 6], {"b": [50, 20]}, errors={"b": [5, 4]})
    >>> model.expected_data([2.0, 1.0, 1.0], include_auxdata=False).tolist()
    [56.0, 32.0]
    """
    errors, normalisation = dict(errors or {}), dict(normalisation or {})
    if "signal" in backgrounds:
        raise ValueError("a background cannot have the name 'signal'")
    if unknown := (set(errors) | set(normalisation)) - set(backgrounds):
        raise ValueError(f"uncertainties for {sorted(unknown)}, not among {sorted(backgrounds)}")
    import pyhf  # it takes seconds to load

    s = np.atleast_1d(np.asarray(signal, float))
    counts = {name: np.atleast_1d(np.asarray(b, float)) for name, b in backgrounds.items()}
    sigmas = {name: np.atleast_1d(np.asarray(e, float)) for name, e in errors.items()}
    for name, values in [("signal", s), *counts.items(), *sigmas.items()]:
        if values.shape != s.shape or not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"{name!r} must be finite, not negative, and of shape {s.shape}")
    refuse(sum(counts.values()) <= 0, "each bin needs background: merge bins that have none")
    factors: dict[str, list[dict[str, Any]]] = {name: [] for name in counts}
    for name, sigma in sigmas.items():
        entry = {"name": f"{name} bins", "type": "shapesys", "data": sigma.tolist()}
        factors[name].append(entry)
    for name, part in normalisation.items():
        ends = {"hi": 1 + part, "lo": 1 / (1 + part)}
        factors[name].append({"name": f"{name} total", "type": "normsys", "data": ends})
    strength = {"name": "mu", "type": "normfactor", "data": None}
    samples = [{"name": "signal", "data": s.tolist(), "modifiers": [strength]}]
    samples += [
        {"name": name, "data": b.tolist(), "modifiers": factors[name]} for name, b in counts.items()
    ]
    specification = {"channels": [{"name": "bins", "samples": samples}]}
    return pyhf.Model(specification, poi_name="mu")


def expected_data(model: Any, mu: float) -> Array:
    """Asimov data of a model: counts, then auxiliary measurements, all as expected at μ.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf with a parameter of interest.
    mu : float
        Signal strength.

    Returns
    -------
    ndarray of float64, shape (bins + auxiliary measurements,)
        Not rounded to whole numbers.

    Examples
    --------
    20 ± 4 events are a control region with (20 / 4)² events:

    >>> expected_data(binned_model(10, {"b": 20}, errors={"b": 4}), 1.0).tolist()
    [30.0, 25.0]
    """
    parameters = np.array(model.config.suggested_init())
    parameters[model.config.poi_index] = mu
    return np.asarray(model.expected_data(parameters))


def complete(model: Any, data: ArrayLike) -> Array:
    """Counts followed by the auxiliary measurements.

    Parameters
    ----------
    model : pyhf.Model
        From `binned_model`, or any model of pyhf.
    data : array_like of float, shape (bins,)
        Counts per bin; with or without the auxiliary measurements.

    Returns
    -------
    ndarray of float64, shape (bins + auxiliary measurements,)
        Auxiliary measurements that are not given are those of the model.

    Raises
    ------
    ValueError
        If the data have another number of bins than the model.
    """
    values = np.atleast_1d(np.asarray(data, float))
    auxiliary = np.asarray(model.config.auxdata, float)
    bins = model.nominal_rates.shape[-1]
    if values.shape == (bins,):
        return np.concatenate([values, auxiliary])
    if values.shape != (bins + len(auxiliary),):
        raise ValueError(f"data have shape {values.shape}; the model has {bins} bins")
    return values
