"""Events with a lepton and jets: as tensors of objects and pairs, and as a list of quantities."""

from __future__ import annotations

from typing import NamedTuple

import awkward as ak
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from hepml_lib.kinematics import wrap_phi
from hepml_lib.tagging.events import hadronic_sums, transverse_mass

__all__ = [
    "EDGE_FEATURES",
    "EVENT_FEATURES",
    "LEPTON_JETS_HIGH_LEVEL",
    "NODE_FEATURES",
    "EventTensors",
    "displacement",
    "event_tensors",
    "flattened",
    "lepton_jets_high_level",
]

NODE_FEATURES = ("log_pt", "eta", "cos_phi", "sin_phi", "b_score", "lepton", "met")
"""Of an object; azimuths count from the lepton, `lepton` and `met` are 0 or 1."""

EDGE_FEATURES = ("abs_delta_eta", "abs_delta_phi", "delta_r", "log_mass")
"""Of a pair of objects. With the missing momentum the mass is the transverse mass."""

EVENT_FEATURES = ("jets", "log_ht", "log_mht", "log_met", "transverse_mass")
"""Of the whole event."""

LEPTON_JETS_HIGH_LEVEL = (
    *("jets", "ht", "mht", "met", "lepton_pt", "transverse_mass", "centrality"),
    *("b_1", "b_2", "b_3", "b_4", "b_sum"),
    *("bb_least_delta_r", "bb_nearest_mass", "bb_mean_delta_r", "bb_mean_delta_eta"),
    *("bb_largest_mass", "bb_mass_near_higgs", "bb_pt", "lepton_b_least_delta_r"),
    "jj_mass_near_w",
)
"""Columns of `lepton_jets_high_level`. `bb` are pairs of the four most b-like jets."""

_HIGGS, _W = 110.0, 77.0
"""Masses of two jets of a Higgs and of a W boson, as this detector sees them [GeV]."""


class EventTensors(NamedTuple):
    """Objects of events, padded: the inputs of `hepml_lib.nets.event_graph.EventGraph`.

    Attributes
    ----------
    nodes
        (n, P, len(NODE_FEATURES)): lepton, missing momentum, then jets.
    edges
        (n, P, P, len(EDGE_FEATURES)), symmetric.
    event
        (n, len(EVENT_FEATURES)).
    mask
        (n, P), true for objects that exist.
    """

    nodes: Tensor
    edges: Tensor
    event: Tensor
    mask: Tensor


def event_tensors(events: ak.Array, b_scores: ak.Array, jets: int = 8) -> EventTensors:
    """Lepton, missing momentum and the hardest jets of each event as a graph.

    Parameters
    ----------
    events
        With `lepton`, `met` and `jets`, as ``samples.load("tth_events")``.
    b_scores
        One number per jet, larger for b jets.
    jets
        Most jets per event.
    """
    part = _padded(events, b_scores, jets)
    lepton, met = events.lepton, events.met
    first = {
        "pt": [lepton.pt, met.pt],
        "eta": [lepton.eta, np.zeros(len(events))],
        "phi": [lepton.phi, met.phi],
        "b": [np.zeros(len(events))] * 2,
    }
    one = {
        name: np.concatenate([np.stack([np.asarray(x) for x in first[name]], 1), part[name]], 1)
        for name in first
    }
    mask = np.concatenate([np.ones((len(events), 2), bool), part["mask"]], axis=1)
    turned = wrap_phi(one["phi"] - one["phi"][:, :1])
    kind = np.zeros((2, *mask.shape))
    kind[0, :, 0] = kind[1, :, 1] = 1
    columns = [np.log1p(one["pt"]), one["eta"], np.cos(turned), np.sin(turned), one["b"], *kind]
    nodes, edges, event = (
        torch.from_numpy(x.astype(np.float32))
        for x in (np.stack(columns, -1), _edges(one, kind[1] > 0), _event(events))
    )
    return EventTensors(nodes, edges, event, torch.from_numpy(mask))


def flattened(tensors: EventTensors) -> Tensor:
    """All that a graph holds in one list per event, for networks that know no graphs.

    Objects in their order, then every pair once, then the event: shape (n, columns). What is not
    there is zero, and the mask of the jets says so.

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
    """
    columns = [jets[name] for name in ("displaced", "impact_2", "impact_3", "displaced_mass")]
    return np.stack([ak.to_numpy(ak.flatten(one)) for one in columns], axis=1).astype(np.float32)


def _padded(events: ak.Array, b_scores: ak.Array, jets: int) -> dict[str, NDArray]:
    columns = {name: events.jets[name] for name in ("pt", "eta", "phi")} | {"b": b_scores}
    part: dict[str, NDArray] = {
        name: ak.to_numpy(ak.fill_none(ak.pad_none(value, jets, clip=True), 0.0)).astype(np.float64)
        for name, value in columns.items()
    }
    return part | {"mask": np.arange(jets) < ak.to_numpy(ak.num(events.jets))[:, None]}


def _edges(one: dict[str, NDArray], met: NDArray[np.bool_]) -> NDArray[np.float64]:
    pt, eta, phi = (one[name] for name in ("pt", "eta", "phi"))
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


def lepton_jets_high_level(events: ak.Array, b_scores: ak.Array) -> NDArray[np.float32]:
    """What a physicist computes of a lepton and jets, shape (events, columns).

    Parameters
    ----------
    events, b_scores
        As in `event_tensors`; at least four jets per event.

    Returns
    -------
    ndarray
        Columns `LEPTON_JETS_HIGH_LEVEL`; momenta and masses as logarithms.
    """
    number, ht, mht, met, mass = _event(events).T
    energy = ak.to_numpy(ak.sum(events.jets.pt * np.cosh(events.jets.eta), axis=1))
    order = ak.argsort(b_scores, axis=1, ascending=False)
    jets, score = events.jets[order], b_scores[order]
    four = jets[:, :4]
    a, b = ak.unzip(ak.combinations(four, 2, axis=1))
    pair_mass = ak.to_numpy(_mass(a, b))
    pair_deta = np.abs(ak.to_numpy(a.eta - b.eta))
    pair_dr = np.hypot(pair_deta, wrap_phi(ak.to_numpy(a.phi - b.phi)))
    pair_pt = ak.to_numpy(np.hypot(a.px + b.px, a.py + b.py))
    row, closest = np.arange(len(events)), pair_dr.argmin(axis=1)
    higgs = np.abs(pair_mass - _HIGGS).argmin(axis=1)
    to_lepton = np.hypot(
        ak.to_numpy(four.eta) - _column(events.lepton.eta),
        wrap_phi(ak.to_numpy(four.phi) - _column(events.lepton.phi)),
    )
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


def _column(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)[:, None]


def _mass(a: ak.Array, b: ak.Array) -> ak.Array:
    """Mass of two jets that count as massless."""
    return np.sqrt(2 * a.pt * b.pt * (np.cosh(a.eta - b.eta) - np.cos(a.phi - b.phi)))


def _w_mass(jets: ak.Array) -> NDArray[np.float64]:
    """Logarithm of the mass nearest to a W boson's of two jets that are not the most b-like."""
    a, b = ak.unzip(ak.combinations(jets, 2, axis=1))
    mass = _mass(a, b)
    nearest = ak.argmin(np.abs(mass - _W), axis=1, keepdims=True)
    return np.log(ak.to_numpy(ak.flatten(mass[nearest])))
