"""Flavour tagging: what a network is told of a jet's tracks, what it learns, how it is used."""

from __future__ import annotations

from typing import NamedTuple

import awkward as ak
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from hepml_lib.tagging.impact import Tracks, tracks_of

__all__ = [
    "CHARM",
    "FEATURES",
    "FLAVOURS",
    "balancing_weights",
    "discriminant",
    "flavour_loss",
    "multitask_loss",
    "targets",
    "track_geometry",
    "track_tensors",
]

CHARM = 0.1
"""f_c of `discriminant` with which taggers are compared."""

FLAVOURS = (5, 4, 0, 15)
"""Labels in the order of a network's outputs: b, c, light, tau."""

FEATURES = (
    "transverse significance",
    "longitudinal significance",
    "d0",
    "z0",
    "d0 error",
    "z0 error",
    "pt",
    "share of the jet's pt",
    "eta from the axis",
    "phi from the axis",
    "distance from the axis",
    "electron",
    "muon",
    "jet pt",
    "jet eta",
)
"""Columns of `track_tensors`, all scaled to numbers of order one."""

_SHARES = {5: 1.0, 4: 1.0, 0: 1.0, 15: 0.2}


class TrackTensors(NamedTuple):
    """Inputs of the networks.

    Attributes
    ----------
    features
        Columns `FEATURES` of each track, shape (n, 24, 15), float32; 0 where there is none.
    mask
        True where there is a track, shape (n, 24).
    """

    features: Tensor
    mask: Tensor


def track_tensors(jets: ak.Array, tracks: Tracks | None = None) -> TrackTensors:
    """Features of the tracks, the most displaced first.

    Impact parameters and their significances have the sign of lifetime and are squeezed by
    asinh, which keeps small values and shrinks large ones to their logarithm.

    Parameters
    ----------
    jets
        Jets of `flavour_jets`.
    tracks
        ``tracks_of(jets)``, if it is there already.

    Returns
    -------
    TrackTensors
        Features (n, 24, 15), float32, and mask (n, 24), boolean.

    Examples
    --------
    >>> from hepml_lib import samples
    >>> tensors = track_tensors(samples.load("flavour_jets", split="test", events=1000))
    >>> tuple(tensors.features.shape), bool(tensors.features.abs().max() < 20)
    ((1000, 24, 15), True)
    """
    tracks = tracks_of(jets) if tracks is None else tracks
    pt, eta = (np.asarray(jets[name], float)[:, None] for name in ("pt", "eta"))
    hard = np.maximum(tracks.pt, 0.1)
    columns = (
        np.arcsinh(tracks.significance),
        np.arcsinh(tracks.z_significance),
        np.arcsinh(20 * tracks.sign * np.abs(tracks.d0)),
        np.arcsinh(10 * tracks.z_sign * np.abs(tracks.z0)),
        np.log(np.maximum(tracks.d0_error, 1e-3)) + 3.5,
        np.log(np.maximum(tracks.z0_error, 1e-3)) + 2.5,
        np.log(hard) - 1,
        np.log(hard / pt) + 3,
        5 * tracks.deta,
        5 * tracks.dphi,
        5 * np.hypot(tracks.deta, tracks.dphi),
        tracks.kind == 3,
        tracks.kind == 4,
        np.broadcast_to(np.log(pt) - 4, tracks.pt.shape),
        np.broadcast_to(eta, tracks.pt.shape),
    )
    features = np.stack(columns, axis=2).astype(np.float32)
    order = _most_displaced_first(tracks)
    mask = np.take_along_axis(tracks.mask, order, axis=1)
    features = np.take_along_axis(features, order[..., None], axis=1) * mask[..., None]
    return TrackTensors(torch.from_numpy(features), torch.from_numpy(mask))


def track_geometry(jets: ak.Array, tracks: Tracks | None = None) -> Tensor:
    """What `nets.two_track_vertices` needs, shape (n, 24, 8) float32, most displaced first.

    Parameters
    ----------
    jets
        Jets of `flavour_jets`.
    tracks
        ``tracks_of(jets)``, if it is there already.

    Returns
    -------
    Tensor
        pT, η, φ from the axis, d₀, z₀, their errors [GeV, rad, mm] and the charge.

    Examples
    --------
    >>> from hepml_lib import samples
    >>> jets = samples.load("flavour_jets", split="test", events=1000)
    >>> tuple(track_geometry(jets).shape)
    (1000, 24, 8)
    """
    tracks = tracks_of(jets) if tracks is None else tracks
    names = ("pt", "eta", "dphi", "d0", "z0", "d0_error", "z0_error", "charge")
    columns = [getattr(tracks, name) for name in names]
    geometry = np.stack(columns, axis=2).astype(np.float32)
    order = _most_displaced_first(tracks)
    return torch.from_numpy(np.take_along_axis(geometry, order[..., None], axis=1))


def targets(jets: ak.Array, tracks: Tracks | None = None) -> Tensor:
    """What a network learns: flavour, origin and vertex of each track, shape (n, 1 + 24 + 24).

    The first column is the place in `FLAVOURS`. Origins count from 0 (from the collision) to 5;
    padding has −1 there. Tracks are in the order of `track_tensors`.

    Parameters
    ----------
    jets
        Jets of `flavour_jets`, with ``label``.
    tracks
        ``tracks_of(jets)``, if it is there already.

    Returns
    -------
    Tensor
        int64.

    Raises
    ------
    ValueError
        If a label is not one of `FLAVOURS`.
    """
    tracks = tracks_of(jets) if tracks is None else tracks
    label = np.asarray(jets.label)
    if not np.isin(label, FLAVOURS).all():
        raise ValueError(
            f"labels are {FLAVOURS}, not {sorted(set(label.tolist()) - set(FLAVOURS))}"
        )
    order = _most_displaced_first(tracks)
    origin = np.take_along_axis(np.where(tracks.mask, tracks.origin - 1, -1), order, axis=1)
    vertex = np.take_along_axis(tracks.vertex, order, axis=1)
    place = np.argmax(label[:, None] == np.array(FLAVOURS), axis=1)[:, None]
    return torch.from_numpy(np.concatenate([place, origin, vertex], axis=1).astype(np.int64))


def _most_displaced_first(tracks: Tracks) -> NDArray[np.int64]:
    displaced = np.where(tracks.mask, np.abs(tracks.significance), -1)
    return np.argsort(-displaced, axis=1, kind="stable")


def balancing_weights(jets: ak.Array) -> Tensor:
    """Training weights that give all flavours the spectrum of b jets in pT and |η|.

    Without them a network learns that hard jets are b jets, which holds in top pairs and nowhere
    else. b, c and light jets have the same sum of weights, tau jets a fifth of it.

    Parameters
    ----------
    jets
        Records with ``label``, ``pt`` [GeV] and ``eta``.

    Returns
    -------
    Tensor
        One per jet with mean 1, shape (n,), float32.
    """
    label = np.asarray(jets.label)
    pt = np.digitize(np.asarray(jets.pt), [30, 40, 50, 65, 80, 100, 130, 180, 250])
    cell = pt * 5 + np.digitize(np.abs(np.asarray(jets.eta)), [0.5, 1.0, 1.5, 2.0])
    wanted = np.bincount(cell[label == 5], minlength=50) / max((label == 5).sum(), 1)
    weight = np.zeros(len(label))
    for flavour, share in _SHARES.items():
        of_flavour = label == flavour
        count = np.bincount(cell[of_flavour], minlength=50)
        # A sparse cell would hold one jet with the weight of many.
        weight[of_flavour] = share * (wanted / np.maximum(count, 5))[cell[of_flavour]]
    return torch.from_numpy((weight / weight.mean()).astype(np.float32))


def flavour_loss(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the flavours, one number per jet, shape (n,).

    Parameters
    ----------
    output
        Logits in the order of `FLAVOURS`, shape (n, 4).
    target
        From `targets`, shape (n, 1 + 24 + 24).
    """
    return functional.cross_entropy(output, target[:, 0], reduction="none")


def multitask_loss(output: tuple[Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
    """Cross-entropies of flavour, origins and pairs, one number per jet, shape (n,).

    Origins count half and pairs once and a half, each averaged over what the jet holds.

    Parameters
    ----------
    output
        Logits of the flavours, shape (n, 4), of the origin of each track, (n, 24, 6), and of two
        tracks sharing a vertex, (n, 24, 24).
    target
        From `targets`, shape (n, 1 + 24 + 24).
    """
    flavour, origin, near = output
    places = origin.shape[1]
    truth, vertex = target[:, 1 : 1 + places], target[:, 1 + places :]
    is_track = truth >= 0
    of_tracks = functional.cross_entropy(
        origin.transpose(1, 2), truth, reduction="none", ignore_index=-1
    )
    pair = is_track[:, :, None] & is_track[:, None, :]
    pair = pair & ~torch.eye(places, dtype=torch.bool)
    same = (vertex[:, :, None] == vertex[:, None, :]).to(near.dtype)
    of_pairs = functional.binary_cross_entropy_with_logits(near, same, reduction="none") * pair
    return (
        flavour_loss(flavour, target)
        + 0.5 * of_tracks.sum(dim=1) / is_track.sum(dim=1).clamp(min=1)
        + 1.5 * of_pairs.sum(dim=(1, 2)) / pair.sum(dim=(1, 2)).clamp(min=1)
    )


def discriminant(logits: ArrayLike, charm: float = 0.2, tau: float = 0.02) -> NDArray:
    """D_b = ln [p_b / (f_c p_c + f_τ p_τ + (1 − f_c − f_τ) p_light)], shape (n,).

    Parameters
    ----------
    logits
        Of b, c, light and tau, shape (n, 4).
    charm, tau
        f_c and f_τ: how much of the background is thought to be charm and tau. Any value is
        allowed: no training depends on it, so that an analysis chooses its own.

    Raises
    ------
    ValueError
        If f_c or f_τ is negative, or their sum is above 1.

    Examples
    --------
    Odds of four to one between b and light, without charm and tau in the background:

    >>> float(discriminant([[np.log(4), 0.0, 0.0, 0.0]], charm=0, tau=0)[0].round(3))
    1.386
    """
    if min(charm, tau) < 0 or charm + tau > 1:
        raise ValueError(f"f_c = {charm} and f_tau = {tau} are not shares of a background")
    scores = np.asarray(logits, float)
    shares = np.array([charm, 1 - charm - tau, tau])
    with np.errstate(divide="ignore"):
        background = np.logaddexp.reduce(scores[:, 1:] + np.log(shares), axis=1)
    return scores[:, 0] - background
