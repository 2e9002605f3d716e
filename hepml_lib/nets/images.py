"""Convolutional networks on images of jets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from hepml_lib.nets.dense import MLP
from hepml_lib.nets.network import Network

__all__ = ["CNN"]


class CNN(Network):
    """Convolutional network for jet images of about 40 × 40 cells, small enough for one core.

    A first convolution of 4 × 4 cells in steps of two takes most of the pixels away; each further
    one, of 3 × 3, is followed by the maximum over 2 × 2. The published networks on the same images
    are ten times as large and keep all pixels longer.

    Parameters
    ----------
    cells
        Cells along the edge of the image.
    outputs
        Logits per image; with 1 the output has shape (n,), else (n, outputs).
    channels
        Filters of each convolution.
    hidden
        Widths of the dense layers behind.

    Raises
    ------
    ValueError
        If the convolutions leave no cell.

    References
    ----------
    Top tagging with jet images: Kasieczka et al., arXiv:1701.08784; Macaluso and Shih,
    arXiv:1803.00107.

    Examples
    --------
    >>> network = CNN(cells=40)
    >>> sum(p.numel() for p in network.parameters())
    65489
    >>> network(torch.zeros(3, 40, 40)).shape
    torch.Size([3])
    """

    scale: Tensor

    def __init__(
        self,
        cells: int = 40,
        outputs: int = 1,
        channels: Sequence[int] = (16, 32, 32),
        hidden: Sequence[int] = (64,),
    ) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(()))
        layers: list[nn.Module] = [nn.Conv2d(1, channels[0], 4, stride=2, padding=1)]
        layers.append(nn.ReLU(inplace=True))
        left = cells // 2
        for inputs, filters in pairwise(channels):
            layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU(inplace=True)]
            layers.append(nn.MaxPool2d(2))
            left //= 2
        if left < 1:
            raise ValueError(f"{cells} cells are too few for {len(channels)} convolutions")
        self.convolutions = nn.Sequential(*layers)
        # On a CPU this order in memory is a quarter faster in training, and twice in inference.
        self.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = MLP(channels[-1] * left**2, outputs, hidden)

    def standardise(self, images: Tensor) -> CNN:
        """Set the brightness that training images have.

        One number for all cells: the root of the mean squared content. Shares of pT are so small
        that a network which sees them as they are learns nothing for several epochs.

        Parameters
        ----------
        images
            Shape (n, cells, cells).

        Returns
        -------
        CNN
            The network itself.

        Raises
        ------
        ValueError
            If the images are all dark, or hold NaN or infinity.
        """
        # In pieces, and not in the precision of the images: half precision cannot hold the squares.
        total = sum(part.double().square().sum() for part in images.split(4096))
        if not 0 < total < torch.inf:
            raise ValueError(f"the squared cells sum to {total}: dark images, NaN or infinity")
        self.scale.fill_((float(total) / images.numel()) ** 0.5)
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images, shape (n,) or (n, outputs).

        Parameters
        ----------
        images
            Shape (n, cells, cells); half precision is converted.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        cells = self.arguments["cells"]
        if images.ndim != 3 or images.shape[1:] != (cells, cells):
            raise ValueError(
                f"images must have shape (n, {cells}, {cells}), not {tuple(images.shape)}"
            )
        bright = images.to(self.scale.dtype)[:, None] / self.scale
        return self.head(self.convolutions(bright).flatten(1))
