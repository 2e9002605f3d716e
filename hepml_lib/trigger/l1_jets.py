"""Jets of five kinds as Level 1 could see them: a few constituents in whole numbers."""

from __future__ import annotations

from functools import cache

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import samples

__all__ = ["CLASSES", "FEATURES", "FRACTION", "INTEGER", "SIZES", "inputs", "labels"]

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

_STEPS = (1.0, 2.0**-9, 2.0**-9)
_SCALES = np.array([2.0**-6, 2.0**-5, 2.0**-5])


def inputs(split: str, constituents: int, jets: int | None = None) -> NDArray[np.float32]:
    """The hardest constituents of all jets of a split, on the grid of the hardware.

    Every scale is a power of two, which is a choice of wires and costs no logic. A place without a
    constituent is zero, and so is its momentum: that is how a network knows it.

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
    if not 1 <= constituents <= 32:
        raise ValueError(f"a jet lists 1 to 32 constituents, not {constituents}")
    return _listed(split, jets)[0][:, :constituents].copy()


def labels(split: str, jets: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class of each jet, as in `CLASSES`, and the collision that it comes from; each of shape (n,).

    Jets of one collision are not independent: every bootstrap needs the second.
    """
    _, label, event = _listed(split, jets)
    return label.copy(), event.copy()


@cache
def _listed(
    split: str, count: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    jets = samples.load("l1_jets", split=split, events=count)
    listed = jets.constituents
    columns = []
    for quantity, step in zip(
        (listed.pt, listed.deltaeta(jets), listed.deltaphi(jets)), _STEPS, strict=True
    ):
        padded = ak.fill_none(ak.pad_none(quantity, 32, clip=True), 0.0)
        columns.append(np.rint(ak.to_numpy(padded) / step))
    whole = np.stack(columns, axis=-1)
    whole[whole[..., 0] == 0] = 0  # below half a GeV nothing is left, angles neither
    top = 2.0**INTEGER
    x = np.clip(whole * _SCALES, -top, top - 2.0**-FRACTION).astype(np.float32)
    return x, ak.to_numpy(jets.label).astype(np.int64), ak.to_numpy(jets.event)
