"""Figures of merit with their uncertainty, on the events that they were measured on.

Every function takes NumPy arrays with one entry per event (or jet) and returns an `Estimate`.
Resampling is by event and seeded; "A beats B" is `paired`, which resamples the same events for
both.
"""

from __future__ import annotations

from hepml_lib.metrics.comparison import paired
from hepml_lib.metrics.estimate import Estimate, clopper_pearson, efficiency
from hepml_lib.metrics.figures import accuracy, auc, best_threshold
from hepml_lib.metrics.ranking import Roc, roc
from hepml_lib.metrics.response import median, resolution, width
from hepml_lib.metrics.working_points import (
    Band,
    rejection,
    roc_band,
    significance_improvement,
    survivors,
)

__all__ = [
    "Band",
    "Estimate",
    "Roc",
    "accuracy",
    "auc",
    "best_threshold",
    "clopper_pearson",
    "efficiency",
    "median",
    "paired",
    "rejection",
    "resolution",
    "roc",
    "roc_band",
    "significance_improvement",
    "survivors",
    "width",
]
