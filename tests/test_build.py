"""The build runs what changed, stops at a failing notebook and says which cell failed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

import build
import execute
import offline

_ROOT = Path(__file__).resolve().parent.parent
_TOC = {
    "format": "jb-book",
    "root": "book/intro",
    "parts": [
        {"caption": "Start", "chapters": [{"file": "book/start/tour"}]},
        {"caption": "Tagging", "chapters": [{"file": "book/tagging/one"}]},
    ],
}


def _write_notebook(path: Path, *sources: str) -> None:
    cells = [nbformat.v4.new_markdown_cell("# A page", id="title")]
    cells += [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def small_book(root: Path, tmp_path: Path) -> Path:
    """A book of two pages in a folder of its own, with the configuration of the real one."""
    (tmp_path / "hepml_lib").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "constraints.txt").touch()
    shutil.copyfile(root / "_config.yml", tmp_path / "_config.yml")
    shutil.copytree(root / "book" / "_static", tmp_path / "book" / "_static")
    shutil.copytree(root / "book" / "_ext", tmp_path / "book" / "_ext")
    (tmp_path / "book" / "references.bib").touch()
    (tmp_path / "book" / "intro.md").write_text("# A book\n", encoding="utf-8")
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(_TOC), encoding="utf-8")
    for name in ("start/tour", "tagging/one"):
        _write_notebook(tmp_path / "book" / f"{name}.ipynb", "print(6 * 7)")
    return tmp_path


def _build(book: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(book / "book" / "_ext" / "build.py"), *options]
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_chapter_keeps_the_first_page_and_its_own() -> None:
    reduced = build.chapter_toc(_TOC, "tagging")
    assert build.pages(reduced) == ["book/intro", "book/tagging/one"]
    with pytest.raises(ValueError, match="there are: start, tagging"):
        build.chapter_toc(_TOC, "taging")


def test_the_key_of_the_cache_sees_library_data_and_settings(
    small_book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {execute.fingerprint(small_book)}
    for name in ("hepml_lib/metrics.py", "data/manifest.toml", "constraints.txt"):
        (small_book / name).write_text("changed", encoding="utf-8")
        seen.add(execute.fingerprint(small_book))
    monkeypatch.setenv("HEPML_SCALE", "full")
    seen.add(execute.fingerprint(small_book))
    assert len(seen) == 5
    (small_book / "hepml_lib" / "__pycache__").mkdir()
    (small_book / "hepml_lib" / "__pycache__" / "metrics.pyc").touch()
    (small_book / "book" / "intro.md").write_text("# Words\n", encoding="utf-8")
    assert execute.fingerprint(small_book) in seen


def test_only_a_change_is_run_again(small_book: Path) -> None:
    first = _build(small_book, "--strict")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "[2/2]" in first.stdout
    assert "42" in (small_book / "_build/html/book/start/tour.html").read_text(encoding="utf-8")

    second = _build(small_book)
    assert second.returncode == 0
    assert "running" not in second.stdout
    assert (small_book / "_build/html/index.html").as_uri() in second.stdout

    (small_book / "hepml_lib" / "metrics.py").touch()
    third = _build(small_book, "--chapter", "tagging")
    assert third.returncode == 0
    assert "running 1 of 1" in third.stdout
    assert (small_book / "_build/tagging/html/book/tagging/one.html").exists()

    (small_book / "book" / "intro.md").write_text("# A book\n\n[](#nowhere)\n", encoding="utf-8")
    assert _build(small_book, "--chapter", "tagging", "--strict").returncode == 0
    # A chapter alone may point outside; the whole book may not.
    assert _build(small_book, "--strict").returncode == 1


def test_a_failing_notebook_fails_the_build_and_names_the_cell(small_book: Path) -> None:
    wrong = ("closure = 1.3", "assert closure < 1.1, 'no closure'")
    _write_notebook(small_book / "book/start/tour.ipynb", *wrong)
    _write_notebook(small_book / "book/tagging/one.ipynb", "import os; os._exit(1)")
    for _ in range(2):  # a second build must not find the failures in the cache and pass
        result = _build(small_book)
        assert result.returncode == 1
        assert "book/start/tour.ipynb, cell 'cell-1': AssertionError: no closure" in result.stderr
        assert "book/tagging/one.ipynb, cell 'cell-0'" in result.stderr
        assert "2 of 2 notebooks failed" in result.stderr
    assert not (small_book / "_build" / "html").exists()


def test_a_failing_notebook_fails_the_notebook_tests(tmp_path: Path) -> None:
    _write_notebook(tmp_path / "page.ipynb", "assert 1 + 1 == 3")
    options = [
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        "--nbval-lax",
        "--rootdir",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1
    assert "1 failed" in result.stdout


def test_time_and_memory_over_the_budget_are_named() -> None:
    assert execute.Run("page.ipynb", seconds=150, cpu_seconds=60, peak_mb=900).over_budget == ""
    heavy = execute.Run("page.ipynb", seconds=150, cpu_seconds=100, peak_mb=3000)
    assert heavy.over_budget == "100 CPU-seconds of 90 and 3000 MB of 2048 MB"


@pytest.mark.parametrize("name", sorted(offline.vendored()))
def test_vendored_javascript_is_what_its_hash_says(name: str) -> None:
    entry = offline.vendored()[name]
    assert offline.sha256(offline.source(entry)) == entry["sha256"]
    assert {"version", "source", "licence", "used_for"} <= set(entry)
    if "wheel" not in entry:
        assert (offline.source(entry).parent / entry["licence_file"]).stat().st_size > 500


def test_every_vendored_file_is_listed(root: Path) -> None:
    listed = {"VENDOR.toml"}
    for name, entry in offline.vendored().items():
        listed |= {name, entry["licence_file"]} if "wheel" not in entry else set()
    assert {file.name for file in (root / "book/_static/vendor").iterdir()} == listed
