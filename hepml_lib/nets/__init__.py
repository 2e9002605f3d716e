"""Published network architectures, one family a file, and the store of trained models."""

from __future__ import annotations

from hepml_lib.nets.dense import MLP
from hepml_lib.nets.sets import EFN, PFN, DeepSets

__all__ = ["EFN", "MLP", "PFN", "DeepSets"]
