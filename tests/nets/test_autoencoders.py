"""Autoencoders: principal components, the divergence, determinism."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hepml_lib import training
from hepml_lib.nets.autoencoders import (
    Autoencoder,
    FixedPointAutoencoder,
    VariationalAutoencoder,
    beta_vae_loss,
    squared_error,
)
from hepml_lib.nets.quantised import QuantisedLinear


@pytest.fixture(scope="module")
def linear() -> tuple[Autoencoder, np.ndarray]:
    """A linear autoencoder trained on Gaussians with two wide directions, and the Gaussians."""
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    x = (rng.normal(size=(4000, 6)) * [3, 2, 0.5, 0.5, 0.5, 0.5] @ axes.T).astype(np.float32)
    data = training.Data.from_numpy(x, target=x)
    with training.seeded(1):
        network = Autoencoder(6, latent=2, hidden=())
    training.fit(
        network,
        data,
        data,
        loss=squared_error,
        epochs=12,
        batch_size=128,
        lr=0.02,
        weight_decay=0.0,
        seed=1,
        progress=False,
    )
    return network, x


def test_a_linear_autoencoder_finds_the_principal_components(
    linear: tuple[Autoencoder, np.ndarray],
) -> None:
    network, x = linear
    rebuilt = training.predict(network, torch.tensor(x))
    narrow = np.linalg.eigh(np.cov(x.T))[1][:, :4]
    optimum = ((x @ narrow) ** 2).sum(axis=1).mean()
    assert ((rebuilt - x) ** 2).sum(axis=1).mean() == pytest.approx(optimum, rel=0.02)


def test_it_projects_onto_their_plane(linear: tuple[Autoencoder, np.ndarray]) -> None:
    network, x = linear
    wide = np.linalg.eigh(np.cov(x.T))[1][:, 4:]
    with torch.no_grad():
        matrix = (network.decoder[-1].weight @ network.encoder[-1].weight).numpy()  # type: ignore[operator]
    assert matrix == pytest.approx(wide @ wide.T, abs=0.05)


def test_the_divergence_is_that_of_torch() -> None:
    torch.manual_seed(2)
    x, mean, log_variance = torch.randn(20, 5), torch.randn(20, 3), torch.randn(20, 3)
    output = torch.cat([x, mean, log_variance], dim=1)
    normal = torch.distributions.Normal
    wanted = torch.distributions.kl_divergence(
        normal(mean, torch.exp(log_variance / 2)), normal(0.0, 1.0)
    ).sum(dim=1)
    assert torch.allclose(beta_vae_loss(3, beta=2.0)(output, x), 2 * wanted, rtol=1e-5)


def test_noise_in_training_and_none_after() -> None:
    network, x = VariationalAutoencoder(5, latent=2, hidden=(8,)), torch.randn(10, 5)
    network.train()
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_the_mean_encoder_is_the_path_to_the_means() -> None:
    network, x = VariationalAutoencoder(5, latent=2).eval(), torch.randn(10, 5)
    before = x.clone()
    _, mean, _ = network.split(network(x))
    assert torch.equal(network.mean_encoder()(x), mean)
    assert torch.equal(x, before)


@pytest.mark.parametrize("kind", [Autoencoder, VariationalAutoencoder])
@pytest.mark.parametrize("hidden", [(), (8, 4)])
def test_arguments_rebuild_the_network(kind: type, hidden: tuple[int, ...]) -> None:
    network = kind(5, latent=2, hidden=hidden)
    twin = kind(**network.arguments)
    twin.load_state_dict(network.state_dict())
    x = torch.randn(4, 5)
    assert torch.equal(network.eval()(x), twin.eval()(x))
    assert torch.isfinite(network(100 * x)).all()


def test_more_bits_come_nearer_to_the_floating_network() -> None:
    torch.manual_seed(4)
    network, x = VariationalAutoencoder(10, latent=3).eval(), torch.randn(500, 10)
    error = []
    for bits in (3, 5, 8):
        copy = FixedPointAutoencoder.from_float(
            network, x, weight_bits=bits, activation_bits=bits + 2, input_fraction=bits
        )
        with torch.no_grad():
            difference = copy.encode(x)[0] - network.encode(x)[0]
        error.append(float(difference.abs().mean()))
    assert error[0] > 2 * error[1] > 4 * error[2]


def test_pruned_weights_stay_zero() -> None:
    torch.manual_seed(5)
    network, x = VariationalAutoencoder(10, latent=3), torch.randn(100, 10)
    copy = FixedPointAutoencoder.from_float(
        network, x, weight_bits=6, activation_bits=8, sparsity=0.5
    )
    data = training.Data((x,), x)
    training.fit(copy, data, data, loss=beta_vae_loss(3), epochs=2, lr=0.1, seed=1, progress=False)
    for layer in list(copy.mean_encoder())[1:]:
        assert isinstance(layer, QuantisedLinear)
        assert (layer.integer_weights()[0] == 0).mean() >= 0.5


def test_a_fixed_point_network_can_be_rebuilt() -> None:
    network = FixedPointAutoencoder(5, latent=2, hidden=(4,), weight_bits=3).eval()
    twin = FixedPointAutoencoder(**network.arguments)
    twin.load_state_dict(network.state_dict())
    x = torch.randn(4, 5)
    assert torch.equal(network(x), twin.eval()(x))


def test_the_ranges_of_a_fixed_point_network_are_stored() -> None:
    torch.manual_seed(6)
    x = 5 * torch.randn(200, 5)
    network = FixedPointAutoencoder.from_float(
        VariationalAutoencoder(5, latent=2, hidden=(4,)), x, weight_bits=3, activation_bits=5
    ).eval()
    twin = FixedPointAutoencoder(**network.arguments).eval()
    twin.load_state_dict(network.state_dict())
    assert torch.equal(network(x), twin(x))
    _, mean, _ = network.split(network(x))
    assert torch.equal(network.mean_encoder()(x), mean)
