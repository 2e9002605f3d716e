"""From counts to a statement: p-values, CLs limits, and profile likelihoods with pyhf and iminuit.

Some functions are exact or closed formulas for one count, and work on arrays. The others take a
binned model: counts per bin of a signal, scaled by the signal strength μ, and of backgrounds with
their uncertainties.
"""

from __future__ import annotations

from hepml_lib.statistics.binned import binned_model, expected_data
from hepml_lib.statistics.counting import (
    asimov_significance,
    counting_cls,
    counting_limit,
    on_off_p_value,
    p_value,
    poisson_p_value,
    significance,
)
from hepml_lib.statistics.intervals import profile_interval, signal_strength
from hepml_lib.statistics.limits import Limit, cls, discovery_significance, upper_limit

__all__ = [
    "Limit",
    "asimov_significance",
    "binned_model",
    "cls",
    "counting_cls",
    "counting_limit",
    "discovery_significance",
    "expected_data",
    "on_off_p_value",
    "p_value",
    "poisson_p_value",
    "profile_interval",
    "signal_strength",
    "significance",
    "upper_limit",
]
