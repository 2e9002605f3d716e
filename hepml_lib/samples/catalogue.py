"""What samples there are, and how to get one."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from pathlib import Path

import awkward as ak

from hepml_lib import settings
from hepml_lib.samples import generate, manifest, storage
from hepml_lib.samples.columns import Columns, join
from hepml_lib.samples.recipe import SPLITS, Recipe
from hepml_lib.samples.recipes import (
    boosted_jets,
    calorimeter_showers,
    collisions,
    dijet_resonance,
    flavour_jets,
    htautau,
    jet_response,
    l1_jets,
    measurement_events,
    multijet_search,
    top_jets,
    tracking_events,
    trigger_events,
    ttbar_hadronic,
    tth_events,
    zjets,
)

__all__ = ["build", "check", "definition", "describe", "load", "make", "names"]

_RECIPES = {
    recipe.name: recipe
    for recipe in (
        boosted_jets.RECIPE,
        calorimeter_showers.RECIPE,
        collisions.RECIPE,
        dijet_resonance.RECIPE,
        flavour_jets.RECIPE,
        htautau.RECIPE,
        jet_response.RECIPE,
        l1_jets.RECIPE,
        measurement_events.RECIPE,
        multijet_search.RECIPE,
        top_jets.RECIPE,
        tracking_events.RECIPE,
        trigger_events.RECIPE,
        ttbar_hadronic.RECIPE,
        tth_events.RECIPE,
        zjets.NATURE,
        zjets.SIMULATION,
    )
}


def names() -> list[str]:
    """Names of all samples.

    Returns
    -------
    list of str
        In alphabetical order.

    Examples
    --------
    >>> [name for name in names() if "jets" in name][:3]
    ['boosted_jets', 'flavour_jets', 'l1_jets']
    """
    return sorted(_RECIPES)


def definition(name: str) -> Recipe:
    """Recipe of a sample.

    Parameters
    ----------
    name
        One of `names()`.

    Returns
    -------
    Recipe
        How it is made, and its data card.

    Raises
    ------
    ValueError
        If there is no such sample.
    """
    if name not in _RECIPES:
        raise ValueError(settings.unknown_name("sample", name, _RECIPES))
    return _RECIPES[name]


def load(
    name: str,
    split: str | None = None,
    events: int | None = None,
    fields: Iterable[str] | None = None,
) -> ak.Array:
    """Load a sample; what the committed file does not hold is generated into the cache.

    Parameters
    ----------
    name
        One of `names()`.
    split
        ``"train"``, ``"validation"`` or ``"test"``; all of them by default.
    events
        Entries to load, from the first of each split; by default all that are committed. Without
        `split` they are shared in the committed proportions, and what goes beyond the committed
        file is train and validation: only ``split="test"`` generates test events.
    fields
        Names of the fields to read; all by default.

    Returns
    -------
    ak.Array
        Records as `describe(name)` lists them, units GeV, mm, ns and radians; four-momenta have
        the behaviour of `vector`.

    Raises
    ------
    ValueError
        If there is no such sample, split or field.
    OSError
        If a file is damaged; it is named, and nothing of it is used.
    ModuleNotFoundError
        If events are to be generated and the generator is not installed.

    Examples
    --------
    The median mass of a top jet is close to the mass of the top:

    >>> jets = load("top_jets", split="test", events=1000, fields=["mass", "label"])
    >>> top = sorted(jets.mass[jets.label == 1])
    >>> 170 < float(top[len(top) // 2]) < 178
    True
    """
    recipe = definition(name)
    fields = _known_fields(recipe, fields)
    wanted = {name for field in fields for name in (field, *recipe.needs.get(field, ()))}
    held = _committed(recipe, wanted)
    parts: list[Columns] = []
    for part, entries in _shares(recipe, split, events).items():
        if entries:
            parts += _read_split(recipe, part, entries, wanted, held)
    array = recipe.decode(join(parts))
    # Choosing fields takes the behaviour of a four-vector away: do it only where some must go.
    return array if set(array.fields) == set(fields) else array[fields]


def _known_fields(recipe: Recipe, fields: Iterable[str] | None) -> list[str]:
    chosen = list(recipe.fields) if fields is None else list(fields)
    for field in chosen:
        if field not in recipe.fields:
            kind = f"field of {recipe.name}"
            raise ValueError(settings.unknown_name(kind, field, recipe.fields))
    return chosen


def _shares(recipe: Recipe, split: str | None, events: int | None) -> dict[str, int]:
    """Entries to load of each split."""
    if events is not None and events < 1:
        raise ValueError(f"events is {events}; ask for at least one entry")
    committed = recipe.committed
    if split is not None:
        if split not in SPLITS:
            raise ValueError(settings.unknown_name("split", split, SPLITS))
        return {split: committed[split] if events is None else events}
    total = sum(committed.values())
    if events is None or events == total:
        return dict(committed)
    # Below the committed size all splits shrink alike; beyond it, test does not grow.
    growing = SPLITS if events < total else ("train", "validation")
    start = {name: 0 if events < total else committed[name] for name in SPLITS}
    rest = events - sum(start.values())
    weight = sum(committed[name] for name in growing)
    shares = start | {name: start[name] + rest * committed[name] // weight for name in growing}
    shares["train"] += events - sum(shares.values())
    return shares


def _file(recipe: Recipe) -> Path:
    return settings.data_dir() / "samples" / f"{recipe.name}.root"


def _verify(recipe: Recipe) -> None:
    """Compare the committed file with its hash in the manifest."""
    file = _file(recipe)
    if storage.file_hash(file) != manifest.entry(recipe)["sha256"]:
        raise OSError(
            f"{file} is damaged or of another version: "
            "its SHA-256 is not the one in manifest.toml. "
            f"Nothing of it was used. Restore it (git checkout -- {file.name} in its folder), or "
            "delete it: its content is then generated again"
        )


def _committed(recipe: Recipe, wanted: set[str]) -> dict[str, Columns]:
    """Columns of the committed file by split; empty when there is no file."""
    if not _file(recipe).exists():
        return {}
    _verify(recipe)
    columns = storage.read(_file(recipe), wanted)
    parts, first = {}, 0
    for split in SPLITS:
        last = first + recipe.committed[split]
        parts[split] = {name: column[first:last] for name, column in columns.items()}
        first = last
    return parts


def _read_split(
    recipe: Recipe, split: str, entries: int, wanted: set[str], held: dict[str, Columns]
) -> list[Columns]:
    """The first entries of a split, from the committed file and the cache."""
    parts = [held[split]] if split in held else []
    for file in generate.ensure(recipe, split, _missing(recipe, split, entries)):
        columns = storage.read(file)
        parts.append({name: columns[name] for name in storage.chosen(columns, wanted)})
    surplus = sum(len(next(iter(part.values()))) for part in parts) - entries
    last = {name: column[: len(column) - surplus] for name, column in parts[-1].items()}
    return [*parts[:-1], last]


def _missing(recipe: Recipe, split: str, entries: int) -> range:
    """Chunks beyond the committed file that the first entries of a split reach into."""
    first = recipe.committed[split] // recipe.chunk if _file(recipe).exists() else 0
    return range(first, max(first, -(-entries // recipe.chunk)))


def make(
    name: str,
    events: int,
    split: str = "train",
    workers: int | None = None,
    executor: Executor | None = None,
) -> list[Path]:
    """Generate into the cache what a split lacks to hold so many entries.

    An interrupted call resumes after its last finished chunk. The result depends neither on the
    number of workers nor on ``HEPML_SEED``.

    Parameters
    ----------
    name, split
        Which sample, and which of its splits.
    events
        Entries that the split shall hold, the committed ones included.
    workers
        Processes of this machine; by default one per core.
    executor
        Anything with the interface of `concurrent.futures.Executor`, in place of a pool of
        processes, such as ``dask.distributed.Client().get_executor()``.

    Returns
    -------
    list of Path
        Files in the cache, one per chunk.
    """
    recipe = definition(name)
    shares = _shares(recipe, split, events)
    return generate.ensure(recipe, split, _missing(recipe, split, shares[split]), workers, executor)


def build(name: str, workers: int | None = None, executor: Executor | None = None) -> Path:
    """Make the committed file of a sample and its entry in the manifest, from the first chunks.

    Parameters
    ----------
    name
        One of `names()`.
    workers, executor
        As for `make`.

    Returns
    -------
    Path
        The committed file.
    """
    return generate.build(definition(name), workers, executor)


def check(name: str | None = None) -> None:
    """Compare the committed file of one sample, or of all, with the manifest: file and columns.

    Parameters
    ----------
    name
        One of `names()`; all by default.

    Raises
    ------
    OSError
        If a file is missing or differs; the columns that differ are named.
    """
    for recipe in _RECIPES.values() if name is None else [definition(name)]:
        file = _file(recipe)
        if not file.exists():
            raise FileNotFoundError(f"{file} is missing; samples.build({recipe.name!r}) makes it")
        _verify(recipe)
        found, expected = storage.content(storage.read(file)), manifest.entry(recipe)["columns"]
        differing = sorted(
            column for column in found | expected if found.get(column) != expected.get(column)
        )
        if differing:
            raise OSError(f"{file}: columns differ from the manifest: {', '.join(differing)}")


def describe(name: str) -> str:
    """Data card of a sample: process, cuts, truth, limits, fields, sizes, provenance.

    Parameters
    ----------
    name
        One of `names()`.

    Returns
    -------
    str
        Lines of text.

    Examples
    --------
    >>> print(describe("top_jets").splitlines()[0])
    top_jets: hadronic top jets against QCD jets at 600 GeV
    """
    recipe = definition(name)
    lines = [f"{recipe.name}: {recipe.title}", "", recipe.card.text.rstrip(), "Fields"]
    wide = max(map(len, recipe.fields))
    lines += [f"    {field:{wide}}  {text}" for field, text in recipe.fields.items()]
    lines += ["Committed", f"    {', '.join(f'{n} {s}' for s, n in recipe.committed.items())}"]
    if _file(recipe).exists():
        made = manifest.entry(recipe)
        versions = ", ".join(f"{package} {text}" for package, text in made["versions"].items())
        lines += [
            f"    {made['bytes'] / 1e6:.1f} MB, licence {made['licence']}, made with {versions}",
            f"    sha256 {made['sha256']}",
        ]
    cards = "".join(f", cards/{card}.cmnd" for card in recipe.cards)
    lines += ["More", f"    in chunks of {recipe.chunk} entries{cards}"]
    return "\n".join(lines)
