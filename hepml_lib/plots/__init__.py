"""Figures in the look of the field: intervals drawn, units on the axes, words for all readers.

Every function takes `alt`, a description for readers who cannot see the figure, and `caption`,
which states the finding; both are plain text. A figure is drawn for light and for dark pages, and
the page shows the one that fits.
"""

from __future__ import annotations

from hepml_lib.plots.distributions import histogram, jet_images
from hepml_lib.plots.drawing import COLOURS, Figure, figure
from hepml_lib.plots.performance import roc, scaling, training

__all__ = [
    "COLOURS",
    "Figure",
    "figure",
    "histogram",
    "jet_images",
    "roc",
    "scaling",
    "training",
]
