"""Data cards of the samples: ``data/samples/<name>.toml``, what each holds in words."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from hepml_lib import settings

__all__ = ["DataCard", "read"]


@dataclass(frozen=True)
class DataCard:
    """What a sample holds, in words.

    Attributes
    ----------
    title
        A line on what it is.
    text
        Process, cuts, truth and limits, in indented paragraphs under headings.
    fields
        Type, unit and meaning of every field of the loaded array, in its order.
    """

    title: str
    text: str
    fields: dict[str, str]


def read(name: str) -> DataCard:
    """Data card of a sample: that of ``HEPML_DATA`` where it has one, else that of the package.

    Parameters
    ----------
    name
        Name of the sample.

    Returns
    -------
    DataCard
        Title, text and fields.

    Raises
    ------
    FileNotFoundError
        If neither folder has the card.
    ValueError
        If the file is not one with `title`, `text` and `fields`; it is named.

    Examples
    --------
    >>> read("top_jets").fields["mass"]
    'float32  GeV  mass of the jet'
    """
    path = _path(name)
    try:
        card = tomllib.loads(path.read_text(encoding="utf-8"))
        title, text, fields = card["title"], card["text"], dict(card["fields"])
    except KeyError as error:
        raise ValueError(f"{path} has no {error}: a data card has title, text, fields") from None
    except ValueError as error:
        raise ValueError(f"{path} is no data card: {error}") from error
    return DataCard(title, text, fields)


def _path(name: str) -> Path:
    # A folder with cards, manifest and samples of an older or another checkout still serves.
    paths = [
        folder / "samples" / f"{name}.toml"
        for folder in (settings.data_dir(), settings.own_data_dir())
    ]
    for path in paths:
        if path.exists():
            return path
    raise FileNotFoundError(
        f"the sample {name} has no data card: there is no {' and no '.join(map(str, paths))}. "
        "It names the fields that are loaded; restore it from the repository"
    )
