"""N-subjettiness for many N and powers of the angle at once: the basis of M-body phase space."""

from __future__ import annotations

from itertools import product

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import substructure
from hepml_lib.batch import JetBatch
from hepml_lib.kinematics import wrap_phi

__all__ = ["NSUB_BASIS", "nsubjettiness_basis"]

_RADIUS = 0.8
_POWERS = (0.5, 1.0, 2.0)
_MAX_AXES = 7  # one less than the eight bodies of the published tagger
# M bodies have 3 M - 4 degrees of freedom: the last τ lacks its first power.
_TAUS = tuple(product(range(1, _MAX_AXES + 1), _POWERS))
_TAUS = tuple(tau for tau in _TAUS if tau != (_MAX_AXES, _POWERS[0]))
NSUB_BASIS = (*(f"tau{n}_beta{power:g}" for n, power in _TAUS), "pt", "mass")
"""Columns of `nsubjettiness_basis`: 20 N-subjettinesses without unit, pT and mass in GeV."""


def nsubjettiness_basis(jets: ak.Array) -> NDArray[np.float32]:
    """τ_N^(β) of N = 1 to 7 axes and β = ½, 1, 2, with pT and mass of the jet, shape (n, 22).

    τ_N^(β) = Σ pᵢ min_a ΔR(i, a)^β / (R^β Σ pᵢ) with R = 0.8. Six axes with three powers and the
    seventh with two make 20 numbers, as many as a jet of eight massless bodies has degrees of
    freedom.
    The axes are the N exclusive kT jets (E-scheme) for every β, taken from one clustering.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV, rad] and ``constituents`` with the same four.

    Returns
    -------
    array of float32
        In the order of `NSUB_BASIS`. τ_N is 0 for a jet with at most N constituents.

    Raises
    ------
    ValueError
        If a jet or constituent holds NaN or infinity, or a pT that is not above zero; the message
        says in which jet.

    References
    ----------
    Basis: Datta and Larkoski, arXiv:1704.08249. As a top tagger: Moore et al., arXiv:1807.04769.

    Examples
    --------
    Two equal prongs 0.4 apart lie 0.2 from their common axis, and on axes of their own:

    >>> zero = [[0.0, 0.0]]
    >>> pair = {"pt": [[300.0, 300.0]], "eta": [[0.0, 0.4]], "phi": zero, "mass": zero}
    >>> jet = {"pt": [600.0], "eta": [0.2], "phi": [0.0], "mass": [120.8]}
    >>> jets = ak.zip({**jet, "constituents": ak.zip(pair)}, depth_limit=1)
    >>> dict(zip(NSUB_BASIS, nsubjettiness_basis(jets)[0].round(4).tolist()))["tau1_beta2"]
    0.0625
    """
    batch = JetBatch.read(jets)
    basis = np.zeros((len(batch), len(NSUB_BASIS)))
    basis[:, -2:] = np.stack([batch.axes["pt"], batch.axes["mass"]], axis=1)
    # Jets with more constituents than axes are clustered once; the few others in groups of equal
    # size, because FastJet refuses more axes than there are particles.
    groups = [(batch.counts > _MAX_AXES, _MAX_AXES)]
    groups += [(batch.counts == count, count - 1) for count in range(2, _MAX_AXES + 1)]
    for chosen, axes in groups:
        if chosen.any():
            basis[chosen, :-2] = _taus(batch[chosen], axes)
    return basis.astype(np.float32)


def _taus(batch: JetBatch, max_axes: int) -> NDArray[np.float64]:
    """τ with up to `max_axes` axes of jets that all have more constituents than that."""
    sequence = substructure.cluster(
        batch.pt, batch.eta, batch.phi, batch.mass, batch.counts, "kt_algorithm", 10.0
    )
    columns = {}
    for n in range(1, max_axes + 1):
        axis_y, axis_phi = substructure.exclusive_axes(sequence, n)
        squared = (batch.rapidity[:, None] - axis_y[batch.jet]) ** 2
        squared += wrap_phi(batch.phi[:, None] - axis_phi[batch.jet]) ** 2
        nearest = squared.min(axis=1) / _RADIUS**2
        for power in _POWERS:
            columns[n, power] = batch.sum(batch.share * nearest ** (power / 2))
    return np.stack([columns.get(tau, np.zeros(len(batch))) for tau in _TAUS], axis=1)
