"""What goes into a training, and what is noted of its course."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

__all__ = ["Data", "History", "Inputs", "apply", "call", "tensors_of"]

Inputs = tuple[Tensor, ...] | Mapping[str, Tensor]
"""What a network is called with: tensors in its own order, or by the names of its arguments."""


def call(function: Callable[..., Any], inputs: Inputs) -> Any:
    """Call a network, or one of its methods, with inputs, by name where they have names.

    Parameters
    ----------
    function
        Network or method.
    inputs
        Tuple, or mapping from names of its arguments, of tensors.

    Returns
    -------
    object
        What `function` returns.

    Examples
    --------
    >>> float(call(torch.sub, {"other": torch.tensor(2.0), "input": torch.tensor(3.0)}))
    1.0
    """
    return function(**inputs) if isinstance(inputs, Mapping) else function(*inputs)


def tensors_of(inputs: Inputs) -> dict[str, Tensor]:
    """Inputs by name; those without get their place, counted from 0, as name.

    Parameters
    ----------
    inputs
        Tuple or mapping of tensors.

    Returns
    -------
    dict of Tensor
        The same tensors.
    """
    if isinstance(inputs, Mapping):
        return dict(inputs)
    return {str(place): tensor for place, tensor in enumerate(inputs)}


def apply(function: Callable[[Tensor], Tensor], inputs: Inputs) -> Inputs:
    """What `function` makes of every tensor, in the same shape of tuple or mapping.

    Parameters
    ----------
    function
        From tensor to tensor.
    inputs
        Tuple or mapping of tensors.

    Returns
    -------
    tuple or dict of Tensor
        As `inputs` is.
    """
    if isinstance(inputs, Mapping):
        return {name: function(tensor) for name, tensor in inputs.items()}
    return tuple(function(tensor) for tensor in inputs)


@dataclass(frozen=True)
class Data:
    """Events in memory: inputs, what to predict, and optional weights.

    Parameters
    ----------
    inputs
        Tensors whose first axis counts events. The network is called with all of them: those of a
        tuple in their order, those of a mapping by name.
    target
        Tensor with the same first axis; for the default loss 0 or 1, shape (n,).
    weight
        Event weights of shape (n,), finite; some may be negative, their sum may not.

    Raises
    ------
    ValueError
        If there is no event, the lengths differ, or the weights cannot be used.

    Examples
    --------
    >>> mask = torch.ones(5, 8, dtype=torch.bool)
    >>> jets = Data({"features": torch.zeros(5, 8, 7), "mask": mask}, torch.tensor([0, 1, 1, 0, 1]))
    >>> len(jets.slice(slice(2)))
    2
    """

    inputs: Inputs
    target: Tensor
    weight: Tensor | None = None

    def __post_init__(self) -> None:
        lengths = [len(x) for x in tensors_of(self.inputs).values()] + [len(self.target)]
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

        Parameters
        ----------
        *inputs
            Arrays whose first axis counts events, in the order in which the network takes them.
        target, weight
            As in the class.

        Returns
        -------
        Data
            Of the same events.

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
        """Some of the events.

        Parameters
        ----------
        index
            Whole numbers, shape (k,), or a slice.

        Returns
        -------
        Data
            Inputs, target and weight of these events.
        """
        return self._apply(lambda tensor: tensor[index])

    def to(self, device: torch.device) -> Data:
        """The same events on another device.

        Parameters
        ----------
        device
            Of torch.

        Returns
        -------
        Data
            A copy, unless they are there already.
        """
        return self._apply(lambda tensor: tensor.to(device))

    def with_unit_mean(self) -> Data:
        """The same events, weights divided by their mean.

        Returns
        -------
        Data
            Without weights, these events themselves.

        Raises
        ------
        ValueError
            If the mean is not above zero.
        """
        if self.weight is None:
            return self
        mean = self.weight.double().mean()
        if not (torch.isfinite(mean) and mean > 0):
            raise ValueError(f"the mean weight of the training events is {mean:g}, not above zero")
        return replace(self, weight=(self.weight / mean).to(self.weight.dtype))

    def check_labels(self, name: str) -> None:
        """Refuse targets other than 0 and 1, of which binary cross-entropy would make nonsense.

        Parameters
        ----------
        name
            Of these events, for the message.

        Raises
        ------
        ValueError
            If there are any; the message says which.
        """
        wrong = self.target[(self.target != 0) & (self.target != 1)].unique()[:5].tolist()
        if wrong:
            raise ValueError(
                f"the default loss is for labels 0 and 1, and the target of the {name} events "
                f"holds {wrong}: relabel it, or pass a loss (for classes "
                "partial(torch.nn.functional.cross_entropy, reduction='none'))"
            )

    def _apply(self, function: Callable[[Tensor], Tensor]) -> Data:
        weight = None if self.weight is None else function(self.weight)
        return Data(apply(function, self.inputs), function(self.target), weight)


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
