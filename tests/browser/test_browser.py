"""The book in a real browser: built pages without a kernel and without a network, and JupyterLab.

Screenshots for people to look at lie in `_build/screenshots` afterwards.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import build

pytestmark = pytest.mark.pages

_ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).resolve().parent
_HTML = _ROOT / "_build" / "html"
_TOC = yaml.safe_load((_ROOT / "_toc.yml").read_text(encoding="utf-8"))
_PAGES = [f"{page}.html" for page in build.pages(_TOC)]
_WITH_FIGURES = [notebook.replace(".ipynb", ".html") for notebook in build.notebooks(_ROOT, _TOC)]


@pytest.fixture(scope="module")
def chromium() -> str:
    """Path of the browser; without browser or driver the tests are skipped, in CI they fail."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    lacking = [] if found else ["chromium is not installed"]
    if not shutil.which("node"):
        lacking.append("node is not installed")
    if not (_HERE / "node_modules" / "playwright-core").is_dir():
        lacking.append("tests/browser/node_modules is missing: run `npm ci` there")
    if lacking and os.environ.get("HEPML_REQUIRE_BROWSER"):
        pytest.fail("; ".join(lacking))
    if lacking:
        pytest.skip("; ".join(lacking))
    return found


@pytest.fixture(scope="module")
def screenshots() -> Path:
    """Folder for what the browser saw."""
    folder = _ROOT / "_build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _drive(chromium: str, script: str, *arguments: str) -> Any:
    """Facts that a script of this folder reports."""
    result = subprocess.run(
        ["node", str(_HERE / script), *arguments],
        env=os.environ | {"HEPML_CHROMIUM": chromium},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Write no line per request."""


@pytest.fixture(scope="module")
def seen(chromium: str, screenshots: Path) -> list[dict[str, Any]]:
    """What the browser saw of every page, in the light and in the dark theme."""
    assert (_HTML / "index.html").exists(), "the book is not built; run `make book`"
    handler = functools.partial(_Quiet, directory=str(_HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_address[1]}"
        facts = _drive(chromium, "static.js", home, str(screenshots), *_PAGES)
        server.shutdown()
    return facts


def test_no_page_asks_the_network_or_stumbles(seen: list[dict[str, Any]]) -> None:
    assert len(seen) == 2 * len(_PAGES)
    for page in seen:
        where = f"{page['name']} ({page['theme']})"
        assert page["external"] == [], where
        assert page["errors"] == [], where
        assert page["failed"] == [], where


def test_pages_open_from_the_folder_without_a_server(chromium: str, screenshots: Path) -> None:
    pages = _WITH_FIGURES[:1]
    for page in _drive(chromium, "static.js", _HTML.as_uri(), str(screenshots), *pages):
        assert page["external"] == page["errors"] == [], page["name"]
        assert page["undrawn"] == 0, page["name"]
        assert page["images"], page["name"]
        assert page["broken"] == [], page["name"]
        assert all(page["moved"]), page["name"]


def test_equations_are_typeset(seen: list[dict[str, Any]]) -> None:
    assert any(page["equations"] for page in seen)
    for page in seen:
        assert page["typeset"] == page["equations"], page["name"]


def test_figures_are_drawn_in_both_themes(seen: list[dict[str, Any]]) -> None:
    assert {page["theme"] for page in seen} == {"light", "dark"}
    for page in seen:
        assert page["undrawn"] == 0, page["name"]
        assert page["broken"] == [], page["name"]
        assert page["hidden"] == 0, page["name"]
        assert page["captions"] == page["framed"], f"{page['name']} hides a caption"
        assert page["withoutAlt"] == [], page["name"]
        assert not page["wide"], f"{page['name']} is wider than the window"


def test_sliders_change_the_picture(seen: list[dict[str, Any]]) -> None:
    for page in seen:
        if page["name"] in _WITH_FIGURES:
            reference = page["name"].startswith("book/reference/")
            assert page["moved"] or reference, f"{page['name']} has no slider"
            assert all(page["moved"]), f"a slider of {page['name']} changes nothing"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A JupyterLab on a copy of the pages, so that running them leaves the checkout as it is."""
    shutil.copytree(_ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("_*"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    settings = {
        f"JUPYTER{name}": str(tmp_path / "jupyter" / name.lower())
        for name in ("_CONFIG_DIR", "_RUNTIME_DIR", "LAB_SETTINGS_DIR", "LAB_WORKSPACES_DIR")
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={tmp_path}"]
    command += [f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
    environment = {"PYTHONPATH": str(_ROOT), "HEPML_BUILD": str(tmp_path / "_build")}
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            command, env=os.environ | settings | environment, stdout=log, stderr=log
        )
        home = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{home}/api?token={token}", server, tmp_path / "lab.log")
            yield home, token
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(120):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"JupyterLab did not answer in a minute: {log.read_text()}")


def test_the_tour_runs_in_jupyterlab(
    chromium: str, screenshots: Path, lab: tuple[str, str]
) -> None:
    facts = _drive(chromium, "lab.js", *lab, "book/start/tour.ipynb", str(screenshots))
    assert facts["cells"]
    for index, cell in enumerate(facts["cells"], start=1):
        assert cell["errors"] == [], f"code cell {index}"
        assert cell["count"] == index
    assert facts["moved"], "the live slider changes nothing"
    assert facts["external"] == []
