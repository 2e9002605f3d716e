"""Graph networks: neighbours, edge convolutions by hand, order, padding, what a tie does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.nets.graphs import EdgeConv, ParticleNet, ParticleNetLite, neighbours
from hepml_lib.training import seeded


def jets(seed: int, events: int = 4, places: int = 20):
    """Random features, angles and a ragged mask, in float64."""
    with seeded(seed):
        mask = torch.arange(places) < torch.randint(1, places, (events, 1))
        features = torch.randn(events, places, 3, dtype=torch.float64)
        angles = torch.randn(events, places, 2, dtype=torch.float64) * 0.4
    return features, angles, mask


def network(kind: type[ParticleNet] = ParticleNetLite) -> ParticleNet:
    with seeded(1):
        made = kind(3).double()
        made.train()(*jets(5, 40))  # running means and widths of the batch normalisation
    return made.eval()


def test_published_sizes() -> None:
    """1902.08570, table 3, for seven features and two outputs: 366k and 26k parameters."""
    for kind, size in ((ParticleNet, 366_160), (ParticleNetLite, 26_416)):
        assert sum(p.numel() for p in kind(7, outputs=2).parameters()) == size


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_neighbours_are_the_nearest(seed, count) -> None:
    _, angles, mask = jets(seed, events=1, places=12)
    points = angles[mask]
    distance = torch.cdist(points, points).fill_diagonal_(torch.inf)
    wanted = distance.topk(min(count, len(points)), largest=False)
    expected = torch.where(wanted.values.isinf(), len(points), wanted.indices).sort().values
    found = neighbours(angles, mask, count).sort().values
    assert torch.equal(found[:, : expected.shape[1]], expected)
    assert (found[:, expected.shape[1] :] == len(points)).all()


def test_neighbours_far_from_the_origin() -> None:
    """Distances keep their digits in single precision where the points are not around zero."""
    points = torch.tensor([[[5000.0], [5000.01], [5000.03], [5000.07]]])
    found = neighbours(points, torch.ones(1, 4, dtype=torch.bool), 1)
    assert found[:, 0].tolist() == [1, 0, 1, 2]


def test_edge_convolution_by_hand() -> None:
    """Four nodes on a line: the factorised first layer equals the definition, edge by edge."""
    with seeded(3):
        layer = EdgeConv(2, (5, 4)).double().eval()
        x = torch.randn(4, 2, dtype=torch.float64)
    index = torch.tensor([[1, 2], [0, 2], [1, 3], [2, 4]])
    table = torch.cat([x, torch.zeros(1, 2, dtype=torch.float64)])

    def theta(values):
        for linear, norm in zip(layer.layers, layer.norms, strict=True):
            values = torch.relu(norm(linear(values)))
        return values

    for i in range(4):
        edges = torch.stack([torch.cat([x[i], table[j] - x[i]]) for j in index[i]])
        expected = torch.relu(layer.shortcut(x[i : i + 1])[0] + theta(edges).mean(dim=0))
        torch.testing.assert_close(layer(x, index)[i], expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_order_does_not_matter(seed) -> None:
    features, angles, mask = jets(seed)
    order = torch.randperm(mask.shape[1], generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        network()(features[:, order], angles[:, order], mask[:, order]),
        network()(features, angles, mask),
        rtol=1e-10,
        atol=1e-11,
    )


def test_a_tie_makes_order_matter() -> None:
    """Particles around one, all equally near: which of them are neighbours is left to chance.

    With fewer neighbours than candidates at the same distance the choice follows the order in
    memory, so that the network is no exact function of a set. No tie, no such freedom.
    """
    corner = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    angles = torch.cat([torch.zeros(1, 2, dtype=torch.float64), corner])[None]
    mask = torch.ones(1, 5, dtype=torch.bool)
    with seeded(2):
        features = torch.randn(1, 5, 3, dtype=torch.float64)
        made = ParticleNet(3, blocks=[(8, 8)], neighbours=2).double().eval()

    def outputs(where):
        orders = (torch.randperm(5, generator=torch.Generator().manual_seed(k)) for k in range(20))
        return torch.cat([made(features[:, o], where[:, o], mask) for o in orders])

    assert outputs(angles).std() > 1e-4
    with seeded(4):
        untied = angles + 0.05 * torch.randn_like(angles)
    assert outputs(untied).std() < 1e-12


def test_padding_does_not_matter() -> None:
    features, angles, mask = jets(7)
    expected = network()(features, angles, mask)
    features, angles = features.clone(), angles.clone()
    features[~mask], angles[~mask] = torch.nan, torch.inf
    longer = [torch.nn.functional.pad(x, (0, 0, 0, 5), value=torch.nan) for x in (features, angles)]
    more = torch.nn.functional.pad(mask, (0, 5))
    torch.testing.assert_close(network()(*longer, more), expected, rtol=1e-12, atol=1e-12)
    one_by_one = [network()(*(x[k : k + 1] for x in (features, angles, mask))) for k in range(4)]
    torch.testing.assert_close(torch.cat(one_by_one), expected, rtol=1e-12, atol=1e-12)


def test_empty_and_tiny_jets_are_finite() -> None:
    features, angles, mask = jets(8)
    mask[0], mask[1] = False, False
    mask[1, 3] = True
    assert network()(features, angles, mask).isfinite().all()
    assert network()(features, angles, torch.zeros_like(mask)).isfinite().all()


def test_training_sees_only_real_constituents() -> None:
    features, angles, mask = jets(9, 40)
    made = ParticleNetLite(3).double().train()
    made(features, angles, mask)
    torch.testing.assert_close(made.norm.running_mean, 0.1 * features[mask].mean(dim=0))


@pytest.mark.parametrize("which", [0, 1])
def test_not_a_number_is_refused(which) -> None:
    inputs = list(jets(10))
    inputs[which][2, 0, 1] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        network()(*inputs)
    with pytest.raises(ValueError, match="boolean"):
        network()(*jets(10)[:2], inputs[2].float())


def test_learns_which_jets_are_round() -> None:
    """A ring against a disc: only the relation of neighbours tells them apart."""
    from hepml_lib.training import Data, fit, predict

    with seeded(11):
        label = torch.arange(600) % 2
        radius = torch.where(label[:, None] == 1, torch.ones(600, 16), torch.rand(600, 16) * 1.4)
        turn = torch.rand(600, 16) * 6.28
        angles = torch.stack([radius * turn.cos(), radius * turn.sin()], dim=2)
        made = ParticleNet(2, blocks=[(16, 16)], neighbours=4, hidden=16)
    data = Data((angles, angles, torch.ones(600, 16, dtype=torch.bool)), label)
    train, rest = data.slice(slice(0, 400)), data.slice(slice(400, 600))
    fit(made, train, rest, epochs=4, batch_size=32, lr=1e-2, progress=False)
    right = (predict(made, rest) > 0) == (rest.target.numpy() == 1)
    assert right.mean() > 0.9
