"""Tracker: who leaves a track, how well it is measured, where the magnetic field takes it.

The figures follow the CMS tracker: arXiv:1405.6569 (efficiency, resolution) and arXiv:1706.04965
(field and geometry).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ACCEPTANCE",
    "angular_resolution",
    "calorimeter_phi",
    "efficiency",
    "momentum_resolution",
]

ACCEPTANCE = 2.5
"""Largest |η| of a track."""

MINIMUM_PT = 0.3
"""Softest track [GeV]."""

_FIELD = 3.8  # tesla
_CALORIMETER_RADIUS = 1.29  # metres

_Array = NDArray[np.floating]


def efficiency(pt: _Array, eta: _Array, muon: NDArray[np.bool_]) -> _Array:
    """Probability that a charged particle gives a track.

    94 % for |η| < 0.9 and 85 % up to 2.5 at pT > 0.9 GeV, the averages over tt̄ events of
    arXiv:1405.6569; lost hadrons interacted in the material, so muons keep 99 %. Below 0.9 GeV
    the efficiency is lower by a fifth, below 0.3 GeV nothing is tracked. Not modelled: the loss in
    the dense core of a jet.

    Examples
    --------
    >>> efficiency(np.array([5.0, 5.0]), np.array([0.5, 3.0]), np.array([False, False]))
    array([0.94, 0.  ])
    """
    plateau = np.where(muon, 0.99, np.where(np.abs(eta) < 0.9, 0.94, 0.85))
    soft = np.where(pt < 0.9, 0.8, 1.0)
    return plateau * soft * ((np.abs(eta) < ACCEPTANCE) & (pt > MINIMUM_PT))


def momentum_resolution(pt: _Array, eta: _Array) -> _Array:
    """Relative resolution σ(pT)/pT of a track.

    Multiple scattering and hit resolution in quadrature, a ⊕ b pT. The constants are ours, chosen
    so that 100 GeV gives 2.8 % at |η| = 1.4 as in arXiv:1405.6569 and 1 GeV about 0.8 % at η = 0.

    Examples
    --------
    >>> momentum_resolution(np.array([1.0, 100.0]), np.array([0.0, 1.4])).round(4)
    array([0.008 , 0.0281])
    """
    scattering = 0.008 * (1 + 0.35 * eta**2)
    hits = 1.55e-4 * (1 + 0.3 * eta**2)
    return np.hypot(scattering, hits * pt)


def angular_resolution(pt: _Array) -> _Array:
    """Resolution of η and of φ of a track [rad]: 2 mrad/pT ⊕ 0.2 mrad, CMS-like (arXiv:1405.6569).

    Examples
    --------
    >>> angular_resolution(np.array([1.0, 10.0])).round(5)
    array([0.00201, 0.00028])
    """
    return np.hypot(0.002 / pt, 0.0002)


def calorimeter_phi(pt: _Array, phi: _Array, charge: NDArray[np.integer]) -> _Array:
    """Azimuth at which a particle meets the barrel calorimeter; NaN when it curls up before.

    A circle of radius pT / (0.3 B) with B = 3.8 T reaches r = 1.29 m for pT > 0.74 GeV.

    Examples
    --------
    >>> calorimeter_phi(np.array([0.7, 10.0]), np.zeros(2), np.array([1, 1])).round(4)
    array([    nan, -0.0736])
    """
    sine = 0.3 * _FIELD * _CALORIMETER_RADIUS * charge / (2 * pt)
    return phi - np.arcsin(np.where(np.abs(sine) < 1, sine, np.nan))
