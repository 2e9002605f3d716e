"""Networks that read the tracks of a jet: in sequence, or all at once with attention.

A third way, the sum over tracks, is `hepml_lib.nets.DeepSets`. All take, by name, the features of
the tracks, shape (n, tracks, features), and a mask, and give logits of the flavours, shape
(n, outputs). A transformer that is told of pairs takes the geometry of the tracks as well.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from hepml_lib.nets.dense import MLP
from hepml_lib.nets.network import Network
from hepml_lib.nets.two_track_vertices import PAIR, two_track_vertices

__all__ = ["AllTasks", "TrackRecurrent", "TrackTransformer"]

_GROUPS = 4
_PAIR_WIDTH = 24
# Score of padding: its exponential is exactly zero.
_NEVER = -1e9


class TrackRecurrent(Network):
    """Recurrent network: reads one track after another and keeps a summary.

    The order matters; the usual one starts with the most displaced track.

    Parameters
    ----------
    features
        Numbers per track.
    outputs
        Logits per jet.
    width
        Size of the summary.

    References
    ----------
    ATLAS's RNNIP, ATL-PHYS-PUB-2017-003; DeepJet, arXiv:2008.10519, reads its lists in this way.

    Examples
    --------
    >>> network = TrackRecurrent(3, outputs=4)
    >>> network(features=torch.zeros(5, 6, 3), mask=torch.zeros(5, 6, dtype=torch.bool)).shape
    torch.Size([5, 4])
    """

    def __init__(self, features: int, outputs: int = 4, width: int = 96) -> None:
        super().__init__()
        # `read` and `decide` are the names under which the committed weights are stored.
        self.read = nn.GRU(features, width, batch_first=True)
        self.decide = MLP(width, outputs, (width,))

    def forward(self, *, features: Tensor, mask: Tensor) -> Tensor:
        """Logits of the flavours, shape (n, outputs).

        Parameters
        ----------
        features
            Tracks in the order in which they shall be read, padding last, shape (n, P, features).
        mask
            True for real tracks, boolean, shape (n, P).
        """
        length = mask.sum(dim=1)
        packed = pack_padded_sequence(
            features, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        summary = self.read(packed)[1][0]
        return self.decide(summary * (length > 0)[:, None])


class TrackTransformer(Network):
    """Transformer over the tracks of a jet, with two auxiliary tasks.

    A token of its own stands for the jet and decides its flavour. The tracks' own states also tell
    where each track came from, and which pairs share a vertex: tasks that no analysis needs, but
    whose truth teaches the network what a decay looks like.

    Parameters
    ----------
    features
        Numbers per track.
    outputs
        Logits per jet.
    origins
        Kinds of origin of a track.
    width, heads, layers
        Of the encoder; the width is shared among the heads.
    pairs
        Whether it is told where each two tracks cross, by `two_track_vertices`: how much one track
        heeds another then has a bias made from that, as in the Particle Transformer.

    References
    ----------
    ATLAS's GN1, ATL-PHYS-PUB-2022-027, and GN2, arXiv:2505.19689, share the idea of the tasks.
    Bias by pairs: Qu, Li, Qian, arXiv:2202.03772.

    Examples
    --------
    >>> network = TrackTransformer(3)
    >>> features, mask = torch.zeros(5, 6, 3), torch.ones(5, 6, dtype=torch.bool)
    >>> [tuple(x.shape) for x in network.all_tasks(features=features, mask=mask)]
    [(5, 4), (5, 6, 6), (5, 6, 6)]
    """

    def __init__(
        self,
        features: int,
        outputs: int = 4,
        origins: int = 6,
        width: int = 64,
        heads: int = 4,
        layers: int = 3,
        pairs: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Sequential(nn.Linear(features, width), nn.GELU(), nn.Linear(width, width))
        self.token = nn.Parameter(0.02 * torch.randn(width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True,
            # With GELU torch 2.13 takes a shortcut outside of training that misreads a bias.
            activation=functional.silu if pairs else functional.gelu,
        )  # fmt: skip
        self.encode = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), False)
        # Flavour, origin, and the point whose neighbours share a vertex: the names are those under
        # which the committed weights are stored.
        self.decide = MLP(width, outputs, (width,))
        self.trace = nn.Linear(2 * width, origins)
        self.place = nn.Linear(width, 32)
        self.scale = nn.Parameter(torch.zeros(2))
        self.bias = _embedding_of_pairs(heads) if pairs else None

    def forward(self, *, features: Tensor, mask: Tensor, geometry: Tensor | None = None) -> Tensor:
        """Logits of the flavours, shape (n, outputs).

        Parameters
        ----------
        features
            Of the tracks, shape (n, P, features).
        mask
            True for real tracks, which come before padding, boolean, shape (n, P).
        geometry
            `two_track_vertices.GEOMETRY` of the tracks, shape (n, P, 8), for a network with
            `pairs`.

        Raises
        ------
        ValueError
            If a network with `pairs` is not told the geometry.
        """
        return self.decide(self._states(features, mask, geometry)[:, 0])

    def all_tasks(
        self, *, features: Tensor, mask: Tensor, geometry: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the flavours, of the origins of tracks, and of common vertices of pairs.

        Parameters
        ----------
        features, mask, geometry
            As in `forward`.

        Returns
        -------
        flavour, origin, vertex
            Shape (n, outputs), (n, P, origins) and (n, P, P); the last is symmetric. Padding
            gets values without meaning.

        Raises
        ------
        ValueError
            As in `forward`.
        """
        states = self._states(features, mask, geometry)
        jet, tracks = states[:, 0], states[:, 1:]
        lost = features.shape[1] - tracks.shape[1]
        origin = self.trace(torch.cat([tracks, jet[:, None].expand_as(tracks)], dim=2))
        # Near in this space means a common vertex.
        points = self.place(tracks)
        near = self.scale[0] + 1 - self.scale[1].exp() * torch.cdist(points, points).square() / 8
        return (
            self.decide(jet),
            functional.pad(origin, (0, 0, 0, lost)),
            functional.pad(near, (0, lost, 0, lost)),
        )

    def _states(self, features: Tensor, mask: Tensor, geometry: Tensor | None) -> Tensor:
        """States of token and tracks, shape (n, 1 + longest, width).

        Most jets have few tracks and some have many. Jets of similar length go through the encoder
        together, so that little of its work is spent on padding.
        """
        if self.bias is not None and geometry is None:
            raise ValueError("this network looks at pairs: call it with the geometry of the tracks")
        number = mask.sum(dim=1)
        order = number.argsort()
        longest = int(number.max()) if len(number) else 0
        states = []
        for rows in order.chunk(_GROUPS):
            most = int(number[rows].max())
            there = mask[rows, :most]
            where = None if geometry is None else geometry[rows, :most]
            encoded = self._encoded(features[rows, :most], there, where)
            states.append(functional.pad(encoded, (0, 0, 0, longest - most)))
        return torch.cat(states)[order.argsort()]

    def _encoded(self, features: Tensor, mask: Tensor, geometry: Tensor | None) -> Tensor:
        """States of token and tracks; padding comes last."""
        x = self.embed(features.masked_fill(~mask[..., None], 0))
        token = self.token.expand(len(x), 1, -1)
        x, ignored = torch.cat([token, x], dim=1), functional.pad(~mask, (1, 0), value=False)
        if self.bias is None or geometry is None:
            return self.encode(x, src_key_padding_mask=ignored)
        pair = mask[:, :, None] & mask[:, None, :]
        pair = pair & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        bias = x.new_zeros(*pair.shape, self.heads)
        if pair.any():
            bias[pair] = self.bias(two_track_vertices(geometry)[pair])
        # The token has no place in the plane, and no bias.
        bias = functional.pad(bias.permute(0, 3, 1, 2), (1, 0, 1, 0))
        return self.encode(x, mask=bias.masked_fill(ignored[:, None, None], _NEVER).flatten(0, 1))


def _embedding_of_pairs(heads: int) -> nn.Sequential:
    sizes = (len(PAIR), _PAIR_WIDTH, _PAIR_WIDTH)
    hidden = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), nn.GELU())]
    return nn.Sequential(nn.BatchNorm1d(len(PAIR)), *hidden, nn.Linear(_PAIR_WIDTH, heads))


class AllTasks(nn.Module):
    """What is called in a training on all tasks: gives what `TrackTransformer.all_tasks` gives.

    Parameters
    ----------
    network
        Whose weights are trained.
    """

    def __init__(self, network: TrackTransformer) -> None:
        super().__init__()
        self.network = network

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of flavours, of origins and of common vertices.

        Parameters
        ----------
        **inputs
            Arguments of `TrackTransformer.all_tasks`, by name.

        Returns
        -------
        flavour, origin, vertex
            As `TrackTransformer.all_tasks` gives them.
        """
        return self.network.all_tasks(**inputs)
