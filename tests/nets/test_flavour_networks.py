"""Networks on tracks: order, padding, empty jets, symmetric pairs."""

from __future__ import annotations

import pytest
import torch

from hepml_lib import training
from hepml_lib.nets.flavour import AllTasks, TrackRecurrent, TrackTransformer


@pytest.fixture
def tracks():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(8, 6, 5, generator=generator, dtype=torch.float64)
    mask = torch.arange(6) < torch.tensor([6, 3, 1, 0, 2, 5, 4, 6])[:, None]
    return x, mask


def _made(kind):
    with training.seeded(2):
        return kind(5).double().eval()


@pytest.mark.parametrize("kind", [TrackRecurrent, TrackTransformer])
def test_padding_does_not_matter_and_empty_jets_are_finite(kind, tracks):
    x, mask = tracks
    network = _made(kind)
    noise = torch.where(mask[..., None], x, torch.nan if kind is TrackTransformer else 99.0)
    with torch.no_grad():
        first, second, longer = (
            network(features=x, mask=mask),
            network(features=noise, mask=mask),
            network(
                features=torch.nn.functional.pad(x, (0, 0, 0, 3)),
                mask=torch.nn.functional.pad(mask, (0, 3)),
            ),
        )
    assert torch.isfinite(first).all()
    assert torch.allclose(first, second, atol=1e-12)
    assert torch.allclose(first, longer, atol=1e-12)


def test_the_transformer_does_not_know_the_order_and_the_recurrent_one_does(tracks):
    x, mask = tracks
    x, mask = x[mask.all(dim=1)], mask[mask.all(dim=1)]
    with torch.no_grad():
        change = {
            kind: float(
                (network(features=x, mask=mask) - network(features=x.flip(1), mask=mask))
                .abs()
                .max()
            )
            for kind, network in (
                (kind, _made(kind)) for kind in (TrackRecurrent, TrackTransformer)
            )
        }
    assert change[TrackTransformer] < 1e-12 < 1e-3 < change[TrackRecurrent]


def test_tasks_follow_the_tracks_and_pairs_are_symmetric(tracks):
    x, mask = tracks
    network = _made(TrackTransformer)
    order = torch.tensor([5, 4, 3, 2, 1, 0])
    with torch.no_grad():
        jet, origin, near = AllTasks(network)(features=x[:1], mask=mask[:1])
        _, origin_turned, near_turned = network.all_tasks(features=x[:1, order], mask=mask[:1])
        assert torch.equal(jet, network(features=x[:1], mask=mask[:1]))
    assert torch.allclose(origin[:, order], origin_turned, atol=1e-10)
    assert torch.allclose(near, near.transpose(1, 2))
    assert torch.allclose(near[:, order][:, :, order], near_turned, atol=1e-8)


def test_a_batch_of_empty_jets(tracks):
    x, mask = tracks
    for kind in (TrackRecurrent, TrackTransformer):
        assert torch.isfinite(_made(kind)(features=x, mask=torch.zeros_like(mask))).all()


@pytest.fixture
def with_pairs(tracks):
    """A network that looks at pairs, and the geometry of the tracks."""
    x, mask = tracks
    generator = torch.Generator().manual_seed(3)
    geometry = torch.randn(8, 6, 8, generator=generator, dtype=torch.float64)
    geometry[..., [0, 5, 6]] = geometry[..., [0, 5, 6]].exp()
    return _made(lambda features: TrackTransformer(features, pairs=True)), x, mask, geometry


def test_pairs_matter_and_padding_still_does_not(with_pairs):
    network, x, mask, geometry = with_pairs
    noise = torch.where(mask[..., None], x, torch.nan)
    lost = torch.where(mask[..., None], geometry, torch.nan)
    with torch.no_grad():
        first, second = (
            network(features=x, mask=mask, geometry=geometry),
            network(features=noise, mask=mask, geometry=lost),
        )
        moved = network(features=x, mask=mask, geometry=geometry + 0.1)
    assert torch.isfinite(first).all()
    assert torch.allclose(first, second, atol=1e-12)
    alone = mask.sum(dim=1) < 2  # no pairs
    assert torch.allclose(first[alone], moved[alone], atol=1e-12)
    assert (first[~alone] - moved[~alone]).abs().amax(dim=1).min() > 1e-6


def test_the_order_of_tracks_does_not_matter_to_pairs(with_pairs):
    network, x, mask, geometry = with_pairs
    full = mask.all(dim=1)
    with torch.no_grad():
        first = network(features=x[full], mask=mask[full], geometry=geometry[full])
        turned = network(features=x[full].flip(1), mask=mask[full], geometry=geometry[full].flip(1))
    assert torch.allclose(first, turned, atol=1e-10)


def test_pairs_have_the_same_bias_in_training_and_after(with_pairs):
    """Torch's shortcut outside of training takes a bias for a mask of true and false."""
    network, x, mask, geometry = with_pairs
    with torch.no_grad():
        after = network(features=x, mask=mask, geometry=geometry)
        network.encode.train()
        assert torch.allclose(network(features=x, mask=mask, geometry=geometry), after, atol=1e-12)


def test_pairs_need_the_geometry(with_pairs):
    network, x, mask, _ = with_pairs
    with pytest.raises(ValueError, match="geometry of the tracks"):
        network(features=x, mask=mask)
