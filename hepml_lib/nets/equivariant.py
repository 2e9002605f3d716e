"""A network whose output is the same for every observer: invariant under Lorentz transformations.

All that it knows of a jet are products pᵢ·pⱼ of four-momenta, which no boost and no rotation
changes. From these numbers, layers that treat all constituents alike build the output.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepml_lib.nets.graphs import check_constituents
from hepml_lib.nets.network import Network, logits

__all__ = ["LorentzInvariant", "minkowski"]

# Sums over constituents are divided by their usual number: unlike a mean they still tell how many.
_USUAL = 40.0


def minkowski(first: Tensor, second: Tensor) -> Tensor:
    """Product E E′ − p⃗·p⃗′ [GeV²] of four-momenta (..., 4); the arguments broadcast.

    Parameters
    ----------
    first, second
        (px, py, pz, E) [GeV]. The product of two nearly parallel momenta is the small difference
        of large numbers: single precision leaves it few digits.

    Returns
    -------
    Tensor
        The products [GeV²], without the last axis.

    Examples
    --------
    Two photons of half the Z boson's mass, back to back, have (p + p′)² = 2 p·p′ = 91.2² GeV²:

    >>> photons = torch.tensor([[45.6, 0.0, 0.0, 45.6], [-45.6, 0.0, 0.0, 45.6]])
    >>> (2 * minkowski(photons[0], photons[1])).sqrt()
    tensor(91.2000)
    """
    product = first * second
    return product[..., 3] - product[..., 0] - product[..., 1] - product[..., 2]


class LorentzInvariant(Network):
    """Small network on the products of all pairs of four-momenta, in the manner of PELICAN.

    Each pair carries ln(1 + pᵢ·pⱼ), each constituent ln(1 + pᵢ·J) with the sum J of all, in GeV².
    In each block a constituent collects the sum over its pairs, then each pair is updated from
    itself and its two constituents. Sums over the jet give the logit. Nothing depends on the order
    of the constituents, nor, without `beams`, on the frame of reference.

    Parameters
    ----------
    outputs
        Logits per jet; with 1 the output has shape (n,), else (n, outputs).
    width
        Channels of a pair and of a constituent.
    layers
        Number of blocks.
    beams
        Whether each constituent also carries its products with the directions of the beams,
        (0, 0, ±1, 1). They break the symmetry on purpose: what is left are rotations around the
        beam. A detector is not the same in every frame, nor is the spectrum of jets.

    References
    ----------
    Bogatskiy et al., arXiv:2211.00454; beams as extra vectors: Gong et al., arXiv:2201.08187. Both
    aggregate in more ways; pairs are symmetric here, so that each is computed once.

    Examples
    --------
    >>> network = LorentzInvariant()
    >>> sum(p.numel() for p in network.parameters())
    9897
    >>> momenta, mask = torch.rand(2, 5, 4), torch.ones(2, 5, dtype=torch.bool)
    >>> network(momenta=momenta, mask=mask).shape
    torch.Size([2])
    """

    def __init__(
        self, outputs: int = 1, width: int = 24, layers: int = 3, beams: bool = True
    ) -> None:
        super().__init__()
        self.beams = beams
        invariants = 1 + 2 * beams
        self.norm_node = nn.BatchNorm1d(invariants)
        self.norm_pair = nn.BatchNorm1d(1)
        self.embed_node = nn.Linear(invariants, width)
        self.embed_pair = nn.Linear(1, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(layers))
        self.head = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.ReLU(), nn.Linear(2 * width, outputs)
        )

    def forward(self, *, momenta: Tensor, mask: Tensor) -> Tensor:
        """Logits of jets, shape (n,) or (n, outputs).

        Parameters
        ----------
        momenta
            Four-momenta (px, py, pz, E) [GeV], shape (n, P, 4).
        mask
            True for real constituents, boolean, shape (n, P).

        Raises
        ------
        ValueError
            If the mask does not fit, or a real constituent is NaN or infinite.
        """
        check_constituents(mask, momenta=momenta)
        jet, row, column = _pairs(mask)
        owner = mask.nonzero()[:, 0]
        node, pair = self._invariants(momenta[mask], owner, row, column, len(mask))
        node = self.embed_node(self.norm_node(node))
        pair = self.embed_pair(self.norm_pair(pair))
        for block in self.blocks:
            node, pair = block(node, pair, row, column)
        sums = torch.cat([_sums(node, owner, len(mask)), _sums(pair, jet, len(mask)) / _USUAL], 1)
        return logits(self.head(sums))

    def _invariants(
        self, momenta: Tensor, owner: Tensor, row: Tensor, column: Tensor, jets: int
    ) -> tuple[Tensor, Tensor]:
        """What each constituent (N, 1 or 3) and each pair (M, 1) carries."""
        with torch.no_grad():
            exact = momenta.double()
            total = exact.new_zeros(jets, 4).index_add(0, owner, exact)
            products = [minkowski(exact, total[owner])]
            if self.beams:
                products += [exact[:, 3] - exact[:, 2], exact[:, 3] + exact[:, 2]]
            node = torch.stack(products, dim=1)
            pair = minkowski(exact[row], exact[column])[:, None]
            # Rounding can take the product of parallel massless momenta below zero.
            node, pair = (x.clamp(min=0).log1p().to(momenta.dtype) for x in (node, pair))
        return node, pair


class _Block(nn.Module):
    """Pairs tell their constituents, constituents tell their pairs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.collect = nn.Linear(2 * width, width)
        self.norm_node = nn.BatchNorm1d(width)
        self.mix = nn.Linear(width, width, bias=False)
        self.spread = nn.Linear(width, width)

    def forward(
        self, node: Tensor, pair: Tensor, row: Tensor, column: Tensor
    ) -> tuple[Tensor, Tensor]:
        spread = self.spread(node)
        heard = functional.embedding(row, spread) + functional.embedding(column, spread)
        pair = functional.relu_(self.norm(self.mix(pair) + heard))
        total = node.new_zeros(node.shape).index_add(0, row, pair).index_add(0, column, pair)
        told = self.collect(torch.cat([node, total / _USUAL], dim=1))
        return node + functional.relu_(self.norm_node(told)), pair


def _pairs(mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Jet of each pair of two real constituents, and their rows in the list of all of them."""
    places = mask.shape[1]
    first, second = torch.triu_indices(places, places, 1, device=mask.device)
    jet, pair = (mask[:, first] & mask[:, second]).nonzero(as_tuple=True)
    row = (mask.flatten().cumsum(0) - 1).reshape(mask.shape)
    return jet, row[jet, first[pair]], row[jet, second[pair]]


def _sums(values: Tensor, owner: Tensor, jets: int) -> Tensor:
    """Sum over what each jet owns, over the usual number."""
    return values.new_zeros(jets, values.shape[1]).index_add(0, owner, values) / _USUAL
