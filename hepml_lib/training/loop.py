"""The loop: `fit`, and what a network says about events: `predict`."""

from __future__ import annotations

import contextlib
import copy
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm.auto import tqdm

from hepml_lib import settings
from hepml_lib.training.data import Data, History
from hepml_lib.training.step import Loss, Plan, Run

__all__ = ["fit", "predict", "seeded"]


def fit(
    model: nn.Module,
    train: Data,
    validation: Data,
    *,
    loss: Loss | None = None,
    epochs: int = 20,
    batch_size: int = 256,
    lr: float = 1e-3,
    weight_decay: float = 1e-2,
    schedule: str | None = "cosine",
    patience: int | None = None,
    clip: float | None = 1.0,
    seed: int | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 120.0,
    progress: bool = True,
    devices: int = 1,
) -> History:
    """Train `model` in place with AdamW and leave it with its best weights, in evaluation mode.

    The best weights are those with the lowest validation loss. The state of torch's global random
    generator is the same before and after.

    Parameters
    ----------
    loss
        Takes output and target, returns one loss per event, shape (n,). Default: binary
        cross-entropy on logits.
    batch_size
        Events per step, over all devices together. An epoch is split into equal batches, so none
        is larger and none is a small remainder.
    lr, schedule
        Peak learning rate, and its course: ``"cosine"`` falls to zero, ``"one-cycle"`` first rises
        during 30 % of the steps, None stays.
    patience
        Stop after this many epochs without a better validation loss.
    clip
        Largest norm of the gradient; None for no limit.
    seed
        Default ``settings.seed("training")``. It orders the batches and drives dropout; the first
        weights are drawn when the model is built (see `seeded`).
    checkpoint
        File to write every `checkpoint_seconds`, at the end and on an interrupt, and to resume from
        if it exists.
    devices
        Processes that share each batch (DDP). Outside a notebook they are spawned: model class and
        loss must be importable, and a script needs ``if __name__ == "__main__"``.

    Returns
    -------
    History
        Losses and seconds of each epoch.

    Raises
    ------
    ValueError
        If an option, the data or the checkpoint does not fit.
    RuntimeError
        If the loss is not finite; the message says where, and what to look at.
    KeyboardInterrupt
        After an interrupt, once the step is complete and the checkpoint is written.

    Notes
    -----
    Weights are scaled to a mean of one over the training data, then each batch is averaged over its
    events. Over an epoch this is the weighted mean, unbiased also with large or negative weights,
    where dividing by the weights of a batch is not.

    References
    ----------
    AdamW: Loshchilov, Hutter, arXiv:1711.05101. One-cycle: Smith, Topin, arXiv:1708.07120.

    Examples
    --------
    The best tagger on x with densities N(+1, 1) and N(-1, 1) has the logit 2x:

    >>> from hepml_lib.nets import MLP
    >>> y = torch.arange(4000) % 2
    >>> with seeded(1):
    ...     model = MLP(1, hidden=())
    ...     x = torch.randn(4000, 1) + 2 * y[:, None] - 1
    >>> history = fit(model, Data((x,), y), Data((x,), y), epochs=20, lr=0.1, progress=False)
    >>> bool(abs(predict(model, torch.tensor([[1.0]]))[0] - 2) < 0.2)
    True
    """
    plan = Plan(
        loss=loss or _binary_cross_entropy,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        schedule=schedule,
        patience=patience,
        clip=clip,
        seed=settings.seed("training") if seed is None else seed,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        checkpoint_seconds=checkpoint_seconds,
        progress=progress,
    )
    fabric = _fabric(devices, min(batch_size, len(train)))
    train = _unit_mean(train)
    if devices == 1:
        return _train(model, train, validation, plan, fabric)
    model.share_memory()  # the way back: process 0 leaves the best weights in this memory
    history = fabric.launch(partial(_train_in_process, model, train, validation, plan))
    model.eval()
    return history


def predict(
    model: nn.Module, inputs: Data | Tensor | Sequence[Tensor], batch_size: int = 2048
) -> np.ndarray:
    """Output of `model` on all events: logits, for every network of `hepml_lib.nets`.

    Dropout is off and no gradient is kept.

    Returns
    -------
    numpy.ndarray
        Shape (n,) or (n, outputs), float32.
    """
    if isinstance(inputs, Data):
        inputs = inputs.inputs
    tensors = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    device = next(model.parameters()).device
    mode = model.training
    model.eval()
    with torch.no_grad(), _threads():
        batches = zip(*(x.split(batch_size) for x in tensors), strict=True)
        outputs = [model(*(x.to(device) for x in batch)).cpu() for batch in batches]
    model.train(mode)
    return torch.cat(outputs).numpy()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch inside the block, and put its global generator back afterwards.

    Examples
    --------
    >>> with seeded(1):
    ...     first = torch.rand(1)
    >>> with seeded(1):
    ...     bool(torch.rand(1) == first)
    True
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _train(model: nn.Module, train: Data, validation: Data, plan: Plan, fabric: Fabric) -> History:
    """The loop; each of several processes runs it on its share of every batch."""
    history = History()
    with seeded(plan.seed), _threads(), _interrupt() as asked:
        run = Run(model, train, validation, plan, fabric, history)
        with _bar(run) as bar:
            while not plan.over(history):
                start = time.process_time() - run.seconds
                model.train()
                for index in plan.batches(len(train), run.epoch)[run.step :]:
                    stop = run.descend(index, asked)
                    bar.update()
                    run.seconds = time.process_time() - start
                    if stop or time.monotonic() - run.saved > plan.checkpoint_seconds:
                        run.save()
                    if stop:
                        model.load_state_dict(run.best or model.state_dict())
                        raise KeyboardInterrupt(_farewell(run))
                run.close_epoch(start)
                bar.set_postfix(epoch=run.epoch, validation=f"{history.validation_loss[-1]:.4f}")
        run.save()
        model.load_state_dict(run.best)
        model.eval()
    return history


def _train_in_process(
    model: nn.Module, train: Data, validation: Data, plan: Plan, fabric: Fabric
) -> History:
    """`_train` on a private copy of a model whose memory all processes share."""
    own = copy.deepcopy(model)
    history = _train(own, train, validation, plan, fabric)
    if fabric.is_global_zero:
        model.load_state_dict(own.state_dict())
    return history


def _fabric(devices: int, events: int) -> Fabric:
    if not 1 <= devices <= events:
        raise ValueError(f"{devices} processes cannot share batches of {events} events")
    device = torch.device(settings.device())
    if devices == 1:
        chosen = 1 if device.index is None else [device.index]
        return Fabric(accelerator=device.type, devices=chosen)
    # A notebook's classes exist only in its own process: fork it there, else start clean ones.
    strategy = "ddp_notebook" if hasattr(sys, "ps1") else "ddp_spawn"
    return Fabric(accelerator=device.type, devices=devices, strategy=strategy)


def _unit_mean(data: Data) -> Data:
    """The same events, weights divided by their mean."""
    if data.weight is None:
        return data
    mean = data.weight.double().mean()
    if not (torch.isfinite(mean) and mean > 0):
        raise ValueError(f"the mean weight of the training events is {mean:g}, not above zero")
    return Data(data.inputs, data.target, (data.weight / mean).to(data.weight.dtype))


def _binary_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    target = target.to(output.dtype)
    return nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none")


def _bar(run: Run) -> tqdm:
    steps = run.plan.steps(len(run.train))
    return tqdm(
        desc="training",
        total=run.plan.epochs * steps,
        initial=run.epoch * steps + run.step,
        unit="step",
        leave=False,
        disable=not (run.plan.progress and run.fabric.is_global_zero),
    )


def _farewell(run: Run) -> str:
    file = run.plan.checkpoint
    kept = f"call it again to resume from {file}" if file else "no checkpoint was asked for"
    return f"training stopped in epoch {run.epoch + 1} after {run.step} of its steps; {kept}"


@contextlib.contextmanager
def _threads() -> Iterator[None]:
    """Use `settings.threads()` threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _interrupt() -> Iterator[threading.Event]:
    """Event that Ctrl-C, or the notebook's stop button, sets: no step is cut in half."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread receives signals
        return
    before = signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
    if asked.is_set():  # too late to stop this training, in time to stop what follows it
        raise KeyboardInterrupt
