"""The loop: `fit`, and what a network says about events: `predict`."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm.auto import tqdm

from hepml_lib import settings
from hepml_lib.training.data import Data, History, Inputs, apply, call, tensors_of
from hepml_lib.training.process import fabric_of, interrupt, seeded, threads
from hepml_lib.training.step import Loss, Plan, Run

__all__ = ["fit", "predict", "train"]


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
    model
        Called with the inputs of the data, by name if they have names.
    train, validation
        Events to learn from, and those that decide which weights are the best.
    loss
        Takes output and target, returns one loss per event, shape (n,). Default: binary
        cross-entropy on logits, for targets that are 0 or 1.
    epochs
        Passes over the training events.
    batch_size
        Events per step, over all devices together. An epoch is split into equal batches, so none
        is larger and none is a small remainder.
    lr, schedule
        Peak learning rate, and its course: ``"cosine"`` falls to zero, ``"one-cycle"`` first rises
        during 30 % of the steps, None stays.
    weight_decay
        Of AdamW.
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
    checkpoint_seconds
        Longest time between two writings [s].
    progress
        Whether to show a bar.
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
        If an option, the data or the checkpoint does not fit, or the default loss meets a target
        other than 0 and 1.
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
    if loss is None:
        train.check_labels("training")
        validation.check_labels("validation")
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
    fabric = fabric_of(devices, min(batch_size, len(train)))
    train = train.with_unit_mean()
    if devices == 1:
        return _train(model, train, validation, plan, fabric)
    model.share_memory()  # the way back: process 0 leaves the best weights in this memory
    history = fabric.launch(partial(_train_in_process, model, train, validation, plan))
    model.eval()
    return history


def train(
    make: Callable[[], nn.Module],
    train: Data,
    validation: Data,
    *,
    seed: int,
    wrap: Callable[[Any], nn.Module] | None = None,
    **options: Any,
) -> tuple[Any, History]:
    """Make a network, standardise its inputs if it can, and fit it: a training in one call.

    Parameters
    ----------
    make
        Makes the network; its first weights are drawn with `seed`.
    train, validation
        Events to learn from, and those that decide which weights are the best.
    seed
        Of the first weights, of the order of the batches and of dropout.
    wrap
        Makes of the network the module that is fitted, where that is more than the network, such as
        `nets.flavour.AllTasks`.
    **options
        Of `fit`: ``epochs``, ``lr``, ``batch_size``, ``schedule``, ``loss``, ...

    Returns
    -------
    network, history
        The network with its best weights, in evaluation mode, and the course of the training.

    Raises
    ------
    ValueError, RuntimeError, KeyboardInterrupt
        As `fit`.

    Examples
    --------
    Two Gaussians of width 1 at ±1, in a unit 1000 times as small, have the logit x/500:

    >>> from hepml_lib.nets import MLP
    >>> y = torch.arange(4000) % 2
    >>> with seeded(1):
    ...     x = 1000 * (torch.randn(4000, 1) + 2 * y[:, None] - 1)
    >>> data = Data((x,), y)
    >>> network, _ = train(
    ...     lambda: MLP(1, hidden=()), data, data, seed=1, epochs=20, lr=0.1, progress=False
    ... )
    >>> bool(abs(predict(network, torch.tensor([[1000.0]]))[0] - 2) < 0.2)
    True
    """
    with seeded(seed):
        network: Any = make()
    if hasattr(network, "standardise"):
        call(network.standardise, train.inputs)
    model = network if wrap is None else wrap(network)
    history = fit(model, train, validation, seed=seed, **options)
    return network.eval(), history


def predict(model: nn.Module, inputs: Data | Tensor | Inputs, batch_size: int = 2048) -> np.ndarray:
    """Output of `model` on all events: logits, for every network of `hepml_lib.nets`.

    Dropout is off and no gradient is kept.

    Parameters
    ----------
    model
        Called with the inputs, by name if they have names.
    inputs
        One tensor, a tuple or a mapping of tensors, or data. The first axis counts events.
    batch_size
        Events in one call.

    Returns
    -------
    numpy.ndarray
        Shape (n,) or (n, outputs), float32.

    Raises
    ------
    ValueError
        If the tensors differ in length, or there is none.
    """
    if isinstance(inputs, Data):
        inputs = inputs.inputs
    given: Inputs = (inputs,) if isinstance(inputs, Tensor) else inputs
    lengths = [len(tensor) for tensor in tensors_of(given).values()]
    if len(set(lengths)) != 1:
        raise ValueError(f"inputs differ in length, or there is none: {lengths}")
    device = next(model.parameters()).device
    mode = model.training
    model.eval()
    with torch.no_grad(), threads():
        batches = (
            apply(itemgetter(slice(start, start + batch_size)), given)
            for start in range(0, max(lengths[0], 1), batch_size)
        )
        outputs = [call(model, apply(lambda x: x.to(device), batch)).cpu() for batch in batches]
    model.train(mode)
    return torch.cat(outputs).numpy()


def _train(model: nn.Module, train: Data, validation: Data, plan: Plan, fabric: Fabric) -> History:
    """The loop; each of several processes runs it on its share of every batch."""
    history = History()
    with seeded(plan.seed), threads(), interrupt() as interrupted:
        run = Run(model, train, validation, plan, fabric, history)
        with _bar(run) as bar:
            while not plan.over(history):
                start = time.process_time() - run.seconds
                model.train()
                for index in plan.batches(len(train), run.epoch)[run.step :]:
                    stop = run.take_step(index, interrupted)
                    bar.update()
                    run.seconds = time.process_time() - start
                    if stop or time.monotonic() - run.saved > plan.checkpoint_seconds:
                        run.save()
                    if stop:
                        model.load_state_dict(run.best or model.state_dict())
                        raise KeyboardInterrupt(_how_to_resume(run))
                run.end_epoch(start)
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


def _how_to_resume(run: Run) -> str:
    file = run.plan.checkpoint
    advice = f"call it again to resume from {file}" if file else "no checkpoint was asked for"
    return f"training stopped in epoch {run.epoch + 1} after {run.step} of its steps; {advice}"
