"""Sphinx extension: pictures lie beside the pages, and a reader loads those of one theme.

A notebook carries each picture inside, once for light and once for dark pages. Left there, they are
most of a page: a reader would load all of them, half in vain, before seeing the first line.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from PIL import Image
from sphinx.application import Sphinx

__all__ = ["setup"]

_FOLDER = "_images"
_INSIDE = re.compile(r'<img ([^>]*?)src="data:image/(svg\+xml|png)(;base64)?,([^"]*)"')
_OUTSIDE = re.compile(rf"{_FOLDER}/([0-9a-f]{{16}}\.(?:svg|png))")


def _move_out(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Write the pictures of a page into files; hidden ones are not loaded, nor those far below."""
    folder = Path(app.outdir) / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)

    def outside(image: re.Match[str]) -> str:
        attributes, kind, encoded, data = image.groups()
        content = base64.b64decode(data) if encoded else unquote_to_bytes(data)
        if kind == "png":
            content = _with_palette(content)
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{kind.removesuffix('+xml')}"
        if not (folder / name).exists():
            (folder / name).write_bytes(content)
        address = context["pathto"](f"{_FOLDER}/{name}", resource=True)
        return f'<img {attributes}loading="lazy" src="{address}"'

    if "body" in context:
        context["body"] = _INSIDE.sub(outside, context["body"])


def _with_palette(png: bytes) -> bytes:
    """The same image in its 256 chief colours, which takes a quarter of the bytes."""
    method, dither = Image.Quantize.FASTOCTREE, Image.Dither.NONE
    image = Image.open(io.BytesIO(png)).convert("RGBA").quantize(256, method=method, dither=dither)
    stream = io.BytesIO()
    image.save(stream, "png", optimize=True)
    return stream.getvalue()


def _remove_unused(app: Sphinx, error: Exception | None) -> None:
    """Remove pictures that were on earlier versions of the pages."""
    folder = Path(app.outdir)
    if error is not None or not (folder / _FOLDER).is_dir():
        return
    used: set[str] = set()
    for page in folder.rglob("*.html"):
        used.update(_OUTSIDE.findall(page.read_text(encoding="utf-8")))
    for file in (folder / _FOLDER).iterdir():
        if _OUTSIDE.fullmatch(f"{_FOLDER}/{file.name}") and file.name not in used:
            file.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", _move_out)
    app.connect("build-finished", _remove_unused)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
