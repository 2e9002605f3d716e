"""Files that are complete or absent: written beside their place, then put there in one step."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

__all__ = ["draft", "replacing", "write"]


@contextlib.contextmanager
def draft(target: Path) -> Iterator[Path]:
    """Path of a hidden file beside `target`, which is gone after the ``with`` block.

    A process that is killed leaves the draft, ``.<name>.<random>.part``.

    Parameters
    ----------
    target
        File that the draft is for, in a folder that exists.

    Yields
    ------
    Path
        Where to write; nothing is there yet.
    """
    path = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Path to write a file to that takes the place of `target` when the ``with`` block ends well.

    Readers meet the old file or the new one, never a half, also after a power cut. If the block
    fails or is interrupted, the old file stays as it was.

    Parameters
    ----------
    target
        File to write; its folder is made if need be.

    Yields
    ------
    Path
        Where to write, on the same disk as `target`; the block must make this file.

    Raises
    ------
    OSError
        If the disk is full or does not allow it.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> target = Path(folder.name, "mass.txt")
    >>> with replacing(target) as path:
    ...     size = path.write_text("91.19")
    ...     target.exists()
    False
    >>> target.read_text()
    '91.19'
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with draft(target) as path:
        yield path
        # Without this a power cut could leave the new name with none of its content.
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(path, target)


def write(target: Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes to a file, all or nothing; see `replacing`.

    Parameters
    ----------
    target
        File to write; its folder is made if need be.
    content
        All of its content.

    Raises
    ------
    OSError
        If the disk is full or does not allow it; the old file is then still there.
    """
    with replacing(target) as path:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
