"""Detector v1 is frozen: the same particles give the same response, figure by figure.

Samples that were made with it are committed. A change of its physics is a new version, and
``python tests/samples/detector/test_frozen.py`` then writes the new figures, once every sample
that depends on it has a new version and is made again.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
from pathlib import Path

import numpy as np
import pytest

from hepml_lib.samples import detector, recipes
from hepml_lib.samples.detector import calorimeter, level1, objects

FROZEN = Path(__file__).with_name("version_1.json")
EVENTS = 40


def particles(rng):
    """Particles of every kind, some displaced, some of pileup, with momenta like a collision's."""
    number = 400 * EVENTS
    kind = rng.choice(5, number, p=[0.55, 0.12, 0.31, 0.01, 0.01]).astype(np.int8)
    charge = np.where(np.isin(kind, (1, 2)), 0, rng.choice([-1, 1], number)).astype(np.int8)
    pt = 0.2 + rng.exponential(1.0, number) ** 3
    eta = rng.uniform(-5.2, 5.2, number)
    vertex = rng.integers(0, 4, number).astype(np.int16)
    bunch = np.where(vertex == 3, rng.integers(-1, 2, number), 0).astype(np.int8)
    flight = rng.exponential(2.0, (3, number)) * (rng.random(number) < 0.2)
    return {
        "event": np.sort(rng.integers(0, EVENTS, number)),
        "pt": pt,
        "eta": eta,
        "phi": rng.uniform(-np.pi, np.pi, number),
        "energy": np.hypot(pt * np.cosh(eta), detector.MASSES[kind]),
        "kind": kind,
        "charge": charge,
        "x": flight[0],
        "y": flight[1],
        "z": flight[2] + 10.0 * vertex,
        "vertex": vertex,
        "bunch": bunch,
    }


def figures():
    """Sums over everything that the detector puts out."""
    rng = np.random.default_rng(1)
    table = particles(rng)
    vertices = {
        "event": np.repeat(np.arange(EVENTS), 3),
        "vertex": np.tile(np.arange(3), EVENTS),
        "z": np.tile([0.0, 10.0, 20.0], EVENTS),
    }
    seen = detector.respond(table, rng, vertices=vertices)
    kept = detector.take(seen.candidates, objects.from_leading(seen.candidates))
    parts = {
        "candidates": seen.candidates,
        "towers": seen.towers,
        "leptons": objects.leptons(seen.candidates, rng),
        "photons": objects.photons(seen.candidates, rng),
        "missing": objects.missing(seen.candidates, EVENTS),
        "density": {"rho": objects.density(kept, EVENTS)},
        "level1": level1.trigger(seen.towers, table, EVENTS, rng),
        "resolution": {"forward": calorimeter.forward_resolution(np.array([10.0, 100.0]))},
    }
    return {
        f"{part}.{name}": [len(column), float(np.abs(column).astype(float).sum())]
        for part, columns in parts.items()
        for name, column in columns.items()
    }


def dependants():
    """Samples whose recipe uses the detector."""
    found = []
    for module in pkgutil.iter_modules(recipes.__path__):
        path = Path(recipes.__path__[0]) / f"{module.name}.py"
        imported = {
            name.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }
        if "detector" in imported:
            found += [
                value.name
                for value in vars(
                    importlib.import_module(f"{recipes.__name__}.{module.name}")
                ).values()
                if type(value).__name__ == "Recipe"
            ]
    return sorted(found)


def test_the_response_is_that_of_version_1():
    frozen, now = json.loads(FROZEN.read_text()), figures()
    differing = [
        name
        for name in frozen.keys() | now.keys()
        if now.get(name) != pytest.approx(frozen.get(name), rel=1e-6)
    ]
    assert not differing, (
        f"the detector is not version 1 any more: {', '.join(sorted(differing))} changed. "
        f"These samples were made with version 1: {', '.join(dependants())}. "
        "Give each a new version and make it again, or undo the change"
    )


def test_dependants_are_found():
    assert {"collisions", "top_jets"} <= set(dependants())


if __name__ == "__main__":
    lines = [f'  "{name}": {json.dumps(value)}' for name, value in figures().items()]
    FROZEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
