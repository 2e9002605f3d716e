"""The manifest of committed files: hashes, seeds, versions, licence.

``data/manifest.toml`` has one table per file. Of a sample it holds the SHA-256 of the file
(integrity) and of each decoded column (reproducibility: ROOT files carry time and identity).
"""

from __future__ import annotations

import importlib.metadata
import platform as machine
import tomllib
from typing import Any

from hepml_lib import atomic, settings
from hepml_lib.samples import storage
from hepml_lib.samples.columns import Columns
from hepml_lib.samples.recipe import SPLITS, Recipe

__all__ = ["entry", "platform", "record", "version"]


def _key(recipe: Recipe) -> str:
    return f"samples/{recipe.name}.root"


def entry(recipe: Recipe) -> dict[str, Any]:
    """Manifest entry of a sample.

    Parameters
    ----------
    recipe
        The sample.

    Returns
    -------
    dict
        What `record` wrote: hashes, bytes, entries, seeds, versions, platform, licence.

    Raises
    ------
    OSError
        If the manifest has none, so that the file cannot be checked.
    """
    path = settings.data_dir() / "manifest.toml"
    tables = tomllib.loads(path.read_text()) if path.exists() else {}
    if _key(recipe) not in tables:
        raise OSError(f"{path} has no entry for {_key(recipe)}, so that the file cannot be checked")
    return tables[_key(recipe)]


def record(recipe: Recipe, columns: Columns) -> None:
    """Write the entry of a committed file; entries of other files stay as they are.

    Parameters
    ----------
    recipe
        The sample; its file is in the data folder.
    columns
        What the file holds.

    Raises
    ------
    OSError
        If the manifest cannot be written; the old one is then still there.
    """
    folder = settings.data_dir()
    path = folder / "manifest.toml"
    tables = tomllib.loads(path.read_text()) if path.exists() else {}
    file = folder / _key(recipe)
    seeds = {
        split: [
            recipe.part(split, 0).pythia_seed(0),
            recipe.part(split, recipe.committed[split] // recipe.chunk - 1).pythia_seed(9),
        ]
        for split in SPLITS
    }
    tables[_key(recipe)] = {
        "sha256": storage.file_hash(file),
        "bytes": file.stat().st_size,
        "share_mb": recipe.share,
        "licence": "CC0-1.0",
        "command": f'python -c "from hepml_lib import samples; samples.build({recipe.name!r})"',
        "recipe_version": recipe.version,
        "entries": dict(recipe.committed),
        "pythia_seeds": seeds,
        "versions": {name: version(name) for name in recipe.packages},
        "platform": platform(),
        "columns": storage.content(columns),
    }
    atomic.write(path, _dump(tables))


def version(package: str) -> str:
    """Version of a package, or ``"not installed"``.

    Parameters
    ----------
    package
        Name of a distribution, such as ``"pythia8mc"``.

    Returns
    -------
    str
        Such as ``"8.316.0"``.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def platform() -> str:
    """System and processor, which decide the last bits of a result.

    Returns
    -------
    str
        Such as ``"Linux x86_64"``.
    """
    return f"{machine.system()} {machine.machine()}"


def _dump(tables: dict[str, dict[str, Any]]) -> str:
    lines = ["# Files of this folder. Written by the commands named below; do not edit."]
    for name, table in sorted(tables.items()):
        lines += ["", *_table(f'"{name}"', table)]
    return "\n".join(lines) + "\n"


def _table(name: str, table: dict[str, Any]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in plain.items())]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _table(f"{name}.{key}", value)
    return lines


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value).lower() if isinstance(value, bool) else str(value)
