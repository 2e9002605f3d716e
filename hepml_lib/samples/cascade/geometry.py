"""Where the lead, the liquid argon and the cells are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples.cascade.materials import ARGON, LEAD, Material, Mixture

__all__ = ["CELLS", "HALF_WIDTH", "LAYERS", "Stack", "block", "calorimeter", "effective_medium"]

HALF_WIDTH = 240.0
"""Half the width and half the height of the calorimeter [mm]."""

LAYERS = ((3, 96), (12, 12), (12, 6))
"""Rows in y and columns in x of the three layers, as in CaloGAN (arXiv:1712.10321)."""

CELLS = sum(rows * columns for rows, columns in LAYERS)
"""Cells of all layers, 504; they are numbered by layer, row and column."""

PLATE, GAP = 2.0, 4.0
PLATES_TO = (12, 36, 80)
"""Plates up to the end of each layer: 72, 216 and 480 mm deep, 4.6, 13.9 and 30.8 X0."""

_MATERIALS = (LEAD, ARGON)


@dataclass(frozen=True)
class Stack:
    """Slices of material, one behind the other along z.

    Attributes
    ----------
    edges
        Their boundaries [mm], one more than there are slices. The particle comes in at the first.
    material
        Number of each slice's material.
    layer
        Layer of cells that a slice is read out by, -1 for none.
    materials
        The materials that `material` numbers.
    half_width
        The slices end at this |x| and |y| [mm].
    """

    edges: NDArray[np.float64]
    material: NDArray[np.int64]
    layer: NDArray[np.int64]
    materials: tuple[Material, ...]
    half_width: float

    @property
    def depth(self) -> NDArray[np.float64]:
        """Boundaries in radiation lengths from the first on."""
        length = np.array([material.radiation_length for material in self.materials])
        return np.append(0.0, np.cumsum(np.diff(self.edges) / length[self.material]))


def calorimeter(front: float = 0.0) -> Stack:
    """Eighty plates of 2 mm lead, each followed by 4 mm of liquid argon, in three layers.

    Parameters
    ----------
    front
        Lead before the first plate [mm], which the cells do not see.

    Returns
    -------
    Stack
        160 slices, and one more if there is lead in front.

    Examples
    --------
    >>> round(float(calorimeter().depth[-1]), 1)
    30.8
    """
    plates = PLATES_TO[-1]
    period = np.repeat(np.arange(plates) * (PLATE + GAP), 2)
    edges = np.append(period + np.tile([0.0, PLATE], plates), plates * (PLATE + GAP))
    layer = np.searchsorted(PLATES_TO, np.arange(plates), side="right")
    material = np.tile([0, 1], plates)
    layers = np.where(material == 1, np.repeat(layer, 2), -1)
    if front > 0:
        edges, material = np.append(-front, edges), np.append(0, material)
        layers = np.append(-1, layers)
    return Stack(edges, material, layers, _MATERIALS, HALF_WIDTH)


def block(material: Material, slices: int, thickness: float, half_width: float) -> Stack:
    """Slices of one material, to compare a shower with textbook formulas.

    Parameters
    ----------
    material
        What it is made of.
    slices, thickness
        How many, and how thick each is [mm].
    half_width
        Half its width [mm].

    Returns
    -------
    Stack
        Slices that no cell reads.
    """
    edges = thickness * np.arange(slices + 1.0)
    unread = np.full(slices, -1)
    return Stack(edges, np.zeros(slices, np.int64), unread, (material,), half_width)


def effective_medium() -> Mixture:
    """The calorimeter as one medium.

    Returns
    -------
    Mixture
        2 mm of lead and 4 mm of liquid argon.

    Examples
    --------
    >>> round(effective_medium().radiation_length, 1)
    15.6
    """
    return Mixture(_MATERIALS, (PLATE, GAP))
