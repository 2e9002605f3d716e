"""Jets of five kinds as Level 1 could see them: a few constituents in whole numbers."""

from __future__ import annotations

from functools import cache

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import samples
from hepml_lib.batch import JetBatch

__all__ = [
    "BIT_PRICES",
    "CLASSES",
    "FEATURES",
    "FRACTION",
    "INTEGER",
    "SCALES",
    "SIZES",
    "UNIFORM_BITS",
    "inputs",
    "labels",
    "whole_constituents",
]

CLASSES = ("q", "g", "W", "Z", "t")
"""Names of the labels 0 to 4."""

FEATURES = ("pT / 64 GeV", "Δη / 2^-4", "Δφ / 2^-4")
"""Of each constituent; angles from the axis of the jet."""

SIZES = (8, 16, 32)
"""Numbers of constituents that are compared, the hardest of each jet."""

INTEGER, FRACTION = 4, 6
"""Bits of an input before and after the point, beside its sign.

The last bit of a momentum is 1 GeV. Angles come in steps of 2^-9, so that their last bit is always
zero, and the logic never sees it."""

SCALES = np.array([2.0**-6, 2.0**-5, 2.0**-5])
"""Factors that make features of `whole_constituents`: choices of wires, which cost no logic."""

UNIFORM_BITS = (3, 4, 5, 6)
"""Bits of all weights and activations, where one width for all is compared with chosen widths."""

BIT_PRICES = (1e-6, 1e-5, 3e-5, 1e-4, 3e-4)
"""Prices β of a bit, where training chooses the bits of each weight (HGQ, arXiv:2405.00645)."""

_LISTED = 32


def whole_constituents(jets: ak.Array, places: int) -> NDArray[np.int64]:
    """The hardest constituents in whole numbers: pT [GeV], Δη and Δφ from the axis in 2^-9.

    Parameters
    ----------
    jets
        Jets of `l1_jets`.
    places
        Constituents of a jet to keep.

    Returns
    -------
    ndarray
        Shape (n, places, 3), the hardest constituent first; places without one are zero.
    """
    batch = JetBatch.read(jets, fields=("pt", "eta", "phi"), axes=("eta", "phi")).hardest(places)
    steps = np.column_stack([batch.pt, batch.deta * 2.0**9, batch.dphi * 2.0**9])
    return batch.pad(np.rint(steps), places, np.int64)


def inputs(split: str, constituents: int, jets: int | None = None) -> NDArray[np.float32]:
    """The hardest constituents of all jets of a split, on the grid of the hardware.

    A place without a constituent is zero, and so is its momentum: that is how a network knows it.

    Parameters
    ----------
    split
        Of `l1_jets`.
    constituents
        How many, at most 32.
    jets
        How many; those beyond the committed ones are generated. By default all that are committed.

    Returns
    -------
    ndarray
        Shape (n, constituents, 3), the `FEATURES`, multiples of 2^-`FRACTION` within
        ±2^`INTEGER`.

    Raises
    ------
    ValueError
        For fewer than 1 or more than 32 constituents: more are not listed.
    """
    if not 1 <= constituents <= _LISTED:
        raise ValueError(f"a jet lists 1 to {_LISTED} constituents, not {constituents}")
    return _listed(split, jets)[0][:, :constituents].copy()


def labels(split: str, jets: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class of each jet, and the collision that it comes from.

    Jets of one collision are not independent: every bootstrap needs the second.

    Parameters
    ----------
    split, jets
        As in `inputs`.

    Returns
    -------
    label, event
        Number of the class in `CLASSES`, and of the collision; each of shape (n,).
    """
    _, label, event = _listed(split, jets)
    return label.copy(), event.copy()


@cache
def _listed(
    split: str, count: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    jets = samples.load("l1_jets", split=split, events=count)
    whole = whole_constituents(jets, _LISTED)
    whole[whole[..., 0] == 0] = 0  # below half a GeV nothing is left, angles neither
    top = 2.0**INTEGER
    x = np.clip(whole * SCALES, -top, top - 2.0**-FRACTION).astype(np.float32)
    return x, ak.to_numpy(jets.label).astype(np.int64), ak.to_numpy(jets.event)
