"""An electromagnetic cascade Monte Carlo of our own, for a lead and liquid-argon calorimeter.

It follows photons, electrons and positrons one by one through bremsstrahlung, pair production,
Compton scattering, photoelectric absorption, ionisation, multiple scattering and annihilation. It
is a teaching model: see the data card of `calorimeter_showers` for what it leaves out.
"""

from __future__ import annotations

from hepml_lib.samples.cascade.geometry import (
    CELLS,
    LAYERS,
    Stack,
    block,
    calorimeter,
    effective_medium,
)
from hepml_lib.samples.cascade.materials import ARGON, LEAD, Material, Mixture
from hepml_lib.samples.cascade.showers import PARTICLES, Showers, simulate

__all__ = [
    "ARGON",
    "CELLS",
    "LAYERS",
    "LEAD",
    "PARTICLES",
    "Material",
    "Mixture",
    "Showers",
    "Stack",
    "block",
    "calorimeter",
    "effective_medium",
    "simulate",
]
