"""What a training does to its process: seeds, threads, interrupts, and how many share the work."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

import torch
from lightning_fabric import Fabric

from hepml_lib import settings

__all__ = ["fabric_of", "interrupt", "seeded", "threads"]


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch inside the block, and put its global generator back afterwards.

    Parameters
    ----------
    seed
        Of torch's generators inside the block.

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


@contextlib.contextmanager
def threads() -> Iterator[None]:
    """Use `settings.threads()` threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def interrupt() -> Iterator[threading.Event]:
    """Event that Ctrl-C, or the notebook's stop button, sets: no step is cut in half.

    Yields
    ------
    threading.Event
        It never is set in another thread than the main one, which alone receives signals.

    Raises
    ------
    KeyboardInterrupt
        After the block, if the event was set.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # only the main thread receives signals
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted.is_set():  # too late to stop this training, in time to stop what follows it
        raise KeyboardInterrupt


def fabric_of(devices: int, events: int) -> Fabric:
    """What runs a training on the device of the settings.

    Parameters
    ----------
    devices
        Processes that share each batch.
    events
        Events of a batch.

    Returns
    -------
    Fabric
        Not launched yet.

    Raises
    ------
    ValueError
        If there are more processes than events.
    """
    if not 1 <= devices <= events:
        raise ValueError(f"{devices} processes cannot share batches of {events} events")
    device = torch.device(settings.device())
    if devices == 1:
        chosen = 1 if device.index is None else [device.index]
        return Fabric(accelerator=device.type, devices=chosen)
    # A notebook's classes exist only in its own process: fork it there, else start clean ones.
    strategy = "ddp_notebook" if hasattr(sys, "ps1") else "ddp_spawn"
    return Fabric(accelerator=device.type, devices=devices, strategy=strategy)
