"""Autoencoders on a fixed list of numbers per event: plain, variational, and in fixed point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn

from hepml_lib.nets.dense import dense_layers
from hepml_lib.nets.network import Network
from hepml_lib.nets.quantised import QuantisedLinear, Quantiser, quantise

__all__ = [
    "Autoencoder",
    "FixedPointAutoencoder",
    "VariationalAutoencoder",
    "beta_vae_loss",
    "squared_error",
]


class Autoencoder(Network):
    """Network that must rebuild its inputs from a few numbers.

    Without hidden layers it is linear; trained to the end on the squared error it then spans the
    same space as the leading principal components (Baldi and Hornik, Neural Networks 2 (1989) 53).

    Parameters
    ----------
    inputs
        Numbers per event, dimensionless and of order one: nothing is standardised inside.
    latent
        Numbers that the events are squeezed through.
    hidden
        Width of each hidden layer of the encoder; the decoder has the same in reverse.

    Examples
    --------
    >>> network = Autoencoder(57, latent=8)
    >>> network(torch.zeros(3, 57)).shape, network.encode(torch.zeros(3, 57)).shape
    (torch.Size([3, 57]), torch.Size([3, 8]))
    """

    def __init__(self, inputs: int, latent: int = 8, hidden: Sequence[int] = (32, 16)) -> None:
        super().__init__()
        self.encoder = _chain((inputs, *hidden), latent)
        self.decoder = _chain((latent, *reversed(hidden)), inputs)

    def encode(self, x: Tensor) -> Tensor:
        """Latent numbers of events.

        Parameters
        ----------
        x
            Shape (n, inputs).

        Returns
        -------
        Tensor
            Shape (n, latent).
        """
        return self.encoder(x)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructed events.

        Parameters
        ----------
        x
            Shape (n, inputs).

        Returns
        -------
        Tensor
            Of the shape of `x`.
        """
        return self.decoder(self.encoder(x))


class VariationalAutoencoder(Network):
    """Autoencoder whose latent numbers are Gaussians, held near the unit Gaussian.

    The encoder gives a mean μ and a logarithm of the variance, log σ², for each latent number. In
    training the decoder sees μ + σ ε with a random ε; in evaluation mode it sees μ, so that the
    output is a function of the event alone.

    Parameters
    ----------
    inputs, latent, hidden
        As in `Autoencoder`.

    References
    ----------
    Kingma and Welling, arXiv:1312.6114.

    Examples
    --------
    >>> network = VariationalAutoencoder(57, latent=8).eval()
    >>> rebuilt, mean, log_variance = network.split(network(torch.zeros(3, 57)))
    >>> rebuilt.shape, mean.shape
    (torch.Size([3, 57]), torch.Size([3, 8]))
    """

    def __init__(self, inputs: int, latent: int = 8, hidden: Sequence[int] = (32, 16)) -> None:
        super().__init__()
        self.shared = dense_layers((inputs, *hidden))
        width = (inputs, *hidden)[-1]
        self.mean = nn.Linear(width, latent)
        self.log_variance = nn.Linear(width, latent)
        self.decoder = _chain((latent, *reversed(hidden)), inputs)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logarithms of the variances of the latent numbers of events.

        Parameters
        ----------
        x
            Shape (n, inputs).

        Returns
        -------
        mean, log_variance
            Shape (n, latent) each; the second lies between −10 and 10.
        """
        # In place on the output of a linear layer only: x itself is not touched.
        seen = self.shared(x) if len(self.shared) else x
        # Beyond e^±10 a width is as good as infinite or zero, and its exponential overflows.
        return self.mean(seen), self.log_variance(seen).clamp(-10, 10)

    def mean_encoder(self) -> nn.Sequential:
        """The layers that lead to the means, as a module: all that a trigger has to compute.

        Returns
        -------
        nn.Sequential
            From events (n, inputs) to means (n, latent); it shares its weights with the
            network.
        """
        return nn.Sequential(*self.shared, self.mean)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction, means and log-variances of events side by side.

        Parameters
        ----------
        x
            Shape (n, inputs).

        Returns
        -------
        Tensor
            Shape (n, inputs + 2 latent); `split` takes it apart.
        """
        mean, log_variance = self.encode(x)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        rebuilt = self.decoder(mean + torch.exp(0.5 * log_variance) * noise)
        return torch.cat([rebuilt, mean, log_variance], dim=-1)

    def split(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, means and log-variances: the parts of what `forward` gives.

        Parameters
        ----------
        output
            Shape (n, inputs + 2 latent).

        Returns
        -------
        rebuilt, mean, log_variance
            Shape (n, inputs), and (n, latent) each.
        """
        latent = self.mean.out_features
        rebuilt, mean, log_variance = output.split(
            [output.shape[-1] - 2 * latent, latent, latent], dim=-1
        )
        return rebuilt, mean, log_variance


class FixedPointAutoencoder(VariationalAutoencoder):
    """Variational autoencoder whose path to the means uses whole numbers only.

    The decoder and the variances stay floating: they are needed in training only.

    Parameters
    ----------
    inputs, latent, hidden
        As in `Autoencoder`.
    weight_bits, activation_bits
        As in `quantised.QuantisedLinear`.
    input_fraction
        Bits after the point of the inputs, which have a sign and 4 bits before it.

    Examples
    --------
    >>> network = FixedPointAutoencoder(57, weight_bits=4)
    >>> len(network.mean_encoder())
    4
    """

    def __init__(
        self,
        inputs: int,
        latent: int = 8,
        hidden: Sequence[int] = (32, 16),
        weight_bits: int = 4,
        activation_bits: int = 6,
        input_fraction: int = 2,
    ) -> None:
        super().__init__(inputs, latent, hidden)
        bits = (weight_bits, activation_bits)
        self.entry = Quantiser(4, input_fraction)
        sizes = (inputs, *hidden)
        self.shared = nn.Sequential(*(QuantisedLinear(*pair, *bits) for pair in pairwise(sizes)))
        self.mean = QuantisedLinear(sizes[-1], latent, *bits, signed=True)

    @classmethod
    def from_float(
        cls,
        network: VariationalAutoencoder,
        x: Tensor,
        *,
        weight_bits: int,
        activation_bits: int,
        input_fraction: int = 2,
        sparsity: float = 0.0,
    ) -> FixedPointAutoencoder:
        """A fixed-point copy of a trained network.

        Parameters
        ----------
        network
            The floating network.
        x
            Inputs of background, from which the ranges of the activations are taken.
        weight_bits, activation_bits, input_fraction
            As in the class.
        sparsity
            As in `quantised.quantise`.

        Returns
        -------
        FixedPointAutoencoder
            Its outputs are near those of the floating network; train it further.
        """
        bits = (weight_bits, activation_bits)
        copy = cls(
            **network.arguments,
            weight_bits=weight_bits,
            activation_bits=activation_bits,
            input_fraction=input_fraction,
        )
        copy.log_variance, copy.decoder = deepcopy(network.log_variance), deepcopy(network.decoder)
        _, *layers = quantise(network.mean_encoder(), x, *bits, copy.entry, sparsity)
        copy.shared = nn.Sequential(*layers[:-1])
        copy.mean.load_state_dict(layers[-1].state_dict())
        return copy

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means in fixed point and logarithms of the variances of events.

        Parameters
        ----------
        x
            Shape (n, inputs); rounded to the grid of the inputs first.

        Returns
        -------
        mean, log_variance
            Shape (n, latent) each.
        """
        return super().encode(self.entry(x))

    def mean_encoder(self) -> nn.Sequential:
        """Grid of the inputs and the layers to the means, as `quantised.emulate` takes them.

        Returns
        -------
        nn.Sequential
            From events (n, inputs) to means (n, latent).
        """
        return nn.Sequential(self.entry, *self.shared, self.mean)


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Sum of squared differences per event, shape (n,).

    Parameters
    ----------
    output, target
        Shape (n, inputs).

    Examples
    --------
    >>> squared_error(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]))
    tensor([4.])
    """
    return ((output - target) ** 2).sum(dim=-1)


def beta_vae_loss(latent: int, beta: float = 1.0) -> Callable[[Tensor, Tensor], Tensor]:
    """Loss of a variational autoencoder: squared error plus `beta` times the divergence.

    The Kullback–Leibler divergence of the latent Gaussians from the unit Gaussian is
    ½ Σ (μ² + σ² − 1 − log σ²), in nats.

    Parameters
    ----------
    latent
        Latent numbers of the network.
    beta
        Price of information (arXiv:1804.03599): small lets the means spread, large makes them
        collapse to zero.

    Returns
    -------
    callable
        From output (n, inputs + 2 latent) and target (n, inputs) to one number per event.

    References
    ----------
    β-VAE: Burgess et al., arXiv:1804.03599.

    Examples
    --------
    A perfect reconstruction with latent numbers at the unit Gaussian costs nothing:

    >>> output = torch.tensor([[3.0, 0.0, 0.0]])
    >>> beta_vae_loss(latent=1)(output, torch.tensor([[3.0]]))
    tensor([0.])
    """

    def loss(output: Tensor, target: Tensor) -> Tensor:
        inputs = target.shape[-1]
        mean, log_variance = output[:, inputs:].split(latent, dim=-1)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=-1)
        return squared_error(output[:, :inputs], target) + beta * divergence

    return loss


def _chain(sizes: Sequence[int], outputs: int) -> nn.Sequential:
    """Hidden layers and a linear one at the end."""
    return nn.Sequential(*dense_layers(sizes), nn.Linear(sizes[-1], outputs))
