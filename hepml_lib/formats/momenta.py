"""Four-momenta as arrays that `vector` understands: fields `pt, eta, phi, mass` [GeV, rad].

`vector` gives its records properties of its own, and they hide fields of the same name: ``tau2`` is
the square of the mass there. The N-subjettiness τ₂ is therefore called `tau_2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib import kinematics

__all__ = ["cartesian", "jagged", "jet", "records", "unpadded"]


def records(columns: Mapping[str, Any], name: str = "Momentum4D") -> ak.Array:
    """Momenta, one per entry.

    Parameters
    ----------
    columns
        `pt, eta, phi, mass` [GeV, rad], shape (n,), and further fields; deeper columns, such as
        constituents, become fields of the record.
    name
        What `vector` takes the record for; ``"Momentum3D"`` has no mass.

    Returns
    -------
    ak.Array
        n records; the momentum comes first. Momenta that are whole numbers become floating ones.
    """
    return _zip(columns, 1, name)


def jagged(columns: Mapping[str, Any], name: str | None = "Momentum4D") -> ak.Array:
    """Lists of momenta, one list per entry.

    Parameters
    ----------
    columns
        Jagged arrays with the same lengths: `pt, eta, phi, mass` [GeV, rad] and further fields.
    name
        What `vector` takes a record for; None for records without a momentum.

    Returns
    -------
    ak.Array
        n lists of records; the momentum comes first. Momenta that are whole numbers become
        floating ones.
    """
    return _zip(columns, 2, name)


def unpadded(
    there: NDArray[np.bool_],
    columns: Mapping[str, NDArray[Any]],
    name: str | None = "Momentum4D",
) -> ak.Array:
    """Lists of momenta of padded columns, without their padding.

    Parameters
    ----------
    there
        Which places are filled, shape (n, slots).
    columns
        Arrays of shape (n, slots): `pt, eta, phi, mass` [GeV, rad] and further fields.
    name
        As in `jagged`.

    Returns
    -------
    ak.Array
        n lists of records, in the order of the slots.
    """
    counts = np.count_nonzero(there, axis=1)
    lists = {column: ak.unflatten(data[there], counts) for column, data in columns.items()}
    return jagged(lists, name)


def cartesian(
    px: ArrayLike, py: ArrayLike, pz: ArrayLike, energy: ArrayLike | None = None
) -> dict[str, NDArray[np.floating]]:
    """Columns `pt, eta, phi, mass` of momenta that are given by their components.

    They are computed in double precision. A mass² below zero, which rounding gives to light
    particles, counts as zero.

    Parameters
    ----------
    px, py, pz, energy
        Components [GeV], of the same shape, floating or whole numbers. Without `energy` there is
        no `mass`.

    Returns
    -------
    dict of ndarray
        `pt`, `mass` [GeV], `eta`, `phi` [rad], in the precision of `px, py, pz`; double where these
        are whole numbers, as in a CSV file without a decimal point. A particle at rest has
        η = φ = 0.

    Examples
    --------
    A top quark of 600 GeV:

    >>> zero = np.array([0.0])
    >>> top = cartesian(np.array([600.0]), zero, zero, np.hypot([600.0], 172.5))
    >>> float(top["mass"][0].round(4))
    172.5
    """
    precision = np.result_type(*(np.asarray(component) for component in (px, py, pz)))
    if precision.kind != "f":
        precision = np.dtype(np.float64)
    px, py, pz = (np.asarray(value, np.float64) for value in (px, py, pz))
    pt = np.hypot(px, py)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.where((pt == 0) & (pz == 0), 0.0, np.arcsinh(pz / pt))
    columns = {"pt": pt, "eta": eta, "phi": np.arctan2(py, px)}
    if energy is not None:
        mass2 = np.asarray(energy, np.float64) ** 2 - pt**2 - pz**2
        columns["mass"] = np.sqrt(np.maximum(mass2, 0))
    return {name: value.astype(precision) for name, value in columns.items()}


def jet(constituents: ak.Array) -> dict[str, NDArray[np.floating]]:
    """Columns `pt, eta, phi, mass` of the sums of constituents.

    Parameters
    ----------
    constituents
        Jagged array of ``pt, eta, phi, mass`` [GeV, rad], one list per jet.

    Returns
    -------
    dict of ndarray
        `pt`, `mass` [GeV], `eta`, `phi` [rad], shape (jets,); zeros for a jet without constituents.
    """
    summed = kinematics.total(constituents)
    return cartesian(*(ak.to_numpy(summed[name]) for name in ("px", "py", "pz", "E")))


def _zip(columns: Mapping[str, Any], depth: int, name: str | None) -> ak.Array:
    first = [field for field in ("pt", "eta", "phi", "mass") if field in columns]
    ordered = {field: columns[field] for field in dict.fromkeys([*first, *columns])}
    return kinematics.momenta(ordered, depth, name)
