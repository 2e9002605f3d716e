"""A page is light enough to open on a telephone: its HTML, and the pictures of one theme."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import build

_ROOT = Path(__file__).resolve().parents[2]
_HTML = _ROOT / "_build" / "html"
_TOC = yaml.safe_load((_ROOT / "_toc.yml").read_text(encoding="utf-8"))
_LIMIT = 1_500_000  # bytes


def weight(page: Path) -> tuple[int, int]:
    """Bytes of a page itself, and of the pictures that it shows in its light theme."""
    text = page.read_text(encoding="utf-8")
    pictures = set()
    for attributes in re.findall(r"<img ([^>]*)>", text):
        if 'class="only-dark"' not in attributes:
            pictures.update(re.findall(r'src="([^":]+)"', attributes))
    sizes = [(page.parent / picture).stat().st_size for picture in pictures]
    return len(text.encode()), sum(sizes)


def test_pictures_count_once(tmp_path: Path) -> None:
    (tmp_path / "light.svg").write_bytes(b"x" * 1000)
    (tmp_path / "dark.svg").write_bytes(b"x" * 900)
    images = (
        '<img class="only-light" src="light.svg"><img class="only-dark" src="dark.svg">'
        '<img src="light.svg"><img src="data:image/png;base64,AAAA">'
    )
    (tmp_path / "page.html").write_text(images, encoding="utf-8")
    assert weight(tmp_path / "page.html") == (len(images), 1000)


@pytest.mark.pages
@pytest.mark.parametrize("page", build.pages(_TOC))
def test_a_page_is_light(page: str) -> None:
    own, pictures = weight(_HTML / f"{page}.html")
    assert own + pictures <= _LIMIT, f"{own / 1e6:.2f} MB of page, {pictures / 1e6:.2f} of pictures"
