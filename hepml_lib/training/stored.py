"""The one trainer of stored networks: a row of a chapter's table becomes weights and a card."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from hepml_lib import settings
from hepml_lib.nets import store
from hepml_lib.training.data import Data, History
from hepml_lib.training.loop import train
from hepml_lib.training.process import seeded
from hepml_lib.training.step import Loss

__all__ = ["Entry", "train_stored"]


@dataclass(frozen=True, kw_only=True)
class Entry(ABC):
    """A row of a table of stored networks. A chapter adds its `data`, `figure` and `card`.

    Parameters
    ----------
    name
        In the store, such as ``"tagging.pfn"``.
    network
        Makes the network with its first weights. It is handed the training events, which most do
        not look at; a network that continues from another one, or has a formula, does.
    epochs
        Passes over the training events at quick and at full scale; without an entry the network
        stays as it was made.
    lr, batch_size, schedule, loss
        Of `fit`.
    wrap
        Of `train`.
    trainings
        How many networks are trained, at quick and at full scale, of which the one with the best
        `choice` is stored.
    seed_names
        Name the seed of the training, for those that share one; by default `name` does.
    in_the_book
        Whether a training at full scale with the book's seed goes into the repository. What is not
        meant for the book stays in the user's cache.
    """

    name: str
    network: Callable[[Data], nn.Module]
    epochs: Mapping[str, int]
    lr: float = 1e-3
    batch_size: int = 256
    schedule: str = "cosine"
    loss: Loss | None = None
    wrap: Callable[[Any], nn.Module] | None = None
    trainings: Mapping[str, int] | None = None
    seed_names: tuple[str, ...] = ()
    in_the_book: bool = True

    @abstractmethod
    def data(self, split: str) -> Data:
        """Events of a split; of train as many as the scale says.

        Parameters
        ----------
        split
            ``"train"`` or ``"validation"``.

        Returns
        -------
        Data
            Inputs and targets as `network` and `loss` take them.
        """

    @abstractmethod
    def figure(self, network: nn.Module) -> str:
        """Headline of the card: a figure on the test split.

        Parameters
        ----------
        network
            A trained network of this row.

        Returns
        -------
        str
            The figure with its interval, in words.
        """

    @abstractmethod
    def card(self, train_data: Data) -> dict[str, Any]:
        """What a card states beside what the trainer knows: ``data`` and ``limits`` at least.

        Parameters
        ----------
        train_data
            What the network learned from.

        Returns
        -------
        dict
            Entries of the card by name, as `store.save` takes them.
        """

    def choice(self, network: nn.Module) -> tuple[float, str]:
        """Figure by which one network of several is chosen.

        Parameters
        ----------
        network
            A trained network of this row.

        Returns
        -------
        value, meaning
            The figure, larger for a better network, and what it is, in words.

        Raises
        ------
        TypeError
            If this kind of row has no such figure; it then trains one network.
        """
        raise TypeError(f"{type(self).__name__} has no figure to choose by: train one network")

    @property
    def stored_name(self) -> str:
        """Name in the store; with another seed than the book's it says so."""
        base = settings.base_seed()
        return self.name if base == 1 else f"{self.name}.seed{base}"

    def train(
        self,
        train_data: Data,
        validation: Data,
        *,
        epochs: int,
        seed: int,
        checkpoint: Path | None = None,
    ) -> tuple[Any, History]:
        """Train a new network of this row.

        Parameters
        ----------
        train_data, validation
            As `data` gives them.
        epochs
            Passes over `train_data`; with 0 the network stays as it was made.
        seed, checkpoint
            Of `training.train`.

        Returns
        -------
        network, history
            The network in evaluation mode, and the course of its training.
        """
        make = partial(self.network, train_data)
        if not epochs:
            start = time.process_time()
            with seeded(seed):
                network = make().eval()
            return network, History(seconds=[time.process_time() - start])
        return train(
            make,
            train_data,
            validation,
            seed=seed,
            wrap=self.wrap,
            loss=self.loss,
            epochs=epochs,
            lr=self.lr,
            batch_size=self.batch_size,
            schedule=self.schedule,
            checkpoint=checkpoint,
        )


def train_stored(entry: Entry) -> Path:
    """Train what a row of a table says; store weights and card.

    A training that was stopped goes on from its checkpoint in the user's cache. At full scale, with
    the book's seed, the result goes into the repository, else into the cache.

    Parameters
    ----------
    entry
        A row, such as ``tagging.models.MODELS["tagging.pfn"]``.

    Returns
    -------
    Path
        File of the weights.

    Raises
    ------
    ValueError
        If the checkpoint in the cache is of another training.
    """
    scale = settings.scale()
    first = settings.seed("train", *(entry.seed_names or (entry.name,)))
    train_data, validation = entry.data("train"), entry.data("validation")
    epochs = entry.epochs.get(scale, 0)
    candidates = []
    for seed in range(first, first + (entry.trainings or {}).get(scale, 1)):
        file = settings.cache_dir() / "checkpoints" / f"{entry.stored_name}.{scale}.{seed}"
        network, history = entry.train(
            train_data, validation, epochs=epochs, seed=seed, checkpoint=file
        )
        value, meaning = entry.choice(network) if entry.trainings else (0.0, "")
        candidates.append((value, meaning, seed, network, history))
    value, meaning, seed, network, history = max(candidates, key=lambda candidate: candidate[0])
    card = {
        "seed": seed,
        "command": f"HEPML_SCALE={scale} hepml train {entry.name}",
        "figure": entry.figure(network),
        "epochs": len(history.train_loss),
        "seconds": round(history.total_seconds),
        **entry.card(train_data),
    }
    if entry.trainings:
        card["chosen"] = f"from {len(candidates)} trainings, {value:.3f} by {meaning}"
    ours = entry.in_the_book and scale == "full" and settings.base_seed() == 1
    folder = None if ours else settings.cache_dir() / "models"
    return store.save(entry.stored_name, network, card, folder)
