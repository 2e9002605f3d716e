"""State of a training on disk, without pickle: one safetensors file with a JSON record.

A checkpoint holds the weights, the best weights so far, the optimiser's tensors, and a record: the
plan of the training, which must agree when it resumes, and how far it has come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hepml_lib.nets import store

__all__ = ["resume", "write"]


def write(
    path: Path,
    plan: dict[str, Any],
    progress: dict[str, Any],
    model: nn.Module,
    best: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write a checkpoint; the file at `path` is the old one or the new one, never half of it.

    Parameters
    ----------
    path
        Of the file.
    plan
        What defines the training, as JSON.
    progress
        How far it has come, as JSON.
    model
        As it is now.
    best
        State of the model at its best epoch; empty before the first epoch has ended.
    optimiser
        As it is now.
    """
    tensors = {f"model/{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"best/{key}": value for key, value in best.items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{key}": value for key, value in state.items()}
    store.write_tensors(path, tensors, {"plan": plan, "progress": progress})


def resume(
    path: Path, plan: dict[str, Any], model: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Load a checkpoint into `model` and `optimiser`.

    Parameters
    ----------
    path
        Of the file.
    plan
        What defines the training now: it must be what defined it then.
    model, optimiser
        Changed in place.

    Returns
    -------
    progress, best
        How far the training had come, as `write` was told, and the state of the best epoch.

    Raises
    ------
    ValueError
        If the file is damaged, or belongs to another training or network.
    """
    tensors, record = store.read_tensors(path)
    if not {"plan", "progress"} <= record.keys():
        raise ValueError(f"{path} is no checkpoint of a training: delete it or name another file")
    before = record["plan"]
    changed = [f"{key} {before.get(key)} then, {now} now" for key, now in plan.items()
               if before.get(key) != now]  # fmt: skip
    if changed:
        raise ValueError(
            f"{path} is from another training ({'; '.join(changed)}): "
            "delete it to start again, or name another file"
        )
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimiser": {}}
    for key, value in tensors.items():
        part, _, name = key.partition("/")
        parts[part][name] = value
    try:
        model.load_state_dict(parts["model"])
    except RuntimeError as error:
        raise ValueError(f"{path} is from another network: {error}") from None
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in parts["optimiser"].items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    return record["progress"], parts["best"]
