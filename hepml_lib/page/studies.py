"""Seed studies: how far each claim lies from its guard, in spreads of the measured effect."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from IPython.core.inputtransformer2 import TransformerManager
from scipy import special

__all__ = ["RUNS", "SPREADS", "check_study", "summary"]

RUNS = 20  # seeds of a study
SPREADS = 5  # total spreads between the mean effect and the largest guard


def summary(runs: Sequence[Iterable[Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Mean and total spread of every figure over runs with different seeds.

    Parameters
    ----------
    runs : sequence
        For each seed, the records of the notebook as `results.collect` returns them.

    Returns
    -------
    dict
        Name → ``values`` by seed, ``mean``, ``retraining`` (their standard deviation),
        ``bootstrap`` (root mean square of the spreads of their intervals), ``s`` (both in
        quadrature), ``largest_guard`` (mean less five s), and ``guard`` and ``null`` if claimed.

    Raises
    ------
    ValueError
        If a figure is missing or not finite in some runs, which would bias its mean.
    """
    figures: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        for entry in run:
            figures.setdefault(entry["name"], []).append(entry)
    found: dict[str, dict[str, Any]] = {}
    for name, entries in figures.items():
        if len(entries) != len(runs):
            raise ValueError(f"{name!r} is recorded in {len(entries)} of {len(runs)} runs")
        values = np.array([entry["value"] for entry in entries], float)
        if not np.isfinite(values).all():
            raise ValueError(f"{name!r} is not finite in every run")
        variances = [
            ((e["high"] - e["low"]) / 2 / special.ndtri(0.5 + e["level"] / 2)) ** 2
            for e in entries
            if e["low"] is not None and e["high"] is not None
        ]
        retraining = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        bootstrap = float(np.sqrt(np.mean(variances))) if variances else 0.0
        s = float(np.hypot(retraining, bootstrap))
        numbers = {
            "mean": float(values.mean()),
            "retraining": retraining,
            "bootstrap": bootstrap,
            "s": s,
            "largest_guard": float(values.mean() - SPREADS * s),
        }
        found[name] = {k: float(f"{x:.6g}") for k, x in numbers.items()}
        found[name]["values"] = [float(f"{x:.6g}") for x in values]
        found[name] |= {k: entries[0][k] for k in ("guard", "null") if k in entries[0]}
    return found


def check_study(notebook: str | Path) -> list[str]:
    """What is wrong with the guards of a notebook, given the seed study beside it.

    Every `claim` must have a literal name and guard, at least `RUNS` seeds, and a guard from
    its null up to the mean effect less `SPREADS` total spreads. An empty list means that all hold.
    """
    path = Path(notebook)
    claims, problems = _claims(path)
    study = path.with_suffix(".seeds.json")
    if claims and not study.exists():
        return [*problems, f"{study.name} is missing: run `make seeds NOTEBOOK={path}`"]
    stored = json.loads(study.read_text(encoding="utf-8")) if claims else {}
    for name, (guard, null) in claims.items():
        figure = stored["figures"].get(name)
        if figure is None:
            problems.append(f"{name!r} is not in {study.name}: run the study again")
            continue
        largest = figure["mean"] - SPREADS * figure["s"]
        if len(figure["values"]) < RUNS:
            problems.append(f"{name!r} has {len(figure['values'])} seeds, not {RUNS}")
        if not null <= guard <= largest:
            problems.append(
                f"{name!r}: the guard {guard:g} is not between the null {null:g} and "
                f"{largest:.4g}, the mean {figure['mean']:.4g} less {SPREADS} spreads of "
                f"{figure['s']:.2g}"
            )
    return problems


def _claims(path: Path) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Guard and null of every claim in a notebook's source, and the calls that hide theirs."""
    claims, problems = {}, []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            called = node.func if isinstance(node, ast.Call) else None
            if "claim" not in (getattr(called, "attr", ""), getattr(called, "id", "")):
                continue
            assert isinstance(node, ast.Call)
            given = dict(zip(("name", "effect", "guard"), node.args, strict=False))
            given |= {word.arg: word.value for word in node.keywords if word.arg}
            try:
                name = ast.literal_eval(given["name"])
                guard = float(ast.literal_eval(given["guard"]))
                null = float(ast.literal_eval(given["null"])) if "null" in given else 0.0
            except (KeyError, ValueError, TypeError):
                problems.append(f"{path.name}: write name and guard literally: {ast.unparse(node)}")
                continue
            claims[name] = (guard, null)
    return claims, problems
