"""Cross sections and losses on a grid of energies, for the transport of particles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples.cascade import interactions
from hepml_lib.samples.cascade.materials import Material

__all__ = ["ELECTRON_CUT", "GRID", "HIGHEST", "LOWEST", "PHOTON_CUT", "Tables", "tabulate"]

PHOTON_CUT = 0.1
"""Photons below this energy [MeV] are absorbed where they are; it is above the K edge of lead."""

ELECTRON_CUT = 0.2
"""Electrons below this kinetic energy [MeV] stop where they are: 0.5 mm of liquid argon at most."""

LOWEST, HIGHEST, STEPS = 0.05, 2e5, 400
GRID = np.geomspace(LOWEST, HIGHEST, STEPS)
"""Energies of the grid [MeV]."""

Floats = NDArray[np.float64]


class Tables(NamedTuple):
    """What the transport reads; arrays are (materials, energies) if not said otherwise.

    Attributes
    ----------
    step
        Distance of two energies of the grid in the logarithm.
    pair, compton, photoelectric
        Of photons by their energy [1/mm].
    radiation, annihilation
        Of electrons and positrons by their kinetic energy [1/mm].
    loss
        Continuous loss by kinetic energy [MeV/mm], (electron or positron, materials, energies):
        ionisation, and radiation of photons below the cut.
    radiation_length
        [mm], (materials,).
    screen, coulomb
        Factor before the screening variable [MeV], and charge and Coulomb terms (materials, 2).
    """

    step: float
    pair: Floats
    compton: Floats
    photoelectric: Floats
    radiation: Floats
    annihilation: Floats
    loss: Floats
    radiation_length: Floats
    screen: Floats
    coulomb: Floats


def tabulate(materials: Sequence[Material]) -> Tables:
    """Tables of some materials.

    Parameters
    ----------
    materials
        Their places are the numbers of the tables' first axis.

    Returns
    -------
    Tables
        On the energies of `GRID`.

    Examples
    --------
    >>> from hepml_lib.samples.cascade.materials import LEAD
    >>> tabulate([LEAD]).pair.shape
    (1, 400)
    """
    soft = [interactions.radiative_loss(m, GRID, PHOTON_CUT) for m in materials]
    loss = [
        [m.collision_loss(GRID, positron) + s for m, s in zip(materials, soft, strict=True)]
        for positron in (False, True)
    ]
    cube_roots = [m.charge ** (1 / 3) for m in materials]
    return Tables(
        step=float(np.log(GRID[1] / GRID[0])),
        pair=np.array([interactions.pair_production(m, GRID) for m in materials]),
        compton=np.array([interactions.compton(m, GRID) for m in materials]),
        photoelectric=np.array([interactions.photoelectric(m, GRID) for m in materials]),
        radiation=np.array(
            [interactions.bremsstrahlung_above(m, GRID, PHOTON_CUT) for m in materials]
        ),
        annihilation=np.array([interactions.annihilation(m, GRID) for m in materials]),
        loss=np.array(loss),
        radiation_length=np.array([m.radiation_length for m in materials]),
        screen=136 * interactions.MASS / np.array(cube_roots),
        coulomb=np.array([[4 / 3 * np.log(m.charge), 4 * m.coulomb] for m in materials]),
    )
