"""Every notebook is listed, stripped, and has the parts that a page of this book has."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

import build

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = sorted(
    path for path in (_ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)
# Words that the headings of a page contain, in this order.
_PARTS = ("goals and prerequisites", "baseline", "idea", "something to break", "exercises")
_SHORTEST_ALT = 40


# A page of reference is looked up, not worked through: it has no exercises.
_CHAPTERS = [path for path in _PAGES if path.parent.name != "reference"]


def _read(path: Path) -> tuple[str, Any]:
    return path.relative_to(_ROOT).as_posix(), nbformat.read(path, as_version=4)


@pytest.fixture(params=_PAGES, ids=[path.stem for path in _PAGES])
def page(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """Path from the root and content of a notebook."""
    return _read(request.param)


@pytest.fixture(params=_CHAPTERS, ids=[path.stem for path in _CHAPTERS])
def chapter(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """Path from the root and content of a notebook that teaches."""
    return _read(request.param)


def _cells(content: Any, kind: str) -> list[Any]:
    return [cell for cell in content.cells if cell.cell_type == kind]


def _text(content: Any) -> str:
    return "\n\n".join(cell.source for cell in _cells(content, "markdown"))


def _headings(content: Any) -> list[tuple[int, str]]:
    """Level and text of every heading, fenced blocks left out."""
    plain = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", _text(content), flags=re.MULTILINE | re.DOTALL)
    return [(len(m[1]), m[2]) for m in re.finditer(r"^(#+) +(.+)$", plain, re.MULTILINE)]


def _calls(content: Any) -> Iterator[tuple[str, ast.Call]]:
    for cell in _cells(content, "code"):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call):
                yield cell.id, node


def test_the_table_of_contents_lists_every_notebook() -> None:
    toc = yaml.safe_load((_ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert build.notebooks(_ROOT, toc) == sorted(
        (path.relative_to(_ROOT).as_posix() for path in _PAGES),
        key=[f"{entry}.ipynb" for entry in build.pages(toc)].index,
    )


def test_stripped(page: tuple[str, Any]) -> None:
    """No outputs, no counts, no widget state: two commits differ only in what was written."""
    name, content = page
    strip = f"run: .venv/bin/nbstripout --keep-id {name}"
    for cell in _cells(content, "code"):
        assert not cell.outputs, strip
        assert cell.execution_count is None, strip
        assert set(cell.metadata) <= {"tags", "mystnb"}, strip
    assert set(content.metadata) <= {"kernelspec", "language_info"}, strip


def test_a_page_that_cites_lists_its_sources(page: tuple[str, Any]) -> None:
    text = _text(page[1])
    assert ("{cite" in text) == ("```{bibliography}\n:filter: docname in docnames" in text)


def test_cell_ids_are_there_and_unique(page: tuple[str, Any]) -> None:
    _, content = page
    assert (content.nbformat, content.nbformat_minor) >= (4, 5)
    ids = [cell.id for cell in content.cells]
    assert len(set(ids)) == len(ids)


def test_headings(page: tuple[str, Any]) -> None:
    """One title, first; no level skipped; no heading twice."""
    _, content = page
    headings = _headings(content)
    levels = [level for level, _ in headings]
    assert content.cells[0].source.startswith("# ")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len({text for _, text in headings}) == len(headings), "two headings are the same"


def test_parts_of_a_chapter(chapter: tuple[str, Any]) -> None:
    headings = _headings(chapter[1])
    titles = iter(text.lower() for _, text in headings)
    for part in _PARTS:
        assert any(part in title for title in titles), f"no heading with {part!r} in its place"
    assert any("something to move" in text.lower() for _, text in headings)


def test_the_opening_says_where_how_long_and_what_for(chapter: tuple[str, Any]) -> None:
    _, content = chapter
    opening = content.cells[0].source.lower()
    for word in ("where this sits", "running time", "gb", "after this page you can"):
        assert word in opening


def test_exercises_have_hidden_checked_solutions(chapter: tuple[str, Any]) -> None:
    _, content = chapter
    text = _text(content)
    exercises = re.findall(r"```+\{exercise-start\}\s*\n:label: (\S+)", text)
    solutions = re.findall(r"```+\{solution-start\} (\S+)\s*\n:class: dropdown", text)
    assert exercises, "a page has at least one exercise"
    assert solutions == exercises, "each exercise has its solution, folded (:class: dropdown)"
    for gate in ("exercise-end", "solution-end"):
        assert text.count(f"{{{gate}}}") == len(exercises)
    required = [
        call
        for _, call in _calls(content)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "check"
        if any(word.arg == "required" for word in call.keywords)
    ]
    assert len(required) >= len(exercises), "check each solution with required=True"


def _draws(call: ast.Call) -> bool:
    """Whether a call makes a figure: `explore(...)`, `event_display(...)`, `plots.…(...)`."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in {"explore", "event_display"}
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "plots"


def test_figures_have_caption_and_alternative_text(page: tuple[str, Any]) -> None:
    _, content = page
    alts = []
    for cell, call in filter(lambda found: _draws(found[1]), _calls(content)):
        words = {word.arg: word.value for word in call.keywords}
        assert {"alt", "caption"} <= set(words), f"cell {cell}: {ast.unparse(call.func)}"
        alt, caption = (ast.literal_eval(words[name]) for name in ("alt", "caption"))
        assert len(alt) >= _SHORTEST_ALT, f"cell {cell}: say what the figure shows: {alt!r}"
        assert alt != caption, f"cell {cell}: the caption states the finding, alt describes"
        alts.append(alt)
    assert alts, "a page has at least one figure"
    assert len(set(alts)) == len(alts), "two figures have the same alternative text"
    assert not re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=)", _text(content)), "a picture without alt"


def test_every_figure_goes_through_the_library(page: tuple[str, Any]) -> None:
    """A bare matplotlib or plotly figure has no alternative text and no dark variant."""
    for cell in _cells(page[1], "code"):
        for node in ast.walk(ast.parse(cell.source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] not in {"matplotlib", "plotly"}, f"cell {cell.id}"


def test_every_page_asserts_something(page: tuple[str, Any]) -> None:
    assert any(
        isinstance(node, ast.Assert)
        for cell in _cells(page[1], "code")
        for node in ast.walk(ast.parse(cell.source))
    )


def test_a_chapter_claims_an_effect(chapter: tuple[str, Any]) -> None:
    assert any(
        isinstance(call.func, ast.Attribute) and call.func.attr == "claim"
        for _, call in _calls(chapter[1])
    )


def test_links_between_pages_lead_somewhere(page: tuple[str, Any]) -> None:
    name, content = page
    for target in re.findall(r"\]\(([^)#\s]+\.(?:ipynb|md))", _text(content)):
        assert ((_ROOT / name).parent / target).exists(), f"{name} links to {target}"


def test_every_citation_is_in_the_references(page: tuple[str, Any]) -> None:
    known = re.findall(r"^@\w+\{([^,]+),", (_ROOT / "book/references.bib").read_text("utf-8"), re.M)
    cited = re.findall(r"\{cite[^}]*\}`([^`]+)`", _text(page[1]))
    missing = {key.strip() for keys in cited for key in keys.split(",")} - set(known)
    assert not missing
