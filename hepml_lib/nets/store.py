"""Trained models: weights in safetensors, and a model card that says how to rebuild and trust them.

A model is two files, ``<name>.safetensors`` and ``<name>.json``. Nothing is ever unpickled: weights
are plain arrays, the card is JSON, and the class it names must live in `hepml_lib.nets`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from hepml_lib import __version__, atomic, settings

__all__ = ["card", "load", "names", "read_tensors", "save", "write_tensors"]

_REQUIRED = ("command", "data", "figure", "limits", "seed")
_PACKAGE = "hepml_lib.nets."


def save(name: str, model: nn.Module, card: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Write the weights of `model` and its card.

    Parameters
    ----------
    name
        Letters, digits, dot, dash and underscore, such as ``"tagging.pfn"``.
    model
        A network of `hepml_lib.nets`; its ``arguments`` rebuild it.
    card
        Must state ``data`` (sample, split, events, seed), ``seed`` of the training, ``command``
        that repeats it, ``figure`` (the headline with its interval) and ``limits`` (where not to
        use it); may state more. Architecture, parameters, versions, date and the hash of the
        weights are added here.
    folder
        Default ``models`` in `settings.data_dir`.

    Returns
    -------
    Path
        File of the weights; the card lies beside it.

    Raises
    ------
    ValueError
        If the name is not one, the card lacks an entry, or the network is not of `hepml_lib.nets`.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError(f"{name!r} is no model name: use letters, digits, '.', '-' and '_'")
    missing = [key for key in _REQUIRED if key not in card]
    if missing:
        raise ValueError(f"the card of {name!r} does not state: {', '.join(missing)}")
    folder = folder or settings.data_dir() / "models"
    weights = safetensors.torch.save(_plain(model.state_dict()))
    record = {
        **card,
        "name": name,
        "architecture": _architecture(model),
        "arguments": model.arguments,
        "parameters": sum(p.numel() for p in model.parameters()),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
            "hepml_lib": __version__,
        },
    }
    text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path = folder / f"{name}.safetensors"
    atomic.write(path, weights)
    atomic.write(folder / f"{name}.json", text + "\n")
    return path


def load(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """Rebuild a stored network, in evaluation mode, and read its card.

    Parameters
    ----------
    name
        One of `names`; of two with the same name, that of the book goes before that of the cache.

    Returns
    -------
    network, card
        The network and what its card states.

    Raises
    ------
    ValueError
        If there is no such model, a file is missing or damaged, or the weights are not those that
        the card describes.

    Examples
    --------
    >>> load("no.such.model")
    Traceback (most recent call last):
    ValueError: there is no model 'no.such.model'; ...
    """
    record = card(name)
    path = _find(name).with_name(f"{name}.safetensors")
    if not path.exists():
        raise ValueError(f"{path} is missing: its card is there, its weights are not")
    weights = path.read_bytes()
    if hashlib.sha256(weights).hexdigest() != record["sha256"]:
        raise ValueError(
            f"{path} is damaged or not the file that its card describes (sha256 differs): "
            "restore it from the repository or train the model again"
        )
    network = _network(record["architecture"], path)
    try:
        with torch.random.fork_rng():  # the constructor draws weights, which are replaced at once
            model = network(**record["arguments"])
        model.load_state_dict(safetensors.torch.load(weights))
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"the card of {path} does not describe its weights: {error}") from None
    return model.eval(), record


def card(name: str) -> dict[str, Any]:
    """Read the card of a stored model.

    Parameters
    ----------
    name
        One of `names`.

    Returns
    -------
    dict
        Architecture, arguments, parameters, hash, versions, and all that `save` was told.

    Raises
    ------
    ValueError
        If there is no such model, or the card is damaged.
    """
    path = _find(name)
    try:
        record = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    absent = [
        key for key in (*_REQUIRED, "architecture", "arguments", "sha256") if key not in record
    ]
    if absent:
        raise ValueError(f"{path} is no model card: it lacks {', '.join(absent)}")
    return record


def names() -> list[str]:
    """Names of all stored models, sorted.

    Returns
    -------
    list of str
        Those of the repository and of the user's cache.
    """
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.json")})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """Write tensors and a JSON record into one file, which is complete or absent at any moment.

    Parameters
    ----------
    path
        Of the file; its folder is made if it is missing.
    tensors
        By name.
    record
        What JSON can hold; NaN and infinity are refused.
    """
    text = json.dumps(record, allow_nan=False)
    atomic.write(path, safetensors.torch.save(_plain(tensors), {"record": text}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors by name and the record that `write_tensors` wrote.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    tensors, record
        Tensors by name, and the record, a dict.

    Raises
    ------
    ValueError
        If the file is damaged or holds no record.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return tensors, json.loads((file.metadata() or {})["record"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged or of another kind ({error}): delete it") from None


def _folders() -> list[Path]:
    return [settings.data_dir() / "models", settings.cache_dir() / "models"]


def _find(name: str) -> Path:
    for folder in _folders():
        if (folder / f"{name}.json").exists():
            return folder / f"{name}.json"
    raise ValueError(settings.unknown_name("model", name, names()))


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # safetensors refuses views and tensors that share memory: copy.
    return {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}


def _architecture(model: nn.Module) -> str:
    kind = type(model)
    if not kind.__module__.startswith(_PACKAGE) or not hasattr(model, "arguments"):
        raise ValueError(
            f"{kind.__qualname__} of {kind.__module__} cannot be stored: only networks of "
            "hepml_lib.nets that keep their constructor's arguments can be rebuilt by name"
        )
    return f"{kind.__module__.removeprefix(_PACKAGE)}.{kind.__qualname__}"


def _network(architecture: str, path: Path) -> type[nn.Module]:
    """Class that a card names, found in `hepml_lib.nets` and nowhere else."""
    module, _, name = architecture.partition(".")
    if re.fullmatch(r"[a-z_]+", module) and (Path(__file__).parent / f"{module}.py").exists():
        found = getattr(importlib.import_module(_PACKAGE + module), name, None)
        if isinstance(found, type) and issubclass(found, nn.Module):
            return found
    raise ValueError(f"the card of {path} names {architecture!r}, no network of hepml_lib.nets")
