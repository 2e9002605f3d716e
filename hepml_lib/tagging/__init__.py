"""Tagging: what made this jet? Features of jets, the cut to beat, and trainings of the taggers."""

from __future__ import annotations

from hepml_lib.tagging.features import (
    CONSTITUENT_FEATURES,
    IDENTITY_FEATURES,
    Constituents,
    constituent_tensors,
)
from hepml_lib.tagging.observables import HIGH_LEVEL, high_level
from hepml_lib.tagging.selection import Cut, best_cut

__all__ = [
    "CONSTITUENT_FEATURES",
    "HIGH_LEVEL",
    "IDENTITY_FEATURES",
    "Constituents",
    "Cut",
    "best_cut",
    "constituent_tensors",
    "high_level",
]
