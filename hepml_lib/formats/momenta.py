"""Four-momenta as arrays that `vector` understands: fields `pt, eta, phi, mass` [GeV, rad].

`vector` gives its records properties of its own, and they hide fields of the same name: ``tau2`` is
the square of the mass there. The N-subjettiness τ₂ is therefore called `tau_2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

__all__ = ["cartesian", "jagged", "jet", "records", "unpadded"]


def records(columns: Mapping[str, Any], name: str = "Momentum4D") -> ak.Array:
    """One record per entry; deeper columns, such as constituents, become fields of it."""
    return _zip(columns, 1, name)


def jagged(columns: Mapping[str, Any], name: str | None = "Momentum4D") -> ak.Array:
    """A list of records per entry."""
    return _zip(columns, 2, name)


def unpadded(
    there: NDArray[np.bool_],
    columns: Mapping[str, NDArray[Any]],
    name: str | None = "Momentum4D",
) -> ak.Array:
    """A list of records per entry, of padded columns ``(entries, slots)`` without their padding."""
    counts = np.count_nonzero(there, axis=1)
    lists = {column: ak.unflatten(data[there], counts) for column, data in columns.items()}
    return jagged(lists, name)


def cartesian(px: Any, py: Any, pz: Any, energy: Any) -> dict[str, Any]:
    """Columns `pt, eta, phi, mass`, computed in double precision and kept in that of `px`.

    A mass² below zero, which rounding gives to light particles, counts as zero.

    Examples
    --------
    A top quark of 600 GeV:

    >>> nothing = np.array([0.0])
    >>> top = cartesian(np.array([600.0]), nothing, nothing, np.hypot([600.0], 172.5))
    >>> float(top["mass"][0].round(4))
    172.5
    """
    single = px.dtype
    px, py, pz, energy = (np.asarray(value, np.float64) for value in (px, py, pz, energy))
    pt = np.hypot(px, py)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.where((pt == 0) & (pz == 0), 0.0, np.arcsinh(pz / pt))
    columns = {
        "pt": pt,
        "eta": eta,
        "phi": np.arctan2(py, px),
        "mass": np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0)),
    }
    return {name: value.astype(single) for name, value in columns.items()}


def jet(constituents: ak.Array) -> dict[str, Any]:
    """Columns `pt, eta, phi, mass` of the sum of a jet's constituents."""
    from hepml_lib import kinematics

    summed = kinematics.total(constituents)
    return cartesian(*(ak.to_numpy(summed[name]) for name in ("px", "py", "pz", "E")))


def _zip(columns: Mapping[str, Any], depth: int, name: str | None) -> ak.Array:
    # Not at the top: `vector` takes 35 MB, which `convert` can do without.
    import vector.backends.awkward

    first = [field for field in ("pt", "eta", "phi", "mass") if field in columns]
    ordered = {field: columns[field] for field in dict.fromkeys([*first, *columns])}
    behavior = vector.backends.awkward.behavior
    return ak.zip(ordered, depth_limit=depth, with_name=name, behavior=behavior)
