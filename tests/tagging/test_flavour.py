"""Flavour tagging: features, targets, weights, losses and the discriminant."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import torch

from hepml_lib import samples, training
from hepml_lib.nets.flavour import AllTasks, TrackTransformer
from hepml_lib.tagging import flavour, flavour_models, impact


@pytest.fixture(scope="module")
def jets():
    return samples.load("flavour_jets", split="validation", events=1000)


def test_the_order_of_the_tracks_in_the_file_does_not_matter(jets):
    backwards = ak.with_field(jets, jets.tracks[:, ::-1], "tracks")
    few = np.asarray(ak.num(jets.tracks) <= 24)
    same = [flavour.track_tensors(each[few]) for each in (jets, backwards)]
    assert torch.equal(same[0].mask, same[1].mask)
    # Tracks that are equally displaced may change places.
    assert torch.allclose(*(each.features.sum(dim=1) for each in same), atol=1e-4)


def test_the_truth_is_no_feature(jets):
    lies = ak.with_field(jets.tracks, 7 - jets.tracks.origin, "origin")
    lies = ak.with_field(lies, 0 * jets.tracks.vertex, "vertex")
    before, after = (
        flavour.track_tensors(jets),
        flavour.track_tensors(ak.with_field(jets, lies, "tracks")),
    )
    assert torch.equal(before.features, after.features)


def test_the_most_displaced_track_is_first_and_padding_last(jets):
    tensors = flavour.track_tensors(jets)
    size = tensors.features[..., 0].abs() - 100 * ~tensors.mask
    assert (size.diff(dim=1) <= 1e-6).all()
    assert (tensors.features[~tensors.mask] == 0).all()


def test_targets_are_those_of_the_tracks_in_their_order(jets):
    target, tensors = flavour.targets(jets), flavour.track_tensors(jets)
    assert (np.array(flavour.FLAVOURS)[target[:, 0]] == np.asarray(jets.label)).all()
    assert ((target[:, 1:25] >= 0) == tensors.mask).all()
    number = [int((target[:, 1:25] == k).sum()) for k in range(6)]
    kept = ak.flatten(jets.tracks.origin[:, :24])
    assert number == [int(ak.sum(kept == k + 1)) for k in range(6)]


def test_an_unknown_label_is_refused(jets):
    with pytest.raises(ValueError, match=r"not \[7\]"):
        flavour.targets(ak.with_field(jets[:3], [5, 7, 0], "label"))


def test_balanced_flavours_have_one_spectrum():
    jets = samples.load("flavour_jets", split="validation")
    weight, label = flavour.balancing_weights(jets).numpy(), np.asarray(jets.label)
    total = {code: weight[label == code].sum() for code in (5, 4, 0, 15)}
    assert total[4] == pytest.approx(total[5], rel=0.05)
    assert total[0] == pytest.approx(total[5], rel=0.05)
    assert total[15] < 0.3 * total[5]
    mean = {
        code: np.average(np.asarray(jets.pt)[label == code], weights=weight[label == code])
        for code in (5, 4, 0)
    }
    assert mean[4] == pytest.approx(mean[5], rel=0.05)
    assert mean[0] == pytest.approx(mean[5], rel=0.05)


def test_losses_agree_with_loops_over_tracks_and_pairs(jets):
    target = flavour.targets(jets[:20])
    generator = torch.Generator().manual_seed(1)
    output = [torch.randn(20, *shape, generator=generator) for shape in ((4,), (24, 6), (24, 24))]
    output[2] = output[2] + output[2].transpose(1, 2)
    loss = flavour.multitask_loss(tuple(output), target)
    for jet in range(20):
        expected = -output[0][jet].log_softmax(0)[target[jet, 0]]
        origin, vertex = target[jet, 1:25].tolist(), target[jet, 25:].tolist()
        there = [k for k in range(24) if origin[k] >= 0]
        tracks = [-output[1][jet, k].log_softmax(0)[origin[k]] for k in there]
        pairs = [
            torch.nn.functional.softplus(
                -output[2][jet, a, b] if vertex[a] == vertex[b] else output[2][jet, a, b]
            )
            for a in there
            for b in there
            if a != b
        ]
        expected = (
            expected
            + 0.5 * sum(tracks) / max(len(tracks), 1)
            + 1.5 * sum(pairs) / max(len(pairs), 1)
        )
        assert loss[jet].item() == pytest.approx(float(expected), rel=1e-5)


def test_discriminant_orders_like_the_likelihood_ratio():
    logits = np.random.default_rng(1).normal(size=(100, 4))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_hand = np.log(p[:, 0] / (0.3 * p[:, 1] + 0.65 * p[:, 2] + 0.05 * p[:, 3]))
    assert np.allclose(flavour.discriminant(logits, 0.3, 0.05), by_hand)
    assert np.allclose(flavour.discriminant(logits, 0, 0), logits[:, 0] - logits[:, 2])
    with pytest.raises(ValueError, match="not shares of a background"):
        flavour.discriminant(logits, 0.9, 0.2)


def test_auxiliary_tasks_reach_the_network(jets):
    """Training on the tasks improves all three; the network itself is what was trained."""
    data = flavour_models.flavour_data(jets)

    def loss(network: TrackTransformer) -> float:
        with torch.no_grad():
            output = network.all_tasks(**data.inputs)
        return flavour.multitask_loss(output, data.target).mean().item()

    entry = flavour_models.FLAVOUR["transformer"]
    assert entry.wrap is AllTasks
    with training.seeded(1):
        before = loss(entry.network(data))
    network, _ = entry.train(data, data, epochs=3, seed=1)
    assert loss(network) < 0.8 * before


def test_impact_is_where_the_features_come_from(jets):
    tracks = impact.tracks_of(jets)
    given = flavour.track_tensors(jets, tracks)
    assert torch.equal(given.features, flavour.track_tensors(jets).features)
