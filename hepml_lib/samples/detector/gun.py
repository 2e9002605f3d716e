"""Particle gun: single particles, to see what the detector does to each kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib.kinematics import wrap_phi
from hepml_lib.samples.detector.table import MASSES, NEUTRAL_HADRON, ParticleTable

__all__ = ["shoot"]

_NEUTRON = 0.93957  # GeV


def shoot(
    kind: int, charge: int, pt: ArrayLike, eta: ArrayLike, events: int, radius: float = 0.0
) -> ParticleTable:
    """One particle per event, spread evenly in azimuth.

    Parameters
    ----------
    kind
        What it is, such as `hepml_lib.samples.detector.PHOTON`.
    charge
        −1, 0 or 1.
    pt, eta
        Transverse momentum [GeV] and pseudorapidity, one figure or one per event.
    events
        Number of events.
    radius
        Distance from the beam at which it starts, flying outwards [mm].

    Returns
    -------
    ParticleTable
        Particles as `hepml_lib.samples.detector.respond` takes them.

    Examples
    --------
    >>> from hepml_lib.samples import detector
    >>> rng = np.random.default_rng(1)
    >>> seen = detector.respond(shoot(detector.PHOTON, 0, 50.0, 0.0, 5000), rng).candidates
    >>> round(float(seen["pt"].std() / 50), 3)
    0.011
    """
    pt = np.broadcast_to(np.asarray(pt, float), events)
    eta = np.broadcast_to(np.asarray(eta, float), events)
    # The golden ratio spreads any number of angles evenly.
    phi = wrap_phi(np.arange(events) * 2.399963)
    mass = _NEUTRON if kind == NEUTRAL_HADRON else float(MASSES[kind])
    return {
        "event": np.arange(events),
        "pt": pt,
        "eta": eta,
        "phi": phi,
        "energy": np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2),
        "kind": np.full(events, kind, np.int8),
        "charge": np.full(events, charge, np.int8),
        "x": radius * np.cos(phi),
        "y": radius * np.sin(phi),
        "z": radius * np.sinh(eta),
        "vertex": np.zeros(events, np.int16),
        "bunch": np.zeros(events, np.int8),
        "record": np.arange(events, dtype=np.int32),
    }
