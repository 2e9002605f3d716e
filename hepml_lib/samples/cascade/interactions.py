"""Cross sections of photons, electrons and positrons, in closed form.

Energies are in MeV, and a cross section is given per length of path, 1/mm. Screening is Butcher and
Messel's fit. The Coulomb correction holds at high energies alone: it fades in from 5 to 50 MeV, an
interval of ours that brings the attenuation of photons in lead to the tables, to 3 %.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.samples.cascade.materials import ELECTRON_RADIUS, FINE_STRUCTURE, MASS, Material

__all__ = [
    "annihilation",
    "bremsstrahlung",
    "bremsstrahlung_above",
    "compton",
    "pair_production",
    "pair_spectrum",
    "photoelectric",
    "radiative_loss",
]

THOMSON = 8 * np.pi / 3 * ELECTRON_RADIUS**2
FADE = (5.0, 50.0)
K_BINDING = 13.1e-6  # MeV, times the square of Z
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)

Floats = NDArray[np.float64]


def coulomb_share(energy: ArrayLike) -> Floats:
    """Share of the Coulomb correction that holds at an energy [MeV]."""
    low, high = np.log(FADE)
    return np.clip((np.log(energy) - low) / (high - low), 0, 1)


def screening(material: Material, delta: Floats, energy: ArrayLike) -> tuple[Floats, Floats]:
    """Both screening functions less their Coulomb terms; never below zero."""
    delta = np.asarray(delta, np.float64)
    near = delta <= 1
    far = 21.12 - 4.184 * np.log(delta + 0.952)
    first = np.where(near, 20.867 - 3.242 * delta + 0.625 * delta**2, far)
    second = np.where(near, 20.209 - 1.930 * delta - 0.086 * delta**2, far)
    charge = 4 / 3 * np.log(material.charge) + 4 * material.coulomb * coulomb_share(energy)
    return np.clip(first - charge, 0, None), np.clip(second - charge, 0, None)


def bremsstrahlung(material: Material, energy: ArrayLike, photon: ArrayLike) -> Floats:
    """Photons radiated per length and per logarithm of the photon's energy [1/mm].

    Parameters
    ----------
    material
        What is crossed.
    energy
        Total energy of the electron [MeV].
    photon
        Energy of the photon [MeV], below the electron's kinetic energy.

    Returns
    -------
    ndarray
        In the common shape of both energies [1/mm].

    Examples
    --------
    Where screening is complete, soft photons come at 4/3 per radiation length, to 3 %:

    >>> from hepml_lib.samples.cascade.materials import LEAD
    >>> round(float(bremsstrahlung(LEAD, 1e5, 1.0)) * LEAD.radiation_length * 3 / 4, 2)
    1.02
    """
    energy, photon = np.asarray(energy, np.float64), np.asarray(photon, np.float64)
    left = energy - photon
    share = photon / energy
    delta = 136 / material.charge ** (1 / 3) * MASS * photon / (energy * left)
    first, second = screening(material, delta, energy)
    shape = (1 + (1 - share) ** 2) * first - 2 / 3 * (1 - share) * second
    return np.where(left > MASS, material.radiation_strength * np.clip(shape, 0, None), 0.0)


def _log_integral(lowest: Floats, highest: Floats) -> tuple[Floats, Floats]:
    """Photon energies spaced in the logarithm, one row per electron, and their weights."""
    half = 0.5 * np.log(highest / lowest)[..., None]
    return lowest[..., None] * np.exp(half * (1 + _NODES)), half * _WEIGHTS


def bremsstrahlung_above(material: Material, kinetic: ArrayLike, lowest: float) -> Floats:
    """Photons above an energy radiated per length [1/mm] by electrons of some kinetic energy.

    Parameters
    ----------
    material
        What is crossed.
    kinetic
        Kinetic energies of the electrons [MeV], shape (n,).
    lowest
        Energy above which a photon counts [MeV].

    Returns
    -------
    ndarray
        Shape (n,) [1/mm].

    Examples
    --------
    Photons with more than 0.1 % of the energy of an electron of 100 GeV, per radiation length;
    4/3 ln 1000 = 9.2 if all were soft:

    >>> from hepml_lib.samples.cascade.materials import LEAD
    >>> round(float(bremsstrahlung_above(LEAD, 1e5, 100.0)[0]) * LEAD.radiation_length, 1)
    8.6
    """
    kinetic = np.atleast_1d(np.asarray(kinetic, np.float64))
    photon, weight = _log_integral(np.full_like(kinetic, lowest), np.maximum(kinetic, lowest))
    return (weight * bremsstrahlung(material, kinetic[:, None] + MASS, photon)).sum(axis=-1)


def radiative_loss(material: Material, kinetic: ArrayLike, highest: float = np.inf) -> Floats:
    """Mean loss by radiation of photons below an energy [MeV/mm].

    Parameters
    ----------
    material
        What is crossed.
    kinetic
        Kinetic energies of the electrons [MeV], shape (n,).
    highest
        Energy below which a photon counts [MeV].

    Returns
    -------
    ndarray
        Shape (n,) [MeV/mm].

    Examples
    --------
    An electron of high energy loses itself in one radiation length, to 2 %:

    >>> from hepml_lib.samples.cascade.materials import LEAD
    >>> round(float(radiative_loss(LEAD, 1e5)[0]) * LEAD.radiation_length / 1e5, 2)
    1.02
    """
    kinetic = np.atleast_1d(np.asarray(kinetic, np.float64))
    top = np.minimum(kinetic, highest)
    photon = 0.5 * top[:, None] * (1 + _NODES)
    return (
        0.5
        * top
        * (_WEIGHTS * bremsstrahlung(material, kinetic[:, None] + MASS, photon)).sum(axis=-1)
    )


def pair_spectrum(material: Material, photon: ArrayLike, share: ArrayLike) -> Floats:
    """Pairs per length and per share of the energy that the electron takes [1/mm].

    Parameters
    ----------
    material
        What is crossed.
    photon
        Energy of the photon [MeV].
    share
        Share of it that the electron takes, between 0 and 1; the shapes broadcast.

    Returns
    -------
    ndarray
        In the common shape [1/mm].

    Examples
    --------
    Both leptons are alike:

    >>> from hepml_lib.samples.cascade.materials import LEAD
    >>> bool(pair_spectrum(LEAD, 1e4, 0.2) == pair_spectrum(LEAD, 1e4, 0.8))
    True
    """
    photon, share = np.asarray(photon, np.float64), np.asarray(share, np.float64)
    product = share * (1 - share)
    delta = 136 / material.charge ** (1 / 3) * MASS / (photon * product)
    first, second = screening(material, delta, photon)
    return material.radiation_strength * ((1 - 2 * product) * first + 2 / 3 * product * second)


def pair_production(material: Material, photon: ArrayLike) -> Floats:
    """Pairs per length [1/mm].

    Parameters
    ----------
    material
        What is crossed.
    photon
        Energies of the photons [MeV], shape (n,).

    Returns
    -------
    ndarray
        Shape (n,) [1/mm].

    Examples
    --------
    A photon of high energy converts after 9/7 of a radiation length:

    >>> from hepml_lib.samples.cascade.materials import ARGON
    >>> round(1 / float(pair_production(ARGON, 1e6)[0]) / ARGON.radiation_length, 2)
    1.29
    """
    photon = np.atleast_1d(np.asarray(photon, np.float64))
    least = np.minimum(MASS / photon, 0.5)
    half = 0.5 - least
    share = least[:, None] + half[:, None] * (1 + _NODES)
    return half * (_WEIGHTS * pair_spectrum(material, photon[:, None], share)).sum(axis=-1)


def compton(material: Material, photon: ArrayLike) -> Floats:
    """Scatterings on free electrons per length [1/mm] (Klein and Nishina).

    Parameters
    ----------
    material
        What is crossed.
    photon
        Energies of the photons [MeV], any shape.

    Returns
    -------
    ndarray
        In the shape of `photon` [1/mm].

    Examples
    --------
    Soft photons see Thomson's cross section:

    >>> from hepml_lib.samples.cascade.materials import ARGON
    >>> round(float(compton(ARGON, 1e-3)) / (ARGON.electrons * THOMSON), 2)
    1.0
    """
    k = np.asarray(photon, np.float64) / MASS
    wide = 1 + 2 * k
    logarithm = np.log1p(2 * k)
    soft = (1 + k) / k**2 * (2 * (1 + k) / wide - logarithm / k)
    total = soft + logarithm / (2 * k) - (1 + 3 * k) / wide**2
    return 2 * np.pi * ELECTRON_RADIUS**2 * material.electrons * total


def photoelectric(material: Material, photon: ArrayLike) -> Floats:
    """Photons absorbed by an atom per length [1/mm].

    Sauter's cross section with Pratt's factor for heavy atoms, and near the K edge a reduction of
    ours. In lead it is within 15 % of the tables from 0.1 to 2 MeV; below the K edge it is wrong.

    Parameters
    ----------
    material
        What is crossed.
    photon
        Energies of the photons [MeV], any shape.

    Returns
    -------
    ndarray
        In the shape of `photon` [1/mm].

    Examples
    --------
    It grows steeply with the charge of the nucleus, here to the power 4 to 5 per atom:

    >>> from hepml_lib.samples.cascade.materials import ARGON, LEAD
    >>> lead, argon = (float(photoelectric(m, 0.3)) / m.atoms for m in (LEAD, ARGON))
    >>> bool(4 < np.log(lead / argon) / np.log(82 / 18) < 5)
    True
    """
    coupling = FINE_STRUCTURE * material.charge
    k = np.asarray(photon, np.float64) / MASS
    gamma = k + 1
    root = np.sqrt(gamma**2 - 1)
    logarithm = np.log((gamma + root) / (gamma - root)) / (2 * gamma * root)
    bracket = 4 / 3 + gamma * (gamma - 2) / (gamma + 1) * (1 - logarithm)
    sauter = 1.5 * THOMSON * coupling**4 * material.charge * root**3 / k**5 * bracket
    heavy = np.exp(-np.pi * coupling + 2 * coupling**2 * (1 - np.log(coupling)))
    edge = 1.9 * K_BINDING * material.charge**2 / (k * MASS)
    return material.atoms * sauter * heavy / (1 + edge**1.5)


def annihilation(material: Material, kinetic: ArrayLike) -> Floats:
    """Annihilations in flight into two photons per length [1/mm] (Heitler).

    Parameters
    ----------
    material
        What is crossed.
    kinetic
        Kinetic energies of the positrons [MeV], any shape.

    Returns
    -------
    ndarray
        In the shape of `kinetic` [1/mm].

    Examples
    --------
    A slow positron annihilates at the rate π r² n c, whatever its speed:

    >>> from hepml_lib.samples.cascade.materials import LEAD
    >>> rate = float(annihilation(LEAD, 1e-6)) * np.sqrt(2e-6 / MASS)
    >>> round(float(rate / (np.pi * ELECTRON_RADIUS**2 * LEAD.electrons)), 2)
    1.0
    """
    gamma = np.asarray(kinetic, np.float64) / MASS + 1
    root = np.sqrt(gamma**2 - 1)
    shape = (gamma**2 + 4 * gamma + 1) / root**2 * np.log(gamma + root) - (gamma + 3) / root
    return np.pi * ELECTRON_RADIUS**2 * material.electrons * shape / (gamma + 1)
