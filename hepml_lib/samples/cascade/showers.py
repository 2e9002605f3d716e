"""Showers in a stack of slices, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib import settings
from hepml_lib.samples.cascade.geometry import Stack
from hepml_lib.samples.cascade.tables import HIGHEST, tabulate

__all__ = ["PARTICLES", "Showers", "simulate"]

PARTICLES = ("photon", "electron", "positron")

Floats = NDArray[np.float64]
_LOWEST = 1.0  # MeV


class _Slices(NamedTuple):
    """The part of a `Stack` that compiled code reads."""

    edges: Floats
    material: NDArray[np.int64]
    layer: NDArray[np.int64]
    half_width: float


@dataclass(frozen=True)
class Showers:
    """Where the energy of some showers went [GeV].

    Attributes
    ----------
    cells
        Seen by each cell, (showers, 504).
    slices
        Left in each slice of the stack, (showers, slices).
    rings
        Left in rings of 5 mm around the axis, (showers, rings); the last holds all beyond.
    leaked
        Carried out of the front, the sides and the back, (showers, 3).
    """

    cells: Floats
    slices: Floats
    rings: Floats
    leaked: Floats


def simulate(
    particle: str, energies: ArrayLike, stack: Stack, rng: np.random.Generator, rings: int = 25
) -> Showers:
    """Let particles of some energies shower in a stack that they enter along its axis.

    Parameters
    ----------
    particle
        One of `PARTICLES`.
    energies
        Energies [GeV], (showers,): of electrons and positrons without their mass.
    stack
        What they meet.
    rng
        Source of all randomness.
    rings
        How many rings around the axis.

    Returns
    -------
    Showers
        One row per energy; the energies of each add up to the one that came in.

    Raises
    ------
    ValueError
        If there is no such particle, or if an energy is not between 1 MeV and 200 GeV.
    ModuleNotFoundError
        If numba, which compiles the transport, is not installed.
    """
    if particle not in PARTICLES:
        raise ValueError(settings.unknown_name("particle", particle, PARTICLES))
    start = 1000 * np.asarray(energies, np.float64)
    if not ((start >= _LOWEST) & (start <= HIGHEST)).all():
        raise ValueError(f"energies must be from {_LOWEST / 1000} to {HIGHEST / 1000:g} GeV")
    # Needs numba, which reading a sample does not.
    from hepml_lib.samples.cascade.transport import follow

    slices = _Slices(stack.edges, stack.material, stack.layer, stack.half_width)
    kind = PARTICLES.index(particle)
    deposits = follow(rng, kind, start, slices, tabulate(stack.materials), rings)
    return Showers(*(energy / 1000 for energy in deposits))
