"""Calorimeters: cells, and how well they measure energy.

The figures follow CMS: arXiv:1706.04965 (cells, test-beam resolutions) and arXiv:1306.2016
(resolution of the crystals in collisions).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import wrap_phi

__all__ = [
    "ACCEPTANCE",
    "FORWARD",
    "TOWER",
    "Grid",
    "crystals",
    "ecal_resolution",
    "forward_resolution",
    "hcal_resolution",
    "towers",
]

ACCEPTANCE = 5.0
"""Largest |η| of a deposit."""

TOWER = np.pi / 36
"""Edge of a tower in η and φ [rad], 0.087."""

FORWARD = 35 * TOWER
"""Beginning of the forward calorimeter in |η|, 3.05."""

_Array = NDArray[np.floating]


def ecal_resolution(energy: _Array, eta: _Array) -> _Array:
    """Relative energy resolution of the crystals: 2.8 %/√E ⊕ 12 %/E ⊕ c, E in GeV.

    Stochastic and noise terms from the test beam quoted in arXiv:1706.04965. The constant is 1 %
    in the barrel and 2.5 % in the endcaps, in place of 0.3 % at the test beam, because photons of
    60 GeV in collisions resolve to 1.1–2.6 % and 2.2–5 % (arXiv:1306.2016).

    Parameters
    ----------
    energy
        True energies [GeV], above zero, shape (n,).
    eta
        Pseudorapidities, shape (n,).

    Returns
    -------
    ndarray
        σ(E)/E, shape (n,).

    Examples
    --------
    >>> ecal_resolution(np.array([1.0, 60.0]), np.array([0.0, 0.0])).round(3)
    array([0.124, 0.011])
    """
    constant = np.where(np.abs(eta) < 1.479, 0.01, 0.025)
    return np.sqrt(0.028**2 / energy + (0.12 / energy) ** 2 + constant**2)


def hcal_resolution(energy: _Array) -> _Array:
    """Relative energy resolution for hadrons: 110 %/√E ⊕ 9 %, E in GeV (arXiv:1706.04965).

    Parameters
    ----------
    energy
        True energies [GeV], above zero, shape (n,).

    Returns
    -------
    ndarray
        σ(E)/E, shape (n,).

    Examples
    --------
    >>> hcal_resolution(np.array([100.0])).round(3)
    array([0.142])
    """
    return np.hypot(1.1 / np.sqrt(energy), 0.09)


def forward_resolution(energy: _Array) -> _Array:
    """Relative energy resolution of the forward calorimeter: 200 %/√E ⊕ 9 %, E in GeV.

    Ours: one figure for photons and hadrons, of the size that quartz-fibre calorimeters reach for
    electrons.

    Parameters
    ----------
    energy
        True energies [GeV], above zero, shape (n,).

    Returns
    -------
    ndarray
        σ(E)/E, shape (n,).

    Examples
    --------
    >>> forward_resolution(np.array([100.0])).round(3)
    array([0.219])
    """
    return np.hypot(2.0 / np.sqrt(energy), 0.09)


class Grid:
    """Deposits of many events on a grid of cells: energies in the same cell are added.

    Parameters
    ----------
    cell
        Edge of a cell in η and φ [rad]; cells are twice as wide for |η| ≥ `border`.
    border
        Where the cells get wider, in |η|.
    event, eta, phi
        One entry per deposit: number of the event, direction [rad].

    Attributes
    ----------
    index
        Hit cell of each deposit.
    event, width
        Event and edge of each hit cell.
    """

    def __init__(
        self, cell: float, border: float, event: NDArray[np.integer], eta: _Array, phi: _Array
    ) -> None:
        width = np.where(np.abs(eta) < border, cell, 2 * cell)
        row = np.floor(eta / width).astype(np.int64) + 2**15
        column = np.floor(wrap_phi(phi) / width).astype(np.int64) + 2**15
        key = ((event * 2 + (width > cell)) << 32) + (row << 16) + column
        hit, self.index = np.unique(key, return_inverse=True)
        self.event = hit >> 33
        self.width = np.where(hit >> 32 & 1, 2 * cell, cell)
        self._row = (hit >> 16 & 0xFFFF) - 2**15
        self._column = (hit & 0xFFFF) - 2**15

    def sum(self, values: _Array) -> _Array:
        """Sum of a quantity over the deposits in each hit cell.

        Parameters
        ----------
        values
            One per deposit.

        Returns
        -------
        ndarray
            One per hit cell, in the unit of `values`.
        """
        return np.bincount(self.index, values, len(self.event)).astype(np.float64)

    def mean(self, weight: _Array, values: _Array) -> _Array:
        """Weighted mean of a quantity over the deposits in each hit cell.

        Parameters
        ----------
        weight, values
            One per deposit; weights are not negative.

        Returns
        -------
        ndarray
            One per hit cell, in the unit of `values`; 0 where the weights are.
        """
        return self.sum(weight * values) / np.maximum(self.sum(weight), 1e-12)

    def centroid(self, energy: _Array, eta: _Array, phi: _Array) -> tuple[_Array, _Array]:
        """Energy-weighted mean direction of the deposits in each hit cell.

        Parameters
        ----------
        energy, eta, phi
            One per deposit [GeV, rad].

        Returns
        -------
        eta, phi : ndarray
            One per hit cell [rad].
        """
        return self.mean(energy, eta), self.mean(energy, wrap_phi(phi))

    def centres(self) -> tuple[_Array, _Array]:
        """Direction of the middle of each hit cell.

        Returns
        -------
        eta, phi : ndarray
            One per hit cell [rad].
        """
        return (self._row + 0.5) * self.width, (self._column + 0.5) * self.width


def crystals(event: NDArray[np.integer], eta: _Array, phi: _Array) -> Grid:
    """Electromagnetic cells: 5 × 5 to a tower in the barrel, as in CMS, twice as wide beyond.

    Parameters
    ----------
    event, eta, phi
        Of each deposit, as for `Grid`.

    Returns
    -------
    Grid
        The cells that are hit.

    Examples
    --------
    Two photons that are 0.01 apart share a crystal:

    >>> crystals(np.array([0, 0]), np.array([0.002, 0.012]), np.array([0.01, 0.01])).index.tolist()
    [0, 0]
    """
    return Grid(TOWER / 5, 1.479, event, eta, phi)


def towers(event: NDArray[np.integer], eta: _Array, phi: _Array) -> Grid:
    """Hadronic cells: 0.087 × 0.087 as in the CMS barrel; 0.17 × 0.17 in the forward region.

    Parameters
    ----------
    event, eta, phi
        Of each deposit, as for `Grid`.

    Returns
    -------
    Grid
        The cells that are hit.

    Examples
    --------
    >>> grid = towers(np.array([0, 0]), np.array([0.02, 4.0]), np.array([0.02, 0.02]))
    >>> grid.width.round(3)
    array([0.087, 0.175])
    """
    return Grid(TOWER, FORWARD, event, eta, phi)
