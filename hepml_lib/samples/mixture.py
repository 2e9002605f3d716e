"""A sample as a mixture of generated processes: each gives its share, then all are shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import awkward as ak
import numpy as np

from hepml_lib.samples import pythia
from hepml_lib.samples.columns import Columns, constant, join
from hepml_lib.samples.detector.pileup import Pool
from hepml_lib.samples.recipe import Chunk

__all__ = ["Mixture", "Process", "normalised", "numbers", "shuffled"]

_PILEUP_CARD = "minimum_bias"


@dataclass(frozen=True)
class Process:
    """One process of a mixture.

    Attributes
    ----------
    cards
        Command file; or several, with the share of the collisions that each makes. None for a
        process without hard collision: what is selected from is then empty.
    share
        Of the entries of the sample, in any unit.
    hook
        Called without arguments, it gives the hook that ends hopeless events early, of `hooks`.
    columns
        Columns of one value each, such as the label.
    """

    cards: str | Mapping[str, float] | None
    share: float = 1.0
    hook: Callable[[], Any] | None = None
    columns: Mapping[str, np.generic] = field(default_factory=dict)

    @property
    def shares(self) -> Mapping[str, float]:
        """Command files, and the share of the collisions that each makes."""
        if isinstance(self.cards, str):
            return {self.cards: 1.0}
        return self.cards or {}


def normalised(process: int, cross_section: float) -> dict[str, np.generic]:
    """Columns that `samples.event_weights` needs, of a process whose events all weigh the same.

    Parameters
    ----------
    process
        Its code.
    cross_section
        After the selection [pb].

    Returns
    -------
    dict
        `process`, `weight` and `cross_section`.
    """
    return {
        "process": np.int8(process),
        "weight": np.float32(1),
        "cross_section": np.float32(cross_section),
    }


@dataclass(frozen=True)
class Mixture:
    """Makes the chunks of a sample: callable as `Recipe.make`.

    Attributes
    ----------
    processes
        What is mixed.
    select
        ``select(batch, process, rng)`` gives the entries of a batch of collisions of the process
        with that position in `processes`, as columns. `event` counts within the batch; `rng`
        decides all fluctuations. It gets the pileup as a fourth argument where there is any.
    batch
        Collisions that are selected from together.
    smallest_batch, per_entry
        Fewer are where few entries are wanted: the first number, and the second for each entry.
    stride
        Processes count their events from multiples of it.
    shuffle
        Whether the entries of all processes are mixed, or stay in the order of their events.
    sampled
        Whether a process gives a random choice of what its last batches hold, rather than the
        first: with several command files they come in rounds, and the last is cut short.
    pileup
        Collisions of the chunk's pool of pileup: at most, and for each entry; (0, 0) for none.
    """

    processes: tuple[Process, ...]
    select: Callable[..., Columns]
    batch: int = 250
    smallest_batch: int = 0
    per_entry: int = 4
    stride: int = 500_000
    shuffle: bool = True
    sampled: bool = False
    pileup: tuple[int, int] = (0, 0)

    @property
    def cards(self) -> tuple[str, ...]:
        """All command files, those of the pileup included."""
        cards: list[str] = []
        for process in self.processes:
            cards += process.shares or [_PILEUP_CARD]
        return tuple(dict.fromkeys([*cards, _PILEUP_CARD] if any(self.pileup) else cards))

    def __call__(self, chunk: Chunk, entries: int) -> Columns:
        """Columns of one chunk.

        Parameters
        ----------
        chunk
            Which chunk; it decides every seed.
        entries
            Entries to make.

        Returns
        -------
        dict of ak.Array
            Columns with one row per entry.
        """
        most, per_entry = self.pileup
        pool = [Pool(chunk.pythia_seed(9), min(most, per_entry * entries))] if most else []
        shares = [process.share for process in self.processes]
        parts = [
            self._entries(chunk, process, number, pool)
            for process, number in enumerate(numbers(entries, shares))
            if number
        ]
        return shuffled(parts, chunk) if self.shuffle else join(parts)

    def _entries(self, chunk: Chunk, number: int, entries: int, pool: list[Pool]) -> Columns:
        """Generate one process until it has given enough entries."""
        rng = chunk.rng(number)
        size = min(self.batch, self.smallest_batch + self.per_entry * entries)
        available, parts = 0, []
        for first, batch in self._batches(chunk, number, size):
            selected = self.select(batch, number, rng, *pool)
            if len(selected["event"]):
                offset = chunk.event(self.stride * number + first)
                parts.append(selected | {"event": selected["event"] + offset})
                available += len(selected["event"])
            if available >= entries:
                break
        order = rng.permutation(available)[:entries] if self.sampled else slice(entries)
        shared = constant(entries, **self.processes[number].columns, split=np.int8(chunk.code))
        return join(parts, order) | shared

    def _batches(self, chunk: Chunk, number: int, size: int) -> Iterator[tuple[int, ak.Array]]:
        """Batches, in rounds over the command files, with the number of their first event."""
        process = self.processes[number]
        # Codes 5 to 9 of the seed are free for second command files.
        sources = [
            pythia.batches(
                card,
                chunk.pythia_seed(number + 5 * k),
                round(size * share),
                process.hook() if process.hook else None,
            )
            for k, (card, share) in enumerate(process.shares.items())
        ]
        first = 0
        for source in cycle(sources or [_nothing(size)]):
            batch = next(source)
            yield first, batch
            first += len(batch)


def _nothing(size: int) -> Iterator[ak.Array]:
    """Endless batches of events in which nothing happens."""
    while True:
        yield ak.Array([{}] * size)


def numbers(entries: int, shares: Sequence[float]) -> list[int]:
    """Entries in the given shares, as whole numbers that add up.

    Parameters
    ----------
    entries
        How many to share out.
    shares
        In any unit.

    Returns
    -------
    list of int
        One per share.

    Examples
    --------
    >>> numbers(11, (10, 1)), numbers(10, (1, 1, 1))
    ([10, 1], [3, 4, 3])
    """
    cumulative = np.cumsum([0, *shares])
    edges = np.rint(entries * cumulative / cumulative[-1]).astype(int)
    return np.diff(edges).tolist()


def shuffled(parts: Sequence[Columns], chunk: Chunk) -> Columns:
    """Entries of all parts in an order that the chunk decides.

    Parameters
    ----------
    parts
        Columns of the same names, with `event`.
    chunk
        Which chunk.

    Returns
    -------
    Columns
        All entries.
    """
    entries = sum(len(part["event"]) for part in parts)
    return join(parts, chunk.rng(9).permutation(entries))
