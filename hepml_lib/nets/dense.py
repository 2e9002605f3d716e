"""Dense networks on a fixed list of numbers per event."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from hepml_lib.nets.network import Network, centre_and_width, logits

__all__ = ["MLP", "dense_layers"]


def dense_layers(sizes: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Linear layers between `sizes`, each followed by ReLU and, if asked for, dropout.

    Parameters
    ----------
    sizes
        Numbers before the first layer, between two layers, and after the last.
    dropout
        Probability with which training drops a unit.

    Returns
    -------
    nn.Sequential
        Empty for one size.

    Examples
    --------
    >>> sum(p.numel() for p in dense_layers((2, 100, 100, 256)).parameters())
    36256
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        # In place: a set network keeps one activation per constituent, memory traffic is its cost.
        layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


class MLP(Network):
    """Multilayer perceptron that carries the standardisation of its inputs.

    Centre and width of each input are buffers, stored with the weights: whoever loads the model
    hands it physical units.

    Parameters
    ----------
    inputs
        Numbers per event.
    outputs
        Logits per event; with 1 the output has shape (n,), else (n, outputs).
    hidden
        Width of each hidden layer.
    dropout
        Probability with which training drops a hidden unit.

    Examples
    --------
    >>> network = MLP(6)
    >>> sum(p.numel() for p in network.parameters())
    4673
    >>> network(torch.zeros(3, 6)).shape
    torch.Size([3])
    """

    centre: Tensor
    width: Tensor

    def __init__(
        self, inputs: int, outputs: int = 1, hidden: Sequence[int] = (64, 64), dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(inputs))
        self.register_buffer("width", torch.ones(inputs))
        self.hidden = dense_layers((inputs, *hidden), dropout)
        self.output = nn.Linear((inputs, *hidden)[-1], outputs)

    def standardise(self, x: Tensor) -> MLP:
        """Set centre and width of the inputs from training events.

        A constant input keeps width 1.

        Parameters
        ----------
        x
            Training inputs, shape (n, inputs), n > 1.

        Returns
        -------
        MLP
            The network itself.

        Raises
        ------
        ValueError
            If the shape does not fit, or an input holds NaN or infinity.
        """
        if x.ndim != 2 or x.shape[1] != len(self.centre) or len(x) < 2:
            raise ValueError(
                f"standardise needs training inputs of shape (n, {len(self.centre)}) with n > 1, "
                f"not {tuple(x.shape)}"
            )
        bad = (~torch.isfinite(x)).any(dim=0).nonzero().flatten().tolist()
        if bad:
            raise ValueError(f"input columns {bad} hold NaN or infinity: clean them first")
        centre, width = centre_and_width(x)
        self.centre.copy_(centre)
        self.width.copy_(width)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Logits of events, shape (n,) or (n, outputs).

        Parameters
        ----------
        x
            Shape (n, inputs).
        """
        # Not in place on x itself: the first linear layer makes a new tensor before any ReLU.
        return logits(self.output(self.hidden((x - self.centre) / self.width)))
