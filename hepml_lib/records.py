"""Figures measured on many held-out jets: a JSON file of the repository that the pages read.

The jets would take an hour to generate, so a page cannot measure them itself. Each file names the
command that made it and the weights that it is about; figures of other weights are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepml_lib import atomic, settings
from hepml_lib.metrics import Band, Estimate
from hepml_lib.nets import store

__all__ = ["kept", "path", "read", "write"]


def path(name: str) -> Path:
    """File of the record `name`."""
    return settings.data_dir() / "results" / f"{name}.json"


def kept(key: str, jets: int, compute: Callable[[], NDArray]) -> NDArray:
    """Scores of the first `jets` held-out jets from the cache, or computed and kept there."""
    file = settings.cache_dir() / "holdout" / f"{key}-{jets}.npy"
    if not file.exists():
        scores = compute().astype(np.float32)
        with atomic.replacing(file) as draft, draft.open("wb") as stream:
            np.save(stream, scores)
    return np.load(file, allow_pickle=False)


def write(name: str, record: dict[str, Any]) -> Path:
    """Write a record, whole or not at all: ``command``, ``data`` and ``taggers``."""
    file = path(name)
    atomic.write(file, json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n")
    return file


def read(name: str) -> dict[str, Any]:
    """Read a record; figures become `Estimate`, curves `Band`, by tagger under ``taggers``.

    Raises
    ------
    ValueError
        If a tagger was trained anew since, so that its figures are of other weights.
    """
    record = json.loads(path(name).read_text(encoding="utf-8"))
    for tagger, entry in record["taggers"].items():
        if "sha256" in entry and entry["sha256"] != store.card(entry["model"])["sha256"]:
            raise ValueError(
                f"the figures of {tagger!r} in {path(name)} are of other weights than those in "
                f"the store: run `{record['command']}`"
            )
        for key, value in entry.items():
            if isinstance(value, dict):
                entry[key] = _figure(value)
    return record


def _figure(value: dict[str, Any]) -> Estimate | Band:
    if "value" in value:
        return Estimate(**value)
    arrays: dict[str, Any] = {key: np.asarray(each) for key, each in value.items()}
    return Band(**arrays)
