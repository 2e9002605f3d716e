"""Networks that read the tracks of a jet: in sequence, or all at once with attention.

A third way, the sum over tracks, is `hepml_lib.nets.DeepSets`. All take the features of the tracks,
shape (n, tracks, features), and a mask, and give logits of the flavours, shape (n, outputs).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from hepml_lib.nets.dense import MLP

__all__ = ["MultiTask", "TrackRecurrent", "TrackTransformer"]

_GROUPS = 4


class TrackRecurrent(nn.Module):
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
    >>> network(torch.zeros(5, 6, 3), torch.zeros(5, 6, dtype=torch.bool)).shape
    torch.Size([5, 4])
    """

    def __init__(self, features: int, outputs: int = 4, width: int = 96) -> None:
        super().__init__()
        self.arguments = {"features": features, "outputs": outputs, "width": width}
        self.read = nn.GRU(features, width, batch_first=True)
        self.decide = MLP(width, outputs, (width,))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Logits (n, outputs); tracks in the order in which they shall be read, padding last."""
        length = mask.sum(dim=1)
        packed = pack_padded_sequence(
            features, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        summary = self.read(packed)[1][0]
        return self.decide(summary * (length > 0)[:, None])


class TrackTransformer(nn.Module):
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

    References
    ----------
    ATLAS's GN1, ATL-PHYS-PUB-2022-027, and GN2, arXiv:2505.19689, share the idea.

    Examples
    --------
    >>> network = TrackTransformer(3)
    >>> features, mask = torch.zeros(5, 6, 3), torch.ones(5, 6, dtype=torch.bool)
    >>> [tuple(x.shape) for x in network.tell(features, mask)]
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
    ) -> None:
        super().__init__()
        self.arguments = {
            "features": features,
            "outputs": outputs,
            "origins": origins,
            "width": width,
            "heads": heads,
            "layers": layers,
        }
        self.embed = nn.Sequential(nn.Linear(features, width), nn.GELU(), nn.Linear(width, width))
        self.token = nn.Parameter(0.02 * torch.randn(width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True,
            norm_first=True,
        )  # fmt: skip
        self.encode = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), False)
        self.decide = MLP(width, outputs, (width,))
        self.trace = nn.Linear(2 * width, origins)
        self.place = nn.Linear(width, 32)
        self.scale = nn.Parameter(torch.zeros(2))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Logits of the flavours, shape (n, outputs)."""
        return self.decide(self._states(features, mask)[:, 0])

    def tell(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the flavours, of the origins (n, P, origins), of a common vertex (n, P, P).

        The last are symmetric. Padding gets values without meaning.
        """
        states = self._states(features, mask)
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

    def _states(self, features: Tensor, mask: Tensor) -> Tensor:
        """States of token and tracks, shape (n, 1 + longest, width).

        Most jets have few tracks and some have many. Jets of similar length go through the encoder
        together, so that little of its work is spent on padding.
        """
        number = mask.sum(dim=1)
        order = number.argsort()
        longest = int(number.max()) if len(number) else 0
        states = [
            functional.pad(self._encoded(features[rows], mask[rows]), (0, 0, 0, longest - most))
            for rows in order.chunk(_GROUPS)
            for most in [int(number[rows].max())]
        ]
        return torch.cat(states)[order.argsort()]

    def _encoded(self, features: Tensor, mask: Tensor) -> Tensor:
        """States of token and tracks up to the last track of these jets; padding comes last."""
        longest = int(mask.sum(dim=1).max())
        features, mask = features[:, :longest], mask[:, :longest]
        x = self.embed(features.masked_fill(~mask[..., None], 0))
        token = self.token.expand(len(x), 1, -1)
        ignored = functional.pad(~mask, (1, 0), value=False)
        return self.encode(torch.cat([token, x], dim=1), src_key_padding_mask=ignored)


class MultiTask(nn.Module):
    """A network trained on all of its tasks: calling it gives what its `tell` gives."""

    def __init__(self, network: TrackTransformer) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What `TrackTransformer.tell` gives."""
        return self.network.tell(features, mask)
