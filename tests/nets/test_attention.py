"""Particle Transformer: pair features, bias by hand, order, padding, dropout, initialisation."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml_lib.nets.attention import ParticleTransformer, _Block, pair_features
from hepml_lib.training import seeded


def jets(seed: int, events: int = 4, places: int = 12) -> dict[str, torch.Tensor]:
    """Random features, four-momenta of massless constituents, and a ragged mask, in float64."""
    with seeded(seed):
        mask = torch.arange(places) < torch.randint(1, places, (events, 1))
        features, eta, phi = torch.randn(3, events, places, dtype=torch.float64) * 0.4
        pt = 1 + 50 * torch.rand(events, places, dtype=torch.float64)
    momenta = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh(), pt * eta.cosh()], 2)
    features = torch.stack([features, eta, phi], dim=2)
    return {"features": features, "momenta": momenta, "mask": mask}


@pytest.fixture(scope="module")
def network() -> ParticleTransformer:
    with seeded(1):
        made = ParticleTransformer(
            3, width=16, heads=4, layers=2, class_layers=2, pairs=(8,)
        ).double()
        made.train()(**jets(5, 40))  # running means and widths of the batch normalisation
    return made.eval()


def test_published_size() -> None:
    """2202.03772: 2.14 million parameters."""
    made = ParticleTransformer(7, outputs=2)
    assert sum(p.numel() for p in made.parameters()) == 2_141_134


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_pair_features(seed) -> None:
    """Exchange, turns around the beam and boosts along it leave them; any boost leaves the mass."""
    momenta = jets(seed, 1, 6)["momenta"]
    first, second = momenta[0, :3], momenta[0, 3:]
    expected = pair_features(first, second)
    torch.testing.assert_close(pair_features(second, first), expected)
    c, s = torch.tensor(1.1).double().cos(), torch.tensor(1.1).double().sin()
    turn = torch.eye(4, dtype=torch.float64)
    turn[:2, :2] = torch.tensor([[c, -s], [s, c]])
    boost = torch.eye(4, dtype=torch.float64)
    boost[2:, 2:] = torch.tensor([[1.25, 0.75], [0.75, 1.25]])
    for change in (turn, boost):
        moved = pair_features(first @ change.T, second @ change.T)
        torch.testing.assert_close(moved, expected, rtol=1e-8, atol=1e-8)
    sideways = torch.eye(4, dtype=torch.float64)
    sideways[0, 0] = sideways[3, 3] = 1.25
    sideways[0, 3] = sideways[3, 0] = 0.75
    moved = pair_features(first @ sideways.T, second @ sideways.T)
    torch.testing.assert_close(moved[:, 3], expected[:, 3], rtol=1e-7, atol=1e-7)
    assert (moved[:, 2] - expected[:, 2]).abs().max() > 1e-3


def test_identical_momenta_are_finite() -> None:
    p = torch.tensor([[3.0, 4.0, 0.0, 5.0]])
    assert pair_features(p, p).isfinite().all()
    assert pair_features(0 * p, 0 * p).isfinite().all()


def test_bias_by_hand(network) -> None:
    """The bias of each pair is the embedding of its features, whichever of the two looks."""
    batch = jets(6)
    momenta, mask = batch["momenta"], batch["mask"]
    bias = network._bias(momenta, mask)
    for jet in range(len(mask)):
        real = int(mask[jet].sum())
        for i in range(real):
            for j in range(real):
                expected = network.embed_pairs(pair_features(momenta[jet, [i]], momenta[jet, [j]]))[
                    0
                ]
                torch.testing.assert_close(bias[jet, :, i, j], expected, rtol=1e-6, atol=1e-6)
        assert (bias[jet, :, :, real:] == -1e9).all()


def test_reading_equals_attention_written_out() -> None:
    """The class token's shortcut through the weights is attention with keys and values."""
    with seeded(2):
        block = _Block(8, 2, 0.0).double()
        token, x = torch.randn(1, 8, dtype=torch.float64), torch.randn(5, 8, dtype=torch.float64)
        torch.nn.init.normal_(block.attend.bias)
    attended = block.read(token, x, torch.arange(5), torch.zeros(1, 1, 6, dtype=torch.float64))
    everything = block.norm(torch.cat([token, x]))
    query = (token @ block.attend.weight[:8].T + block.attend.bias[:8]).view(1, 2, 4)
    key, value = (
        (everything @ block.attend.weight[a : a + 8].T + block.attend.bias[a : a + 8]).view(6, 2, 4)
        for a in (8, 16)
    )
    heads = []
    for h in range(2):
        weights = (query[0, h] @ key[:, h].T / 4**0.5).softmax(dim=0)
        heads.append(weights @ value[:, h])
    expected = block._finish(token, torch.cat(heads)[None])
    torch.testing.assert_close(attended, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_order_does_not_matter(network, seed) -> None:
    """Only the m² of a massless constituent with itself is rounding noise: give them a mass."""
    batch = jets(seed)
    batch["momenta"][..., 3] *= 1.01
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    shuffled = {name: x[:, order] for name, x in batch.items()}
    torch.testing.assert_close(network(**shuffled), network(**batch), rtol=1e-9, atol=1e-9)


def test_padding_does_not_matter(network) -> None:
    batch = jets(7)
    mask, expected = batch["mask"], network(**batch)
    batch["features"][~mask], batch["momenta"][~mask] = torch.nan, torch.inf
    pad = torch.nn.functional.pad
    longer = {name: pad(batch[name], (0, 0, 0, 5), value=1.0) for name in ("features", "momenta")}
    found = network(**longer, mask=pad(mask, (0, 5)))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_empty_jets_are_finite(network) -> None:
    batch = jets(8)
    batch["mask"][0] = False
    assert network(**batch).isfinite().all()
    assert network(**batch | {"mask": torch.zeros_like(batch["mask"])}).isfinite().all()
    network(**batch).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_dropout_keeps_the_mean() -> None:
    block = _Block(8, 2, 0.1).train()
    with seeded(3):
        dropped = block._drop(torch.ones(1000, 1001))
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    share = (dropped == 0).double().mean()
    assert abs(share - 0.1) < 5 * (0.1 * 0.9 / 1.001e6) ** 0.5 + 2**-16
    with seeded(3):
        assert torch.equal(block._drop(torch.ones(1000, 1001)), dropped)
    assert torch.equal(block.eval()._drop(torch.ones(3)), torch.ones(3))


def test_errors(network) -> None:
    with pytest.raises(ValueError, match="shared among"):
        ParticleTransformer(3, width=10, heads=4)
    batch = jets(9)
    batch["momenta"][0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="momenta of a constituent hold NaN"):
        network(**batch)
