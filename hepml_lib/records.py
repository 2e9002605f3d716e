"""Figures measured on many held-out jets: a JSON file of the repository that the pages read.

The jets would take an hour to generate, so a page cannot measure them itself. Each file names the
study that made it (see ``hepml study``) and the weights that it is about; figures of other weights
are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import atomic, settings
from hepml_lib.metrics import Band, Estimate
from hepml_lib.nets import store

__all__ = ["cached_scores", "path", "read", "write"]


def path(name: str) -> Path:
    """File of a record.

    Parameters
    ----------
    name
        Of the study.

    Returns
    -------
    Path
        Whether the file is there or not.
    """
    return settings.data_dir() / "results" / f"{name}.json"


def cached_scores(key: str, jets: ak.Array, compute: Callable[[], NDArray]) -> NDArray[np.float32]:
    """Scores of jets from the cache, or computed and stored there: a stopped study goes on.

    Parameters
    ----------
    key
        What gives the scores: part of a file name that says which weights or which training.
    jets
        Jets with `event` and `pt`, by which they are recognised: scores of others are not taken.
    compute
        Makes the scores, shape (n, ...).

    Returns
    -------
    ndarray
        In single precision.
    """
    identity = hashlib.sha256(np.ascontiguousarray(jets.event).tobytes())
    identity.update(np.ascontiguousarray(jets.pt).tobytes())
    file = settings.cache_dir() / "scores" / f"{key}-{identity.hexdigest()[:16]}.npy"
    if not file.exists():
        scores = compute().astype(np.float32)
        with atomic.replacing(file) as draft, draft.open("wb") as stream:
            np.save(stream, scores)
    return np.load(file, allow_pickle=False)


def write(name: str, record: dict[str, Any]) -> Path:
    """Write a record, whole or not at all.

    Parameters
    ----------
    name
        Of the study.
    record
        ``command``, ``data`` and ``taggers``: by tagger its figures, numbers and texts, or
        `Estimate` and `Band` as dictionaries.

    Returns
    -------
    Path
        Its file.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False)
    file = path(name)
    atomic.write(file, text + "\n")
    return file


def read(name: str) -> dict[str, Any]:
    """Read a record; figures become `Estimate`, curves `Band`, by tagger under ``taggers``.

    Parameters
    ----------
    name
        Of the study.

    Returns
    -------
    dict
        ``command``, ``data`` and ``taggers``, and what else the study wrote.

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
    columns: dict[str, Any] = {key: np.asarray(column) for key, column in value.items()}
    return Band(**columns)
