"""Hadronic decays of tau leptons, built of particle-flow candidates as CMS builds them.

"Hadrons plus strips" (arXiv:1510.07488, arXiv:1809.02816): a jet that holds one charged hadron with
up to two neutral pions, or three charged hadrons, in a narrow cone, and little around it.
"""

from __future__ import annotations

from typing import NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib.kinematics import delta_r, wrap_phi
from hepml_lib.samples.detector.table import (
    CHARGED_HADRON,
    MASSES,
    NEUTRAL_HADRON,
    PHOTON,
    ParticleTable,
    rank,
    same_event,
)

__all__ = ["find"]

_MINIMUM_PT = 0.5
"""Softest track or photon that counts [GeV]."""

_STRIP_WIDTH = 0.05, 0.20
"""Half width of a strip in η and in φ: photons that convert spread in φ."""

_STRIP_PT = 2.5
"""Softest strip [GeV]."""

_CONE = 0.5
"""Radius of the isolation cone."""

_PRONGS, _PHOTONS = 3, 12
"""Tracks and photons of a jet that are looked at, the hardest."""


class _Decay(NamedTuple):
    """Charged hadrons and neutral pions, and the limits of their mass [GeV].

    The upper limit grows with momentum, for so does the resolution: `high` at up to 100 GeV, then
    as the root, up to `highest`.
    """

    prongs: int
    strips: int
    low: float
    high: float
    highest: float


_DECAYS = (
    _Decay(1, 0, 0.0, 1.0, 1.0),
    _Decay(1, 1, 0.3, 1.3, 4.2),
    _Decay(1, 2, 0.4, 1.2, 4.0),
    _Decay(3, 0, 0.8, 1.5, 1.5),
)
"""The decays that are sought, with the limits of arXiv:1510.07488."""

_Array = NDArray[np.floating]
_Rows = NDArray[np.int64]


def find(candidates: ParticleTable, jets: ParticleTable, members: ak.Array) -> ParticleTable:
    """Tau candidate of each jet that holds one.

    The decays sought are h, hπ⁰, hπ⁰π⁰ and hhh. The leading tracks of the jet are the hadrons; a
    strip around its hardest photon, and one around the hardest photon outside of that, are the
    neutral pions. A decay must have the mass that arXiv:1510.07488 asks of it, charge ±1, and all
    hadrons and strips within 3 GeV / pT of its axis (at least 0.05, at most 0.1). Of several decays
    the hardest is taken.

    Parameters
    ----------
    candidates
        Those of the leading vertex, as `hepml_lib.samples.detector.respond` gives them.
    jets, members
        As `hepml_lib.samples.clustering.anti_kt` gives them.

    Returns
    -------
    ParticleTable
        `event`, `pt`, `mass` [GeV], `eta`, `phi` [rad]; `charge`, `prongs` and `strips` (int8);
        `isolation` [GeV], the transverse momentum of other tracks and photons within 0.5; `jet`,
        the row of the jet.
    """
    tracks = _hardest(candidates, members, CHARGED_HADRON, _PRONGS)
    photons = _hardest(candidates, members, PHOTON, _PHOTONS)
    strip = _strips(candidates, photons)
    charge = np.where(tracks >= 0, candidates["charge"][tracks], 0)
    decay, momenta = _hardest_decay(
        _momenta(candidates, tracks),
        _strip_momenta(_momenta(candidates, photons), strip),
        charge,
    )
    jet = np.flatnonzero(decay >= 0)
    prongs, strips = np.array([(d.prongs, d.strips) for d in _DECAYS], np.int8)[decay[jet]].T
    is_prong = np.arange(_PRONGS) < prongs[:, None]
    is_in_strip = (strip[jet] > 0) & (strip[jet] <= strips[:, None])
    taus = {"event": jets["event"][jet]} | _polar(momenta[jet])
    taus["charge"] = (charge[jet] * is_prong).sum(axis=1).astype(np.int8)
    taus |= {"prongs": prongs, "strips": strips, "jet": jet}
    own = np.where(is_prong, candidates["pt"][tracks[jet]], 0).sum(axis=1)
    own += np.where(is_in_strip, candidates["pt"][photons[jet]], 0).sum(axis=1)
    # Rounding must not make it negative.
    return taus | {"isolation": np.maximum(_around(candidates, taus) - own, 0)}


def _hardest(candidates: ParticleTable, members: ak.Array, kind: int, most: int) -> _Rows:
    """Rows of the hardest members of one kind, shape (jets, most); -1 fills up."""
    jet = np.repeat(np.arange(len(members)), ak.to_numpy(ak.num(members)))
    row = ak.to_numpy(ak.flatten(members))
    chosen = (candidates["kind"][row] == kind) & (candidates["pt"][row] > _MINIMUM_PT)
    jet, row = jet[chosen], row[chosen]
    order = np.lexsort((-candidates["pt"][row], jet))
    jet, row = jet[order], row[order]
    place = rank(jet)
    fits = place < most
    hardest = np.full((len(members), most), -1)
    hardest[jet[fits], place[fits]] = row[fits]
    return hardest


def _momenta(candidates: ParticleTable, rows: _Rows) -> _Array:
    """`px, py, pz, E` in a further axis, zero for rows of -1."""
    pt, eta, phi = (candidates[name][rows] for name in ("pt", "eta", "phi"))
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    energy = np.sqrt(px**2 + py**2 + pz**2 + MASSES[candidates["kind"][rows]] ** 2)
    return np.stack([px, py, pz, energy], axis=-1) * (rows >= 0)[..., None]


def _polar(momenta: _Array) -> ParticleTable:
    """`pt`, `eta`, `phi` and `mass` of `px, py, pz, E` in the last axis; zero stays zero."""
    px, py, pz, energy = np.moveaxis(momenta, -1, 0)
    pt = np.hypot(px, py)
    mass = np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0))
    eta = np.arcsinh(pz / np.maximum(pt, 1e-9))
    return {"pt": pt, "eta": eta, "phi": np.arctan2(py, px), "mass": mass}


def _strips(candidates: ParticleTable, photons: _Rows) -> NDArray[np.int8]:
    """Number of the strip that each photon is in, 1 or 2; 0 for none."""
    eta, phi = (candidates[name][photons] for name in ("eta", "phi"))
    strip = np.zeros(photons.shape, np.int8)
    for number in (1, 2):
        free = (photons >= 0) & (strip == 0)
        # The hardest of those left; where none is, no photon is free to join it.
        seed = free.argmax(axis=1)[:, None]
        near = np.abs(eta - np.take_along_axis(eta, seed, axis=1)) < _STRIP_WIDTH[0]
        near &= np.abs(wrap_phi(phi - np.take_along_axis(phi, seed, axis=1))) < _STRIP_WIDTH[1]
        strip[free & near] = number
    return strip


def _strip_momenta(photons: _Array, strip: NDArray[np.int8]) -> _Array:
    """`px, py, pz, E` of both strips, shape (jets, 2, 4)."""
    inside = [(photons * (strip == number)[..., None]).sum(axis=1) for number in (1, 2)]
    return np.stack(inside, axis=1)


def _hardest_decay(
    tracks: _Array, strips: _Array, charge: NDArray[np.integer]
) -> tuple[NDArray[np.int64], _Array]:
    """Place in `_DECAYS` of each jet's hardest decay, -1 without one, and its `px, py, pz, E`."""
    momenta, allowed = [], []
    for decay in _DECAYS:
        pieces = tracks[:, : decay.prongs], strips[:, : decay.strips]
        momenta.append(pieces[0].sum(axis=1) + pieces[1].sum(axis=1))
        unit_charge = np.abs(charge[:, : decay.prongs].sum(axis=1)) == 1
        allowed.append(unit_charge & _allowed(decay, *pieces))
    momentum = np.stack(momenta, axis=1)
    pt = np.where(np.stack(allowed, axis=1), np.hypot(momentum[..., 0], momentum[..., 1]), 0)
    hardest = pt.argmax(axis=1)
    chosen = momentum[np.arange(len(pt)), hardest]
    return np.where(pt.max(axis=1) > 0, hardest, -1), chosen


def _allowed(decay: _Decay, tracks: _Array, strips: _Array) -> NDArray[np.bool_]:
    """Whether hadrons and strips are all there, in a narrow cone, and of the mass of the decay."""
    total = _polar(tracks.sum(axis=1) + strips.sum(axis=1))
    pieces = _polar(np.concatenate([tracks, strips], axis=1))
    minimum = np.repeat([_MINIMUM_PT, _STRIP_PT], [tracks.shape[1], strips.shape[1]])
    complete = (pieces["pt"] > minimum).all(axis=1)
    cone = np.clip(3 / np.maximum(total["pt"], 1), 0.05, 0.10)
    distance = delta_r(
        pieces["eta"], pieces["phi"], total["eta"][:, None], total["phi"][:, None]
    ).max(axis=1)
    limit = np.clip(decay.high * np.sqrt(total["pt"] / 100), decay.high, decay.highest)
    return complete & (distance < cone) & (total["mass"] > decay.low) & (total["mass"] < limit)


def _around(candidates: ParticleTable, taus: ParticleTable) -> _Array:
    """Transverse momentum of tracks and photons in the isolation cone, the tau's included."""
    counted = (candidates["kind"] != NEUTRAL_HADRON) & (candidates["pt"] > _MINIMUM_PT)
    event, pt, eta, phi = (candidates[name][counted] for name in ("event", "pt", "eta", "phi"))
    tau, other = same_event(taus["event"], event)
    near = delta_r(eta[other], phi[other], taus["eta"][tau], taus["phi"][tau]) < _CONE
    return np.bincount(tau[near], pt[other[near]], len(taus["event"])).astype(np.float64)
