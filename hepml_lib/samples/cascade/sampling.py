"""Drawing what comes out of an interaction; compiled by numba."""

from __future__ import annotations

import numpy as np
from numba import njit

from hepml_lib.samples.cascade.interactions import FADE
from hepml_lib.samples.cascade.materials import MASS
from hepml_lib.samples.cascade.tables import PHOTON_CUT

__all__ = ["annihilated", "compton_scattered", "pair_share", "radiated", "rotate", "scattering"]

_HIGHLAND = float(13.6 * (1 + 0.038 * np.log(0.1)))  # MeV, PDG review of passage through matter
_FADE_FROM, _FADE_OVER = float(np.log(FADE[0])), float(np.log(FADE[1] / FADE[0]))


@njit
def _screening(delta, energy, coulomb):
    """Both screening functions as in `interactions.screening`."""
    if delta <= 1:
        first = 20.867 - 3.242 * delta + 0.625 * delta * delta
        second = 20.209 - 1.930 * delta - 0.086 * delta * delta
    else:
        first = second = 21.12 - 4.184 * np.log(delta + 0.952)
    share = min(max((np.log(energy) - _FADE_FROM) / _FADE_OVER, 0.0), 1.0)
    charge = coulomb[0] + coulomb[1] * share
    return max(first - charge, 0.0), max(second - charge, 0.0)


@njit
def radiated(rng, kinetic, screen, coulomb):
    """Energy of a photon above the cut that an electron radiates.

    Parameters
    ----------
    rng
        NumPy generator.
    kinetic
        Kinetic energy of the electron [MeV], above `PHOTON_CUT`.
    screen, coulomb
        Row of the material in `Tables.screen` [MeV] and in `Tables.coulomb`.

    Returns
    -------
    float
        Energy of the photon [MeV], from `PHOTON_CUT` to `kinetic`.
    """
    energy = kinetic + MASS
    first, second = _screening(0.0, energy, coulomb)
    # The shape is largest where the photon is soft and screening complete.
    bound = 2 * first - 2 / 3 * second
    ratio = np.log(PHOTON_CUT / kinetic)
    while True:
        photon = kinetic * np.exp(ratio * rng.random())
        left = energy - photon
        share = photon / energy
        first, second = _screening(screen * photon / (energy * left), energy, coulomb)
        shape = (1 + (1 - share) ** 2) * first - 2 / 3 * (1 - share) * second
        if rng.random() * bound < shape:
            return photon


@njit
def pair_share(rng, photon, screen, coulomb):
    """Share of a photon's energy that the electron of a pair takes.

    Parameters
    ----------
    rng
        NumPy generator.
    photon
        Energy of the photon [MeV], above twice the mass of the electron.
    screen, coulomb
        Row of the material in `Tables.screen` [MeV] and in `Tables.coulomb`.

    Returns
    -------
    float
        Between 0 and 1; the positron has the rest.
    """
    least = MASS / photon
    bound, _ = _screening(4 * screen / photon, photon, coulomb)
    if bound <= 0:  # at threshold, between two energies of the tables
        return 0.5
    while True:
        share = least + (1 - 2 * least) * rng.random()
        product = share * (1 - share)
        first, second = _screening(screen / (photon * product), photon, coulomb)
        if rng.random() * bound < (1 - 2 * product) * first + 2 / 3 * product * second:
            return share


@njit
def compton_scattered(rng, photon):
    """Energy of a scattered photon, and one less the cosine of its angle (Klein and Nishina).

    Parameters
    ----------
    rng
        NumPy generator.
    photon
        Energy of the photon before [MeV].

    Returns
    -------
    energy, turn
        Of the photon after [MeV]; and 1 − cos θ, from 0 to 2.
    """
    k = photon / MASS
    least = 1 / (1 + 2 * k)
    inverse = -np.log(least)
    linear = 0.5 * (1 - least * least)
    while True:
        if rng.random() * (inverse + linear) < inverse:
            share = np.exp(-inverse * rng.random())
        else:
            share = np.sqrt(least * least + (1 - least * least) * rng.random())
        turn = (1 - share) / (k * share)
        if rng.random() < 1 - share * turn * (2 - turn) / (1 + share * share):
            return share * photon, turn


@njit
def annihilated(rng, kinetic):
    """Energy and cosine of one of the two photons of a positron in flight (Heitler).

    Parameters
    ----------
    rng
        NumPy generator.
    kinetic
        Kinetic energy of the positron [MeV].

    Returns
    -------
    energy, cosine
        Of the photon [MeV], and the cosine of its angle to the positron; the other photon has
        the rest.
    """
    gamma = kinetic / MASS + 1
    root = np.sqrt(gamma * gamma - 1)
    half = 0.5 * np.sqrt((gamma - 1) / (gamma + 1))
    least, most = 0.5 - half, 0.5 + half
    square = (gamma + 1) ** 2
    # The shape rises up to share = 1/(gamma + 1), which the interval holds.
    bound = 1 + 2 * gamma / square - 2 / (gamma + 1)
    while True:
        share = least * (most / least) ** rng.random()
        shape = 1 + 2 * gamma / square - share - 1 / (share * square)
        if rng.random() * bound < shape:
            cosine = (share * (gamma + 1) - 1) / (share * root)
            return share * (kinetic + 2 * MASS), min(max(cosine, -1.0), 1.0)


@njit
def scattering(rng, kinetic, lengths):
    """Cosine of the angle of multiple scattering after a path in radiation lengths.

    Highland's width of a tenth of a radiation length, scaled with the root of the path: with the
    logarithm of each step, shorter steps would scatter less in all. The distribution is Fisher's on
    the sphere: small angles are Gaussian, and large ones end in all directions alike.

    Parameters
    ----------
    rng
        NumPy generator.
    kinetic
        Kinetic energy of the electron [MeV].
    lengths
        Path in radiation lengths, above 0.

    Returns
    -------
    float
        From −1 to 1.
    """
    momentum_speed = kinetic * (kinetic + 2 * MASS) / (kinetic + MASS)
    square = (_HIGHLAND / momentum_speed) ** 2 * lengths
    u = rng.random()
    return max(1 + square * np.log(u + (1 - u) * np.exp(-2 / square)), -1.0)


@njit
def rotate(u, v, w, cosine, azimuth):
    """Direction at an angle to another one.

    Parameters
    ----------
    u, v, w
        The other direction: its components along x, y and z, of length one.
    cosine
        Cosine of the angle between the two.
    azimuth
        Angle around the other direction [rad].

    Returns
    -------
    u, v, w
        Components of the direction, of length one.
    """
    sine = np.sqrt(max(1 - cosine * cosine, 0.0))
    a, b = sine * np.cos(azimuth), sine * np.sin(azimuth)
    if abs(w) > 0.999999:
        return a, b, cosine * np.sign(w)
    s = np.sqrt(1 - w * w)
    return (
        u * cosine + (u * w * a - v * b) / s,
        v * cosine + (v * w * a + u * b) / s,
        w * cosine - s * a,
    )
