"""N-subjettiness for many N and powers of the angle at once: the basis of M-body phase space."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import substructure
from hepml_lib.kinematics import wrap_phi
from hepml_lib.tagging.features import check_jets

__all__ = ["NSUB_BASIS", "nsubjettiness_basis"]

_POWERS = (0.5, 1.0, 2.0)
_MOST_AXES = 7  # one less than the eight bodies of the published tagger
# M bodies have 3 M - 4 degrees of freedom: the last τ lacks its first power.
_TAUS = tuple(product(range(1, _MOST_AXES + 1), _POWERS))
_TAUS = tuple(tau for tau in _TAUS if tau != (_MOST_AXES, _POWERS[0]))
NSUB_BASIS = (*(f"tau{n}_beta{power:g}" for n, power in _TAUS), "pt", "mass")
"""Columns of `nsubjettiness_basis`: 20 N-subjettinesses without unit, pT and mass in GeV."""

_Floats = NDArray[np.float64]


def nsubjettiness_basis(jets: ak.Array, radius: float = 0.8) -> NDArray[np.float32]:
    """τ_N^(β) of N = 1 to 7 axes and β = ½, 1, 2, with pT and mass of the jet, shape (n, 22).

    τ_N^(β) = Σ pᵢ min_a ΔR(i, a)^β / (R^β Σ pᵢ). Six axes with three powers and the seventh with
    two make 20 numbers, as many as a jet of eight massless bodies has degrees of freedom.
    The axes are the N exclusive kT jets (E-scheme) for every β, taken from one clustering.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV, rad] and ``constituents`` with the same four.
    radius
        Radius R of the jet.

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
    inside = jets.constituents
    check_jets(jets, inside)
    counts = ak.to_numpy(ak.num(inside, axis=1)).astype(np.int64)
    basis = np.zeros((len(jets), len(NSUB_BASIS)))
    basis[:, -2:] = np.stack([ak.to_numpy(jets.pt), ak.to_numpy(jets.mass)], axis=1)
    # Jets with more constituents than axes are clustered once; the few others in groups of equal
    # size, because FastJet refuses more axes than there are particles.
    many = counts > _MOST_AXES
    groups = [(np.flatnonzero(many), _MOST_AXES)]
    groups += [(np.flatnonzero(counts == count), count - 1) for count in range(2, _MOST_AXES + 1)]
    for jet, most in groups:
        if len(jet):
            basis[jet, :-2] = _taus(inside[jet], most, radius)
    return basis.astype(np.float32)


def _taus(constituents: ak.Array, most: int, radius: float) -> _Floats:
    """τ with up to `most` axes of jets that all have more constituents than that."""
    counts = ak.to_numpy(ak.num(constituents)).astype(np.int64)
    flat = ak.flatten(constituents)
    pt, eta, phi, mass = (
        ak.to_numpy(flat[name]).astype(np.float64) for name in ("pt", "eta", "phi", "mass")
    )
    owner = np.repeat(np.arange(len(counts)), counts)
    rapidity = np.arcsinh(pt * np.sinh(eta) / np.hypot(pt, mass))
    share = pt / np.bincount(owner, pt)[owner]
    sequence = substructure.cluster(pt, eta, phi, mass, counts, "kt_algorithm", 10.0)
    columns = {}
    for n in range(1, most + 1):
        axis_y, axis_phi = _axes(sequence, n)
        squared = (rapidity[:, None] - axis_y[owner]) ** 2
        squared += wrap_phi(phi[:, None] - axis_phi[owner]) ** 2
        nearest = squared.min(axis=1) / radius**2
        for power in _POWERS:
            columns[n, power] = np.bincount(owner, share * nearest ** (power / 2))
    return np.stack([columns.get(tau, np.zeros(len(counts))) for tau in _TAUS], axis=1)


def _axes(sequence: Any, n: int) -> tuple[_Floats, _Floats]:
    """Rapidity and azimuth of the n exclusive jets of each sequence, shape (jets, n)."""
    with warnings.catch_warnings():
        # FastJet warns of exclusive jets whatever the algorithm; kT is made for them.
        warnings.simplefilter("ignore")
        axes = sequence.exclusive_jets(n_jets=n)
    energy, pz, px, py = (
        ak.to_numpy(axes[name]).reshape(-1, n) for name in ("E", "pz", "px", "py")
    )
    return np.arctanh(pz / energy), np.arctan2(py, px)
