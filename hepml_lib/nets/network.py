"""What all networks of the book share: they know how they were made, and give logits."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Network", "centre_and_width", "logits"]


class Network(nn.Module):
    """A module that records the arguments of its constructor, so that the store can rebuild it.

    A network derives from it and does nothing else. Defaults are recorded too, and sequences as
    lists, as JSON gives them back. A variant that passes ``**options`` on to the network that it
    varies has the arguments of both.

    Attributes
    ----------
    arguments
        Name → value; ``type(network)(**network.arguments)`` is a network of the same shape.

    Examples
    --------
    >>> class Line(Network):
    ...     def __init__(self, inputs: int, widths: tuple[int, ...] = (4, 2)) -> None:
    ...         super().__init__()
    >>> Line(3).arguments
    {'inputs': 3, 'widths': [4, 2]}
    """

    arguments: dict[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls):
            cls.__init__ = _recording(cls.__init__)  # type: ignore[method-assign]


def _recording(constructor: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(constructor)
    named = [
        name
        for name, parameter in signature.parameters.items()
        if name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]

    @functools.wraps(constructor)
    def recorded(self: Network, *args: Any, **kwargs: Any) -> None:
        constructor(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        own = {name: _as_json(bound.arguments[name]) for name in named}
        # The constructor of the network that this one varies has run, and recorded, before.
        self.arguments = getattr(self, "arguments", {}) | own

    return recorded


def _as_json(value: Any) -> Any:
    return [_as_json(item) for item in value] if isinstance(value, list | tuple) else value


def logits(output: Tensor) -> Tensor:
    """One logit per event as shape (n,), several as (n, outputs).

    Parameters
    ----------
    output
        What the last layer gives, shape (n, outputs).

    Examples
    --------
    >>> logits(torch.zeros(5, 1)).shape, logits(torch.zeros(5, 3)).shape
    (torch.Size([5]), torch.Size([5, 3]))
    """
    return output.squeeze(-1) if output.shape[-1] == 1 else output


def centre_and_width(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, in double precision; a constant has width 1.

    Parameters
    ----------
    values
        Shape (n, columns), n > 1, finite.

    Returns
    -------
    tuple
        Two tensors of shape (columns,), float64.

    Examples
    --------
    >>> centre_and_width(torch.tensor([[1.0, 7.0], [3.0, 7.0]]))
    (tensor([2., 7.], dtype=torch.float64), tensor([1.4142, 1.0000], dtype=torch.float64))
    """
    width, centre = torch.std_mean(values.double(), dim=0)
    return centre, torch.where(width > 0, width, 1.0)
