"""Impact parameters: which tracks missed the collision, by how much, and on which side.

A b hadron flies some millimetres before it decays. Its tracks, traced back, miss the point of the
collision: the transverse impact parameter d₀ is the distance by which they do. The taggers of this
module use nothing but d₀ and its error.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepml_lib.batch import JetBatch

__all__ = [
    "ImpactLikelihood",
    "Resolution",
    "Tracks",
    "good_tracks",
    "jet_probability",
    "track_counting",
    "tracks_of",
]

MAX_TRACKS = 24
"""Tracks of a jet that are kept, the hardest."""

MIN_PT, MAX_D0 = 1.0, 2.0
"""Of `good_tracks` [GeV, mm]."""

_STORED = ("pt", "eta", "phi", "kind", "charge", "d0", "z0", "d0_error", "z0_error")
_TRUTH = ("origin", "vertex")


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
        Jets of the sample `flavour_jets`, or others with ``eta, phi`` [rad] and a list ``tracks``
        of records with ``pt`` [GeV], ``eta, phi, d0, z0, d0_error, z0_error`` [mm], ``kind``,
        ``charge``, ``origin`` and ``vertex``.

    Returns
    -------
    Tracks
        The 24 hardest of each jet.

    Raises
    ------
    ValueError
        If a jet is None, a number is missing, NaN or infinite, or the error of an impact parameter
        is not above zero; the message says in which jet.

    Examples
    --------
    A particle flies 2 mm along x, where a track leaves it 0.1 rad below the axis: d₀ is
    2 sin(−0.1) on the record, +0.2 with the sign of lifetime.

    >>> track = {"pt": 5.0, "eta": 0.0, "phi": -0.1, "kind": 0, "charge": 1}
    >>> track |= {"d0": 2 * np.sin(0.1), "z0": 0.0, "d0_error": 0.02, "z0_error": 0.05}
    >>> track |= {"origin": 2, "vertex": 0}
    >>> tracks = tracks_of(ak.Array([{"eta": 0.0, "phi": 0.0, "tracks": [track]}]))
    >>> tracks.significance[0, :2].round(1).tolist()
    [10.0, 0.0]
    """
    batch = JetBatch.read(jets, "tracks", (*_STORED, *_TRUTH), ("eta", "phi")).hardest(MAX_TRACKS)
    columns: dict[str, NDArray] = {
        name: values.astype(np.float64) for name, values in batch.columns.items()
    }
    for name in ("d0_error", "z0_error"):
        if (bad := columns[name] <= 0).any():
            raise ValueError(
                f"jet {batch.jet[bad.argmax()]} of {len(batch)}: {name} of a track is "
                f"{columns[name][bad.argmax()]:g}; an error must be above zero"
            )
    sign = 0.0 - np.sign(columns["d0"] * np.sin(batch.dphi))
    z_sign = 0.0 - np.sign(columns["z0"] * batch.deta)
    columns |= {
        "deta": batch.deta,
        "dphi": batch.dphi,
        "sign": sign,
        "z_sign": z_sign,
        "significance": sign * np.abs(columns["d0"]) / columns["d0_error"],
        "z_significance": z_sign * np.abs(columns["z0"]) / columns["z0_error"],
    }
    padded = {name: batch.pad(values, MAX_TRACKS) for name, values in columns.items()}
    return Tracks(mask=batch.mask(MAX_TRACKS), **padded)


def good_tracks(tracks: Tracks) -> NDArray[np.bool_]:
    """Tracks that impact-parameter taggers use: pT above 1 GeV and |d₀| below 2 mm.

    Softer ones scatter in the material; those farther away stem from K⁰ and Λ more often than from
    b hadrons.

    Parameters
    ----------
    tracks
        Tracks of n jets, from `tracks_of`.

    Returns
    -------
    ndarray of bool
        Shape (n, 24).
    """
    return tracks.mask & (tracks.pt > MIN_PT) & (np.abs(tracks.d0) < MAX_D0)


def track_counting(significance: ArrayLike, used: ArrayLike, rank: int = 2) -> NDArray:
    """Track counting: the significance of the track on rank 2, or 3, of the most displaced.

    Parameters
    ----------
    significance
        Impact parameters over their errors, with the sign of lifetime, shape (n, tracks).
    used
        Which tracks count, shape (n, tracks).
    rank
        1 is the track with the largest significance.

    Returns
    -------
    ndarray of float64
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

        Parameters
        ----------
        significance
            Of any shape; the sign does not matter.

        Returns
        -------
        ndarray of float64
            Of the same shape.
        """
        below = np.searchsorted(self.negative, np.abs(np.asarray(significance, float)))
        return np.maximum(len(self.negative) - below, 1) / len(self.negative)


def jet_probability(significance: ArrayLike, used: ArrayLike, resolution: Resolution) -> NDArray:
    """Minus the logarithm of the probability that all tracks of a jet are from the collision.

    The probabilities of the tracks on the positive side are multiplied to Π; that k uniform numbers
    have a product of Π or less has the probability Π Σ (−ln Π)ʲ / j!, j from 0 to k − 1.

    Parameters
    ----------
    significance
        Impact parameters over their errors, with the sign of lifetime, shape (n, tracks).
    used
        Which tracks count, shape (n, tracks).
    resolution
        Of the same kind of track.

    Returns
    -------
    ndarray of float64
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

    edges: ClassVar[dict[str, tuple[float, ...]]] = {
        "significance": (
            *(-np.inf, -8, -4, -2, -1, -0.5, 0, 0.5, 1, 1.5),
            *(2, 3, 4, 5, 6, 8, 11, 16, 30, np.inf),
        ),
        "z_significance": (-np.inf, -4, -2, -1, 0, 1, 2, 4, 8, 16, np.inf),
        "pt": (0, 3, np.inf),
    }

    def __init__(self, tracks: Tracks, used: NDArray, label: ArrayLike) -> None:
        label, cell = np.asarray(label), self._cell(tracks)
        self.density = {}
        for flavour in (5, 4, 0):
            inside = cell[(label == flavour)[:, None] & used]
            count = np.bincount(inside, minlength=int(np.prod(self._shape))) + 0.5
            self.density[flavour] = np.log(count / count.sum())

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(len(edges) - 1 for edges in self.edges.values())

    def _cell(self, tracks: Tracks) -> NDArray[np.int64]:
        """Number of the cell that each track lies in."""
        bins = tuple(
            np.searchsorted(np.array(edges[1:-1], float), getattr(tracks, name), side="right")
            for name, edges in self.edges.items()
        )
        return np.ravel_multi_index(bins, self._shape)

    def score(self, tracks: Tracks, used: NDArray, against: int = 0) -> NDArray[np.float64]:
        """Log-likelihood ratio of b over another label, shape (n,); 0 without tracks.

        Parameters
        ----------
        tracks, used
            Tracks of n jets, and which of them count, shape (n, 24).
        against
            The other label: 4, or 0 for light.
        """
        ratio = self.density[5] - self.density[against]
        return np.where(used, ratio[self._cell(tracks)], 0).sum(axis=1)
