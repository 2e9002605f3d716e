"""Events with a lepton and jets: as tensors of objects and pairs, and as a list of quantities."""

from __future__ import annotations

from typing import NamedTuple

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepml_lib.batch import JetBatch
from hepml_lib.kinematics import delta_r, wrap_phi
from hepml_lib.tagging.events import hadronic_sums, transverse_mass

__all__ = [
    "EDGE_FEATURES",
    "EVENT_FEATURES",
    "LEPTON_JETS_OBSERVABLES",
    "NODE_FEATURES",
    "EventTensors",
    "displacement",
    "event_tensors",
    "flattened",
    "lepton_jets_observables",
]

NODE_FEATURES = ("log_pt", "eta", "cos_phi", "sin_phi", "b_score", "lepton", "met")
"""Of an object; azimuths count from the lepton, `lepton` and `met` are 0 or 1."""

EDGE_FEATURES = ("abs_delta_eta", "abs_delta_phi", "delta_r", "log_mass")
"""Of a pair of objects. With the missing momentum the mass is the transverse mass."""

EVENT_FEATURES = ("jets", "log_ht", "log_mht", "log_met", "transverse_mass")
"""Of the whole event."""

LEPTON_JETS_OBSERVABLES = (
    *("jets", "ht", "mht", "met", "lepton_pt", "transverse_mass", "centrality"),
    *("b_1", "b_2", "b_3", "b_4", "b_sum"),
    *("bb_least_delta_r", "bb_nearest_mass", "bb_mean_delta_r", "bb_mean_delta_eta"),
    *("bb_largest_mass", "bb_mass_near_higgs", "bb_pt", "lepton_b_least_delta_r"),
    "jj_mass_near_w",
)
"""Columns of `lepton_jets_observables`. `bb` are pairs of the four most b-like jets."""

_MAX_JETS = 8
_HIGGS, _W = 110.0, 77.0
"""Masses of two jets of a Higgs and of a W boson, as this detector sees them [GeV]."""


class EventTensors(NamedTuple):
    """Objects of events, padded: the inputs of `hepml_lib.nets.event_graph.EventGraph`.

    Attributes
    ----------
    nodes
        `NODE_FEATURES` of lepton, missing momentum, then eight jets, shape (n, 10, 7), float32.
    edges
        `EDGE_FEATURES` of every pair, symmetric, shape (n, 10, 10, 4), float32.
    event
        `EVENT_FEATURES`, shape (n, 5), float32.
    mask
        True for objects that exist, shape (n, 10).
    """

    nodes: Tensor
    edges: Tensor
    event: Tensor
    mask: Tensor


def event_tensors(events: ak.Array, b_scores: ak.Array) -> EventTensors:
    """Lepton, missing momentum and the eight hardest jets of each event as a graph.

    Parameters
    ----------
    events
        With `lepton` and `met` (``pt, phi`` [GeV, rad], the lepton also ``eta``) and a list `jets`
        of ``pt, eta, phi``, hardest first, as ``samples.load("tth_events")``.
    b_scores
        One list per event with a number for each jet, larger for b jets.

    Returns
    -------
    EventTensors
        Zeros for jets that are not there.

    Raises
    ------
    ValueError
        If a number of a jet is missing, NaN or infinite, or a pT is not above zero; the message
        says in which event.
    """
    scored = ak.with_field(events.jets, b_scores, "b_score")
    jets = JetBatch.of(scored, ("pt", "eta", "phi", "b_score"))
    lepton, met, zero = events.lepton, events.met, np.zeros(len(events))
    others = {
        "pt": (lepton.pt, met.pt),
        "eta": (lepton.eta, zero),
        "phi": (lepton.phi, met.phi),
        "b_score": (zero, zero),
    }
    objects = {
        name: np.column_stack([*map(np.asarray, pair), jets.pad(name, _MAX_JETS)])
        for name, pair in others.items()
    }
    mask = np.column_stack([np.ones((len(events), 2), bool), jets.mask(_MAX_JETS)])
    is_lepton, is_met = np.zeros(mask.shape, bool), np.zeros(mask.shape, bool)
    is_lepton[:, 0] = is_met[:, 1] = True
    turned = wrap_phi(objects["phi"] - objects["phi"][:, :1])
    columns = [np.log1p(objects["pt"]), objects["eta"], np.cos(turned), np.sin(turned)]
    columns += [objects["b_score"], is_lepton, is_met]
    nodes, edges, event = (
        torch.from_numpy(values.astype(np.float32))
        for values in (np.stack(columns, axis=-1), _edges(objects, is_met), _event(events))
    )
    return EventTensors(nodes, edges, event, torch.from_numpy(mask))


def flattened(tensors: EventTensors) -> Tensor:
    """All that a graph holds in one list per event, for networks that know no graphs.

    Objects in their order, then every pair once, then the event: shape (n, columns). What is not
    there is zero, and the mask of the jets says so.

    Parameters
    ----------
    tensors
        From `event_tensors`.

    Returns
    -------
    Tensor
        float32.

    Examples
    --------
    >>> graph = EventTensors(torch.ones(2, 4, 7), torch.ones(2, 4, 4, 3), torch.ones(2, 5),
    ...                      torch.ones(2, 4, dtype=torch.bool))
    >>> flattened(graph).shape[1] == 4 * 7 + 6 * 3 + 5 + 2
    True
    """
    nodes, edges, event, mask = tensors
    i, j = torch.triu_indices(mask.shape[1], mask.shape[1], 1)
    pairs = edges[:, i, j] * (mask[:, i] & mask[:, j])[..., None]
    objects = nodes * mask[..., None]
    return torch.cat([objects.flatten(1), pairs.flatten(1), event, mask[:, 2:].float()], dim=1)


def displacement(jets: ak.Array) -> NDArray[np.float32]:
    """What the tracks of each jet say of decays away from the collision, shape (jets, 4).

    Parameters
    ----------
    jets
        With `displaced`, `impact_2`, `impact_3` and `displaced_mass`, as in
        ``samples.load("tth_events")``; the lists of all events are joined.

    Returns
    -------
    ndarray of float32
        In that order.

    Raises
    ------
    ValueError
        If a number is missing, NaN or infinite; the message says in which event.
    """
    names = ("displaced", "impact_2", "impact_3", "displaced_mass")
    batch = JetBatch.of(jets, names)
    return np.stack([batch.columns[name] for name in names], axis=1).astype(np.float32)


def _edges(objects: dict[str, NDArray], met: NDArray[np.bool_]) -> NDArray[np.float64]:
    pt, eta, phi = (objects[name] for name in ("pt", "eta", "phi"))
    deta = np.abs(eta[:, :, None] - eta[:, None])
    # The missing momentum has no direction along the beam.
    deta[met[:, :, None] | met[:, None]] = 0
    dphi = np.abs(wrap_phi(phi[:, :, None] - phi[:, None]))
    square = 2 * pt[:, :, None] * pt[:, None] * (np.cosh(deta) - np.cos(dphi))
    return np.stack([deta, dphi, np.hypot(deta, dphi), np.log1p(square) / 2], axis=-1)


def _event(events: ak.Array) -> NDArray[np.float64]:
    ht, mht, _ = hadronic_sums(events.jets)
    met = np.asarray(events.met.pt, np.float64)
    mass = transverse_mass(events.lepton.pt, events.lepton.phi, met, events.met.phi)
    number = ak.to_numpy(ak.num(events.jets))
    return np.stack([number, np.log(ht), np.log1p(mht), np.log1p(met), np.log1p(mass)], axis=1)


def lepton_jets_observables(events: ak.Array, b_scores: ak.Array) -> NDArray[np.float32]:
    """What a physicist computes of a lepton and jets, shape (events, 21).

    Parameters
    ----------
    events, b_scores
        As in `event_tensors`; at least four jets per event.

    Returns
    -------
    ndarray of float32
        Columns `LEPTON_JETS_OBSERVABLES`; momenta and masses as logarithms.

    Raises
    ------
    ValueError
        As in `event_tensors`, and if an event has fewer than four jets.
    """
    few = JetBatch.of(events.jets, ("pt", "eta", "phi")).counts < 4
    if few.any():
        raise ValueError(f"event {few.argmax()} of {len(events)} has fewer than four jets")
    number, ht, mht, met, mass = _event(events).T
    energy = ak.to_numpy(ak.sum(events.jets.pt * np.cosh(events.jets.eta), axis=1))
    order = ak.argsort(b_scores, axis=1, ascending=False)
    jets, score = events.jets[order], b_scores[order]
    four = jets[:, :4]
    a, b = ak.unzip(ak.combinations(four, 2, axis=1))
    pair_mass = ak.to_numpy(_mass(a, b))
    pair_deta = np.abs(ak.to_numpy(a.eta - b.eta))
    pair_dr = delta_r(a.eta, a.phi, b.eta, b.phi)
    pair_pt = ak.to_numpy(np.hypot(a.px + b.px, a.py + b.py))
    row, closest = np.arange(len(events)), pair_dr.argmin(axis=1)
    higgs = np.abs(pair_mass - _HIGGS).argmin(axis=1)
    lepton_eta, lepton_phi = (
        np.asarray(events.lepton[name], np.float64)[:, None] for name in ("eta", "phi")
    )
    to_lepton = delta_r(four.eta, four.phi, lepton_eta, lepton_phi)
    return np.stack(
        [
            *(number, ht, mht, met, np.log(np.asarray(events.lepton.pt)), mass),
            np.exp(ht) / energy,
            *ak.to_numpy(score[:, :4]).T,
            ak.to_numpy(ak.sum(score, axis=1)),
            pair_dr[row, closest],
            np.log(pair_mass[row, closest]),
            pair_dr.mean(axis=1),
            pair_deta.mean(axis=1),
            np.log(pair_mass.max(axis=1)),
            np.log(pair_mass[row, higgs]),
            np.log(pair_pt[row, closest]),
            to_lepton.min(axis=1),
            _w_mass(jets[:, 2:]),
        ],
        axis=1,
    ).astype(np.float32)


def _mass(a: ak.Array, b: ak.Array) -> ak.Array:
    """Mass of two jets that count as massless."""
    return np.sqrt(2 * a.pt * b.pt * (np.cosh(a.eta - b.eta) - np.cos(a.phi - b.phi)))


def _w_mass(jets: ak.Array) -> NDArray[np.float64]:
    """Logarithm of the mass nearest to a W boson's of two jets that are not the most b-like."""
    a, b = ak.unzip(ak.combinations(jets, 2, axis=1))
    mass = _mass(a, b)
    nearest = ak.argmin(np.abs(mass - _W), axis=1, keepdims=True)
    return np.log(ak.to_numpy(ak.flatten(mass[nearest])))
