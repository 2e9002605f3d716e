"""Trigger rates: how often a collider makes the crossings that simulated events stand for."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.samples.weights import event_weights

__all__ = [
    "CROSSINGS",
    "INELASTIC",
    "PILEUP",
    "STITCH",
    "crossing_weights",
    "effective_events",
    "stitched",
]

CROSSINGS = 30e3
"""Crossings of filled bunches [kHz]. The machine's 40 MHz count empty places as well."""

PILEUP = 50.0
"""Mean number of inelastic collisions per crossing."""

INELASTIC = 78.58e9
"""Inelastic cross section at 13.6 TeV [pb], as Pythia 8 has it.

With the two figures above the luminosity is 1.9e34 per cm² and second.
"""

STITCH = 20.0
"""Scale of a parton scattering [GeV] above which simulated dijets stand in for minimum bias."""

ZERO_BIAS, QCD = 0, 1


def stitched(events: ak.Array, scale: float = STITCH) -> NDArray[np.bool_]:
    """Events that count, so that no jet counts twice.

    Minimum bias holds dijets of any scale, but few hard ones; the dijet sample has many. Every
    crossing is told by its hardest parton scattering. Up to `scale` it is taken from zero bias,
    beyond from the dijets; and a dijet event counts only if the dijet is itself the hardest, for
    one with a harder scattering in its pileup stands for a crossing that the sample already has.
    The number of collisions of a crossing is a Poisson number, so that a crossing less its hardest
    dijet is again a crossing with the same mean: the rates add up exactly.

    Parameters
    ----------
    events
        Array with `process`, and the scales `pthat` of the event's own hard scattering and
        `pthat_max` of the hardest among its pileup [GeV].
    scale
        Where one sample takes over from the other [GeV]; the dijets must reach below.

    Returns
    -------
    ndarray
        True for events that count; for processes other than zero bias and dijets always.

    Examples
    --------
    >>> events = {"process": [0, 0, 1, 1], "pthat": [0, 0, 30, 30], "pthat_max": [9, 40, 9, 40]}
    >>> stitched(ak.Array(events)).tolist()
    [True, False, True, False]
    """
    process, own, other = (ak.to_numpy(events[name]) for name in ("process", "pthat", "pthat_max"))
    zero_bias = other <= scale
    dijets = (own >= scale) & (own > other)
    return np.select([process == ZERO_BIAS, process == QCD], [zero_bias, dijets], True)


def crossing_weights(events: ak.Array, scale: float = STITCH) -> NDArray[np.float64]:
    """Rate that each event stands for.

    Parameters
    ----------
    events
        All loaded events of the sample `trigger_events`: select afterwards.
    scale
        See `stitched`.

    Returns
    -------
    ndarray
        Rates [kHz], one per event, to be summed over the events that a trigger takes; zero for
        events that do not count. Signals, and W, Z and top pairs, which minimum bias does not
        hold, come on top: a total rate is the sum over `process` below 5.

    Examples
    --------
    One zero-bias event out of two stands for half of all crossings:

    >>> events = {"process": [0, 0], "weight": [1, 1], "cross_section": [INELASTIC / PILEUP] * 2}
    >>> events |= {"pthat": [0, 0], "pthat_max": [9, 40]}
    >>> crossing_weights(ak.Array(events)).tolist()
    [15000.0, 0.0]
    """
    luminosity = CROSSINGS * PILEUP / INELASTIC
    return luminosity * event_weights(events) * stitched(events, scale)


def effective_events(weights: ArrayLike) -> float:
    """Number of unweighted events that would fluctuate as much: (Σw)² / Σw².

    Parameters
    ----------
    weights
        One per event.

    Returns
    -------
    float
        0 without events.

    Examples
    --------
    >>> effective_events([1.0, 1.0, 1.0]), round(effective_events([1.0, 0.1, 0.1]), 2)
    (3.0, 1.41)
    """
    weight = np.asarray(weights, np.float64)
    square = (weight**2).sum()
    return float(weight.sum() ** 2 / square) if square > 0 else 0.0
