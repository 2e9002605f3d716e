"""Samples of simulated collisions with known truth.

``load(name)`` gives a documented awkward array, from the committed file and, for more than that
holds, from generation into the user's cache. `names()` lists the samples, `describe(name)` gives a
data card.
"""

from __future__ import annotations

from hepml_lib.samples.catalogue import build, check, describe, load, make, names

__all__ = ["build", "check", "describe", "load", "make", "names"]
