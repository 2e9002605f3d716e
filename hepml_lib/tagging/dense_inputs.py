"""The hardest constituents as one list of numbers, for a dense network that knows no symmetry."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.batch import JetBatch
from hepml_lib.kinematics import wrap_phi

__all__ = ["leading_constituents"]

# The published factor, near the largest pT of a constituent in TeV jets: a fixed unit, no fit.
_PT_UNIT = 1700.0


def leading_constituents(jets: ak.Array, places: int = 30) -> NDArray[np.float32]:
    """Scaled pT, η and φ of the hardest constituents, hardest first, shape (n, 3 · places).

    The symmetries that a dense network does not know are taken out beforehand. The jet is shifted
    along the beam and turned around it until the hardest constituent is at η = φ = 0, turned around
    that one until the second lies at η = 0, φ < 0, and mirrored if the pT-weighted mean of η is
    negative. All but the mirror are Lorentz transformations, so that masses stay. Missing
    constituents are zeros.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV, rad] and ``constituents`` with the same four.
    places
        How many constituents.

    Raises
    ------
    ValueError
        If a jet or constituent holds NaN or infinity, or a pT that is not above zero; the message
        says in which jet.

    References
    ----------
    Pearkes et al., arXiv:1704.02124, there for calorimeter jets of 600 to 2500 GeV.

    Examples
    --------
    >>> pair = {"pt": [[170.0, 340.0]], "eta": [[1.3, 1.3]], "phi": [[0.4, 0.0]]}
    >>> jet = {"pt": [510.0], "eta": [1.3], "phi": [0.1], "mass": [100.0]}
    >>> zero = {"mass": [[0.0, 0.0]]}
    >>> jets = ak.zip({**jet, "constituents": ak.zip({**pair, **zero})}, depth_limit=1)
    >>> leading_constituents(jets, places=2)[0, 3:].round(4)
    array([ 0.1,  0. , -0.4], dtype=float32)
    """
    batch = JetBatch.read(jets).hardest(places)
    held = batch.mask(places)
    pt, eta, phi = (batch.pad(name, places) for name in ("pt", "eta", "phi"))
    eta = eta - eta[:, :1]
    turned = wrap_phi(phi - phi[:, :1])
    # The hardest one now points along x: a turn around x leaves it where it is.
    x, y, z = pt * np.cos(turned), pt * np.sin(turned), pt * np.sinh(eta)
    second = min(1, places - 1)
    angle = np.arctan2(y[:, second], z[:, second])[:, None] + np.pi / 2
    y, z = y * np.cos(angle) - z * np.sin(angle), z * np.cos(angle) + y * np.sin(angle)
    pt = np.hypot(x, y)
    # Where there is no constituent pT is 0, and so is z: any number above 0 gives η = 0.
    eta = np.arcsinh(z / np.where(pt > 0, pt, 1.0))
    mirror = np.where((pt * eta).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    columns = np.stack([pt / _PT_UNIT, eta * mirror, np.arctan2(y, x)], axis=2)
    return np.where(held[..., None], columns, 0.0).reshape(len(batch), -1).astype(np.float32)
