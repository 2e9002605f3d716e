"""Seed studies: how far each claim lies from its guard, in spreads of the measured effect.

A study says what it ran on. Once the notebook's code or the data that it opened are others, it is
refused; when the library changed what comes out, the page's own figures no longer agree with it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hepml_lib.page import provenance

__all__ = ["RUNS", "SPREADS", "check_study", "path", "ran_on", "stale", "summary"]

RUNS = 20  # seeds of a study
SPREADS = 5  # total spreads between the mean effect and the largest guard
_SCALE = "quick"  # at which the pages run, and so their claims hold

# With one seed a figure comes out the same, but for rounding, in which processors differ and which
# a training amplifies. A tenth of the scatter of trainings is a fiftieth of the least distance
# between mean and guard. What is not trained scatters by nothing: it agrees to the digits stored.
_SHARE_OF_SCATTER = 0.1
_DIGITS = 6
_ROUNDING = 10.0 ** (1 - _DIGITS)


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
        bootstrap = float(np.sqrt(np.mean(variances))) if variances else 0.0
        numbers = _derived(values, bootstrap) | {"bootstrap": bootstrap}
        found[name] = {k: _rounded(x) for k, x in numbers.items()}
        found[name]["values"] = [_rounded(x) for x in values]
        found[name] |= {k: entries[0][k] for k in ("guard", "null") if k in entries[0]}
    return found


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")


def _derived(values: Sequence[float] | NDArray, bootstrap: float) -> dict[str, float]:
    """Mean, scatter of trainings, total spread and largest guard of one figure."""
    mean = float(np.mean(values))
    retraining = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    s = float(np.hypot(retraining, bootstrap))
    return {"mean": mean, "retraining": retraining, "s": s, "largest_guard": mean - SPREADS * s}


def path(notebook: str | Path) -> Path:
    """File of the study of a notebook.

    Parameters
    ----------
    notebook : str or Path
        Where it lies.

    Returns
    -------
    Path
        Beside it, with the ending ``.seeds.json``.
    """
    return Path(notebook).with_suffix(".seeds.json")


def ran_on(notebook: str | Path, data: Iterable[str]) -> dict[str, Any]:
    """What a study of a notebook ran on.

    Parameters
    ----------
    notebook : str or Path
        Where it lies.
    data : iterable of str
        Committed files, as `provenance.committed_data` names them.

    Returns
    -------
    dict
        ``code``, a hash, and ``data``, a hash for each file.
    """
    return {
        "code": provenance.code_hash(notebook),
        "data": provenance.data_hashes(sorted(data)),
    }


def check_study(notebook: str | Path) -> list[str]:
    """What is wrong with the guards of a notebook, given the seed study beside it.

    Every `claim` must have a literal name and guard, and a guard from its null up to the mean
    effect less `SPREADS` total spreads; both are computed here from the values by seed. The study
    must have `RUNS` seeds, none of which failed, at the scale of the pages, with the code and the
    data that there are now.

    Parameters
    ----------
    notebook : str or Path
        Where it lies.

    Returns
    -------
    list of str
        The problems; none if all hold.
    """
    claims, problems = _claims(Path(notebook))
    file = path(notebook)
    if not file.exists():
        missing = f"{file.name} is missing: run `make seeds NOTEBOOK={notebook}`"
        return [*problems, missing] if claims else problems
    stored = json.loads(file.read_text(encoding="utf-8"))
    problems += _unfit(Path(notebook), stored)
    for name, figure in stored["figures"].items():
        problems += _inconsistent(name, figure, len(stored["seeds"]))
    for name, (guard, null) in claims.items():
        figure = stored["figures"].get(name)
        if figure is None:
            problems.append(f"{name!r} is not in {file.name}: run the study again")
            continue
        numbers = _derived(figure["values"], figure["bootstrap"])
        if not null <= guard <= numbers["largest_guard"]:
            problems.append(
                f"{name!r}: the guard {guard:g} is not between the null {null:g} and "
                f"{numbers['largest_guard']:.4g}, the mean {numbers['mean']:.4g} less {SPREADS} "
                f"spreads of {numbers['s']:.2g}"
            )
    return problems


def _unfit(notebook: Path, stored: Mapping[str, Any]) -> list[str]:
    """Why a study as a whole says nothing of the notebook as it is."""
    problems = []
    if len(stored["seeds"]) < RUNS:
        problems.append(f"the study has {len(stored['seeds'])} seeds, not {RUNS}")
    if stored["scale"] != _SCALE:
        problems.append(f"the study ran at scale {stored['scale']!r}, the pages at {_SCALE!r}")
    for seed, said in stored["failed"].items():
        problems.append(f"seed {seed} failed: {'; '.join(said)}")
    before = stored.get("ran_on", {"code": "", "data": {}})
    now = ran_on(notebook, before["data"])
    changed = ["the notebook's code"] if before["code"] != now["code"] else []
    changed += [name for name, hashed in now["data"].items() if before["data"][name] != hashed]
    if changed:
        problems.append(
            f"the study ran on another version of {', '.join(changed)}: run `make seeds NOTEBOOK="
            f"{notebook} RENEW=1`, which repeats two seeds and says whether all must be repeated"
        )
    return problems


def _inconsistent(name: str, figure: Mapping[str, Any], seeds: int) -> list[str]:
    """Whether the numbers of a figure are those of its values."""
    values = figure["values"]
    if len(values) != seeds:
        return [f"{name!r} has {len(values)} values of {seeds} seeds"]
    for number, value in _derived(values, figure["bootstrap"]).items():
        if abs(figure[number] - value) > SPREADS * _ROUNDING * np.abs(values).max():
            return [
                f"{name!r}: the values give {number.replace('_', ' ')} {value:.6g}, not "
                f"{figure[number]:.6g}: do not edit a study by hand"
            ]
    return []


def stale(study: Mapping[str, Any], seed: int, records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Figures of a run that disagree with the study at the same seed.

    Parameters
    ----------
    study : mapping
        Content of a ``.seeds.json``.
    seed : int
        Of the run; one of the study's.
    records : iterable
        Of the run, as `results.collect` returns them.

    Returns
    -------
    list of str
        A sentence for each figure that is missing on one side, or whose value lies farther off
        than a tenth of the scatter of trainings and the rounding of the study. Empty if all agree.
    """
    position = study["seeds"].index(seed)
    measured = {entry["name"]: entry["value"] for entry in records}
    problems = [
        f"{name!r} is recorded by the notebook and not in the study"
        for name in measured.keys() - study["figures"].keys()
    ]
    for name, figure in study["figures"].items():
        value = figure["values"][position]
        if name not in measured:
            problems.append(f"{name!r} is in the study and not recorded by the notebook")
            continue
        scatter = _derived(figure["values"], 0.0)["retraining"]
        allowed = _ROUNDING * abs(value) + _SHARE_OF_SCATTER * scatter
        if measured[name] is None or abs(measured[name] - value) > allowed:
            problems.append(
                f"{name!r} is {value:g} with seed {seed} in the study, and now {measured[name]:g}"
                if measured[name] is not None
                else f"{name!r} is {value:g} with seed {seed} in the study, and now not finite"
            )
    return sorted(problems)


def _claims(notebook: Path) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Guard and null of every claim in a notebook's source, and the calls that hide theirs."""
    claims, problems = {}, []
    for tree in provenance.source_trees(notebook):
        for node in ast.walk(tree):
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
                problems.append(
                    f"{notebook.name}: write name and guard literally: {ast.unparse(node)}"
                )
                continue
            claims[name] = (guard, null)
    return claims, problems
