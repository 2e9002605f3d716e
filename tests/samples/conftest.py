"""A small chunk of every sample, made once in a session."""

from __future__ import annotations

from functools import cache

import pytest

from hepml_lib.samples import catalogue, manifest, mixture
from hepml_lib.samples.detector import pileup

ENTRIES = {
    "boosted_jets": 1,
    "calorimeter_showers": 4,
    "collisions": 8,
    "dijet_resonance": 11,
    "flavour_jets": 40,
    "htautau": 2,
    "jet_response": 5,
    "l1_jets": 1,
    "measurement_events": 2,
    "multijet_search": 5,
    "top_jets": 12,
    "tracking_events": 1,
    "trigger_events": 3,
    "ttbar_hadronic": 12,
    "tth_events": 6,
    "zjets_nature": 12,
    "zjets_simulation": 12,
}
"""Entries of the small chunk; one jet is of one class, so that one Pythia is enough."""


@cache
def small_pool() -> pileup.Pool:
    """To start Pythia for minimum bias takes seconds: one small pool serves all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pileup, "_BATCH", 20)
        return pileup.Pool(5_160_004, 20)


def make(name):
    """Columns of the small chunk of a sample, made now."""
    recipe = catalogue.definition(name)
    for package in recipe.packages:
        if manifest.version(package) == "not installed":
            pytest.skip(f"{package} is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixture, "Pool", lambda seed, events: small_pool())
        return recipe.make(recipe.part("validation", 70), ENTRIES[name])


@pytest.fixture(scope="session")
def make_again():
    """Function that makes the small chunk of a sample anew."""
    return make


@pytest.fixture(scope="session")
def small_chunk():
    """Function that gives the small chunk of a sample, made once."""
    return cache(make)
