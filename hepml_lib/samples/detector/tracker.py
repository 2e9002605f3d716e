"""Tracker: who leaves a track, how well it is measured, where the magnetic field takes it.

The figures follow the CMS tracker: arXiv:1405.6569 (efficiency, resolution) and arXiv:1706.04965
(field and geometry).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import wrap_phi
from hepml_lib.samples.detector.table import ParticleTable

__all__ = [
    "ACCEPTANCE",
    "angular_resolution",
    "calorimeter_phi",
    "d0_resolution",
    "efficiency",
    "momentum_resolution",
    "nearest_vertex",
    "perigee",
    "z0_resolution",
]

ACCEPTANCE = 2.5
"""Largest |η| of a track."""

MINIMUM_PT = 0.3
"""Softest track [GeV]."""

_FIELD = 3.8  # tesla
_CALORIMETER_RADIUS = 1.29  # metres
_RADIUS = 1000 / (0.3 * _FIELD)  # of the circle of 1 GeV, in mm

_Array = NDArray[np.floating]


def efficiency(
    pt: _Array, eta: _Array, muon: NDArray[np.bool_], radius: _Array | float = 0.0
) -> _Array:
    """Probability that a charged particle gives a track.

    94 % for |η| < 0.9 and 85 % up to 2.5 at pT > 0.9 GeV, the averages over tt̄ events of
    arXiv:1405.6569; lost hadrons interacted in the material, so muons keep 99 %. Below 0.9 GeV
    the efficiency is lower by a fifth, below 0.3 GeV nothing is tracked. A particle produced at a
    distance `radius` [mm] from the beam misses the inner layers: the efficiency falls by e over
    200 mm (ours). Not modelled: the loss in the dense core of a jet.

    Parameters
    ----------
    pt
        Transverse momenta [GeV], shape (n,).
    eta
        Pseudorapidities, shape (n,).
    muon
        Which are muons, shape (n,).
    radius
        Distance from the beam at which they were produced [mm], shape (n,) or one for all.

    Returns
    -------
    ndarray
        Probabilities, shape (n,).

    Examples
    --------
    >>> efficiency(np.array([5.0, 5.0]), np.array([0.5, 3.0]), np.array([False, False]))
    array([0.94, 0.  ])
    """
    plateau = np.where(muon, 0.99, np.where(np.abs(eta) < 0.9, 0.94, 0.85))
    soft = np.where(pt < 0.9, 0.8, 1.0)
    inside = (np.abs(eta) < ACCEPTANCE) & (pt > MINIMUM_PT)
    return plateau * soft * inside * np.exp(-np.asarray(radius) / 200)


def momentum_resolution(pt: _Array, eta: _Array) -> _Array:
    """Relative resolution σ(pT)/pT of a track.

    Multiple scattering and hit resolution in quadrature, a ⊕ b pT. The constants are ours, chosen
    so that 100 GeV gives 2.8 % at |η| = 1.4 as in arXiv:1405.6569 and 1 GeV about 0.8 % at η = 0.

    Parameters
    ----------
    pt
        Transverse momenta [GeV], shape (n,).
    eta
        Pseudorapidities, shape (n,).

    Returns
    -------
    ndarray
        σ(pT)/pT, shape (n,).

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

    Parameters
    ----------
    pt
        Transverse momenta [GeV], shape (n,).

    Returns
    -------
    ndarray
        σ(η) = σ(φ) [rad], shape (n,).

    Examples
    --------
    >>> angular_resolution(np.array([1.0, 10.0])).round(5)
    array([0.00201, 0.00028])
    """
    return np.hypot(0.002 / pt, 0.0002)


def d0_resolution(pt: _Array, eta: _Array) -> _Array:
    """Resolution of the transverse impact parameter [mm]: 20 µm ⊕ 75 µm √cosh η / pT.

    The second term is multiple scattering in the beam pipe and the first layers, which goes as
    1/(p sin^{3/2}θ). The constants are ours, so that tracks of 1 to 10 GeV in |η| < 1.4 lie
    between 90 and 25 µm as in arXiv:1405.6569.

    Parameters
    ----------
    pt
        Transverse momenta [GeV], shape (n,).
    eta
        Pseudorapidities, shape (n,).

    Returns
    -------
    ndarray
        σ(d0) [mm], shape (n,).

    Examples
    --------
    >>> d0_resolution(np.array([1.0, 10.0]), np.array([1.0, 1.0])).round(3)
    array([0.095, 0.022])
    """
    return np.hypot(0.020, 0.075 * np.sqrt(np.cosh(eta)) / pt)


def z0_resolution(pt: _Array, eta: _Array) -> _Array:
    """Resolution of the longitudinal impact parameter [mm]: 40 µm ⊕ 100 µm cosh^{3/2} η / pT.

    Ours, so that tracks of 1 to 10 GeV in |η| < 1.4 lie between 150 and 45 µm (arXiv:1405.6569).

    Parameters
    ----------
    pt
        Transverse momenta [GeV], shape (n,).
    eta
        Pseudorapidities, shape (n,).

    Returns
    -------
    ndarray
        σ(z0) [mm], shape (n,).

    Examples
    --------
    >>> z0_resolution(np.array([1.0, 10.0]), np.array([0.5, 0.5])).round(3)
    array([0.126, 0.042])
    """
    return np.hypot(0.040, 0.100 * np.cosh(eta) ** 1.5 / pt)


def perigee(particles: ParticleTable) -> tuple[_Array, _Array, _Array]:
    """Where charged particles pass nearest to the beam, on their circle in the field.

    Parameters
    ----------
    particles
        `pt` [GeV], `eta`, `phi` [rad], `charge`, and `x, y, z` [mm] where they were produced; the
        beam is at x = y = 0.

    Returns
    -------
    d0, z0, phi : ndarray
        Transverse impact parameter with the sign of −x sin φ + y cos φ, longitudinal one [mm],
        and the direction there [rad].

    Examples
    --------
    A stiff track along x that starts 0.3 mm above the beam:

    >>> track = {"pt": 50.0, "eta": 0.0, "phi": 0.0, "charge": 1, "x": 4.0, "y": 0.3, "z": 1.0}
    >>> d0, z0, _ = perigee({name: np.array([value]) for name, value in track.items()})
    >>> d0.round(3), z0.round(3)
    (array([0.3]), array([1.]))
    """
    charge, phi = particles["charge"], particles["phi"]
    radius = _RADIUS * particles["pt"]
    centre_x = particles["x"] + charge * radius * np.sin(phi)
    centre_y = particles["y"] - charge * radius * np.cos(phi)
    distance = np.hypot(centre_x, centre_y)
    there = np.arctan2(charge * centre_x, -charge * centre_y)
    arc = charge * radius * wrap_phi(there - phi)
    z0 = particles["z"] - arc * np.sinh(particles["eta"])
    return charge * (radius - distance), z0, there


def nearest_vertex(
    event: NDArray[np.integer], z0: _Array, vertices: ParticleTable
) -> NDArray[np.int16]:
    """Collision of the same crossing that is nearest in z to each track.

    Parameters
    ----------
    event, z0
        Event and longitudinal impact parameter [mm] of each track.
    vertices
        `event`, `vertex` (its number), `z` [mm]: one row per collision; each event has one.

    Returns
    -------
    ndarray
        Number of the vertex of each track.

    Examples
    --------
    >>> vertices = {"event": np.zeros(2, int), "vertex": np.arange(2), "z": np.array([0.0, 9.0])}
    >>> nearest_vertex(np.array([0, 0]), np.array([1.2, 8.0]), vertices)
    array([0, 1], dtype=int16)
    """
    # One axis for all events: what lies in other events is far away.
    far = 1e5
    place = vertices["event"] * far + vertices["z"]
    order = np.argsort(place)
    place, number = place[order], vertices["vertex"][order]
    between = (place[1:] + place[:-1]) / 2
    return number[np.searchsorted(between, event * far + z0)].astype(np.int16)


def calorimeter_phi(pt: _Array, phi: _Array, charge: NDArray[np.integer]) -> _Array:
    """Azimuth at which a particle meets the barrel calorimeter; NaN when it curls up before.

    A circle of radius pT / (0.3 B) with B = 3.8 T reaches r = 1.29 m for pT > 0.74 GeV.

    Parameters
    ----------
    pt
        Transverse momenta [GeV], shape (n,).
    phi
        Azimuths at the beam [rad], shape (n,).
    charge
        −1, 0 or 1, shape (n,).

    Returns
    -------
    ndarray
        Azimuths at the calorimeter [rad], shape (n,), not wrapped.

    Examples
    --------
    >>> calorimeter_phi(np.array([0.7, 10.0]), np.zeros(2), np.array([1, 1])).round(4)
    array([    nan, -0.0736])
    """
    sine = 0.3 * _FIELD * _CALORIMETER_RADIUS * charge / (2 * np.maximum(pt, 1e-9))
    return phi - np.arcsin(np.where(np.abs(sine) < 1, sine, np.nan))
