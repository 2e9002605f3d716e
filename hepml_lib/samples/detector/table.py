"""What passes between the parts of the detector: flat columns, and the kinds of particle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHARGED_HADRON",
    "ELECTRON",
    "MASSES",
    "MUON",
    "NEUTRAL_HADRON",
    "PHOTON",
    "ParticleTable",
    "merge",
    "take",
]

CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = range(5)

MASSES = np.array([0.13957, 0.0, 0.0, 0.000511, 0.10566], dtype=np.float32)
"""Mass given to a candidate of each kind [GeV]: a track that is no lepton is taken for a pion."""

ParticleTable = dict[str, NDArray]
"""Columns of equal length: `event` (ascending) and one entry per particle of every event."""


def take(table: ParticleTable, index: NDArray) -> ParticleTable:
    """Rows of a table, by mask or by index."""
    return {name: column[index] for name, column in table.items()}


def merge(*tables: ParticleTable) -> ParticleTable:
    """Rows of several tables with the same columns, in the order of events."""
    merged = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    event = merged["event"]
    # Small integers are sorted by counting, several times faster.
    small = event.astype(np.int16) if len(event) and event.max() < 2**15 else event
    return take(merged, np.argsort(small, kind="stable"))
