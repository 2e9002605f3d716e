"""Jet images: the share of the pT in each cell of a grid, as a convolutional network sees it."""

from __future__ import annotations

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepml_lib.batch import JetBatch

__all__ = ["aligned_constituents", "jet_images"]


def jet_images(jets: ak.Array, cells: int = 40, half_width: float = 0.8) -> Tensor:
    """Image of each jet, shape (n, cells, cells), float32: rows along the first axis of the jet.

    The jets are first moved, turned and mirrored (see `aligned_constituents`), before any cell is
    filled: nothing is interpolated. The image sums to one, less what lies outside of it. A jet
    without constituents is dark.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV, rad] and ``constituents`` with the same four.
    cells
        Along each edge.
    half_width
        Half the edge [rad].

    Raises
    ------
    ValueError
        If a jet or constituent holds NaN or infinity, or a pT that is not above zero; the message
        says in which jet.

    References
    ----------
    Macaluso and Shih, arXiv:1803.00107, for the order of the steps; jet images: arXiv:1407.5675.

    Examples
    --------
    Two prongs with three quarters and one quarter of the momentum, 0.4 apart, whatever their
    direction: the harder one lies 0.1 from the centre, the softer one 0.3 on the other side.

    >>> pair = {"pt": [[150.0, 450.0]], "eta": [[0.2, 0.2]], "phi": [[3.1, -2.7831853]]}
    >>> jet = {"pt": [600.0], "eta": [0.2], "phi": [-3.1], "mass": [100.0]}
    >>> zero = {"mass": [[0.0, 0.0]]}
    >>> jets = ak.zip({**jet, "constituents": ak.zip({**pair, **zero})}, depth_limit=1)
    >>> jet_images(jets, cells=4, half_width=0.4)[0, :, 2]
    tensor([0.2500, 0.0000, 0.7500, 0.0000])
    """
    owner, share, position = aligned_constituents(jets)
    place = np.floor((position / half_width + 1) * (cells / 2)).astype(np.int64)
    inside = ((place >= 0) & (place < cells)).all(axis=1)
    images = np.zeros((len(jets), cells, cells), np.float32)
    rows, columns = place[inside].T
    np.add.at(images, (owner[inside], rows, columns), share[inside].astype(np.float32))
    return torch.from_numpy(images)


def aligned_constituents(
    jets: ak.Array,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Constituents of all jets end to end, in the frame of their own jet.

    Moved so that the pT-weighted centre is at the origin, turned in the plane of η and φ so that
    the principal axis of the pT is the first axis, and mirrored along both axes so that the
    quadrant with most pT is the one where both coordinates are positive.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV, rad] and ``constituents`` with the same four.

    Returns
    -------
    owner : int64
        Number of the jet of each constituent.
    share : float64
        pT over that of all constituents of the jet.
    position : float64
        Along the principal axis and across it, shape (constituents, 2) [rad].

    Notes
    -----
    Turning η into φ keeps distances but not the mass of the jet; for distances below one the change
    is small.

    Raises
    ------
    ValueError
        As in `jet_images`.
    """
    batch = JetBatch.read(jets)
    owner, share, x, y = batch.jet, batch.share, batch.deta, batch.dphi

    def total(values: NDArray) -> NDArray:
        """Sum over the jet, for each of its constituents."""
        return batch.sum(values)[owner]

    x, y = x - total(share * x), y - total(share * y)
    # Direction in which the pT spreads most: the larger eigenvector of the 2 × 2 covariance.
    angle = np.arctan2(2 * total(share * x * y), total(share * (x**2 - y**2))) / 2
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    quadrant = 2 * (along > 0) + (across > 0)
    content = np.bincount(4 * owner + quadrant, share, 4 * len(batch)).reshape(-1, 4)
    brightest = content.argmax(axis=1)[owner]
    along = np.where(brightest < 2, -along, along)
    across = np.where(brightest % 2 == 0, -across, across)
    return owner, share, np.stack([along, across], axis=1)
