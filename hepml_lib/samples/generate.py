"""Generation beyond the committed files: in chunks, in parallel, resumable.

A chunk's content depends on its sample, split and index alone. A finished chunk is a file in the
cache; it appears whole or not at all, so that a killed run resumes after its last finished chunk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryFile

from filelock import FileLock

from hepml_lib import settings
from hepml_lib.samples import manifest, storage
from hepml_lib.samples.columns import Columns, join
from hepml_lib.samples.recipe import SPLITS, Recipe

__all__ = ["assemble", "build", "chunk_file", "clear_leftovers", "ensure", "unwritable"]


def chunk_file(recipe: Recipe, split: str, index: int, cache: Path | None = None) -> Path:
    """File in the cache for one chunk; a new version of the recipe has other files.

    Parameters
    ----------
    recipe, split, index
        Which chunk.
    cache
        Folder in place of the user's cache.

    Returns
    -------
    Path
        Whether or not the file is there.
    """
    folder = (cache or settings.cache_dir()) / "samples" / recipe.name / recipe.fingerprint()
    return folder / f"{split}-{index:05d}.root"


def ensure(
    recipe: Recipe,
    split: str,
    chunks: range,
    workers: int | None = None,
    executor: Executor | None = None,
    cache: Path | None = None,
) -> list[Path]:
    """Files of the given chunks, generating those that are missing.

    Parameters
    ----------
    recipe, split, chunks
        Which chunks.
    workers
        Processes of this machine; by default one per core. With 1 the work is done in this
        process.
    executor
        Anything with the interface of `concurrent.futures.Executor`, in place of a process pool,
        such as ``dask.distributed.Client().get_executor()``; its workers must see the cache.
    cache
        Folder to generate into, in place of the user's cache.

    Returns
    -------
    list of Path
        One file per chunk.

    Raises
    ------
    ModuleNotFoundError
        If a package that the recipe needs is not installed.
    OSError
        If the cache cannot be written to, before any work where that can be known.
    """
    files = [chunk_file(recipe, split, index, cache) for index in chunks]
    jobs = [(index, file) for index, file in zip(chunks, files, strict=True) if not file.exists()]
    if not jobs:
        return files
    _require(recipe)
    _open(files[0].parent)
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    with _bar(recipe, split, len(jobs)) as advance:
        if executor is None and workers == 1:
            for index, file in jobs:
                _write_chunk(recipe, split, index, file)
                advance()
        elif executor is None:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                _submit(pool, recipe, split, jobs, advance)
        else:
            _submit(executor, recipe, split, jobs, advance)
    return files


def _require(recipe: Recipe) -> None:
    """Say what is missing before any work starts."""
    missing = [name for name in recipe.packages if manifest.version(name) == "not installed"]
    if missing:
        held = ", ".join(f"{number} {split}" for split, number in recipe.committed.items())
        raise ModuleNotFoundError(
            f"generating {recipe.name} needs {', '.join(missing)}, which is not installed: "
            f"python -m pip install {' '.join(missing)}. "
            f"The committed file, which holds {held} entries, does not need it"
        )


def _open(folder: Path) -> None:
    """Make a folder that can be written to, without what killed runs left there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
        clear_leftovers(folder, ".*.part")
    except OSError as error:
        raise unwritable(folder, error) from error


def clear_leftovers(folder: Path, pattern: str) -> None:
    """Delete half-written files that nobody has touched for ten minutes: their writer is dead.

    Parameters
    ----------
    folder
        Where to look.
    pattern
        Which names, such as ``.*.part``.
    """
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > 600:
                path.unlink()


def unwritable(path: Path, error: OSError) -> OSError:
    """Error that says how to help a cache that is full, read-only or not there.

    Parameters
    ----------
    path
        What could not be written.
    error
        What the system said.

    Returns
    -------
    OSError
        To be raised.
    """
    return OSError(
        f"{path} cannot be written ({error.strerror or error}). "
        f"The cache is {settings.cache_dir()}: make room in it or allow writing, or set "
        "HEPML_CACHE to another folder. Finished files are kept: the next call resumes"
    )


def _submit(
    pool: Executor,
    recipe: Recipe,
    split: str,
    jobs: list[tuple[int, Path]],
    advance: Callable[[], object],
) -> None:
    futures = [pool.submit(_write_chunk, recipe, split, index, file) for index, file in jobs]
    try:
        for future in as_completed(futures):
            future.result()
            advance()
    except BrokenProcessPool as error:
        raise RuntimeError(
            "a worker process died. In a script, start from under "
            "`if __name__ == '__main__':`, or generate with workers=1. "
            "Finished chunks are kept: the next call resumes"
        ) from error
    finally:
        for future in futures:
            future.cancel()


def _write_chunk(recipe: Recipe, split: str, index: int, file: Path) -> None:
    """Generate one chunk, unless another process has done so or is doing it."""
    with _alone(file):
        if not file.exists():
            columns = recipe.make(recipe.part(split, index), recipe.chunk)
            try:
                storage.write(file, columns)
            except OSError as error:
                raise unwritable(file, error) from error


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Keep other processes from the chunk of this file.

    The system frees the lock when its holder dies, however it dies. Where a file system knows no
    locks two processes may do the same work: each then puts the same whole file in place.
    """
    lock = FileLock(file.with_name(f".{file.name}.lock"), fallback_to_soft=False)
    with suppress(OSError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _bar(recipe: Recipe, split: str, chunks: int) -> Iterator[Callable[[], object]]:
    from tqdm.auto import tqdm

    with tqdm(total=chunks * recipe.chunk, desc=f"{recipe.name} {split}", unit="entries") as bar:
        yield lambda: bar.update(recipe.chunk)


def assemble(
    recipe: Recipe,
    workers: int | None = None,
    executor: Executor | None = None,
    cache: Path | None = None,
) -> Columns:
    """Columns of the committed file: the first chunks of every split, end to end.

    Parameters
    ----------
    recipe
        Which sample.
    workers, executor, cache
        As for `ensure`.

    Returns
    -------
    Columns
        All committed entries, in the order of splits and chunks.
    """
    parts: list[Columns] = []
    for split in SPLITS:
        chunks = range(recipe.committed[split] // recipe.chunk)
        parts += map(storage.read, ensure(recipe, split, chunks, workers, executor, cache))
    return join(parts)


def build(recipe: Recipe, workers: int | None = None, executor: Executor | None = None) -> Path:
    """Make the committed file and its entry in the manifest.

    Parameters
    ----------
    recipe
        Which sample.
    workers, executor
        As for `ensure`.

    Returns
    -------
    Path
        The file.
    """
    columns = assemble(recipe, workers, executor)
    file = settings.data_dir() / "samples" / f"{recipe.name}.root"
    storage.write(file, columns)
    manifest.record(recipe, columns)
    return file
