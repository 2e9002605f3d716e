"""Angles and sums of four-momenta that `vector` does not give in one call.

For single four-vectors use `vector` itself: ``jets.constituents.deltaR(jets)`` and its like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["delta_r", "momenta", "total", "wrap_phi"]

_COORDINATES = {"pt", "eta", "phi", "mass", "px", "py", "pz", "E"}


def wrap_phi(phi: ArrayLike) -> NDArray[np.floating]:
    """Azimuth, or a difference of azimuths, in [−π, π) radians.

    Parameters
    ----------
    phi
        Angles [rad], any shape.

    Returns
    -------
    ndarray
        The same directions, in the shape of `phi`.

    Examples
    --------
    >>> float(wrap_phi(3.5 * np.pi).round(4))
    -1.5708
    """
    phi = np.asarray(phi)
    return (phi + np.pi) % (2 * np.pi) - np.pi


def delta_r(
    eta1: ArrayLike, phi1: ArrayLike, eta2: ArrayLike, phi2: ArrayLike
) -> NDArray[np.floating]:
    """Distance √(Δη² + Δφ²) of directions.

    Parameters
    ----------
    eta1, phi1, eta2, phi2
        Pseudorapidities and azimuths [rad], of shapes that broadcast.

    Returns
    -------
    ndarray
        ΔR, in the common shape.

    Examples
    --------
    >>> float(delta_r(0.0, 3.1, 0.0, -3.1).round(4))
    0.0832
    """
    return np.hypot(np.asarray(eta1) - np.asarray(eta2), wrap_phi(np.subtract(phi1, phi2)))


def momenta(
    columns: Mapping[str, Any], depth: int = 1, name: str | None = "Momentum4D"
) -> ak.Array:
    """Array of `vector` records, from columns such as ``pt, eta, phi, mass`` [GeV, rad].

    Parameters
    ----------
    columns
        Fields of the record: flat arrays, shape (n,), or jagged ones. Coordinates that are whole
        numbers become double precision, for squares of small integers overflow.
    depth
        1 for one record per entry (a deeper column is then a field of it, as the constituents are
        of a jet), 2 for lists of records.
    name
        What `vector` takes a record for; None for plain records.

    Returns
    -------
    ak.Array
        Records with the fields of `columns`, in their order.

    Examples
    --------
    >>> columns = {"pt": [3, 40], "eta": [0, 1], "phi": [0, 3], "mass": [4, 0]}
    >>> momenta({name: np.array(value, np.int8) for name, value in columns.items()}).E.to_list()[0]
    5.0
    """
    # Not at the top: `vector` takes 35 MB, which `formats.convert` can do without.
    import vector.backends.awkward

    behavior = vector.backends.awkward.behavior
    fields = {
        field: ak.transform(_in_double_precision, value) if field in _COORDINATES else value
        for field, value in columns.items()
    }
    return ak.zip(fields, depth_limit=depth, with_name=name, behavior=behavior)


def _in_double_precision(layout: Any, **_: Any) -> Any:
    """Whole numbers as floating ones, for `ak.transform`; other contents stay as they are."""
    if layout.is_numpy and layout.dtype.kind in "iu":
        return ak.contents.NumpyArray(layout.data.astype(np.float64))
    return None


def total(constituents: ak.Array) -> ak.Array:
    """Sum of four-momenta over the last axis, in double precision.

    Parameters
    ----------
    constituents
        Jagged array, one list of ``pt, eta, phi, mass`` [GeV, rad] per jet.

    Returns
    -------
    ak.Array
        One ``Momentum4D`` with ``px, py, pz, E`` [GeV] per jet; zero for an empty jet.

    Examples
    --------
    A Z boson at rest that decays to two muons, of 43.62 GeV · cosh 0.3 = 45.6 GeV each:

    >>> muons = {"pt": [[43.62, 43.62]], "eta": [[0.3, -0.3]], "phi": [[0.0, -np.pi]]}
    >>> pair = ak.zip({**muons, "mass": [[0.1057, 0.1057]]})
    >>> round(float(total(pair).mass[0]), 1)
    91.2
    """
    pt, eta, phi, mass = (
        ak.values_astype(constituents[field], np.float64) for field in ("pt", "eta", "phi", "mass")
    )
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    components = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pz, "E": energy}
    return momenta({name: ak.sum(value, axis=-1) for name, value in components.items()})
