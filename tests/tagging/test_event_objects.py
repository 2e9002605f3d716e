"""Lepton, missing momentum and jets as a graph and as lists: order, rotation, masses, padding."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import torch

from hepml_lib import kinematics
from hepml_lib.tagging import event_objects as eo


def made_up(events=60, seed=1):
    """Events with the fields of `tth_events`, and b scores; no physics claim."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(4, 11, events)
    number = counts.sum()

    def momenta(size, least):
        return {
            "pt": least + rng.exponential(40, size),
            "eta": rng.normal(0, 1, size),
            "phi": rng.uniform(-np.pi, np.pi, size),
            "mass": np.zeros(size),
        }

    flat = momenta(number, 25)
    flat |= {"displaced": rng.integers(0, 4, number), "displaced_mass": rng.exponential(1, number)}
    flat |= {"impact_2": rng.normal(0, 3, number), "impact_3": rng.normal(-1, 3, number)}
    jets = ak.unflatten(kinematics.momenta(flat), counts)
    jets = jets[ak.argsort(jets.pt, axis=1, ascending=False)]
    lepton = kinematics.momenta(momenta(events, 25))
    met = ak.zip({"pt": 10 + rng.exponential(40, events), "phi": rng.uniform(-3, 3, events)})
    scores = ak.unflatten(rng.normal(size=number), counts)
    return ak.zip({"jets": jets, "lepton": lepton, "met": met}, depth_limit=1), scores


def changed(events, sign=1.0, angle=0.0):
    """Turned about the beam; with `sign` -1 mirrored along it."""
    for name in ("lepton", "met", "jets"):
        events = ak.with_field(events, events[name].phi + angle, (name, "phi"))
    for name in ("lepton", "jets"):
        events = ak.with_field(events, sign * events[name].eta, (name, "eta"))
    return events


def test_shapes_and_mask():
    events, scores = made_up()
    nodes, edges, event, mask = eo.event_tensors(events, scores)
    assert nodes.shape == (60, 10, len(eo.NODE_FEATURES))
    assert edges.shape == (60, 10, 10, len(eo.EDGE_FEATURES))
    assert event.shape == (60, len(eo.EVENT_FEATURES))
    expected = 2 + np.minimum(ak.to_numpy(ak.num(events.jets)), 8)
    assert np.array_equal(mask.sum(dim=1).numpy(), expected)
    assert all(torch.isfinite(part).all() for part in (nodes, edges, event))


def test_edges_are_those_of_four_vectors():
    events, scores = made_up()
    edges = eo.event_tensors(events, scores).edges.double().numpy()
    first, second = events.jets[:, 0], events.jets[:, 3]
    pair = first + second
    np.testing.assert_allclose(edges[:, 2, 5, 0], abs(first.eta - second.eta), atol=1e-5)
    np.testing.assert_allclose(edges[:, 2, 5, 2], first.deltaR(second), rtol=1e-5)
    np.testing.assert_allclose(edges[:, 2, 5, 3], np.log1p(pair.mass**2) / 2, rtol=1e-5)
    np.testing.assert_array_equal(edges, edges.transpose(0, 2, 1, 3))
    # With the missing momentum it is the transverse mass, here of the lepton.
    mass = np.sqrt(
        2 * events.lepton.pt * events.met.pt * (1 - np.cos(events.lepton.phi - events.met.phi))
    )
    np.testing.assert_allclose(edges[:, 0, 1, 3], np.log1p(mass**2) / 2, rtol=1e-4, atol=1e-4)
    assert (edges[:, 1, :, 0] == 0).all()


def test_a_turned_event_gives_the_same_tensors_and_the_same_list():
    events, scores = made_up()
    after = changed(events, angle=2.3)
    flat = [eo.flattened(eo.event_tensors(e, scores)) for e in (events, after)]
    torch.testing.assert_close(*flat, rtol=1e-4, atol=1e-4)
    lists = [eo.lepton_jets_observables(e, scores) for e in (events, after)]
    np.testing.assert_allclose(*lists, rtol=1e-4, atol=1e-4)


def test_the_list_of_physics_does_not_know_which_side_of_the_detector_is_which():
    events, scores = made_up()
    lists = [eo.lepton_jets_observables(changed(events, s), scores) for s in (1.0, -1.0)]
    np.testing.assert_allclose(*lists, rtol=1e-5, atol=1e-5)


def test_the_list_of_physics_does_not_depend_on_the_order_of_jets():
    events, scores = made_up()
    order = ak.argsort(events.jets.phi, axis=1)
    shuffled = ak.with_field(events, events.jets[order], "jets")
    lists = [
        eo.lepton_jets_observables(events, scores),
        eo.lepton_jets_observables(shuffled, scores[order]),
    ]
    assert lists[0].shape == (60, len(eo.LEPTON_JETS_OBSERVABLES))
    assert np.isfinite(lists[0]).all()
    np.testing.assert_allclose(*lists, rtol=1e-5, atol=1e-5)


def test_flattened_holds_every_pair_once_and_nothing_of_the_padding():
    events, scores = made_up()
    graph = eo.event_tensors(events, scores)
    flat = eo.flattened(graph)
    places = graph.mask.shape[1]
    width = places * len(eo.NODE_FEATURES) + places * (places - 1) // 2 * len(eo.EDGE_FEATURES)
    assert flat.shape == (60, width + len(eo.EVENT_FEATURES) + places - 2)
    missing = ~graph.mask
    rubbish = graph._replace(
        nodes=graph.nodes.masked_fill(missing[..., None], 99.0),
        edges=graph.edges.masked_fill((missing[:, :, None] | missing[:, None])[..., None], 99.0),
    )
    assert torch.equal(eo.flattened(rubbish), flat)


def test_displacement_joins_the_jets_of_all_events():
    events, _ = made_up()
    found = eo.displacement(events.jets)
    assert found.shape == (int(ak.sum(ak.num(events.jets))), 4)
    np.testing.assert_allclose(found[:4, 0], events.jets.displaced[0][:4])


def test_the_hardest_jets_are_kept():
    events, scores = made_up()
    nodes = eo.event_tensors(events, scores).nodes
    assert ak.max(ak.num(events.jets)) > 8
    for place in range(8):
        there = ak.to_numpy(ak.num(events.jets) > place)
        expected = np.log1p(events.jets.pt[there, place])
        np.testing.assert_allclose(nodes[there, 2 + place, 0], expected, rtol=1e-5)
        np.testing.assert_allclose(nodes[there, 2 + place, 4], scores[there, place], rtol=1e-5)


def test_few_jets_missing_scores_and_nan_are_named():
    events, scores = made_up(5)
    enough = ak.local_index(scores) < np.array([4, 4, 3, 4, 4])[:, None]
    few = ak.with_field(events, events.jets[enough], "jets")
    with pytest.raises(ValueError, match="event 2 of 5 has fewer than four jets"):
        eo.lepton_jets_observables(few, scores[enough])
    with pytest.raises(ValueError, match="broadcast"):
        eo.event_tensors(events, scores[:, :3])
    nothing = ak.where(ak.local_index(scores) == 1, np.nan, scores)
    with pytest.raises(ValueError, match="jet 0 of 5: b_score of a constituent is nan"):
        eo.event_tensors(events, nothing)
