"""Level-1 objects of crossings as columns, without their empty places."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hepml_lib.samples.columns import Columns, jagged
from hepml_lib.samples.detector.level1 import SLOTS

__all__ = ["level1_lists"]

_NAMES = {
    "jets": ("pt", "eta", "phi"),
    "egammas": ("pt", "eta", "phi", "isolation"),
    "muons": ("pt", "eta", "phi", "quality"),
}


def level1_lists(
    trigger: Mapping[str, NDArray[np.int32]], prefix: str = "", most_jets: int = SLOTS["jets"]
) -> Columns:
    """Jets, e/gamma and muons as lists of integers of the hardware, one list per crossing.

    Parameters
    ----------
    trigger
        As `detector.level1.trigger` gives it: of each kind, shape (crossings, places, numbers).
    prefix
        Of the names of the columns.
    most_jets
        Jets kept of each crossing, the hardest first.

    Returns
    -------
    Columns
        Jagged, ``prefix + group_name``, int16.
    """
    columns: Columns = {}
    for group, names in _NAMES.items():
        values = trigger[group][:, : most_jets if group == "jets" else None].astype(np.int16)
        filled = values[..., 0] > 0
        table = {name: values[..., place][filled] for place, name in enumerate(names)}
        columns |= jagged(prefix + group, table, filled.sum(axis=1))
    return columns
