"""What a network sees of a jet: its constituents as tensors."""

from __future__ import annotations

from functools import cached_property

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepml_lib.batch import KINEMATICS, JetBatch
from hepml_lib.kinematics import wrap_phi

__all__ = ["CONSTITUENT_FEATURES", "IDENTITY_FEATURES", "Constituents", "constituent_tensors"]

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


def constituent_tensors(jets: ak.Array, places: int = 64, identity: bool = False) -> Constituents:
    """Constituents of jets as tensors for the networks of `hepml_lib.nets`, hardest first.

    Parameters
    ----------
    jets
        Records with ``pt, eta, phi, mass`` [GeV, rad] and ``constituents`` with the same four.
    places
        How many constituents P to keep, the hardest. The fractions refer to all of them.
    identity
        Whether the features include electric charge and kind (one column each), from ``charge`` and
        ``kind``.

    Returns
    -------
    Constituents
        Holds ``features, mask, fractions, angles, momenta``.

    Raises
    ------
    ValueError
        If a jet is None, a pT is not above zero, or a number is missing, NaN or infinite; the
        message says in which jet.

    Examples
    --------
    >>> jets = ak.Array([{"pt": 600.0, "eta": 0.0, "phi": 3.1, "mass": 100.0, "constituents": [
    ...     {"pt": 450.0, "eta": 0.1, "phi": 3.1, "mass": 0.0},
    ...     {"pt": 150.0, "eta": -0.3, "phi": -3.1, "mass": 0.0}]}])
    >>> jet = constituent_tensors(jets, places=3)
    >>> jet.fractions
    tensor([[0.7500, 0.2500, 0.0000]])
    >>> jet.angles[0, 1]
    tensor([-0.3000,  0.0832])
    >>> {name: tuple(tensor.shape) for name, tensor in jet.select("features", "mask").items()}
    {'features': (1, 3, 7), 'mask': (1, 3)}
    """
    batch = JetBatch.read(jets, fields=(*KINEMATICS, *("charge", "kind") * identity))
    return Constituents(batch, places, identity)


class Constituents:
    """Tensors of the constituents of n jets; made by `constituent_tensors`.

    Each tensor is made when it is first asked for; all have zeros where there is no constituent.

    Parameters
    ----------
    everything
        All constituents of the jets.
    places, identity
        As in `constituent_tensors`.
    """

    def __init__(self, everything: JetBatch, places: int, identity: bool) -> None:
        self.places, self.identity = places, identity
        # Single precision, as the sums of the committed trainings were.
        self._jet_pt = ak.to_numpy(
            ak.sum(ak.unflatten(everything.columns["pt"], everything.counts), axis=1)
        )
        self.batch = everything.hardest(places)

    def select(self, *names: str) -> dict[str, Tensor]:
        """Tensors by name, as a network takes them: ``network(**jets.select("features", "mask"))``.

        Parameters
        ----------
        *names
            Of ``features, mask, fractions, angles, momenta``.

        Returns
        -------
        dict of Tensor
            In the order of the names.
        """
        return {name: getattr(self, name) for name in names}

    @cached_property
    def features(self) -> Tensor:
        """`CONSTITUENT_FEATURES`, then `IDENTITY_FEATURES`, shape (n, P, F), float32.

        Angles Δη and Δφ from the jet axis, ln pT, ln E, ln pT/pT(jet), ln E/E(jet) and ΔR, shifted
        and scaled. They are those of Qu, Gouskos, arXiv:1902.08570.
        """
        pt, eta, mass = (self._single(name) for name in ("pt", "eta", "mass"))
        axis = {name: value[self.batch.jet] for name, value in self.batch.axes.items()}
        energy = np.hypot(pt * np.cosh(eta), mass)
        jet_energy = np.hypot(axis["pt"] * np.cosh(axis["eta"]), axis["mass"])
        deta, dphi = self._angles
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
        if self.identity:
            kind = self._single("kind")
            columns += [self._single("charge"), *(kind == k for k in range(len(_KINDS)))]
        return self._padded(*columns)

    @cached_property
    def mask(self) -> Tensor:
        """True where there is a constituent, shape (n, P)."""
        return torch.from_numpy(self.batch.mask(self.places))

    @cached_property
    def fractions(self) -> Tensor:
        """Share of the pT of all constituents of the jet, shape (n, P), float32."""
        return self._padded(self._single("pt") / self._jet_pt[self.batch.jet])[..., 0]

    @cached_property
    def angles(self) -> Tensor:
        """η and φ from the jet axis, shape (n, P, 2), float32 [rad]."""
        return self._padded(*self._angles)

    @cached_property
    def momenta(self) -> Tensor:
        """Four-momenta (px, py, pz, E) [GeV], shape (n, P, 4), float32.

        The jet is turned around the beam to azimuth 0 and boosted along the beam until its sum of
        constituents has rapidity 0, in double precision: products of momenta stay what they are,
        and the numbers become small enough for the single precision in which they are kept.
        """
        batch = self.batch
        _, _, pz, energy = batch.momenta
        flat = batch.pt * np.cos(batch.dphi), batch.pt * np.sin(batch.dphi), pz, energy
        momenta = batch.pad(np.stack(flat, axis=1), self.places)
        total = momenta.sum(axis=1)
        speed = np.divide(
            total[:, 2], total[:, 3], out=np.zeros(len(batch)), where=batch.counts > 0
        )[:, None]
        gamma = 1 / np.sqrt(1 - speed**2)
        pz, energy = momenta[..., 2], momenta[..., 3]
        boosted = gamma * (pz - speed * energy), gamma * (energy - speed * pz)
        momenta[..., 2], momenta[..., 3] = boosted
        return torch.from_numpy(momenta.astype(np.float32))

    @cached_property
    def _angles(self) -> tuple[NDArray, NDArray]:
        # As stored, not in double precision: trained networks have seen these very numbers.
        axis = {name: value[self.batch.jet] for name, value in self.batch.axes.items()}
        return self._single("eta") - axis["eta"], wrap_phi(self._single("phi") - axis["phi"])

    def _single(self, name: str) -> NDArray[np.float32]:
        return self.batch.columns[name].astype(np.float32)

    def _padded(self, *columns: NDArray) -> Tensor:
        flat = np.stack(columns, axis=1)
        return torch.from_numpy(self.batch.pad(flat, self.places, np.float32))
