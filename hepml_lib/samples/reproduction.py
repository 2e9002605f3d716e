"""Making the committed samples again, to see whether the same events come out.

Where the packages or the platform differ from those that made the committed file, other bits are
no fault: the distributions are then compared instead.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepml_lib import settings
from hepml_lib.samples import catalogue, generate, manifest, storage
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.recipe import Recipe

__all__ = ["Reproduction", "compare", "reproduce"]

_CHANCE = 1e-3
"""Probability that a sample of the same physics is called different."""


@dataclass(frozen=True)
class Reproduction:
    """What came out when a committed sample was made again.

    Attributes
    ----------
    name
        The sample.
    differing
        Columns whose content hash is not the one in the manifest.
    changes
        What differs from where the committed file was made: versions, platform.
    pvalues
        Of the Kolmogorov–Smirnov tests, by quantity; empty where every hash was reproduced.
    fault
        Why nothing could be compared, or ``""``.
    """

    name: str
    differing: tuple[str, ...]
    changes: tuple[str, ...]
    pvalues: dict[str, float]
    fault: str = ""

    @property
    def outliers(self) -> dict[str, float]:
        """Quantities distributed otherwise, at 10⁻³ for all of them together."""
        return {name: p for name, p in self.pvalues.items() if p < _CHANCE / len(self.pvalues)}

    @property
    def good(self) -> bool:
        """Whether all is as it should be here: the same hashes, or elsewhere the same physics."""
        if self.fault or self.outliers:
            return False
        return not self.differing or bool(self.changes)

    def __str__(self) -> str:
        if self.fault:
            return f"{self.name}: not compared: {self.fault}"
        if not self.differing:
            return f"{self.name}: reproduced, every column has the hash of the manifest"
        where = "; ".join(self.changes) or "versions and platform are those of the committed file"
        least = min(self.pvalues, key=lambda name: self.pvalues[name])
        found = (
            f"distributed otherwise: {', '.join(self.outliers)}"
            if self.outliers
            else f"all {len(self.pvalues)} distributions agree"
        )
        return (
            f"{self.name}: other content in {', '.join(self.differing)} ({where}). "
            f"{found}; smallest Kolmogorov–Smirnov p-value {self.pvalues[least]:.2g} of {least}"
        )


def reproduce(
    names: Iterable[str] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
) -> Iterator[Reproduction]:
    """Make committed samples again and compare them with the manifest, one after the other.

    The chunks go to a folder of their own in the cache, so that none is taken from earlier days.
    An interrupted run resumes after its last finished chunk; a finished one leaves nothing.

    Parameters
    ----------
    names
        Which samples; by default all that the manifest has.
    workers, executor
        As for `make`.

    Yields
    ------
    Reproduction
        For each sample; ``str`` of it is a sentence.
    """
    chosen = _committed() if names is None else list(names)
    scratch = settings.cache_dir() / "reproduced" / _environment()
    for name in chosen:
        yield _again(catalogue.definition(name), workers, executor, scratch)
    for name in chosen:
        shutil.rmtree(scratch / "samples" / name, ignore_errors=True)


def _committed() -> list[str]:
    """Samples that the manifest has."""
    listed = []
    for name in catalogue.names():
        try:
            manifest.entry(catalogue.definition(name))
        except OSError:
            continue
        listed.append(name)
    return listed


def _again(
    recipe: Recipe, workers: int | None, executor: Executor | None, scratch: Path
) -> Reproduction:
    made = manifest.entry(recipe)
    if (made["recipe_version"], made["entries"]) != (recipe.version, dict(recipe.committed)):
        fault = f"the file is of version {made['recipe_version']} of the recipe with "
        fault += f"{made['entries']} entries, the recipe of {recipe.version}; build it again"
        return Reproduction(recipe.name, (), (), {}, fault)
    columns = generate.assemble(recipe, workers, executor, scratch)
    found, expected = storage.content(columns), made["columns"]
    differing = tuple(
        sorted(name for name in found | expected if found.get(name) != expected.get(name))
    )
    if not differing:
        return Reproduction(recipe.name, (), (), {})
    file = settings.data_dir() / "samples" / f"{recipe.name}.root"
    if not file.exists():
        fault = f"the content differs, and {file} is not there to compare distributions"
        return Reproduction(recipe.name, differing, _changes(made), {}, fault)
    return Reproduction(
        recipe.name, differing, _changes(made), compare(columns, storage.read(file))
    )


def _environment() -> str:
    """Name for what decides the bits: our code, versions of the recipes' packages, platform."""
    folder = Path(__file__).parent
    digest = hashlib.sha256(manifest.platform().encode())
    for path in sorted([*folder.rglob("*.py"), *folder.parent.glob("*.py")]):
        digest.update(path.read_bytes())
    for package in sorted({name for known in catalogue.names() for name in _packages(known)}):
        digest.update(f"{package} {manifest.version(package)}".encode())
    return digest.hexdigest()[:12]


def _packages(name: str) -> tuple[str, ...]:
    return catalogue.definition(name).packages


def _changes(made: dict[str, Any]) -> tuple[str, ...]:
    """What differs between here and where a file was made."""
    changes = [
        f"{package} {manifest.version(package)} here, {text} there"
        for package, text in made["versions"].items()
        if manifest.version(package) != text
    ]
    there = made.get("platform", "one that the manifest does not name")
    if there != manifest.platform():
        changes.append(f"{manifest.platform()} here, {there} there")
    return tuple(changes)


def compare(found: Columns, expected: Columns) -> dict[str, float]:
    """Kolmogorov–Smirnov p-value of every quantity that two versions of a sample share.

    Of a jagged column these are how many values an entry has and their mean, for the values within
    an entry depend on each other.

    Parameters
    ----------
    found, expected
        Columns, flat or jagged, with any number of entries.

    Returns
    -------
    dict of str to float
        1 where both are equal. Columns that only one side has get 0.

    Examples
    --------
    The mass of the Z boson, and the same 2 % too high:

    >>> rng = np.random.default_rng(1)
    >>> mass = {"mass": ak.Array(rng.normal(91.2, 2.5, 1000))}
    >>> other = {"mass": ak.Array(rng.normal(91.2, 2.5, 1000))}
    >>> compare(mass, other)["mass"] > 0.01
    True
    >>> compare({"mass": 1.02 * mass["mass"]}, other)["mass"] < 1e-6
    True
    """
    from scipy.stats import ks_2samp

    here, there = _quantities(found), _quantities(expected)
    pvalues = dict.fromkeys(here | there, 0.0)
    for name in here.keys() & there.keys():
        if len(here[name]) and len(there[name]):
            pvalues[name] = float(ks_2samp(here[name], there[name], method="asymp").pvalue)
        elif len(here[name]) == len(there[name]):
            pvalues[name] = 1.0
    return pvalues


def _quantities(columns: Columns) -> dict[str, NDArray[np.float64]]:
    """Numbers to compare, one per entry; undefined ones are left out."""
    values = {}
    for name, column in columns.items():
        if column.ndim == 1:
            values[name] = ak.to_numpy(column)
        else:
            count = ak.to_numpy(ak.num(column))
            total = ak.to_numpy(ak.sum(ak.values_astype(column, np.float64), axis=1))
            values[f"{name}, number"] = count
            values[f"{name}, mean"] = total[count > 0] / count[count > 0]
    return {
        name: number[np.isfinite(number)]
        for name, value in values.items()
        for number in [np.asarray(value, np.float64)]
    }
