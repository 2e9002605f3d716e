"""Networks on graphs: each constituent of a jet exchanges messages with its nearest neighbours.

An edge convolution sees pairs (xᵢ, xⱼ − xᵢ) of a constituent and one of its k neighbours (Wang et
al., arXiv:1801.07829). Neighbours are the nearest in the angles for the first convolution and in
the features that the network has made for the later ones: the graph changes as the jet is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepml_lib.nets.network import Network, logits

__all__ = ["EdgeConv", "ParticleNet", "ParticleNetLite", "check_constituents", "neighbours"]


def check_constituents(mask: Tensor, **inputs: Tensor) -> None:
    """Refuse a mask that does not fit the inputs, and real constituents that are NaN or infinite.

    Parameters
    ----------
    mask
        True for real constituents, shape (n, P).
    **inputs
        Tensors by name, each of shape (n, P, ...). Padding may hold anything.

    Raises
    ------
    ValueError
        The message names the input.
    """
    for name, values in inputs.items():
        if values.shape[:2] != mask.shape or mask.dtype != torch.bool:
            raise ValueError(
                f"the mask must be boolean of shape {tuple(values.shape[:2])}, one entry per "
                f"constituent, not {mask.dtype} of shape {tuple(mask.shape)}"
            )
        if not torch.isfinite(values[mask]).all():
            raise ValueError(f"the {name} of a constituent hold NaN or infinity: clean them first")


def neighbours(points: Tensor, mask: Tensor, count: int) -> Tensor:
    """Rows of the `count` nearest other constituents, in the list of all real constituents.

    Parameters
    ----------
    points
        Where each constituent is, shape (n, P, dimensions).
    mask
        True for real constituents, shape (n, P). Their list has N = mask.sum() rows, jet by jet.
    count
        How many neighbours, k.

    Returns
    -------
    Tensor
        Shape (N, count), in no particular order. A jet of fewer than count + 1 constituents has
        too few neighbours: N stands for one that is missing.

    Notes
    -----
    Of two neighbours at the same distance either may be taken. An exact tie at the edge of the
    neighbourhood therefore makes the result depend on the order of the constituents.

    Examples
    --------
    >>> line = torch.tensor([[[0.0], [1.0], [3.0], [9.0]]])
    >>> neighbours(line, torch.tensor([[True, True, True, False]]), 2).sort().values
    tensor([[1, 2],
            [0, 2],
            [0, 1]])
    """
    with torch.no_grad():
        places = mask.shape[1]
        # |a − b|² by products would lose digits far from the origin: start from the jet's middle.
        real = torch.where(mask[..., None], points, 0.0)
        middle = real.sum(dim=1, keepdim=True) / mask.sum(dim=1).clamp(min=1)[:, None, None]
        centred = torch.where(mask[..., None], real - middle, 0.0)
        squares = centred.square().sum(dim=2)
        distance = torch.baddbmm(squares[:, None], centred, centred.transpose(1, 2), alpha=-2)
        absent = ~mask[:, None] | torch.eye(places, dtype=torch.bool, device=mask.device)
        distance.masked_fill_(absent, torch.inf)
        least, nearest = distance[mask].topk(min(count, places), largest=False, sorted=False)
        total = len(least)
        row = (mask.flatten().cumsum(0) - 1).reshape(mask.shape)
        owner = mask.nonzero()[:, 0]
        index = torch.where(least.isinf(), total, row[owner].gather(1, nearest))
        return functional.pad(index, (0, count - index.shape[1]), value=total)


class EdgeConv(nn.Module):
    """Edge convolution: mean over neighbours j of Θ(xᵢ, xⱼ − xᵢ), and a shortcut around it.

    Θ has a linear layer, batch normalisation and ReLU per width. Its first layer, W(xᵢ, xⱼ − xᵢ)
    with W = (A, B), is computed as (A − B) xᵢ + B xⱼ: once per constituent, not once per edge.

    Parameters
    ----------
    inputs
        Features of a constituent.
    widths
        Widths of the layers of Θ.

    References
    ----------
    Qu, Gouskos, arXiv:1902.08570, figure 1.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        sizes = (2 * inputs, *widths)
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.shortcut = nn.Sequential()
        if inputs != widths[-1]:
            linear = nn.Linear(inputs, widths[-1], bias=False)
            self.shortcut = nn.Sequential(linear, nn.BatchNorm1d(widths[-1]))

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        """New features of constituents, shape (N, widths[-1]).

        Parameters
        ----------
        x
            Features of all real constituents, shape (N, inputs).
        index
            Rows of the neighbours of each, shape (N, k), as `neighbours` gives them. N stands for a
            missing one, which counts as one whose features are all zero.
        """
        own, relative = self.layers.get_submodule("0").get_parameter("weight").chunk(2, dim=1)
        centre = functional.linear(x, own - relative)
        # A row of zeros stands for missing neighbours.
        table = functional.pad(functional.linear(x, relative), (0, 0, 0, 1))
        edges = functional.embedding(index, table) + centre[:, None]
        edges = self._activate(0, edges.flatten(0, 1))
        for k, layer in enumerate(self.layers[1:], 1):
            edges = self._activate(k, layer(edges))
        message = edges.unflatten(0, index.shape).mean(dim=1)
        return functional.relu_(self.shortcut(x) + message)

    def _activate(self, k: int, values: Tensor) -> Tensor:
        return functional.relu_(self.norms[k](values))


class ParticleNet(Network):
    """ParticleNet: edge convolutions on neighbours found anew before each of them.

    Only real constituents are computed, in one list for all jets of the batch, and only they enter
    the means and widths of the batch normalisation.

    Parameters
    ----------
    features
        Numbers per constituent.
    outputs
        Logits per jet; with 1 the output has shape (n,), else (n, outputs).
    blocks
        Widths of the layers of each edge convolution.
    neighbours
        Edges per constituent.
    hidden
        Width of the layer after the mean over constituents.
    dropout
        Probability with which training drops a unit of that layer.

    References
    ----------
    Qu, Gouskos, arXiv:1902.08570.

    Examples
    --------
    >>> sum(p.numel() for p in ParticleNet(7, outputs=2).parameters())
    366160
    >>> network, mask = ParticleNetLite(3), torch.ones(2, 10, dtype=torch.bool)
    >>> network(features=torch.rand(2, 10, 3), angles=torch.rand(2, 10, 2), mask=mask).shape
    torch.Size([2])
    """

    def __init__(
        self,
        features: int,
        outputs: int = 1,
        blocks: Sequence[Sequence[int]] = ((64,) * 3, (128,) * 3, (256,) * 3),
        neighbours: int = 16,
        hidden: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.norm = nn.BatchNorm1d(features)
        sizes = (features, *(widths[-1] for widths in blocks))
        self.blocks = nn.ModuleList(map(EdgeConv, sizes, blocks))
        self.head = nn.Sequential(
            nn.Linear(sizes[-1], hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, *, features: Tensor, angles: Tensor, mask: Tensor) -> Tensor:
        """Logits of jets, shape (n,) or (n, outputs).

        Parameters
        ----------
        features
            Shape (n, P, features).
        angles
            η and φ relative to the jet axis, shape (n, P, 2) [rad].
        mask
            True for real constituents, boolean, shape (n, P).

        Raises
        ------
        ValueError
            If the mask does not fit, or a real constituent is NaN or infinite.
        """
        check_constituents(mask, features=features, angles=angles)
        # Columns that are padding in all jets of the batch would cost distances: leave them out.
        used = mask.any(dim=0)
        mask, points = mask[:, used], angles[:, used]
        x = self.norm(features[:, used][mask])
        for block in self.blocks:
            x = block(x, neighbours(points, mask, self.neighbours))
            points = x.new_zeros(*mask.shape, x.shape[1]).masked_scatter(
                mask[..., None], x.detach()
            )
        owner = mask.nonzero()[:, 0]
        total = x.new_zeros(len(mask), x.shape[1]).index_add(0, owner, x)
        return logits(self.head(total / mask.sum(dim=1, keepdim=True).clamp(min=1)))


class ParticleNetLite(ParticleNet):
    """ParticleNet with two small edge convolutions of 7 neighbours, for where time is short.

    Parameters
    ----------
    features, blocks, neighbours, hidden
        As in `ParticleNet`.
    **options
        ``outputs`` and ``dropout`` of `ParticleNet`.

    References
    ----------
    Qu, Gouskos, arXiv:1902.08570, section 3.

    Examples
    --------
    >>> sum(p.numel() for p in ParticleNetLite(7, outputs=2).parameters())
    26416
    """

    def __init__(
        self,
        features: int,
        blocks: Sequence[Sequence[int]] = ((32,) * 3, (64,) * 3),
        neighbours: int = 7,
        hidden: int = 128,
        **options: Any,
    ) -> None:
        super().__init__(features, blocks=blocks, neighbours=neighbours, hidden=hidden, **options)
