"""Lead and liquid argon, and what a mixture of materials does to an electromagnetic shower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ARGON", "LEAD", "MASS", "Material", "Mixture"]

MASS = 0.51099895
"""Mass of the electron [MeV]; this package counts in MeV and mm."""

FINE_STRUCTURE = 1 / 137.035999
ELECTRON_RADIUS = 2.8179403e-12
"""Classical radius of the electron [mm]."""

_AVOGADRO = 6.02214076e23
_MULTIPLE_SCATTERING = np.sqrt(4 * np.pi / FINE_STRUCTURE) * MASS
"""Scale energy of multiple scattering, 21.2 MeV."""


@dataclass(frozen=True)
class Material:
    """An element at a density.

    Attributes
    ----------
    name
        Its name.
    charge, mass
        Atomic number Z and molar mass [g/mol].
    density
        [g/cm³].
    excitation
        Mean excitation energy [eV].
    density_effect
        Sternheimer's constants: -C, x0, x1, a, k and delta0 (the last is 0 for an insulator).

    Examples
    --------
    The radiation length of lead is 5.6 mm:

    >>> round(LEAD.radiation_length, 2)
    5.61
    """

    name: str
    charge: int
    mass: float
    density: float
    excitation: float
    density_effect: tuple[float, float, float, float, float, float]

    @property
    def atoms(self) -> float:
        """Atoms per mm³."""
        return _AVOGADRO * self.density / self.mass / 1000

    @property
    def electrons(self) -> float:
        """Electrons per mm³."""
        return self.charge * self.atoms

    @property
    def coulomb(self) -> float:
        """Davies, Bethe and Maximon's correction to the Born approximation, f(Z)."""
        a2 = (FINE_STRUCTURE * self.charge) ** 2
        series = 1 / (1 + a2) + 0.20206 - 0.0369 * a2 + 0.0083 * a2**2 - 0.002 * a2**3
        return float(a2 * series)

    @property
    def radiation_strength(self) -> float:
        """Factor α r² n Z(Z + ξ) before the screened cross sections [1/mm], electrons included."""
        elastic = np.log(184.15 / self.charge ** (1 / 3)) - self.coulomb
        inelastic = np.log(1194 / self.charge ** (2 / 3))
        square = self.charge * (self.charge + inelastic / elastic)
        return float(FINE_STRUCTURE * ELECTRON_RADIUS**2 * self.atoms * square)

    @property
    def radiation_length(self) -> float:
        """Radiation length [mm] by Tsai's formula (Rev. Mod. Phys. 46, 815)."""
        elastic = np.log(184.15 / self.charge ** (1 / 3)) - self.coulomb
        return float(1 / (4 * self.radiation_strength * elastic))

    def collision_loss(self, energy: ArrayLike, positron: bool = False) -> NDArray[np.float64]:
        """Mean loss by ionisation of an electron or positron [MeV/mm].

        Berger and Seltzer's form of the Bethe formula, with Sternheimer's density effect; all
        energy transfers are included.

        Parameters
        ----------
        energy
            Kinetic energy [MeV].
        positron
            Bhabha in place of Møller scattering at the hard end.

        Returns
        -------
        ndarray
            In the shape of `energy` [MeV/mm].

        Examples
        --------
        An electron of 1.5 MeV is close to the minimum, 1.9 MeV/cm in liquid argon:

        >>> round(10 * float(ARGON.collision_loss(1.5)), 1)
        1.9
        """
        tau = np.asarray(energy, np.float64) / MASS
        beta2 = tau * (tau + 2) / (tau + 1) ** 2
        if positron:
            u = tau + 2
            terms = 23 + 14 / u + 10 / u**2 + 4 / u**3
            hard = 2 * np.log(2) - beta2 / 12 * terms
        else:
            hard = (1 - beta2) * (1 + tau**2 / 8 - (2 * tau + 1) * np.log(2))
        logarithm = 2 * np.log(tau * MASS * 1e6 / self.excitation) + np.log1p(tau / 2)
        strength = 2 * np.pi * ELECTRON_RADIUS**2 * MASS * self.electrons
        return strength / beta2 * (logarithm + hard - self._density_correction(tau))

    def _density_correction(self, tau: NDArray[np.float64]) -> NDArray[np.float64]:
        c, x0, x1, a, k, at_rest = self.density_effect
        x = np.log10(np.sqrt(tau * (tau + 2)))
        middle = 2 * np.log(10) * x - c + a * np.clip(x1 - x, 0, None) ** k
        return np.where(x < x0, at_rest * 10.0 ** (2 * (x - x0)), middle)


LEAD = Material("lead", 82, 207.2, 11.35, 823.0, (6.2018, 0.3776, 3.8073, 0.09359, 3.1608, 0.14))
ARGON = Material("liquid argon", 18, 39.948, 1.396, 188.0, (5.2146, 0.2, 3.0, 0.19559, 3.0, 0.0))


@dataclass(frozen=True)
class Mixture:
    """Materials one behind the other, as one effective medium.

    Attributes
    ----------
    materials, thickness
        What is repeated, and how thick each is [mm].

    Examples
    --------
    Two millimetres of lead and four of liquid argon:

    >>> medium = Mixture((LEAD, ARGON), (2.0, 4.0))
    >>> round(medium.radiation_length, 1), round(medium.moliere_radius)
    (15.6, 36)
    """

    materials: Sequence[Material]
    thickness: Sequence[float]

    @property
    def radiation_length(self) -> float:
        """Radiation length [mm]."""
        lengths = [material.radiation_length for material in self.materials]
        return float(sum(self.thickness) / np.divide(self.thickness, lengths).sum())

    @property
    def critical_energy(self) -> float:
        """Energy at which an electron loses itself by ionisation in a radiation length [MeV].

        This is Rossi's definition.
        """
        energy = np.geomspace(1, 1000, 6000)
        losses = [material.collision_loss(energy) for material in self.materials]
        mean = np.average(losses, axis=0, weights=self.thickness)
        return float(energy[np.argmin(np.abs(np.log(mean * self.radiation_length / energy)))])

    @property
    def moliere_radius(self) -> float:
        """Radius of the cylinder that holds about 90 % of a shower [mm]."""
        return float(_MULTIPLE_SCATTERING * self.radiation_length / self.critical_energy)
