"""What a network sees of a jet: its constituents as tensors."""

from __future__ import annotations

from typing import NamedTuple

import awkward as ak
import numpy as np
import torch
from torch import Tensor

from hepml_lib.kinematics import wrap_phi

__all__ = [
    "CONSTITUENT_FEATURES",
    "IDENTITY_FEATURES",
    "Constituents",
    "constituent_momenta",
    "constituent_tensors",
]

# Shift and factor that bring each feature to mean 0 and width 1 on the training jets of `top_jets`,
# rounded and then fixed: a model must see the same numbers wherever it is used.
_SCALES = {
    "deta": (0.0, 1.0),
    "dphi": (0.0, 1.0),
    "log_pt": (1.7, 0.7),
    "log_energy": (2.0, 0.7),
    "log_pt_fraction": (-4.7, 0.7),
    "log_energy_fraction": (-4.7, 0.7),
    "dr": (0.2, 4.0),
}
CONSTITUENT_FEATURES = tuple(_SCALES)
_KINDS = ("charged_hadron", "neutral_hadron", "photon", "electron", "muon")
IDENTITY_FEATURES = ("charge", *_KINDS)


class Constituents(NamedTuple):
    """Constituents of n jets, padded to P each, hardest first.

    Attributes
    ----------
    features
        Shape (n, P, F), float32, 0 where there is no constituent.
    mask
        Shape (n, P), true where there is one.
    fractions
        pT of the constituent over that of all constituents of the jet, shape (n, P), float32.
    angles
        η and φ relative to the jet axis, shape (n, P, 2), float32 [rad].
    """

    features: Tensor
    mask: Tensor
    fractions: Tensor
    angles: Tensor


def constituent_tensors(
    jets: ak.Array, particles: int = 64, identity: bool = False
) -> Constituents:
    """Constituents of each jet as tensors for the networks of `hepml_lib.nets`.

    A jet without constituents has a mask that is false throughout and zeros elsewhere.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV] and ``constituents`` with the same four.
    particles
        How many constituents to keep, the hardest. The fractions refer to all of them.
    identity
        Whether to append electric charge and kind (one column each), from ``charge`` and ``kind``.

    Returns
    -------
    Constituents
        Features in the order of `CONSTITUENT_FEATURES`, then `IDENTITY_FEATURES`: angles Δη and Δφ
        from the jet axis, ln pT, ln E, ln pT/pT(jet), ln E/E(jet) and ΔR, scaled.

    Raises
    ------
    ValueError
        If a constituent has a pT that is not above zero, or any number is NaN or infinite; the
        message says in which jet.

    References
    ----------
    The features are those of Qu, Gouskos, arXiv:1902.08570.

    Examples
    --------
    >>> jets = ak.Array([{"pt": 600.0, "eta": 0.0, "phi": 3.1, "mass": 100.0, "constituents": [
    ...     {"pt": 450.0, "eta": 0.1, "phi": 3.1, "mass": 0.0},
    ...     {"pt": 150.0, "eta": -0.3, "phi": -3.1, "mass": 0.0}]}])
    >>> tensors = constituent_tensors(jets, particles=3)
    >>> tensors.fractions
    tensor([[0.7500, 0.2500, 0.0000]])
    >>> tensors.angles[0, 1]
    tensor([-0.3000,  0.0832])
    """
    everything = jets.constituents
    check_jets(jets, everything)
    total_pt = ak.to_numpy(ak.sum(everything.pt, axis=1))
    kept = everything[ak.argsort(everything.pt, axis=1, ascending=False)][:, :particles]
    counts = ak.to_numpy(ak.num(kept, axis=1))
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)

    pt, eta, phi, mass = (_flat(kept[name]) for name in ("pt", "eta", "phi", "mass"))
    axis = {name: ak.to_numpy(jets[name])[owner] for name in ("pt", "eta", "phi", "mass")}
    energy = np.hypot(pt * np.cosh(eta), mass)
    jet_energy = np.hypot(axis["pt"] * np.cosh(axis["eta"]), axis["mass"])
    deta = eta - axis["eta"]
    dphi = (phi - axis["phi"] + np.pi) % (2 * np.pi) - np.pi
    columns = [
        deta,
        dphi,
        np.log(pt),
        np.log(energy),
        np.log(pt / axis["pt"]),
        np.log(energy / jet_energy),
        np.hypot(deta, dphi),
    ]
    columns = [(x - a) * b for x, (a, b) in zip(columns, _SCALES.values(), strict=True)]
    if identity:
        kind = _flat(kept.kind)
        columns += [_flat(kept.charge), *(kind == k for k in range(len(_KINDS)))]

    def padded(*values: np.ndarray) -> Tensor:
        tensor = np.zeros((len(counts), particles, len(values)), np.float32)
        for k, value in enumerate(values):
            tensor[owner, place, k] = value
        return torch.from_numpy(tensor)

    mask = torch.arange(particles) < torch.from_numpy(counts)[:, None]
    fractions = padded(pt / total_pt[owner])[..., 0]
    return Constituents(padded(*columns), mask, fractions, padded(deta, dphi))


def constituent_momenta(jets: ak.Array, particles: int = 64) -> Tensor:
    """Four-momenta of the constituents, in the order of `constituent_tensors`.

    The jet is turned around the beam to azimuth 0 and boosted along the beam until its sum of
    constituents has rapidity 0, in double precision: products of momenta stay what they are, and
    the numbers become small enough for the single precision in which they are kept.

    Returns
    -------
    Tensor
        (px, py, pz, E) [GeV], shape (n, particles, 4), float32; zeros where there is none.

    Examples
    --------
    >>> part = {"pt": 600.0, "eta": 1.5, "phi": 2.0, "mass": 0.0}
    >>> jets = ak.Array([{"eta": 1.5, "phi": 2.0, "constituents": [part]}])
    >>> constituent_momenta(jets, particles=2).round()
    tensor([[[600.,   0.,   0., 600.],
             [  0.,   0.,   0.,   0.]]])
    """
    everything = jets.constituents
    kept = everything[ak.argsort(everything.pt, axis=1, ascending=False)][:, :particles]
    counts = ak.to_numpy(ak.num(kept, axis=1))
    held = np.arange(particles) < counts[:, None]
    pt, eta, phi, mass = (
        ak.to_numpy(ak.flatten(kept[name])).astype(np.float64)
        for name in ("pt", "eta", "phi", "mass")
    )
    turned = wrap_phi(phi - np.repeat(ak.to_numpy(jets.phi).astype(np.float64), counts))
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    momenta = np.zeros((*held.shape, 4))
    momenta[held] = np.stack([pt * np.cos(turned), pt * np.sin(turned), pz, energy], axis=1)
    total = momenta.sum(axis=1)
    speed = np.divide(total[:, 2], total[:, 3], out=np.zeros(len(total)), where=counts > 0)[:, None]
    gamma = 1 / np.sqrt(1 - speed**2)
    pz, energy = momenta[..., 2], momenta[..., 3]
    boosted = gamma * (pz - speed * energy), gamma * (energy - speed * pz)
    momenta[..., 2], momenta[..., 3] = boosted
    return torch.from_numpy(momenta.astype(np.float32))


def _flat(values: ak.Array) -> np.ndarray:
    return ak.to_numpy(ak.flatten(values, axis=None)).astype(np.float32)


def check_jets(jets: ak.Array, constituents: ak.Array) -> None:
    """Refuse numbers that no jet has, naming the first jet with one."""
    owner = np.repeat(np.arange(len(jets)), ak.to_numpy(ak.num(constituents, axis=1)))
    filled = np.unique(owner)
    for name in ("pt", "eta", "phi", "mass"):
        for where, values, index in (
            ("a constituent", _flat(constituents[name]), owner),
            ("the jet", ak.to_numpy(jets[name])[filled], filled),
        ):
            bad = ~np.isfinite(values) | ((name == "pt") & (values <= 0))
            if bad.any():
                first = int(np.argmax(bad))
                raise ValueError(
                    f"jet {index[first]} of {len(jets)}: {name} of {where} is {values[first]:g}, "
                    f"which no jet has ({bad.sum()} such values)"
                )
