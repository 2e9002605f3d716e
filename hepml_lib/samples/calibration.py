"""What the calibration of jets needs: pairs with generated jets, areas, vertices, depths."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import kinematics
from hepml_lib.samples.detector.table import ParticleTable, same_event
from hepml_lib.samples.jets import match

__all__ = ["area", "depth", "reconstructed_vertices", "shares", "unique_pairs"]

VERTEX_TRACKS, VERTEX_PT = 4, 0.5
"""Tracks of a vertex that is reconstructed, at least, and their least momentum [GeV]."""

_KINDS = ("charged", "neutral", "photon", "electron", "muon")
_POINTS = 256
_CRYSTALS = 1.1
"""Thickness of the crystals in interaction lengths, that of CMS."""


def unique_pairs(
    jets: ParticleTable, generated: ParticleTable, distance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of jets of which each is the nearest of the other.

    Parameters
    ----------
    jets, generated
        `event` (ascending), `eta`, `phi` [rad].
    distance
        Largest ΔR, not included.

    Returns
    -------
    tuple of ndarray
        Rows of `jets` and of `generated`, pair by pair.

    Examples
    --------
    >>> jets = {"event": np.array([0, 0]), "eta": np.array([0.1, 0.2]), "phi": np.zeros(2)}
    >>> true = {"event": np.array([0]), "eta": np.array([0.0]), "phi": np.zeros(1)}
    >>> [rows.tolist() for rows in unique_pairs(jets, true, 0.3)]
    [[0], [0]]
    """
    partner = match(jets, generated, distance)
    back = match(generated, jets, distance)
    row = np.flatnonzero(partner >= 0)
    row = row[back[partner[row]] == row]
    return row, partner[row]


def area(jets: ParticleTable, radius: float) -> NDArray[np.float64]:
    """Area of anti-kT jets in η and φ: the disc of radius R less what harder jets nearby take.

    Where discs overlap a soft particle goes to the jet with the smaller ΔR/pT, which is what
    anti-kT does in the limit of hard jets (arXiv:0802.1189).

    Parameters
    ----------
    jets
        `event` (ascending), `pt` [GeV], `eta`, `phi` [rad].
    radius
        Radius parameter R.

    Returns
    -------
    ndarray
        Areas, one per jet.

    Examples
    --------
    A jet alone, and one that loses part of its disc to a harder one:

    >>> jets = {"event": np.array([0, 1, 1]), "pt": np.array([50.0, 30.0, 300.0])}
    >>> jets |= {"eta": np.array([0.0, 0.0, 0.5]), "phi": np.zeros(3)}
    >>> area(jets, 0.4).round(2).tolist()
    [0.5, 0.38, 0.5]
    """
    event, pt, eta, phi = (jets[name] for name in ("event", "pt", "eta", "phi"))
    jet, other = same_event(event, event)
    harder = pt[other] > pt[jet]
    jet, other = jet[harder], other[harder]
    near = kinematics.delta_r(eta[jet], phi[jet], eta[other], phi[other]) < 2 * radius
    jet, other = jet[near], other[near]
    # The points of a sunflower each stand for the same area.
    points = np.arange(_POINTS) + 0.5
    distance, angle = radius * np.sqrt(points / _POINTS), np.pi * (1 + np.sqrt(5)) * points
    to_other = kinematics.delta_r(
        eta[jet, None] + distance * np.cos(angle),
        phi[jet, None] + distance * np.sin(angle),
        eta[other, None],
        phi[other, None],
    )
    taken = (to_other < radius) & (to_other / pt[other, None] < distance / pt[jet, None])
    lost = np.zeros((len(event), _POINTS), bool)
    np.logical_or.at(lost, jet, taken)
    return np.pi * radius**2 * (1 - lost.mean(axis=1))


def reconstructed_vertices(candidates: ParticleTable, events: int) -> NDArray[np.int16]:
    """How many vertices of each event have at least four tracks above 0.5 GeV.

    Parameters
    ----------
    candidates
        `event`, `pt` [GeV], `vertex` (-1 where there is no track).
    events
        Number of events; `event` counts from 0.

    Returns
    -------
    ndarray
        Shape (events,).

    Examples
    --------
    >>> tracks = {"event": np.zeros(5, int), "pt": np.ones(5), "vertex": np.array([0, 0, 0, 0, 1])}
    >>> reconstructed_vertices(tracks, 1).tolist()
    [1]
    """
    vertex = candidates["vertex"]
    track = (vertex >= 0) & (candidates["pt"] > VERTEX_PT)
    width = int(vertex.max(initial=0)) + 1
    number = candidates["event"][track] * width + vertex[track]
    tracks = np.bincount(number, minlength=events * width).reshape(events, width)
    return (tracks >= VERTEX_TRACKS).sum(axis=1).astype(np.int16)


def shares(
    candidates: ParticleTable, jets: ParticleTable, members: ak.Array
) -> dict[str, NDArray[np.float64]]:
    """Parts of each jet's scalar sum of pT, by kind of candidate and in tracks of pileup.

    Parameters
    ----------
    candidates
        `pt` [GeV], `kind`, `vertex`.
    jets, members
        As `clustering.anti_kt` gives them.

    Returns
    -------
    dict
        `charged`, `neutral`, `photon`, `electron` and `muon` add up to 1; `pileup`. One per jet.
    """
    rows = ak.to_numpy(ak.flatten(members))
    jet = np.repeat(np.arange(len(members)), ak.to_numpy(ak.num(members)))
    pt, kind = candidates["pt"][rows], candidates["kind"][rows]

    def total(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(jet[chosen], pt[chosen], len(jets["event"])).astype(np.float64)

    everything = total(np.ones(len(rows), bool))
    shares = {name: total(kind == code) / everything for code, name in enumerate(_KINDS)}
    return shares | {"pileup": total(candidates["vertex"][rows] > 0) / everything}


def depth(em: NDArray, had: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """Energy-weighted depth of a tower's shower, in interaction lengths.

    In the crystals the mean of Longo and Sestili's profile for photons and electrons: ln(E/Ec)
    radiation lengths to the maximum and two more to the mean, with Ec = 9.6 MeV and 25.8 radiation
    lengths in 1.1 interaction lengths of lead tungstate. Behind them 0.7 + 0.2 ln(E/GeV)
    interaction lengths times a gamma variate of mean 1 and variance 1/2, for where a hadronic
    shower starts. It is a parametrisation of ours that knows only `em` and `had`, not a shower.

    Parameters
    ----------
    em, had
        Energies of the towers in the crystals and behind [GeV], shape (n,).
    rng
        Source of the fluctuations.

    Returns
    -------
    ndarray
        Depths [interaction lengths], shape (n,); 0 for an empty tower.

    Examples
    --------
    A photon's shower lies in the crystals, a hadron's behind:

    >>> rng = np.random.default_rng(1)
    >>> photon, hadron = depth(np.array([20.0, 0.0]), np.array([0.0, 20.0]), rng)
    >>> bool(photon < 1.1 < hadron)
    True
    """
    shallow = _CRYSTALS * np.clip((np.log(np.maximum(em, 0.1) / 0.0096) + 2) / 25.8, 0, 1)
    shallow = shallow * (1 + 0.1 * rng.standard_normal(len(em)))
    behind = (0.7 + 0.2 * np.log(np.maximum(had, 1.0))) * rng.gamma(2.0, 0.5, len(had))
    total = em * shallow + had * (_CRYSTALS + behind)
    return np.asarray(total / np.maximum(em + had, 1e-6))
