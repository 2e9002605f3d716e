"""From a sample of events to the rate at which a collider makes them."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

__all__ = ["event_weights"]


def event_weights(events: ak.Array) -> NDArray[np.float64]:
    """Cross section that each event stands for.

    Parameters
    ----------
    events
        Array with `process`, `cross_section` [pb] of the event's process, and the generator's
        `weight`. It must hold all events of a process that were loaded: select afterwards.

    Returns
    -------
    ndarray
        Weights [pb], one per event. Those of a process add up to its cross section; times a
        luminosity in 1/pb they are expected numbers of events.

    Raises
    ------
    ValueError
        If a field is missing: the sample then has no physical normalisation.

    Examples
    --------
    >>> events = {"process": [0, 0, 1], "cross_section": [4.0, 4.0, 7.0], "weight": [1.0, 3.0, 1.0]}
    >>> event_weights(ak.Array(events)).tolist()
    [1.0, 3.0, 7.0]
    """
    missing = {"process", "cross_section", "weight"} - set(events.fields)
    if missing:
        raise ValueError(
            f"these events have no {', '.join(sorted(missing))}: weights in pb need process, "
            f"cross_section and weight. There are: {', '.join(events.fields)}"
        )
    process, cross_section, weight = (
        ak.to_numpy(events[name]).astype(np.float64)
        for name in ("process", "cross_section", "weight")
    )
    _, group = np.unique(process, return_inverse=True)
    return cross_section * weight / np.bincount(group, weight)[group]
