"""Impact parameters: which tracks missed the collision, by how much, and on which side.

A b hadron flies some millimetres before it decays. Its tracks, traced back, miss the point of the
collision: the transverse impact parameter d₀ is the distance by which they do. The taggers of this
module use nothing but d₀ and its error.
"""

from __future__ import annotations

from typing import NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ImpactLikelihood",
    "Resolution",
    "Tracks",
    "good_tracks",
    "jet_probability",
    "track_counting",
    "tracks_of",
]

MOST = 24
PT, FARTHEST = 1.0, 2.0


class Tracks(NamedTuple):
    """The tracks of jets side by side, hardest first, each of shape (n, 24); padding is 0.

    Attributes
    ----------
    mask
        True where there is a track.
    pt, eta, phi, kind, charge
        As in the sample [GeV, rad].
    deta, dphi
        From the jet's axis to the track.
    d0, z0, d0_error, z0_error
        Impact parameters as measured, and their errors [mm].
    sign, z_sign
        The sign of lifetime: +1 where the track crosses the jet's axis ahead of the collision, as
        it does if it stems from a decay in flight, −1 behind it, 0 for a track along the axis; in
        the plane across the beam, and along it.
    significance, z_significance
        Impact parameters over errors, with the sign of lifetime.
    origin, vertex
        The truth; no tagger may see it.
    """

    mask: NDArray
    pt: NDArray
    eta: NDArray
    phi: NDArray
    kind: NDArray
    charge: NDArray
    deta: NDArray
    dphi: NDArray
    d0: NDArray
    z0: NDArray
    d0_error: NDArray
    z0_error: NDArray
    sign: NDArray
    z_sign: NDArray
    significance: NDArray
    z_significance: NDArray
    origin: NDArray
    vertex: NDArray


def tracks_of(jets: ak.Array) -> Tracks:
    """Tracks of jets as arrays, with the sign of lifetime.

    Parameters
    ----------
    jets
        Jets of the sample `flavour_jets`, or others with the same fields ``eta, phi`` and
        ``tracks``.

    Raises
    ------
    ValueError
        If the error of an impact parameter is not above zero.

    Examples
    --------
    A particle flies 2 mm along x, where a track leaves it 0.1 rad below the axis: d₀ is
    2 sin(−0.1) on the record, +0.2 with the sign of lifetime.

    >>> one = {"pt": 5.0, "eta": 0.0, "phi": -0.1, "kind": 0, "charge": 1, "d0": 2 * np.sin(0.1)}
    >>> one |= {"z0": 0.0, "d0_error": 0.02, "z0_error": 0.05, "origin": 2, "vertex": 0}
    >>> tracks = tracks_of(ak.Array([{"eta": 0.0, "phi": 0.0, "tracks": [one]}]))
    >>> tracks.significance[0, :2].round(1).tolist()
    [10.0, 0.0]
    """
    there = ak.local_index(jets.tracks.pt, axis=1)
    mask = _padded(there, -1) >= 0
    names = ("pt", "eta", "phi", "kind", "charge", "d0", "z0", "d0_error", "z0_error")
    column = {name: _padded(jets.tracks[name]) for name in (*names, "origin", "vertex")}
    if not all((column[name] > 0)[mask].all() for name in ("d0_error", "z0_error")):
        raise ValueError("an error of an impact parameter is not above zero")
    axis_eta, axis_phi = (np.asarray(jets[name], float)[:, None] for name in ("eta", "phi"))
    deta = np.where(mask, column["eta"] - axis_eta, 0)
    dphi = np.where(mask, (column["phi"] - axis_phi + np.pi) % (2 * np.pi) - np.pi, 0)
    sign = 0.0 - np.sign(column["d0"] * np.sin(dphi))
    z_sign = 0.0 - np.sign(column["z0"] * deta)
    divisor = {name: np.where(mask, column[name], 1) for name in ("d0_error", "z0_error")}
    return Tracks(
        mask=mask,
        deta=deta,
        dphi=dphi,
        sign=sign,
        z_sign=z_sign,
        significance=sign * np.abs(column["d0"]) / divisor["d0_error"],
        z_significance=z_sign * np.abs(column["z0"]) / divisor["z0_error"],
        **column,
    )


def _padded(values: ak.Array, empty: float = 0) -> NDArray:
    filled = ak.fill_none(ak.pad_none(values, MOST, axis=1, clip=True), empty)
    return ak.to_numpy(filled).astype(float)


def good_tracks(tracks: Tracks) -> NDArray[np.bool_]:
    """Tracks that impact-parameter taggers use: pT above 1 GeV and |d₀| below 2 mm.

    Softer ones scatter in the material; those farther away stem from K⁰ and Λ more often than from
    b hadrons.
    """
    return tracks.mask & (tracks.pt > PT) & (np.abs(tracks.d0) < FARTHEST)


def track_counting(significance: ArrayLike, used: ArrayLike, rank: int = 2) -> NDArray:
    """Track counting: the significance of the track on rank 2, or 3, of the most displaced.

    Parameters
    ----------
    significance, used
        Shape (n, tracks); tracks that are not used do not count.
    rank
        1 is the track with the largest significance.

    Returns
    -------
    ndarray
        Shape (n,); −20 for jets with fewer tracks.

    Examples
    --------
    >>> track_counting([[3.0, 9.0, 5.0], [4.0, 1.0, 0.0]], [[1, 1, 1], [1, 0, 0]])
    array([  5., -20.])
    """
    ordered = np.sort(np.where(np.asarray(used, bool), significance, -20), axis=1)
    return ordered[:, -rank]


class Resolution:
    """How far tracks from the collision seem to miss it, learned from the negative side.

    Tracks from the collision have either sign equally often; those from decays are mostly positive.
    The negative side, mirrored, is therefore the resolution: measured in the data themselves,
    without simulation. It is not pure: decays leave some tracks there, so that it is a little too
    wide.

    Parameters
    ----------
    significance
        Of the tracks to learn from, any shape, both signs; the positive ones are left out.

    Raises
    ------
    ValueError
        If fewer than 100 are negative.

    Examples
    --------
    A Gaussian resolution: a track two standard deviations away is there with probability 0.0455.

    >>> measured = np.random.default_rng(1).normal(size=200_000)
    >>> bool(abs(Resolution(measured).probability(2.0) - 0.0455) < 0.003)
    True
    """

    def __init__(self, significance: ArrayLike) -> None:
        values = np.asarray(significance, float)
        self.negative = np.sort(-values[values < 0])
        if len(self.negative) < 100:
            raise ValueError(f"{len(self.negative)} negative significances do not make a shape")

    def probability(self, significance: ArrayLike) -> NDArray:
        """Part of the tracks from the collision that miss it by as much, or more.

        At least one over the number of tracks learned from: there is no more to know.
        """
        below = np.searchsorted(self.negative, np.abs(np.asarray(significance, float)))
        return np.maximum(len(self.negative) - below, 1) / len(self.negative)


def jet_probability(significance: ArrayLike, used: ArrayLike, resolution: Resolution) -> NDArray:
    """Minus the logarithm of the probability that all tracks of a jet are from the collision.

    The probabilities of the tracks on the positive side are multiplied to Π; that k uniform numbers
    have a product of Π or less has the probability Π Σ (−ln Π)ʲ / j!, j from 0 to k − 1.

    Parameters
    ----------
    significance, used
        Shape (n, tracks).
    resolution
        Of the same kind of track.

    Returns
    -------
    ndarray
        Shape (n,); 0 for jets without a positive track. For jets whose tracks are all from the
        collision it is exponential with mean 1.

    References
    ----------
    ALEPH, Phys. Lett. B 313 (1993) 535.
    """
    from scipy.special import gammainc

    values = np.asarray(significance, float)
    positive = np.asarray(used, bool) & (values > 0)
    total = np.where(positive, -np.log(resolution.probability(values)), 0).sum(axis=1)
    count = positive.sum(axis=1)
    # The sum of k exponentials is a gamma distribution: its tail is the sum in the formula.
    tail = 1 - gammainc(np.maximum(count, 1), total)
    return np.where(count > 0, -np.log(np.maximum(tail, 1e-30)), 0)


class ImpactLikelihood:
    """Impact-parameter likelihood: the sum over tracks of ln p(S | b) − ln p(S | light).

    The densities are histograms of simulated tracks in the significance along the plane and along
    the beam, in two ranges of pT: correlations within a track are kept, those between tracks are
    not. That is what a network on all tracks can gain.

    Parameters
    ----------
    tracks, used
        Tracks of training jets, and which of them count, shape (n, 24).
    label
        Labels of the jets, 5, 4, 15 or 0, shape (n,).

    References
    ----------
    ATLAS's IP3D is of this kind: arXiv:1512.01094.
    """

    edges = (-np.inf, -8, -4, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 11, 16, 30, np.inf)
    along = (-np.inf, -4, -2, -1, 0, 1, 2, 4, 8, 16, np.inf)
    momenta = (0, 3, np.inf)

    def __init__(self, tracks: Tracks, used: NDArray, label: ArrayLike) -> None:
        label, place = np.asarray(label), self._place(tracks)
        shape = len(self.edges) - 1, len(self.along) - 1, len(self.momenta) - 1
        self.density = {}
        for flavour in (5, 4, 0):
            inside = place[(label == flavour)[:, None] & used]
            count = np.bincount(inside, minlength=int(np.prod(shape))) + 0.5
            self.density[flavour] = np.log(count / count.sum())

    def _place(self, tracks: Tracks) -> NDArray[np.int64]:
        bins = [
            np.searchsorted(np.asarray(edges[1:-1], float), values, side="right")
            for edges, values in (
                (self.edges, tracks.significance),
                (self.along, tracks.z_significance),
                (self.momenta, tracks.pt),
            )
        ]
        along, momenta = len(self.along) - 1, len(self.momenta) - 1
        return (bins[0] * along + bins[1]) * momenta + bins[2]

    def score(self, tracks: Tracks, used: NDArray, against: int = 0) -> NDArray:
        """Log-likelihood ratio of b over another label, shape (n,); 0 without tracks."""
        ratio = self.density[5] - self.density[against]
        return np.where(used, ratio[self._place(tracks)], 0).sum(axis=1)
