"""How a sample is made: its splits and chunks, and the function that makes one chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import awkward as ak
import numpy as np

from hepml_lib import settings
from hepml_lib.samples import datacard, layout
from hepml_lib.samples.columns import Columns

__all__ = ["SPLITS", "Chunk", "Recipe"]

SPLITS = ("train", "validation", "test")
"""Names of the splits; the position is the code stored in the field `split`."""


@dataclass(frozen=True)
class Chunk:
    """One chunk of a sample: the unit that is seeded, generated and cached.

    Seeds and event identities depend on the sample's number, the split and the index of the chunk,
    and on nothing else: not on the number of workers, nor on ``HEPML_SEED``.

    Parameters
    ----------
    sample
        Number of the sample, `Recipe.number`.
    split
        ``"train"``, ``"validation"`` or ``"test"``.
    index
        Number of the chunk in its split, counted from 0.

    Examples
    --------
    >>> Chunk(1, "test", 3).pythia_seed(0), Chunk(1, "test", 3).event(0)
    (14000030, 12000003000000)
    """

    sample: int
    split: str
    index: int

    @property
    def code(self) -> int:
        """Code of the split: 0 train, 1 validation, 2 test."""
        return SPLITS.index(self.split)

    def pythia_seed(self, process: int) -> int:
        """Seed of Pythia for one process; no two chunks share one.

        Parameters
        ----------
        process
            From 0 to 9.

        Returns
        -------
        int
            Below Pythia's limit of 900 000 000 for samples up to number 89.
        """
        return self.sample * 10_000_000 + self.code * 2_000_000 + self.index * 10 + process

    def rng(self, process: int) -> np.random.Generator:
        """Random numbers of one process, independent of those of every other chunk.

        Parameters
        ----------
        process
            Number of the process.

        Returns
        -------
        numpy.random.Generator
            Always the same for this chunk and process.
        """
        return np.random.default_rng([self.sample, self.code, self.index, process])

    def event(self, number: int) -> int:
        """Event identity that no other event of the book has: sample, split, chunk, number.

        Parameters
        ----------
        number
            Of the event in its chunk, below a million.

        Returns
        -------
        int
            Its digits are sample, split, chunk and number.
        """
        return self.sample * 10**13 + self.code * 10**12 + self.index * 10**6 + number


@dataclass(frozen=True)
class Recipe:
    """How a sample is made; what it holds, in words, is on its data card.

    Attributes
    ----------
    name
        Name to load it by, and that of its data card.
    number
        Distinguishes samples in seeds and event identities; never reused.
    version
        Raised whenever the same seeds would give other events: older cached chunks are left aside.
    chunk
        Entries per chunk.
    committed
        Entries of each split in the committed file; multiples of `chunk`.
    share
        Part of the repository's budget that the file may take [MB].
    make
        ``make(chunk, entries)`` gives the columns of one chunk.
    cards
        Pythia's command files, which decide the content too.
    packages
        Packages whose versions decide the content.
    decode
        Turns columns into the array that the reader sees.
    needs
        Fields that another field is decoded from.
    """

    name: str
    number: int
    version: int
    chunk: int
    committed: Mapping[str, int]
    share: float
    make: Callable[[Chunk, int], Columns]
    cards: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("pythia8mc", "fastjet", "numpy", "awkward")
    decode: Callable[[Columns], ak.Array] = layout.decode
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def card(self) -> datacard.DataCard:
        """Title, text and fields, read from the data card once."""
        return datacard.read(self.name)

    @property
    def title(self) -> str:
        """A line on what the sample is."""
        return self.card.title

    @property
    def fields(self) -> dict[str, str]:
        """Type, unit and meaning of every field of the loaded array."""
        return self.card.fields

    def part(self, split: str, index: int) -> Chunk:
        """Chunk of this sample.

        Parameters
        ----------
        split
            ``"train"``, ``"validation"`` or ``"test"``.
        index
            Number of the chunk in its split, counted from 0.

        Returns
        -------
        Chunk
            From which all seeds follow.
        """
        return Chunk(self.number, split, index)

    def fingerprint(self) -> str:
        """Name of the generation that a cached chunk belongs to: version, chunk size and cards.

        Returns
        -------
        str
            Hexadecimal, of 12 digits.
        """
        digest = hashlib.sha256(f"{self.version}/{self.chunk}".encode())
        for card in self.cards:
            digest.update((settings.data_dir() / "cards" / f"{card}.cmnd").read_bytes())
        return digest.hexdigest()[:12]
