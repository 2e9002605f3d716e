"""Captions and alternative texts of a page's figures, in a file beside its notebook.

``tour.figures.toml`` lies beside ``tour.ipynb`` and holds one table per figure::

    [roc]
    alt = "Rejection against efficiency; the network's curve lies above the other."
    caption = "The network rejects more QCD jets than the mass window at equal efficiency."

Long texts may be wrapped between triple quotes: white space counts as one blank.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepml_lib.plots.drawing import check_words

__all__ = ["SUFFIX", "Words", "figure_words", "read"]

SUFFIX = ".figures.toml"
_KEYS = ("alt", "caption")


class Words(dict[str, dict[str, str]]):
    """Name of a figure → its ``alt`` and ``caption``; an unknown name is refused.

    Parameters
    ----------
    path
        The file, which errors name.
    figures
        What it holds.
    """

    def __init__(self, path: Path, figures: Mapping[str, dict[str, str]]) -> None:
        super().__init__(figures)
        self.path = path

    def __missing__(self, name: str) -> dict[str, str]:
        nearest = difflib.get_close_matches(name, self, n=1)
        known = f"did you mean {nearest[0]!r}?" if nearest else f"it has {', '.join(self)}"
        raise KeyError(f"{self.path.name} has no figure {name!r}; {known}")


def figure_words(page: str) -> Words:
    """Words of a page's figures, to be unpacked into the call that draws one.

    The file is taken from the working folder, which is that of the notebook while its kernel runs,
    or from the ``book`` folder of the checkout that one works in.

    Parameters
    ----------
    page
        Name of the notebook without its ending, such as ``"tour"``.

    Returns
    -------
    Words
        Use it as ``plots.roc(curves, **words["roc"])``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        As in `read`.

    Examples
    --------
    >>> sorted(figure_words("tour")["mass"])
    ['alt', 'caption']
    """
    name, here = f"{page}{SUFFIX}", Path.cwd()
    if (here / name).is_file():
        return read(here / name)
    for folder in (here, *here.parents):
        for path in sorted((folder / "book").rglob(name)):
            return read(path)
    raise FileNotFoundError(
        f"{name} is neither in {here} nor in a book/ folder above it; it belongs beside "
        f"{page}.ipynb and holds alt and caption of each figure"
    )


def read(path: str | Path) -> Words:
    """Words of one file, checked.

    Parameters
    ----------
    path
        Of a file ``<page>.figures.toml``.

    Returns
    -------
    Words
        Every text on one line.

    Raises
    ------
    ValueError
        If the file is no TOML, a figure lacks one of ``alt`` and ``caption`` or has anything else,
        a text breaks the rules of `plots.figure`, or two figures have one alternative text.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from None
    figures = {}
    for name, table in tables.items():
        try:
            figures[name] = _checked(table)
        except ValueError as error:
            raise ValueError(f"{path.name}, figure {name!r}: {error}") from None
    first: dict[str, str] = {}
    for name, texts in figures.items():
        if (other := first.setdefault(texts["alt"], name)) != name:
            raise ValueError(f"{path.name}: {other!r} and {name!r} have the same alt")
    return Words(path, figures)


def _checked(table: Any) -> dict[str, str]:
    """Texts of one figure, each on one line."""
    if not isinstance(table, dict):
        raise ValueError("write it as a table, [name], with alt and caption")
    if missing := [key for key in _KEYS if key not in table]:
        raise ValueError(f"{' and '.join(missing)} missing; it has {', '.join(table) or 'nothing'}")
    if unknown := [key for key in table if key not in _KEYS]:
        raise ValueError(f"unknown {', '.join(unknown)}; a figure has alt and caption")
    if wrong := [key for key in _KEYS if not isinstance(table[key], str)]:
        raise ValueError(f"{' and '.join(wrong)} must be text in quotes")
    texts = {key: " ".join(table[key].split()) for key in _KEYS}
    check_words(**texts)
    return texts
