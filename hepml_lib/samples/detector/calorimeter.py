"""Calorimeters: cells, and how well they measure energy.

The figures follow CMS: arXiv:1706.04965 (cells, test-beam resolutions) and arXiv:1306.2016
(resolution of the crystals in collisions).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import wrap_phi

__all__ = ["ACCEPTANCE", "Grid", "crystals", "ecal_resolution", "hcal_resolution", "towers"]

ACCEPTANCE = 3.0
"""Largest |η| of a deposit."""

_Array = NDArray[np.floating]


def ecal_resolution(energy: _Array, eta: _Array) -> _Array:
    """Relative energy resolution of the crystals: 2.8 %/√E ⊕ 12 %/E ⊕ c, E in GeV.

    Stochastic and noise terms from the test beam quoted in arXiv:1706.04965. The constant is 1 %
    in the barrel and 2.5 % in the endcaps, in place of 0.3 % at the test beam, because photons of
    60 GeV in collisions resolve to 1.1–2.6 % and 2.2–5 % (arXiv:1306.2016).

    Examples
    --------
    >>> ecal_resolution(np.array([1.0, 60.0]), np.array([0.0, 0.0])).round(3)
    array([0.124, 0.011])
    """
    constant = np.where(np.abs(eta) < 1.479, 0.01, 0.025)
    return np.sqrt(0.028**2 / energy + (0.12 / energy) ** 2 + constant**2)


def hcal_resolution(energy: _Array) -> _Array:
    """Relative energy resolution for hadrons: 110 %/√E ⊕ 9 %, E in GeV (arXiv:1706.04965).

    Examples
    --------
    >>> hcal_resolution(np.array([100.0])).round(3)
    array([0.142])
    """
    return np.hypot(1.1 / np.sqrt(energy), 0.09)


class Grid:
    """Deposits of many events on a grid of cells: energies in the same cell are added.

    Parameters
    ----------
    cell
        Edge of a barrel cell in η and φ [rad]; cells are twice as wide for |η| ≥ `barrel`.
    barrel
        End of the barrel in |η|.
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
        self, cell: float, barrel: float, event: NDArray[np.integer], eta: _Array, phi: _Array
    ) -> None:
        width = np.where(np.abs(eta) < barrel, cell, 2 * cell)
        row = np.floor(eta / width).astype(np.int64) + 2**15
        column = np.floor(wrap_phi(phi) / width).astype(np.int64) + 2**15
        key = ((event * 2 + (width > cell)) << 32) + (row << 16) + column
        _, first, self.index = np.unique(key, return_index=True, return_inverse=True)
        self.event = event[first]
        self.width = width[first]

    def sum(self, values: _Array) -> _Array:
        """Sum of a per-deposit quantity in each hit cell."""
        return np.bincount(self.index, values, len(self.event)).astype(np.float64)

    def centroid(self, energy: _Array, eta: _Array, phi: _Array) -> tuple[_Array, _Array]:
        """Energy-weighted mean direction (η, φ) of the deposits in each hit cell."""
        total = self.sum(energy)
        return self.sum(energy * eta) / total, self.sum(energy * wrap_phi(phi)) / total


def crystals(event: NDArray[np.integer], eta: _Array, phi: _Array) -> Grid:
    """Electromagnetic cells of 0.0174 × 0.0174, as the CMS barrel; 0.0348 in the endcaps."""
    return Grid(0.0174, 1.479, event, eta, phi)


def towers(event: NDArray[np.integer], eta: _Array, phi: _Array) -> Grid:
    """Hadronic cells of 0.087 × 0.087 as in the CMS barrel; 0.174 beyond |η| = 1.6."""
    return Grid(0.087, 1.6, event, eta, phi)
