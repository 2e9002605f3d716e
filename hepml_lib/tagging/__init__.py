"""Tagging: what made this jet? Features of jets, the cut to beat, and trainings of the taggers."""

from __future__ import annotations

from hepml_lib.tagging.dense_inputs import leading_constituents
from hepml_lib.tagging.features import (
    CONSTITUENT_FEATURES,
    IDENTITY_FEATURES,
    Constituents,
    constituent_tensors,
)
from hepml_lib.tagging.images import aligned_constituents, jet_images
from hepml_lib.tagging.linear import logistic_regression
from hepml_lib.tagging.nsub_basis import NSUB_BASIS, nsubjettiness_basis
from hepml_lib.tagging.observables import JET_OBSERVABLES, jet_observables
from hepml_lib.tagging.selection import MassTau32Cut, best_cut

__all__ = [
    "CONSTITUENT_FEATURES",
    "IDENTITY_FEATURES",
    "JET_OBSERVABLES",
    "NSUB_BASIS",
    "Constituents",
    "MassTau32Cut",
    "aligned_constituents",
    "best_cut",
    "constituent_tensors",
    "jet_images",
    "jet_observables",
    "leading_constituents",
    "logistic_regression",
    "nsubjettiness_basis",
]
