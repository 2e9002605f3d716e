"""Published network architectures, one family a file, and the store of trained models."""

from __future__ import annotations

from hepml_lib.nets.attention import ParticleTransformer
from hepml_lib.nets.dense import MLP
from hepml_lib.nets.equivariant import LorentzInvariant
from hepml_lib.nets.graphs import ParticleNet, ParticleNetLite
from hepml_lib.nets.images import CNN
from hepml_lib.nets.sets import EFN, PFN, DeepSets

__all__ = [
    "CNN",
    "EFN",
    "MLP",
    "PFN",
    "DeepSets",
    "LorentzInvariant",
    "ParticleNet",
    "ParticleNetLite",
    "ParticleTransformer",
]
