"""What goes into a training, and what is noted of its course."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

__all__ = ["Data", "History"]


@dataclass(frozen=True)
class Data:
    """Events in memory: inputs, what to predict, and optional weights.

    Parameters
    ----------
    inputs
        Tensors whose first axis counts events; the network is called with all of them.
    target
        Tensor with the same first axis; for the default loss 0 or 1.
    weight
        Event weights of shape (n,), finite; some may be negative, their sum may not.

    Raises
    ------
    ValueError
        If there is no event, the lengths differ, or the weights cannot be used.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    weight: Tensor | None = None

    def __post_init__(self) -> None:
        lengths = [len(x) for x in self.inputs] + [len(self.target)]
        if not self.inputs or min(lengths) == 0:
            raise ValueError(f"no data: inputs and target hold {lengths} events")
        if len(set(lengths)) > 1:
            raise ValueError(f"inputs and target differ in length: {lengths[:-1]}, {lengths[-1]}")
        if self.weight is not None and self.weight.shape != (lengths[-1],):
            raise ValueError(f"weight has shape {tuple(self.weight.shape)}, not ({lengths[-1]},)")

    @classmethod
    def from_numpy(
        cls, *inputs: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None
    ) -> Data:
        """Data from arrays: floating numbers become float32, whole numbers int64.

        Examples
        --------
        >>> len(Data.from_numpy(np.zeros((5, 3)), target=np.array([0, 1, 1, 0, 1])))
        5
        """
        weights = None if weight is None else _tensor(weight).float()
        return cls(tuple(_tensor(x) for x in inputs), _tensor(target), weights)

    def __len__(self) -> int:
        return len(self.target)

    def slice(self, index: Tensor | slice) -> Data:
        """Events that `index` selects."""
        weight = None if self.weight is None else self.weight[index]
        return Data(tuple(x[index] for x in self.inputs), self.target[index], weight)

    def to(self, device: torch.device) -> Data:
        """The same events on another device."""
        weight = None if self.weight is None else self.weight.to(device)
        return Data(tuple(x.to(device) for x in self.inputs), self.target.to(device), weight)


@dataclass
class History:
    """Course of a training, one entry per finished epoch.

    Parameters
    ----------
    train_loss
        Mean loss of the training events, each taken when its batch was used.
    validation_loss
        Mean loss of the validation events at the end of the epoch.
    seconds
        CPU time of the epoch, which other work on the machine does not lengthen. With one thread it
        is what one waits on an idle core.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """Epoch with the lowest validation loss, counted from 1; 0 before the first has ended."""
        losses = self.validation_loss
        return 1 + losses.index(min(losses)) if losses else 0

    @property
    def total_seconds(self) -> float:
        """CPU time of all epochs."""
        return sum(self.seconds)


def _tensor(array: ArrayLike) -> Tensor:
    values = np.asarray(array)
    if values.dtype != bool:
        values = values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
    return torch.from_numpy(np.ascontiguousarray(values))
