"""Networks on tracks: order, padding, empty jets, symmetric pairs."""

from __future__ import annotations

import pytest
import torch

from hepml_lib import training
from hepml_lib.nets.flavour import MultiTask, TrackRecurrent, TrackTransformer


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
            network(x, mask),
            network(noise, mask),
            network(
                torch.nn.functional.pad(x, (0, 0, 0, 3)), torch.nn.functional.pad(mask, (0, 3))
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
            kind: (_made(kind)(x, mask) - _made(kind)(x.flip(1), mask)).abs().max().item()
            for kind in (TrackRecurrent, TrackTransformer)
        }
    assert change[TrackTransformer] < 1e-12 < 1e-3 < change[TrackRecurrent]


def test_tasks_follow_the_tracks_and_pairs_are_symmetric(tracks):
    x, mask = tracks
    network = _made(TrackTransformer)
    order = torch.tensor([5, 4, 3, 2, 1, 0])
    with torch.no_grad():
        jet, origin, near = MultiTask(network)(x[:1], mask[:1])
        _, origin_turned, near_turned = network.tell(x[:1, order], mask[:1])
        assert torch.equal(jet, network(x[:1], mask[:1]))
    assert torch.allclose(origin[:, order], origin_turned, atol=1e-10)
    assert torch.allclose(near, near.transpose(1, 2))
    assert torch.allclose(near[:, order][:, :, order], near_turned, atol=1e-8)


def test_a_batch_of_empty_jets(tracks):
    x, mask = tracks
    for kind in (TrackRecurrent, TrackTransformer):
        assert torch.isfinite(_made(kind)(x, torch.zeros_like(mask))).all()
