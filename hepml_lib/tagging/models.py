"""The stored networks of this chapter, as ``hepml train tagging.<name>`` trains them.

At quick scale a network learns from the committed jets; at full scale from 200 000, which are
generated first.
"""

from __future__ import annotations

from hepml_lib import training
from hepml_lib.tagging.flavour_models import FLAVOUR, flavour_data
from hepml_lib.tagging.top_models import TOP

__all__ = ["FLAVOUR", "MODELS", "TOP", "flavour_data"]

MODELS: dict[str, training.Entry] = {row.name: row for row in (*TOP.values(), *FLAVOUR.values())}
"""Every stored model of this chapter by its name in the store."""
