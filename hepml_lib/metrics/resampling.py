"""Bootstrap by event: each event is taken a Poisson number of times, all its jets together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from hepml_lib import settings

__all__ = ["Statistic", "multiplicities", "resample"]

# A figure of one test sample as a function of how often each event is taken (None: once).
Statistic = Callable[[np.ndarray | None], float]

# Poisson(1) at 16 bits: mean 1 exactly, variance 0.99997; twenty times faster than the generator's.
_CUMULATIVE = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(12)])
_POISSON = np.searchsorted(np.round(_CUMULATIVE * 65536), np.arange(65536), side="right")
_POISSON = _POISSON.astype(np.uint8)


def multiplicities(
    size: int, events: ArrayLike | None, replicas: int, seed: int | None
) -> Iterator[np.ndarray]:
    """How often each of `size` rows is taken, for one replica after the other.

    Without a seed, the stream depends only on ``HEPML_SEED``: every figure on the same test events
    is resampled alike.

    Parameters
    ----------
    size : int
        Number of rows.
    events : array_like, shape (size,), optional
        Event identity of each row: rows of one event are taken together.
    replicas : int
        Number of resamplings.
    seed : int, optional
        Seed; by default the stream of ``HEPML_SEED``.

    Yields
    ------
    ndarray of uint8, shape (size,)
        Poisson numbers of mean one, for each replica.

    Raises
    ------
    ValueError
        If there is not one event identity for each row.
    """
    rng = settings.rng("metrics", "bootstrap") if seed is None else np.random.default_rng(seed)
    group = None
    if events is not None:
        identity = np.asarray(events)
        if identity.shape != (size,):
            raise ValueError(f"there are {size} scores and events of shape {identity.shape}")
        _, group = np.unique(identity, return_inverse=True)
    draws = size if group is None else int(group.max()) + 1
    for _ in range(replicas):
        drawn = _POISSON[rng.integers(0, 65536, draws, dtype=np.uint16)]
        yield drawn if group is None else drawn[group]


def resample(
    statistic: Callable[[np.ndarray], ArrayLike],
    size: int,
    events: ArrayLike | None = None,
    replicas: int = 200,
    seed: int | None = None,
) -> np.ndarray:
    """Values of a statistic on resampled events.

    Parameters
    ----------
    statistic : callable
        Takes how often each row was drawn (uint8, shape (size,)); returns a number or an array.
    size : int
        Number of rows.
    events : array_like, shape (size,), optional
        Event identity of each row: rows of one event are drawn together.
    replicas : int
        Number of resamplings; the spread of 200 is known to 5 %.
    seed : int, optional
        Seed; by default the stream of ``HEPML_SEED``.

    Returns
    -------
    ndarray, shape (replicas, ...)
        Without the rare replicas in which one class was not drawn at all.

    Raises
    ------
    ValueError
        If more than one replica in twenty cannot be evaluated, or `replicas` is below 20.
    """
    if replicas < 20:
        raise ValueError(f"{replicas} replicas cannot give a spread; use 200")
    values = np.array([statistic(drawn) for drawn in multiplicities(size, events, replicas, seed)])
    defined = np.isfinite(values.reshape(replicas, -1)).all(axis=1)
    if defined.mean() < 0.95:
        raise ValueError(
            f"{replicas - defined.sum()} of {replicas} resamplings are undefined: too few events "
            f"({size}) to tell an uncertainty"
        )
    return values[defined]
