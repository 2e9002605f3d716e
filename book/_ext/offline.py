"""Sphinx extension: a page has the scripts that it needs, from its own folder, and no others.

plotly.js comes out of the installed Python package; the other files are in ``book/_static/vendor``,
and ``VENDOR.toml`` there lists them all.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import shutil
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

__all__ = ["setup"]

_VENDOR = Path(__file__).resolve().parent.parent / "_static" / "vendor"


def vendored() -> dict[str, dict[str, str]]:
    """Entries of ``VENDOR.toml`` by file name."""
    entries = tomllib.loads((_VENDOR / "VENDOR.toml").read_text(encoding="utf-8"))["file"]
    return {entry["name"]: entry for entry in entries}


def source(entry: dict[str, str]) -> Path:
    """Where a file of ``VENDOR.toml`` lies: inside an installed package or in the vendor folder."""
    if "wheel" in entry:
        return Path(str(importlib.resources.files(entry["wheel"]) / "package_data" / entry["name"]))
    return _VENDOR / entry["name"]


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _copy_from_wheels(app: Sphinx) -> None:
    """Put the files of installed packages beside the vendored ones, if their hash is right."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "vendor"
    target.mkdir(parents=True, exist_ok=True)
    for name, entry in vendored().items():
        if "wheel" not in entry:
            continue
        path = source(entry)
        if sha256(path) != entry["sha256"]:
            raise ExtensionError(
                f"{path} is not the file of {_VENDOR / 'VENDOR.toml'} ({entry['source']}): install "
                "the version of constraints.txt, or write the new version and sha256 there"
            )
        shutil.copyfile(path, target / name)


def _choose_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any
) -> None:
    """Load plotly.js (5 MB) only where it draws, and nothing of Thebe, which nothing here uses.

    Jupyter Book always adds Thebe, whose script names a content delivery network.
    """
    if "window.Plotly" in context.get("body", ""):
        app.add_js_file("vendor/plotly.min.js", loading_method="defer")
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in (str(script.filename) + script.attributes.get("body", "")).lower()
    ]


def _set_up_pages(app: Sphinx, config: Any) -> None:
    """Leave the search field to the sidebar, and make all pages again when the style changed."""
    config.html_theme_options["navbar_persistent"] = []
    config.html_context["style"] = sha256(_VENDOR.parent / "hepml.css")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", _set_up_pages)
    app.connect("builder-inited", _copy_from_wheels)
    app.connect("html-page-context", _choose_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
