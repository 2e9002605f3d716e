"""High-level observables of jets: the features of cuts, trees and dense networks."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import substructure
from hepml_lib.batch import JetBatch

__all__ = ["JET_OBSERVABLES", "jet_observables"]

JET_OBSERVABLES = (
    "mass",
    "softdrop_mass",
    "multiplicity",
    "width",
    "momentum_dispersion",
    "tau21",
    "tau32",
)
"""Columns of `jet_observables`: masses in GeV, the rest without unit."""


def jet_observables(jets: ak.Array) -> NDArray[np.float32]:
    """Seven observables of each jet, shape (n, 7), in the order of `JET_OBSERVABLES`.

    An empty jet gives the jet's own mass and zeros; τ₂₁ and τ₃₂ are 0 where their denominator is.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV, rad] and ``constituents`` with the same four.

    Raises
    ------
    ValueError
        If a jet or constituent holds NaN or infinity, or a pT that is not above zero; the message
        says in which jet.

    References
    ----------
    N-subjettiness: arXiv:1011.2268. Soft drop: arXiv:1402.2657.

    Examples
    --------
    Two equal particles 0.4 apart: two axes describe the jet exactly, so that τ₂₁ is 0.

    >>> zero = [[0.0, 0.0]]
    >>> pair = {"pt": [[300.0, 300.0]], "eta": [[0.0, 0.4]], "phi": zero, "mass": zero}
    >>> jet = {"pt": [600.0], "eta": [0.2], "phi": [0.0], "mass": [120.8]}
    >>> jets = ak.zip({**jet, "constituents": ak.zip(pair)}, depth_limit=1)
    >>> dict(zip(JET_OBSERVABLES, jet_observables(jets)[0].tolist()))["tau21"]
    0.0
    """
    axis = JetBatch.read(jets).axes  # refuses what is no jet
    inside = jets.constituents
    tau = {n: substructure.nsubjettiness(inside, n) for n in (1, 2, 3)}
    columns = [
        axis["mass"],
        substructure.softdrop_mass(inside),
        substructure.multiplicity(inside),
        substructure.width(inside),
        substructure.momentum_dispersion(inside),
        _ratio(tau[2], tau[1]),
        _ratio(tau[3], tau[2]),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _ratio(above: NDArray, below: NDArray) -> NDArray:
    # Two or three axes on as many particles leave only rounding, whose ratio means nothing.
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-9)
