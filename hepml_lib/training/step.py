"""One step of a training, its validation and its checkpoint."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hepml_lib.training import checkpoint
from hepml_lib.training.data import Data, History, call, tensors_of

__all__ = ["Loss", "Plan", "Run"]

Loss = Callable[[Any, Tensor], Tensor]
"""From output and target to one number per event, shape (n,)."""


@dataclass(frozen=True)
class Plan:
    """Options of one training, as `fit` describes them.

    Parameters
    ----------
    loss, epochs, batch_size, lr, weight_decay, schedule, patience, clip, seed
        Of `fit`.
    checkpoint, checkpoint_seconds, progress
        Of `fit`.

    Raises
    ------
    ValueError
        If an option is out of its range.
    """

    loss: Loss
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    schedule: str | None
    patience: int | None
    clip: float | None
    seed: int
    checkpoint: Path | None
    checkpoint_seconds: float
    progress: bool

    def __post_init__(self) -> None:
        if self.schedule not in ("cosine", "one-cycle", None):
            raise ValueError(f"schedule is {self.schedule!r}: use 'cosine', 'one-cycle' or None")
        for name in ("epochs", "batch_size", "lr", "patience", "clip"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}; it must be above zero")

    def rate(self, done: float) -> float:
        """Learning rate at a point of the training.

        ``"cosine"`` falls from the peak `lr` to zero along half a cosine. ``"one-cycle"`` first
        rises so during 30 % of the steps, from a 25th of the peak.

        Parameters
        ----------
        done
            Fraction of all steps that is behind, from 0 to 1.

        Returns
        -------
        float
            At most `lr`.
        """
        if self.schedule is None:
            return self.lr
        if self.schedule == "one-cycle":
            if done < 0.3:
                return self.lr * (0.04 + 0.48 * (1 - math.cos(math.pi * done / 0.3)))
            done = (done - 0.3) / 0.7
        return self.lr * 0.5 * (1 + math.cos(math.pi * done))

    def steps(self, events: int) -> int:
        """Steps of an epoch.

        Parameters
        ----------
        events
            Number of training events.

        Returns
        -------
        int
            One for each batch.
        """
        return math.ceil(events / self.batch_size)

    def batches(self, events: int, epoch: int) -> tuple[Tensor, ...]:
        """Which events each step of an epoch sees, in random order.

        Parameters
        ----------
        events
            Number of training events.
        epoch
            Counted from 0; it and the seed decide the order.

        Returns
        -------
        tuple of Tensor
            Indices of the events of each step, int64; batches differ by one event at most.
        """
        generator = torch.Generator().manual_seed(_stream(self.seed, epoch))
        return torch.randperm(events, generator=generator).tensor_split(self.steps(events))

    def over(self, history: History) -> bool:
        """Whether all epochs of a training are done, or patience is out.

        Parameters
        ----------
        history
            Of the epochs so far.

        Returns
        -------
        bool
            True if the training ends here.
        """
        done = len(history.train_loss)
        waited = done - history.best_epoch
        return done >= self.epochs or (self.patience is not None and waited >= self.patience)

    def record(self, train: Data) -> dict[str, Any]:
        """What a checkpoint must agree with.

        Parameters
        ----------
        train
            Training events, of which about a thousand are hashed.

        Returns
        -------
        dict
            Options that decide the result, number of events, and the hash.
        """
        thin = train.slice(slice(None, None, 1 + len(train) // 1000))
        digest = hashlib.sha256()
        tensors = [*tensors_of(thin.inputs).values(), thin.target]
        for tensor in tensors if thin.weight is None else [*tensors, thin.weight]:
            digest.update(tensor.contiguous().cpu().numpy().tobytes())
        left_out = ("loss", "checkpoint", "checkpoint_seconds", "progress")
        options = {key: value for key, value in vars(self).items() if key not in left_out}
        return options | {"events": len(train), "data": digest.hexdigest()}


class Run:
    """A training under way, in one of the processes that share it.

    A step depends on the weights, the optimiser's state, the seed and the step's number, and on
    nothing else: that is what makes a resumed training exact.

    Parameters
    ----------
    model
        Trained in place.
    train, validation
        All events: each process takes its share.
    plan
        Options of the training.
    fabric
        Of this process.
    history
        Filled as the training goes.
    """

    def __init__(
        self,
        model: nn.Module,
        train: Data,
        validation: Data,
        plan: Plan,
        fabric: Fabric,
        history: History,
    ) -> None:
        self.model, self.train, self.validation = model, train, validation
        self.plan, self.fabric, self.history = plan, fabric, history
        self.best: dict[str, Tensor] = {}
        self.step, self.loss, self.seconds = 0, 0.0, 0.0  # of the epoch under way
        self.optimiser = torch.optim.AdamW(
            model.parameters(), plan.lr, weight_decay=plan.weight_decay
        )
        self.network, self.wrapped = fabric.setup(model, self.optimiser)
        self.record = plan.record(train) if plan.checkpoint else {}
        if plan.checkpoint and plan.checkpoint.exists():
            self._resume(plan.checkpoint)
        self.saved = time.monotonic()

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return len(self.history.train_loss)

    def save(self) -> None:
        """Write the checkpoint, if there is to be one."""
        path = self.plan.checkpoint
        if path is not None and self.fabric.is_global_zero:
            progress = {
                "history": asdict(self.history),
                "step": self.step,
                "loss": self.loss,
                "seconds": self.seconds,
            }
            checkpoint.write(path, self.record, progress, self.model, self.best, self.optimiser)
        self.saved = time.monotonic()

    def _resume(self, path: Path) -> None:
        progress, self.best = checkpoint.resume(path, self.record, self.model, self.optimiser)
        vars(self.history).update(progress["history"])
        self.step, self.loss = progress["step"], progress["loss"]
        self.seconds = progress["seconds"]

    def take_step(self, index: Tensor, interrupted: threading.Event) -> bool:
        """Change the weights once, by the gradient of a batch.

        Parameters
        ----------
        index
            Events of the batch, over all processes.
        interrupted
            Set where this process was asked to stop.

        Returns
        -------
        bool
            Whether any process was.
        """
        fabric, plan = self.fabric, self.plan
        torch.manual_seed(_stream(plan.seed, self.epoch, self.step, fabric.global_rank))
        done = self.epoch + self.step / plan.steps(len(self.train))
        for group in self.optimiser.param_groups:
            group["lr"] = plan.rate(done / plan.epochs)
        share = index[fabric.global_rank :: fabric.world_size]
        batch = self.train.slice(share).to(fabric.device)
        loss = self._losses(self.network, batch).sum()
        total, stop = self._over_processes(loss.detach(), interrupted.is_set())
        self._check_finite("loss", total, batch)
        self.wrapped.zero_grad()
        # DDP averages gradients over processes: times their number, it is the mean over the batch.
        fabric.backward(loss * (fabric.world_size / len(index)))
        if plan.clip is not None:
            norm = fabric.clip_gradients(
                self.network, self.wrapped, max_norm=plan.clip, error_if_nonfinite=False
            )
            self._check_finite("gradient", norm, batch)
        self.wrapped.step()
        self.step, self.loss = self.step + 1, self.loss + total
        return stop > 0

    @torch.no_grad()
    def end_epoch(self, start: float) -> None:
        """Measure the validation loss, note the epoch, keep its weights if they are the best.

        Parameters
        ----------
        start
            CPU time of this process at which the epoch began [s].
        """
        fabric, data = self.fabric, self.validation
        self.model.eval()
        share = torch.arange(fabric.global_rank, len(data), fabric.world_size)
        batches = (data.slice(i).to(fabric.device) for i in share.split(4 * self.plan.batch_size))
        (loss,) = self._over_processes(sum(self._losses(self.model, x).sum() for x in batches))
        loss /= len(data) if data.weight is None else float(data.weight.sum())
        self._check_finite("validation loss", loss, data)
        self.history.train_loss.append(self.loss / len(self.train))
        self.history.validation_loss.append(loss)
        self.history.seconds.append(time.process_time() - start)
        if self.history.best_epoch == self.epoch:
            self.best = {key: x.detach().clone() for key, x in self.model.state_dict().items()}
        self.step, self.loss, self.seconds = 0, 0.0, 0.0

    def _losses(self, network: nn.Module, batch: Data) -> Tensor:
        losses = self.plan.loss(call(network, batch.inputs), batch.target)
        if losses.shape != (len(batch),):
            raise ValueError(
                f"the loss has shape {tuple(losses.shape)}; it must be one number per event, "
                f"shape ({len(batch)},)"
            )
        return losses if batch.weight is None else losses * batch.weight

    def _over_processes(self, *values: float | Tensor) -> list[float]:
        summed = torch.tensor([float(x) for x in values], device=self.fabric.device)
        return torch.as_tensor(self.fabric.all_reduce(summed, reduce_op="sum")).tolist()

    def _check_finite(self, what: str, value: Any, batch: Data) -> None:
        value = float(value)
        if math.isfinite(value):
            return
        inputs = tensors_of(batch.inputs).items()
        bad = ", ".join(name for name, tensor in inputs if not tensor.isfinite().all())
        cause = (
            f"input {bad} of that batch holds NaN or infinity: clean it, unless it is padding"
            if bad
            else "the inputs of that batch are finite: look at the sizes of inputs and weights, at "
            f"logarithms and divisions in the loss, or lower the learning rate ({self.plan.lr:g})"
        )
        raise RuntimeError(
            f"the {what} is {value} in epoch {self.epoch + 1}, step {self.step + 1}; {cause}"
        )


def _stream(*numbers: int) -> int:
    """Seed of the random stream that the numbers name."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
