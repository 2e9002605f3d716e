"""Sphinx extension: a page is made again when its notebook ran again, be its source unchanged.

Sphinx compares sources. Of the library, the data and the settings, on which the outputs depend as
well, it knows nothing: `execute.fingerprint` does, and the notebook then runs anew.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from typing import Any

import nbformat
from jupyter_cache import get_cache
from sphinx.application import Sphinx

__all__ = ["setup"]


def _made_of(app: Sphinx, env: Any) -> dict[str, datetime]:
    """When the run of each notebook was that its page shows, by page."""
    cache = get_cache(app.config.nb_execution_cache_path)
    moments = {}
    for page in env.found_docs:
        path = env.doc2path(page)
        if path.endswith(".ipynb"):
            record = cache.match_cache_notebook(nbformat.read(path, as_version=4))
            moments[page] = record.created
    return moments


def _ran_again(
    app: Sphinx, env: Any, added: Set[str], changed: Set[str], removed: Set[str]
) -> list[str]:
    """Pages that show an earlier run than the cache holds."""
    before = getattr(env, "hepml_made_of", {})
    env.hepml_made_of = _made_of(app, env)  # Sphinx stores it with what else it knows of the pages
    return [page for page, moment in env.hepml_made_of.items() if before.get(page) != moment]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-get-outdated", _ran_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
