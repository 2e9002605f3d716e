"""Public benchmark sets of the field, for whoever is online: downloaded once and checked.

``fetch(name)`` puts the files of a set into the user's cache and gives their paths, once they have
the hash that the publisher gives. `formats.read` opens those whose format it knows.
"""

from __future__ import annotations

import functools
import shutil
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hepml_lib import atomic, settings
from hepml_lib.samples import generate

__all__ = ["PublicFile", "PublicSet", "describe", "fetch", "names", "sets"]


@dataclass(frozen=True)
class PublicFile:
    """A file of a public data set.

    Attributes
    ----------
    name
        Its name.
    hash
        ``algorithm:hash`` as the publisher gives it, if known.
    mb
        Size [MB], if known.
    """

    name: str
    hash: str | None
    mb: float | None

    @property
    def size(self) -> str:
        """Size in words."""
        return "size not known here" if self.mb is None else f"{self.mb:g} MB"


@dataclass(frozen=True)
class PublicSet:
    """A public data set.

    Attributes
    ----------
    name, title
        Name to download it by, and a line on what it is.
    record
        Address of its page.
    licence, cite
        Licence, and article to cite.
    opened
        What opens the files, in words.
    files
        Its files.
    """

    name: str
    title: str
    record: str
    licence: str
    cite: str
    opened: str
    files: tuple[PublicFile, ...]

    def address(self, file: PublicFile) -> str:
        """Where a file is downloaded from.

        Parameters
        ----------
        file
            One of `files`.

        Returns
        -------
        str
            Its URL.
        """
        return f"{self.record}/files/{file.name}"


@functools.cache
def sets() -> dict[str, PublicSet]:
    """Every public set by its name.

    Returns
    -------
    dict of PublicSet
        In the order of the file ``public.toml``.
    """
    text = Path(__file__).with_name("public.toml").read_text()
    known = {}
    for name, table in tomllib.loads(text).items():
        files = tuple(
            PublicFile(file, facts.get("hash"), facts.get("mb"))
            for file, facts in table.pop("files").items()
        )
        known[name] = PublicSet(name=name, files=files, **table)
    return known


def names() -> list[str]:
    """Names of the public sets.

    Returns
    -------
    list of str
        Sorted.

    Examples
    --------
    >>> "higgsml" in names()
    True
    """
    return sorted(sets())


def _set(name: str) -> PublicSet:
    if name not in sets():
        raise ValueError(settings.unknown_name("public data set", name, sets()))
    return sets()[name]


def describe(name: str) -> str:
    """Card of a public set: where it is from, licence, files, and what opens them.

    Parameters
    ----------
    name
        One of `names()`.

    Returns
    -------
    str
        A few lines of text.

    Raises
    ------
    ValueError
        If there is no such set.

    Examples
    --------
    >>> print(describe("higgsml").splitlines()[3])
    licence  CC0
    """
    chosen = _set(name)
    lines = [
        f"{name}: {chosen.title}",
        f"page     {chosen.record}",
        f"article  {chosen.cite}",
        f"licence  {chosen.licence}",
        f"opened   by {chosen.opened}",
    ]
    files = (
        f"file     {file.name}, {file.size}, {file.hash or 'no published hash known'}"
        for file in chosen.files
    )
    return "\n".join([*lines, *files])


def fetch(name: str, files: int | None = None) -> list[Path]:
    """Get a public set: download what the cache lacks, and check every file.

    Parameters
    ----------
    name
        One of `names()`; `describe(name)` says what it holds and how big it is.
    files
        How many of its files to get, from the first; default all.

    Returns
    -------
    list of Path
        The files. Archives (``.tar``) stay packed.

    Raises
    ------
    ConnectionError
        If the publisher cannot be reached; the message says how to bring the file by hand.
    OSError
        If a file does not have its hash, or the cache cannot hold it. Nothing of it is used.
    ValueError
        If there is no such set.

    Warns
    -----
    UserWarning
        If we know no hash of the publisher: the SHA-256 found is shown and recorded in a file
        beside it, and from then on checked.

    Examples
    --------
    >>> fetch("higsml")
    Traceback (most recent call last):
    ValueError: there is no public data set 'higsml'; did you mean 'higgsml'? There are: ...
    """
    chosen = _set(name)
    if files is not None and files < 1:
        raise ValueError(f"files is {files}; ask for at least one file")
    folder = settings.cache_dir() / "public" / name
    wanted = chosen.files[:files]
    _make_room(folder, [file for file in wanted if not (folder / file.name).exists()])
    return [_get(chosen, file, folder / file.name) for file in wanted]


def _make_room(folder: Path, missing: list[PublicFile]) -> None:
    """Make the folder, without what killed downloads left, and see that the files fit."""
    needed = sum(file.mb or 0 for file in missing)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        generate.clear_leftovers(folder, "tmp*")
        free = shutil.disk_usage(folder).free / 1e6
    except OSError as error:
        raise generate.unwritable(folder, error) from error
    if needed > free:
        raise OSError(
            f"{folder} has {free:.0f} MB free, and the download takes {needed:.0f} MB. Free some, "
            "get fewer files, or set HEPML_CACHE to another folder"
        )


def _get(chosen: PublicSet, file: PublicFile, path: Path) -> Path:
    lock = path.with_name(f"{path.name}.sha256")
    if not path.exists():
        _download(chosen, file, path)
    elif file.hash is not None:
        _check(chosen, path, file.hash)
    elif lock.exists():
        _check(chosen, path, f"sha256:{lock.read_text().split()[0]}")
        return path
    if file.hash is None:
        _record(chosen, path, lock)
    return path


def _check(chosen: PublicSet, path: Path, expected: str) -> None:
    """Compare a file in the cache with its hash; one that differs is put aside."""
    import pooch

    algorithm, _, value = expected.partition(":")
    digest = pooch.file_hash(path, algorithm)
    if digest != value:
        aside = path.rename(path.with_name(f"{path.name}.wrong"))
        raise OSError(
            f"{path} is damaged or another file: its {algorithm} is {digest}, and that of the file "
            f"from {chosen.record} is {value}. Nothing of it was used; it is now called "
            f"{aside.name}. Fetch it again"
        )


def _record(chosen: PublicSet, path: Path, lock: Path) -> None:
    """Write the hash of a file that none is published for, as ``sha256sum -c`` reads it."""
    import pooch

    digest = pooch.file_hash(path, "sha256")
    atomic.write(lock, f"{digest}  {path.name}\n")
    warnings.warn(
        f"the publisher's hash of {path.name} is not known to this book, so that only you can tell "
        f"whether this is the true file: compare it with what {chosen.record} says. Its SHA-256, "
        f"{digest}, was recorded in {lock} and is checked from now on",
        stacklevel=4,
    )


def _download(chosen: PublicSet, file: PublicFile, path: Path) -> None:
    """Download a file: whole and with its hash, or not at all."""
    import pooch
    import requests

    try:
        pooch.retrieve(
            chosen.address(file),
            known_hash=file.hash,
            fname=path.name,
            path=path.parent,
            downloader=_downloader(),
        )
    except requests.RequestException as error:
        answer = error.response
        why = type(error).__name__ if answer is None else f"HTTP status {answer.status_code}"
        raise ConnectionError(_by_hand(chosen, file, path, why)) from error
    except ValueError as error:
        raise OSError(
            f"{path.name} is not what {chosen.record} publishes: what came from "
            f"{chosen.address(file)} does not have the hash {file.hash}. It was deleted, and "
            "nothing of it was used. Fetch it again"
        ) from error
    except OSError as error:
        raise generate.unwritable(path, error) from error


def _downloader() -> Callable[..., object]:
    import pooch

    # A publisher that says nothing for a minute is as good as away.
    return pooch.HTTPDownloader(progressbar=True, chunk_size=2**20, timeout=60)


def _by_hand(chosen: PublicSet, file: PublicFile, path: Path, why: str) -> str:
    if file.hash is None:
        check = "records its SHA-256, for the publisher's hash is not known to this book"
    else:
        check = f"checks it against the publisher's hash, {file.hash}"
    return (
        f"{chosen.address(file)} cannot be downloaded ({why}). By hand: get {file.name} "
        f"({file.size}, licence: {chosen.licence}) from {chosen.record} on a machine that is "
        f"online, and put it at {path}. The next samples.fetch({chosen.name!r}) {check}"
    )
