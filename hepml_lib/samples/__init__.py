"""Samples of simulated collisions with known truth.

``load(name)`` gives a documented awkward array, from the committed file and, for more than that
holds, from generation into the user's cache. `names()` lists the samples, `describe(name)` gives a
data card. ``reproduce()`` makes the committed ones again and compares. ``fetch(name)`` downloads a
public benchmark set.
"""

from __future__ import annotations

from hepml_lib.samples.catalogue import build, check, describe, load, make, names
from hepml_lib.samples.public import fetch
from hepml_lib.samples.reproduction import reproduce
from hepml_lib.samples.weights import event_weights

__all__ = [
    "build",
    "check",
    "describe",
    "event_weights",
    "fetch",
    "load",
    "make",
    "names",
    "reproduce",
]
