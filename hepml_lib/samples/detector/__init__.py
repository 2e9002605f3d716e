"""Parametric detector, version 1: particles in, what the experiment records out.

A CMS-like tracker in a 3.8 T field, crystals, hadronic towers and muon chambers, each reduced to
an efficiency and a resolution. Candidates are built as particle flow builds them
(arXiv:1706.04965): a track is a charged particle, calorimeter energy that no track explains is a
neutral one. All is done on flat arrays, many events at once.

`flow` has the response; `pileup` overlays other collisions; `objects` makes jets, leptons and
missing momentum of candidates; `level1` makes trigger objects of towers.
"""

from __future__ import annotations

from hepml_lib.samples.detector.flow import Response, perfect, respond
from hepml_lib.samples.detector.table import (
    CHARGED_HADRON,
    ELECTRON,
    MASSES,
    MUON,
    NEUTRAL_HADRON,
    PHOTON,
    ParticleTable,
    merge,
    take,
)

__all__ = [
    "CHARGED_HADRON",
    "ELECTRON",
    "MASSES",
    "MUON",
    "NEUTRAL_HADRON",
    "PHOTON",
    "ParticleTable",
    "Response",
    "merge",
    "perfect",
    "respond",
    "take",
]
