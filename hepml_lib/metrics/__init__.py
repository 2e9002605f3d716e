"""Figures of merit with their uncertainty, on the events that they were measured on.

Every metric takes NumPy arrays with one entry per event (or jet) and returns an `Estimate`.
Resampling is by event and seeded; "A beats B" is `compare`, which resamples the same events for
both. `measurement` says how to write a metric.
"""

from __future__ import annotations

from hepml_lib.metrics.curve import Roc, roc
from hepml_lib.metrics.estimate import Estimate, clopper_pearson, efficiency
from hepml_lib.metrics.figures import accuracy, auc, best_threshold
from hepml_lib.metrics.measurement import Statistic, compare, measure, metric
from hepml_lib.metrics.multiclass import macro_auc
from hepml_lib.metrics.response import median, resolution, width
from hepml_lib.metrics.scored import Scored
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
    "Scored",
    "Statistic",
    "accuracy",
    "auc",
    "best_threshold",
    "clopper_pearson",
    "compare",
    "efficiency",
    "macro_auc",
    "measure",
    "median",
    "metric",
    "rejection",
    "resolution",
    "roc",
    "roc_band",
    "significance_improvement",
    "survivors",
    "width",
]
