"""Angles and sums of four-momenta that `vector` does not give in one call.

For single four-vectors use `vector` itself: ``jets.constituents.deltaR(jets)`` and its like.
"""

from __future__ import annotations

import awkward as ak
import numpy as np
import vector.backends.awkward
from numpy.typing import ArrayLike, NDArray

__all__ = ["delta_r", "momenta", "total", "wrap_phi"]


def wrap_phi(phi: ArrayLike) -> NDArray[np.floating]:
    """Azimuth, or a difference of azimuths, in [−π, π) radians.

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
    """Distance √(Δη² + Δφ²); the arguments broadcast.

    Examples
    --------
    >>> float(delta_r(0.0, 3.1, 0.0, -3.1).round(4))
    0.0832
    """
    return np.hypot(np.asarray(eta1) - np.asarray(eta2), wrap_phi(np.subtract(phi1, phi2)))


def momenta(columns: dict[str, ak.Array], depth: int = 1) -> ak.Array:
    """Array of `vector` records, from columns such as ``pt, eta, phi, mass`` [GeV, rad].

    Parameters
    ----------
    columns
        Fields of the record.
    depth
        1 for one record per entry (a deeper column is then a field of it, as the constituents are
        of a jet), 2 for lists of records.
    """
    return ak.zip(
        columns,
        depth_limit=depth,
        with_name="Momentum4D",
        behavior=vector.backends.awkward.behavior,
    )


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
    Two back-to-back photons of 45.6 GeV make a Z boson at rest:

    >>> photons = {"pt": [[45.6, 45.6]], "eta": [[0.3, -0.3]], "phi": [[0.0, -np.pi]]}
    >>> pair = ak.zip({**photons, "mass": [[0.0, 0.0]]})
    >>> round(float(total(pair).mass[0]), 1)
    95.3
    """
    pt, eta, phi, mass = (
        ak.values_astype(constituents[field], np.float64) for field in ("pt", "eta", "phi", "mass")
    )
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    components = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pz, "E": energy}
    return momenta({name: ak.sum(value, axis=-1) for name, value in components.items()})
