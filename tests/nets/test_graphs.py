"""Graph networks: neighbours, edge convolutions by hand, order, padding, what a tie does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.nets.graphs import EdgeConv, ParticleNet, ParticleNetLite, neighbours
from hepml_lib.training import seeded


def jets(seed: int, events: int = 4, places: int = 20) -> dict[str, torch.Tensor]:
    """Random features, angles and a ragged mask, in float64."""
    with seeded(seed):
        mask = torch.arange(places) < torch.randint(1, places, (events, 1))
        features = torch.randn(events, places, 3, dtype=torch.float64)
        angles = torch.randn(events, places, 2, dtype=torch.float64) * 0.4
    return {"features": features, "angles": angles, "mask": mask}


@pytest.fixture(scope="module")
def network() -> ParticleNet:
    with seeded(1):
        made = ParticleNetLite(3).double()
        made.train()(**jets(5, 40))  # running means and widths of the batch normalisation
    return made.eval()


def test_published_sizes() -> None:
    """1902.08570, table 3, for seven features and two outputs: 366k and 26k parameters."""
    for kind, size in ((ParticleNet, 366_160), (ParticleNetLite, 26_416)):
        assert sum(p.numel() for p in kind(7, outputs=2).parameters()) == size


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_neighbours_are_the_nearest(seed, count) -> None:
    batch = jets(seed, events=1, places=12)
    angles, mask = batch["angles"], batch["mask"]
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
def test_order_does_not_matter(network, seed) -> None:
    batch = jets(seed)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    shuffled = {name: x[:, order] for name, x in batch.items()}
    torch.testing.assert_close(network(**shuffled), network(**batch), rtol=1e-10, atol=1e-11)


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
        return torch.cat(
            [made(features=features[:, o], angles=where[:, o], mask=mask) for o in orders]
        )

    assert outputs(angles).std() > 1e-4
    with seeded(4):
        untied = angles + 0.05 * torch.randn_like(angles)
    assert outputs(untied).std() < 1e-12


def test_padding_does_not_matter(network) -> None:
    batch = jets(7)
    mask, expected = batch["mask"], network(**batch)
    batch["features"][~mask], batch["angles"][~mask] = torch.nan, torch.inf
    pad = torch.nn.functional.pad
    longer = {
        name: pad(batch[name], (0, 0, 0, 5), value=torch.nan) for name in ("features", "angles")
    }
    found = network(**longer, mask=pad(mask, (0, 5)))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    one_by_one = [network(**{name: x[[k]] for name, x in batch.items()}) for k in range(4)]
    torch.testing.assert_close(torch.cat(one_by_one), expected, rtol=1e-12, atol=1e-12)


def test_empty_and_tiny_jets_are_finite(network) -> None:
    batch = jets(8)
    batch["mask"][:2] = False
    batch["mask"][1, 3] = True
    assert network(**batch).isfinite().all()
    assert network(**batch | {"mask": torch.zeros_like(batch["mask"])}).isfinite().all()


def test_training_sees_only_real_constituents() -> None:
    batch = jets(9, 40)
    made = ParticleNetLite(3).double().train()
    made(**batch)
    real = batch["features"][batch["mask"]]
    torch.testing.assert_close(made.norm.running_mean, 0.1 * real.mean(dim=0))


@pytest.mark.parametrize("name", ["features", "angles"])
def test_not_a_number_is_refused(network, name) -> None:
    batch = jets(10)
    batch[name][2, 0, 1] = torch.nan
    with pytest.raises(ValueError, match=f"{name} of a constituent hold NaN"):
        network(**batch)
    with pytest.raises(ValueError, match="boolean"):
        network(**jets(10) | {"mask": batch["mask"].float()})


def test_inputs_have_names() -> None:
    """Features, angles and mask in the wrong order would be a number all the same."""
    with pytest.raises(TypeError, match="positional"):
        ParticleNetLite(3)(*jets(10).values())


def test_learns_which_jets_are_round() -> None:
    """A ring against a disc: only the relation of neighbours tells them apart."""
    from hepml_lib.training import Data, fit, predict

    with seeded(11):
        label = torch.arange(600) % 2
        radius = torch.where(label[:, None] == 1, torch.ones(600, 16), torch.rand(600, 16) * 1.4)
        turn = torch.rand(600, 16) * 6.28
        angles = torch.stack([radius * turn.cos(), radius * turn.sin()], dim=2)
        made = ParticleNet(2, blocks=[(16, 16)], neighbours=4, hidden=16)
    mask = torch.ones(600, 16, dtype=torch.bool)
    data = Data({"features": angles, "angles": angles, "mask": mask}, label)
    train, rest = data.slice(slice(0, 400)), data.slice(slice(400, 600))
    fit(made, train, rest, epochs=4, batch_size=32, lr=1e-2, progress=False)
    right = (predict(made, rest) > 0) == (rest.target.numpy() == 1)
    assert right.mean() > 0.9
