"""Networks with attention: every constituent of a jet looks at all others.

How much constituent i heeds constituent j depends on their features and, in the Particle
Transformer, on a bias made from physics: how far apart the two are and what mass they have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepml_lib.nets.graphs import check_constituents
from hepml_lib.nets.network import Network, logits

__all__ = ["ParticleTransformer", "pair_features"]

_TINY = 1e-8
# Score of padding. Its exponential is exactly zero next to any real score; a jet of padding alone
# gets equal weights, where minus infinity would give NaN.
_NEVER = -1e9


def pair_features(first: Tensor, second: Tensor) -> Tensor:
    """Four numbers of each pair of constituents: ln kT, ln z, ln ΔR and ln m².

    Parameters
    ----------
    first, second
        Four-momenta (px, py, pz, E) [GeV], shape (..., 4).

    Returns
    -------
    Tensor
        Shape (..., 4), the same if the two are exchanged. ΔR is the distance in rapidity and
        azimuth, kT = min(pT, pT') ΔR [GeV], z = min(pT, pT')/(pT + pT'), and m² [GeV²] that of the
        sum. Below 1e-8 each counts as 1e-8.

    References
    ----------
    Qu, Li, Qian, arXiv:2202.03772, section 4.

    Examples
    --------
    Two massless constituents of 100 GeV, 0.2 apart in azimuth, have m² = 2 pT² (1 − cos 0.2):

    >>> x, y = 100 * math.cos(0.2), 100 * math.sin(0.2)
    >>> pair = torch.tensor([[100.0, 0.0, 0.0, 100.0], [x, y, 0.0, 100.0]])
    >>> pair_features(pair[0], pair[1]).exp()
    tensor([2.0000e+01, 5.0000e-01, 2.0000e-01, 3.9867e+02])
    """
    (pt, rapidity, phi), (pt2, rapidity2, phi2) = _polar(first), _polar(second)
    dphi = torch.remainder(phi - phi2 + math.pi, 2 * math.pi) - math.pi
    distance = (rapidity - rapidity2).square().add(dphi.square()).sqrt()
    softer = torch.minimum(pt, pt2)
    px, py, pz, energy = (first + second).unbind(dim=-1)
    # In single precision m² of nearly parallel momenta is rounding noise, in the public
    # implementation too: the same order of operations makes the same noise.
    mass2 = energy.square() - (px.square() + py.square() + pz.square())
    values = (softer * distance, softer / (pt + pt2).clamp(min=_TINY), distance, mass2)
    return torch.stack(values, dim=-1).clamp(min=_TINY).log()


def _polar(momenta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Transverse momentum, rapidity and azimuth."""
    px, py, pz, energy = momenta.unbind(dim=-1)
    rapidity = 0.5 * torch.log(1 + 2 * pz / (energy - pz).clamp(min=1e-20))
    return px.square().add(py.square()).sqrt(), rapidity, torch.atan2(py, px)


class ParticleTransformer(Network):
    """Particle Transformer (ParT): self-attention with a bias from the kinematics of each pair.

    The hidden state of each constituent passes through particle-attention blocks; then a class
    token reads them in class-attention blocks. Linear layers and norms run over the real
    constituents only, the embedding of pairs over each pair of real constituents once.

    Parameters
    ----------
    features
        Numbers per constituent.
    outputs
        Logits per jet; with 1 the output has shape (n,), else (n, outputs).
    width
        Size of the hidden state; published: 128.
    heads
        Attention heads, among which the width is shared.
    layers, class_layers
        Number of particle-attention and of class-attention blocks.
    pairs
        Widths of the embedding of pairs.
    dropout
        Probability with which training drops a unit of a particle-attention block, an attention
        weight included.

    Raises
    ------
    ValueError
        If the width is not a multiple of the heads.

    References
    ----------
    Qu, Li, Qian, arXiv:2202.03772. Class attention: Touvron et al., arXiv:2103.17239.

    Examples
    --------
    >>> sum(p.numel() for p in ParticleTransformer(7, outputs=2).parameters())
    2141134
    """

    def __init__(
        self,
        features: int,
        outputs: int = 1,
        width: int = 128,
        heads: int = 8,
        layers: int = 8,
        class_layers: int = 2,
        pairs: Sequence[int] = (64, 64, 64),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} cannot be shared among {heads} heads")
        self.heads = heads
        self.norm_features = nn.BatchNorm1d(features)
        self.embed = _embedding((features, width, 4 * width, width))
        self.embed_pairs = _pair_embedding((4, *pairs, heads))
        self.blocks = nn.ModuleList(_Block(width, heads, dropout) for _ in range(layers))
        self.class_blocks = nn.ModuleList(_Block(width, heads, 0.0) for _ in range(class_layers))
        self.token = nn.Parameter(torch.empty(width))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, outputs)
        self._initialise()

    def _initialise(self) -> None:
        """Draw the weights as published; deeper blocks start with a smaller share."""
        nn.init.trunc_normal_(self.token, std=0.02)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                # Queries, keys and values are three layers in one.
                ways = 3 if layer.out_features == 3 * layer.in_features else 1
                bound = math.sqrt(6 / (layer.out_features // ways + layer.in_features))
                nn.init.uniform_(layer.weight, -bound, bound)
                nn.init.zeros_(layer.bias)
        for depth, block in enumerate(self.blocks, 1):
            assert isinstance(block, _Block)
            with torch.no_grad():
                block.project.weight /= math.sqrt(2 * depth)
                block.shrink.weight /= math.sqrt(2 * depth)

    def forward(self, *, features: Tensor, momenta: Tensor, mask: Tensor) -> Tensor:
        """Logits of jets, shape (n,) or (n, outputs).

        Parameters
        ----------
        features
            Shape (n, P, features).
        momenta
            Four-momenta (px, py, pz, E) [GeV], shape (n, P, 4).
        mask
            True for real constituents, boolean, shape (n, P).

        Raises
        ------
        ValueError
            If the mask does not fit, or a real constituent is NaN or infinite.
        """
        check_constituents(mask, features=features, momenta=momenta)
        # Columns that are padding in all jets of the batch would cost attention: leave them out.
        used = mask.any(dim=0)
        features, momenta, mask = features[:, used], momenta[:, used], mask[:, used]
        x = self.embed(self.norm_features(features[mask]))
        bias = self._bias(momenta, mask)
        place = mask.flatten().nonzero()[:, 0]
        for block in self.blocks:
            x = block(x, place, bias)
        token = self.token.expand(len(mask), -1)
        seen = torch.where(functional.pad(mask, (1, 0), value=True), 0.0, _NEVER)[:, None]
        for block in self.class_blocks:
            assert isinstance(block, _Block)
            token = block.read(token, x, place, seen.to(x.dtype))
        return logits(self.output(self.norm(token)))

    def _bias(self, momenta: Tensor, mask: Tensor) -> Tensor:
        """What the kinematics of each pair adds to its attention score, shape (n, heads, P, P)."""
        jets, places = mask.shape
        row, column = torch.tril_indices(places, places, device=mask.device)
        jet, pair = (mask[:, row] & mask[:, column]).nonzero(as_tuple=True)
        row, column = row[pair], column[pair]
        with torch.no_grad():
            inputs = pair_features(momenta[jet, row], momenta[jet, column])
        values = self.embed_pairs(inputs.to(momenta.dtype))
        padded = torch.where(mask, 0.0, _NEVER).to(values.dtype)[:, None, :, None]
        bias = padded.expand(-1, places, -1, self.heads).reshape(-1, self.heads)
        other = row != column
        start = jet * places * places
        bias = bias.index_copy(0, start + row * places + column, values)
        mirrored = (start + column * places + row)[other]
        bias = bias.index_copy(0, mirrored, values[other])
        return bias.view(jets, places, places, self.heads).permute(0, 3, 1, 2).contiguous()


def _embedding(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.LayerNorm(inputs), nn.Linear(inputs, outputs), nn.GELU()]
    return nn.Sequential(*layers)


def _pair_embedding(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.BatchNorm1d(sizes[0])]
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class _Block(nn.Module):
    """Attention and a dense layer, each with a shortcut (NormFormer, arXiv:2110.09456)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.head_scale = nn.Parameter(torch.ones(heads))
        self.norm_attended = nn.LayerNorm(width)
        self.norm_dense = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.norm_expanded = nn.LayerNorm(4 * width)
        self.shrink = nn.Linear(4 * width, width)
        self.shortcut_scale = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor, place: Tensor, bias: Tensor) -> Tensor:
        """New state (N, width) of the constituents `x`, which sit at `place` of n · P places."""
        jets, _, places, _ = bias.shape
        table = self._table(self.attend(self.norm(x)), place, jets, places)
        query, key, value = table.chunk(3, dim=-1)
        attended = self._attention(query, key, value, bias)
        return self._finish(x, attended.flatten(0, 1).index_select(0, place))

    def read(self, token: Tensor, x: Tensor, place: Tensor, bias: Tensor) -> Tensor:
        """New state (n, width) of the class tokens, which look at themselves and `x`.

        With one query q per jet, q · (K s) = (Kᵀ q) · s for what is seen, s, and the sum of V s is
        V times the sum of s: no keys and values of all constituents are made.
        """
        constituents = self._table(self.norm(x), place, len(token), bias.shape[-1] - 1)
        seen = torch.cat([self.norm(token)[:, None], constituents], dim=1)
        to_query, to_key, to_value = self.attend.weight.unflatten(0, (3, self.heads, -1))
        # The offset of the keys adds the same to all scores of a query and drops out.
        query_offset, _, value_offset = self.attend.bias.unflatten(0, (3, self.heads, -1))
        query = torch.einsum("nd,hcd->nhc", token, to_query) + query_offset
        query = torch.einsum("nhc,hcd->nhd", query, to_key) / math.sqrt(query.shape[-1])
        share = (query @ seen.mT + bias).softmax(dim=-1)
        attended = torch.einsum("nhd,hcd->nhc", share @ seen, to_value) + value_offset
        return self._finish(token, attended.flatten(1))

    def _table(self, values: Tensor, place: Tensor, jets: int, places: int) -> Tensor:
        empty = values.new_zeros(jets * places, values.shape[1])
        return empty.index_copy(0, place, values).view(jets, places, values.shape[1])

    def _attention(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2).flatten(0, 1)
            for x in (query, key, value)
        )
        # The compact attention of torch takes no bias that is itself being trained.
        scale = 1 / math.sqrt(query.shape[-1])
        scores = torch.baddbmm(bias.flatten(0, 1), query, key.transpose(1, 2), alpha=scale)
        attended = self._drop(scores.softmax(dim=-1)) @ value
        return attended.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        attended = self.project(attended).unflatten(-1, (self.heads, -1))
        attended = self.norm_attended((attended * self.head_scale[:, None]).flatten(1))
        x = x + self._drop(attended)
        dense = self._drop(functional.gelu(self.expand(self.norm_dense(x))))
        return self._drop(self.shrink(self.norm_expanded(dense))) + self.shortcut_scale * x

    def _drop(self, x: Tensor) -> Tensor:
        if not (self.training and self.dropout):
            return x
        # Four decisions from each random number of 64 bits, where torch's dropout on a CPU draws
        # one for each: it would take a sixth of the training.
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device)
        bits.random_(-(2**63), None)
        lowest = round(self.dropout * 2**16 - 2**15)
        survives = bits.view(torch.int16)[: x.numel()].view(x.shape) >= lowest
        return x * (survives / (1 - self.dropout)).to(x.dtype)
