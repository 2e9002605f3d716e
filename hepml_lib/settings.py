"""Scale, seed, threads, device and paths: everything that the environment may change, in one place.

=================  ==========================================================  ===============
variable           meaning                                                     default
=================  ==========================================================  ===============
``HEPML_SCALE``    ``quick`` (the book on two cores) or ``full`` (the models)  ``quick``
``HEPML_SEED``     base of every random seed                                   ``1``
``HEPML_THREADS``  threads that torch may use                                  ``1``
``HEPML_DEVICE``   torch device                                                ``cpu``
``HEPML_DATA``     folder with cards, samples, models and their manifest       the checkout
``HEPML_CACHE``    folder for what is generated or downloaded                  user cache
``HEPML_BUILD``    folder for build products                                   ``_build``
=================  ==========================================================  ===============
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import platformdirs

__all__ = [
    "base_seed",
    "build_dir",
    "cache_dir",
    "data_dir",
    "device",
    "own_data_dir",
    "rng",
    "scale",
    "seed",
    "threads",
    "unknown_name",
]

_PACKAGE = Path(__file__).resolve().parent


def scale() -> str:
    """Scale of the run: ``"quick"`` or ``"full"``.

    Returns
    -------
    str
        ``"quick"`` unless ``HEPML_SCALE`` says otherwise.

    Raises
    ------
    ValueError
        If ``HEPML_SCALE`` holds anything else.
    """
    value = os.environ.get("HEPML_SCALE", "quick")
    if value not in ("quick", "full"):
        raise ValueError(f"HEPML_SCALE is {value!r}; set it to 'quick' or 'full'")
    return value


def _integer(variable: str, default: int, minimum: int) -> int:
    text = os.environ.get(variable, str(default))
    try:
        value = int(text)
    except ValueError:
        raise ValueError(f"{variable} is {text!r}; set it to a whole number") from None
    if value < minimum:
        raise ValueError(f"{variable} is {value}; it must be at least {minimum}")
    return value


def base_seed() -> int:
    """``HEPML_SEED``, the number that every seed of the run depends on.

    Returns
    -------
    int
        1 by default.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 0.
    """
    return _integer("HEPML_SEED", 1, 0)


def seed(*names: str | int) -> int:
    """Seed of one random stream, named by its use.

    ``HEPML_SEED`` changes every stream at once; two names never share a stream. The value depends
    only on the base seed and the names, not on the platform or on the order of calls.

    Parameters
    ----------
    *names
        The use, such as ``"tour", "split"``.

    Returns
    -------
    int
        Between 1 and 2³¹ − 2.

    Examples
    --------
    >>> seed("tour", "split") == seed("tour", "split")
    True
    >>> seed("tour", 1) == seed("tour", 2)
    False
    """
    text = "/".join(map(str, (base_seed(), *names)))
    digest = hashlib.sha256(text.encode()).digest()
    return 1 + int.from_bytes(digest[:8], "little") % (2**31 - 2)


def rng(*names: str | int) -> np.random.Generator:
    """NumPy generator on the stream of `seed(*names)`.

    Parameters
    ----------
    *names
        The use, as for `seed`.

    Returns
    -------
    numpy.random.Generator
        A new one, at the start of its stream.

    Examples
    --------
    >>> bool(rng("tour", "split").random() == rng("tour", "split").random())
    True
    """
    return np.random.default_rng(seed(*names))


def threads() -> int:
    """Threads that torch may use.

    One is the default: the small networks of this book run faster on one thread than on two, and
    two notebooks can then run side by side.

    Returns
    -------
    int
        ``HEPML_THREADS``, 1 by default.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 1.
    """
    return _integer("HEPML_THREADS", 1, 1)


def device() -> str:
    """Torch device name, such as ``"cpu"`` or ``"cuda:0"``.

    Returns
    -------
    str
        ``HEPML_DEVICE``, ``"cpu"`` by default.
    """
    return os.environ.get("HEPML_DEVICE", "cpu")


def data_dir() -> Path:
    """Folder with the committed cards, samples, models and their manifest.

    ``HEPML_DATA`` when set, else what came with the code.

    Returns
    -------
    Path
        The folder.
    """
    if "HEPML_DATA" in os.environ:
        return Path(os.environ["HEPML_DATA"]).expanduser()
    return own_data_dir()


def own_data_dir() -> Path:
    """Folder that came with the code: ``data/`` of the checkout, else what the package carries.

    Returns
    -------
    Path
        The folder.
    """
    checkout = _PACKAGE.parent / "data"
    return checkout if checkout.is_dir() else _PACKAGE / "data"


def cache_dir() -> Path:
    """Folder for generated and downloaded files: ``HEPML_CACHE``, else the user's cache.

    The latter is ``~/.cache/hepml`` on Linux, ``~/Library/Caches/hepml`` on macOS and
    ``hepml`` in ``%LOCALAPPDATA%`` on Windows; ``XDG_CACHE_HOME`` moves it.

    Returns
    -------
    Path
        The folder; it need not exist.
    """
    if "HEPML_CACHE" in os.environ:
        return Path(os.environ["HEPML_CACHE"]).expanduser()
    return platformdirs.user_cache_path("hepml", appauthor=False, opinion=False)


def build_dir() -> Path:
    """Folder for build products: ``HEPML_BUILD``, else ``_build`` here or in the checkout.

    Returns
    -------
    Path
        The folder; it need not exist.
    """
    if "HEPML_BUILD" in os.environ:
        return Path(os.environ["HEPML_BUILD"]).expanduser()
    checkout = _PACKAGE.parent
    return (checkout if (checkout / "_config.yml").exists() else Path.cwd()) / "_build"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Message for a name that does not exist: the nearest one, and all there are.

    Parameters
    ----------
    kind
        What it is called, such as ``"sample"``.
    name
        The name that does not exist.
    known
        The names that do.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> unknown_name("sample", "top_jet", ["top_jets", "l1_jets"])
    "there is no sample 'top_jet'; did you mean 'top_jets'? There are: l1_jets, top_jets"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"there is no {kind} {name!r}; {hint}There are: {', '.join(names) or 'none'}"
