"""The build runs what changed, stops at a failing notebook and says which cell failed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import yaml
from PIL import Image

import build
import execute
import figures
import offline
from hepml_lib.page import results

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
    shutil.copyfile(root / "book" / "conftest.py", tmp_path / "book" / "conftest.py")
    (tmp_path / "book" / "references.bib").touch()
    (tmp_path / "book" / "intro.md").write_text("# A book\n", encoding="utf-8")
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(_TOC), encoding="utf-8")
    for name in ("start/tour", "tagging/one"):
        _write_notebook(tmp_path / "book" / f"{name}.ipynb", "print(6 * 7)")
    return tmp_path


def _run(book: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=book,
        env=os.environ | {"PYTHONPATH": str(_ROOT)} | variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def _build(book: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return _run(book, "book/_ext/build.py", *options, **variables)


def _judge(book: Path) -> subprocess.CompletedProcess[str]:
    """Run the notebooks of a small book as tests, as `make test` does."""
    options = "-n 2 --dist loadscope -o addopts= -o pythonpath=book/_ext -p no:cacheprovider"
    return _run(book, "-m", "pytest", *options.split(), "--nbval-lax", "--rootdir=.", "book")


def test_a_chapter_keeps_the_first_page_and_its_own() -> None:
    reduced = build.chapter_toc(_TOC, "tagging")
    assert build.pages(reduced) == ["book/intro", "book/tagging/one"]
    with pytest.raises(ValueError, match="there are: start, tagging"):
        build.chapter_toc(_TOC, "taging")


def test_the_key_of_the_cache_sees_library_data_and_settings(
    small_book: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    seen = {execute.fingerprint(small_book)}
    for name in ("hepml_lib/metrics.py", "data/manifest.toml", "constraints.txt"):
        (small_book / name).write_text("changed", encoding="utf-8")
        seen.add(execute.fingerprint(small_book))
    monkeypatch.setenv("HEPML_SCALE", "full")
    seen.add(execute.fingerprint(small_book))
    elsewhere = tmp_path_factory.mktemp("data")
    for folder in (elsewhere / "a", elsewhere / "b"):
        monkeypatch.setenv("HEPML_DATA", str(folder))
        seen.add(execute.fingerprint(small_book))
        folder.mkdir()
        (folder / "manifest.toml").write_text("the same in both", encoding="utf-8")
        seen.add(execute.fingerprint(small_book))
    assert len(seen) == 9
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


def test_a_page_shows_the_last_run(small_book: Path, tmp_path: Path) -> None:
    """The source of the page stays as it is; the data and the seed change under it."""
    _write_notebook(
        small_book / "book/start/tour.ipynb",
        "from hepml_lib import settings",
        "print('scale', (settings.data_dir() / 'scale.txt').read_text(), settings.base_seed())",
    )
    data = tmp_path / "my data"
    data.mkdir()
    (small_book / "_build/html/_images").mkdir(parents=True)
    old = small_book / "_build/html/_images/0123456789abcdef.svg"
    old.touch()
    for scale, seed in (("1.02", "1"), ("1.05", "2")):
        (data / "scale.txt").write_text(scale, encoding="utf-8")
        built = _build(small_book, HEPML_DATA="my data", HEPML_SEED=seed)
        assert built.returncode == 0, built.stdout + built.stderr
        assert not old.exists()
        page = (small_book / "_build/html/book/start/tour.html").read_text(encoding="utf-8")
        assert re.findall(r"scale (\S+) (\d)", page) == [(scale, seed)]


def test_an_image_of_points_keeps_its_colours() -> None:
    """What is drawn in few colours stays as it is, and takes fewer bytes."""
    rng = np.random.default_rng(1)
    palette = np.array([[87, 144, 252, 255], [228, 37, 54, 128], [0, 0, 0, 0]], np.uint8)
    drawn = palette[rng.integers(0, 3, (300, 200))]
    stream = io.BytesIO()
    Image.fromarray(drawn).save(stream, "png")
    small = figures._with_palette(stream.getvalue())
    assert len(small) < 0.8 * len(stream.getvalue())
    shown = np.asarray(Image.open(io.BytesIO(small)).convert("RGBA")).astype(int)
    seen = drawn[..., 3:] > 0
    assert abs(np.where(seen, shown - drawn, 0)).max() <= 8
    assert not shown[~seen[..., 0], 3].any()


def test_new_words_of_a_figure_reach_its_page(small_book: Path) -> None:
    """The words lie beside the notebook, whose source stays as it is; only its page is remade."""
    cache = execute.open_cache(small_book, small_book / "_build")
    for name in ("start/tour", "tagging/one"):
        path = small_book / f"book/{name}.ipynb"
        _write_notebook(path, f"print({name!r})")
        executed: Any = nbformat.read(path, as_version=4)
        executed.cells[-1].execution_count = 1
        run = execute.Run(f"book/{name}.ipynb", 1.0, 1.0, 100.0)
        execute.store(cache, small_book, run, executed)
        assert execute.cached(cache, small_book, run.notebook) == run
    words = execute.words_file(small_book / "book/start/tour.ipynb")
    assert words.name == "tour.figures.toml"
    words.write_text("[roc]", encoding="utf-8")
    assert execute.cached(cache, small_book, "book/start/tour.ipynb") is None
    assert execute.cached(cache, small_book, "book/tagging/one.ipynb") is not None


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


_SHOWING = (
    "from hepml_lib.metrics import Estimate",
    "from hepml_lib.page import results",
    "from hepml_lib.page.explore import Slider, explore",
    "results.record('TAG-2', 'area', Estimate(0.9, 0.89, 0.91, 'bootstrap')); print(6 * 7)",
    "alt = 'A parabola that opens upward and gets steeper with a.'\n"
    "explore(lambda a: ([{'x': [0, 1], 'y': [0, a]}], {'title': f'a = {a}'}),\n"
    "        a=Slider([1, 2], label='Curvature'), alt=alt, caption='The larger, the steeper.')",
    "from hepml_lib import plots\n"
    "plots.figure(lambda ax: ax.plot([0, 1], [0, 2]), caption='The response is linear.',\n"
    "             alt='A straight line that rises from zero to two.')",
)


def test_what_the_notebook_tests_ran_is_not_run_again(small_book: Path) -> None:
    tour = small_book / "book/start/tour.ipynb"
    _write_notebook(tour, *_SHOWING)
    # The state of a widget that a page shows is more than nbval keeps: the build runs this one.
    _write_notebook(
        small_book / "book/tagging/one.ipynb", "import ipywidgets", "ipywidgets.IntSlider()"
    )
    judged = _judge(small_book)
    assert judged.returncode == 0, judged.stdout
    assert "8 passed" in judged.stdout

    built = _build(small_book, "--strict")
    assert built.returncode == 0, built.stderr
    assert "running 1 of 2" in built.stdout
    assert "[1/1] book/tagging/one.ipynb" in built.stdout
    page = (small_book / "_build/html/book/tagging/one.html").read_text(encoding="utf-8")
    assert "IntSliderModel" in page
    records = json.loads((small_book / "_build/results.json").read_text(encoding="utf-8"))
    assert [(r["name"], r["notebook"]) for r in records] == [("area", "book/start/tour.ipynb")]

    cache = execute.open_cache(small_book, small_book / "_build")
    run = execute.cached(cache, small_book, "book/start/tour.ipynb")
    assert run is not None
    assert 0.5 < run.cpu_seconds < 60  # a kernel, plotly and matplotlib
    assert 100 < run.peak_mb < 1000
    handed = nbformat.read(small_book / "_build/executed/book/start/tour.ipynb", as_version=4)
    (itself,) = execute.run_all(
        cache, small_book, small_book / "_build", ["book/start/tour.ipynb"], 1
    )
    assert not itself.error
    _, executed = cache.merge_match_into_notebook(nbformat.read(tour, as_version=4))
    assert _shown(handed) == _shown(executed)

    page = small_book / "_build/html/book/start/tour.html"
    images = re.findall(r'<img class="only-(\w+)" loading="lazy" src="([^"]+)"', page.read_text())
    assert [theme for theme, _ in images] == ["light", "dark"]
    pictures = [page.parent / address for _, address in images]
    assert all(picture.read_bytes().rstrip().endswith(b"</svg>") for picture in pictures)
    assert page.stat().st_size < 100_000


def _shown(notebook: Any) -> Any:
    """Outputs, counts and metadata, less what differs from run to run by itself."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            for used in ("seconds", "peak_mb"):
                output.get("data", {}).get(results.MIME, {}).pop(used, None)
    return notebook


def test_a_failing_notebook_fails_the_notebook_tests_and_is_not_handed_over(
    small_book: Path,
) -> None:
    _write_notebook(small_book / "book/start/tour.ipynb", "print(1)", "assert 1 + 1 == 3")
    # What nbval passes over, it has not judged.
    _write_notebook(small_book / "book/tagging/one.ipynb", "# NBVAL_SKIP\nassert 1 + 1 == 3")
    judged = _judge(small_book)
    assert judged.returncode == 1
    assert "1 failed, 1 passed, 1 skipped" in judged.stdout
    cache = execute.open_cache(small_book, small_book / "_build")
    for notebook in ("book/start/tour.ipynb", "book/tagging/one.ipynb"):
        assert execute.cached(cache, small_book, notebook) is None


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
