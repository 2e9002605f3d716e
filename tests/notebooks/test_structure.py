"""Every notebook is listed, stripped, and has the parts that a page of this book has."""

from __future__ import annotations

import ast
import itertools
import re
import statistics
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

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
_KEYS = {"alt", "caption"}
_SHORTEST_ALT = 40
# Tags of a cell. No tag that lets a cell fail, or not run, is ever among them.
_TAGS = {"hide-input"}
_HIDING = re.compile(r"#\s*((?:NBVAL|PYTEST_VALIDATE)_\w+)")  # comments that nbval obeys
_ALL = {"AssertionError", "BaseException", "Exception"}  # what a failed assertion is
# Lines of a code cell: of the median one, of the longest, and characters of a line.
_MEDIAN, _LONGEST, _WIDEST = 12, 25, 100
# Pages whose cells are still longer. This list must shrink to nothing.
_TO_SHORTEN: set[str] = set()


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


def _code(*sources: str, **metadata: Any) -> Any:
    """A notebook of code cells, each with the same metadata."""
    new = nbformat.v4.new_code_cell
    return nbformat.v4.new_notebook(cells=[new(source, metadata=metadata) for source in sources])


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


def _words(name: str) -> dict[str, dict[str, str]]:
    """Alternative text and caption of the figures in the file beside a notebook."""
    file = (_ROOT / name).with_suffix(".figures.toml")
    if not file.exists():
        return {}
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        figure: {key: " ".join(text.split()) for key, text in table.items()}
        for figure, table in tables.items()
    }


def _entry(call: ast.Call) -> str | None:
    """The name in ``**words["name"]``, if a call has it."""
    for given in call.keywords:
        if given.arg is None and ast.unparse(given.value).startswith("words["):
            return ast.literal_eval(cast(ast.Subscript, given.value).slice)
    return None


def _poor_words(stem: str, content: Any, words: dict[str, dict[str, str]]) -> list[str]:
    """What is wrong with captions and alternative texts, in the calls or in the file beside."""
    problems, alts, used = [], [], []
    for cell, call in _calls(content):
        if ast.unparse(call.func) == "figure_words" and ast.literal_eval(call.args[0]) != stem:
            problems.append(f"cell {cell}: the words of another page")
        if not _draws(call):
            continue
        given = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg in _KEYS}
        entry = _entry(call)
        if entry is not None:
            used.append(entry)
            given |= words.get(entry, {})
        if set(given) != _KEYS:
            problems.append(f"cell {cell}: {ast.unparse(call.func)} lacks alt or caption")
            continue
        if len(given["alt"]) < _SHORTEST_ALT:
            problems.append(f"cell {cell}: say what the figure shows: {given['alt']!r}")
        if given["alt"] == given["caption"]:
            problems.append(f"cell {cell}: the caption states the finding, alt describes")
        alts.append(given["alt"])
    if not alts:
        problems.append("a page has at least one figure")
    problems += [f"two figures have the alternative text {alt!r}" for alt in _twice(alts)]
    problems += [f"two figures have the words of {name!r}" for name in _twice(used)]
    problems += [f"no figure has the words of {name!r}" for name in words.keys() - set(used)]
    return problems


def _twice(names: list[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def test_figures_have_caption_and_alternative_text(page: tuple[str, Any]) -> None:
    name, content = page
    assert _poor_words(Path(name).stem, content, _words(name)) == []
    assert not re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=)", _text(content)), "a picture without alt"


def test_every_file_of_words_has_its_notebook() -> None:
    for file in (_ROOT / "book").rglob("*.figures.toml"):
        notebook = file.with_name(file.name.replace(".figures.toml", ".ipynb"))
        assert notebook.exists(), f"{file} belongs to no notebook"


_ALT = "A curve that rises from zero to one, steeply at first."
_OTHER = "A curve that falls from one to zero, steeply at the end."


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        ([f"plots.roc(x, alt='{_ALT}', caption='It rises.')"], None),
        (['plots.roc(x, **words["roc"])'], None),
        (['words = figure_words("tour")', 'explore(draw, **words["roc"])'], None),
        (['words = figure_words("other")', 'plots.roc(x, **words["roc"])'], "of another page"),
        (["plots.roc(x)"], "plots.roc lacks alt or caption"),
        (['plots.roc(x, **words["rock"])'], "plots.roc lacks alt or caption"),
        ([f"plots.roc(x, alt='{_ALT}')"], "plots.roc lacks alt or caption"),
        (["plots.roc(x, alt='A curve.', caption='It rises.')"], "say what the figure shows"),
        ([f"plots.roc(x, alt='{_ALT}', caption='{_ALT}')"], "the caption states the finding"),
        (['plots.roc(x, **words["roc"])'] * 2, "two figures have the words of 'roc'"),
        ([f"plots.roc(x, alt='{_OTHER}', caption='It falls.')"] * 2, "the alternative text"),
        ([f"plots.roc(x, alt='{_OTHER}', caption='It falls.')"], "no figure has the words of"),
        (["x = 1"], "at least one figure"),
    ],
)
def test_poor_words_are_found(sources: list[str], problem: str | None) -> None:
    with_file = problem is None or "alt=" not in sources[0] or "no figure" in problem
    literal = problem is None and "alt=" in sources[0]
    words = {"roc": {"alt": _ALT, "caption": "It rises."}} if with_file and not literal else {}
    found = _poor_words("tour", _code(*sources), words)
    assert (found == []) if problem is None else any(problem in said for said in found)


def _lost_figures(content: Any) -> list[str]:
    """Cells that draw a figure before their last statement: Jupyter shows only the last."""
    lost = []
    for cell in _cells(content, "code"):
        for statement in ast.parse(cell.source).body[:-1]:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Call) and _draws(value):
                lost.append(cell.id)
    return lost


def test_every_figure_is_shown(page: tuple[str, Any]) -> None:
    assert _lost_figures(page[1]) == []


def test_a_figure_that_is_not_shown_is_found() -> None:
    content = _code("plots.roc(bands)\nprint(1)", "print(1)\nplots.roc(bands)")
    assert _lost_figures(content) == [content.cells[0].id]


def test_every_figure_goes_through_the_library(page: tuple[str, Any]) -> None:
    """A bare matplotlib or plotly figure has no alternative text and no dark variant."""
    for cell in _cells(page[1], "code"):
        for node in ast.walk(ast.parse(cell.source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] not in {"matplotlib", "plotly"}, f"cell {cell.id}"


def _hidden_failures(content: Any) -> list[str]:
    """Cells that could fail, or be passed over, while every check stays green."""
    found = []
    for cell in _cells(content, "code"):
        tree = ast.parse(cell.source)
        hiding = [f"the tag {tag!r}" for tag in set(cell.metadata.get("tags", [])) - _TAGS]
        hiding += [f"the comment {comment!r}" for comment in _HIDING.findall(cell.source)]
        hiding += [f"{ast.unparse(node)!r}" for node in ast.walk(tree) if _swallows(node)]
        found += [f"cell {cell.id} has {what}" for what in hiding]
    if "execution_allow_errors" in str([content.metadata, *(c.metadata for c in content.cells)]):
        found.append("the metadata allow errors")
    return found


def _swallows(node: ast.AST) -> bool:
    """Whether a failed assertion ends here: `except Exception`, `suppress(AssertionError)`."""
    if isinstance(node, ast.ExceptHandler):
        caught = node.type
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        caught = ast.Tuple(node.args)
    else:
        return False
    names = {name.id for name in ast.walk(caught) if isinstance(name, ast.Name)} if caught else _ALL
    return bool(names & _ALL)


def test_no_cell_hides_a_failure(page: tuple[str, Any]) -> None:
    assert _hidden_failures(page[1]) == []


@pytest.mark.parametrize(
    "content",
    [
        *(
            _code("assert x", tags=[tag])
            for tag in (
                *("raises-exception", "skip-execution", "nbval-skip", "nbval-raises-exception"),
                *("nbval-ignore-output", "nbval-check-output", "a-tag-of-tomorrow"),
            )
        ),
        *(
            _code(f"{comment}\nassert x")
            for comment in (
                *("# NBVAL_SKIP", "#NBVAL_RAISES_EXCEPTION", "## NBVAL_IGNORE_OUTPUT"),
                "# PYTEST_VALIDATE_IGNORE_OUTPUT",
            )
        ),
        _code("try:\n    results.claim('better', gain, 0.1)\nexcept AssertionError:\n    pass"),
        _code("try:\n    assert x\nexcept (ValueError, Exception):\n    pass"),
        _code("try:\n    assert x\nexcept:\n    pass"),
        _code("with contextlib.suppress(AssertionError):\n    assert x"),
        _code("assert x", mystnb={"execution_allow_errors": True}),
    ],
)
def test_a_hidden_failure_is_found(content: Any) -> None:
    assert _hidden_failures(content)


def test_an_error_that_a_page_shows_is_no_hidden_failure() -> None:
    shown = "try:\n    rates.rate(x)\nexcept ValueError as refusal:\n    print(refusal)  # as nbval"
    assert _hidden_failures(_code(shown, tags=["hide-input"])) == []


def _too_long(content: Any) -> list[str]:
    """Cells and lines that a reader must scroll for; folded cells and exercises may be longer."""
    code = _cells(content, "code")
    read = [
        cell
        for cell in code
        if "hide-input" not in cell.metadata.get("tags", []) and "exercises." not in cell.source
    ]
    lengths = {cell.id: len(cell.source.splitlines()) for cell in read}
    found = []
    if lengths and statistics.median(lengths.values()) > _MEDIAN:
        found.append(f"the median cell has {statistics.median(lengths.values()):g} lines")
    found += [
        f"cell {cell} has {length} lines" for cell, length in lengths.items() if length > _LONGEST
    ]
    for cell in code:
        for line in cell.source.splitlines():
            if len(line) > _WIDEST:
                found.append(f"cell {cell.id} has a line of {len(line)} characters: {line[:40]}…")
    return found


def test_cells_are_short(page: tuple[str, Any]) -> None:
    name, content = page
    found = _too_long(content)
    assert bool(found) == (name in _TO_SHORTEN), found or "it is short now: take it from the list"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (_code("x = 1\n" * 12, "x = 1\n" * 12, "x = 1\n" * 25), None),
        (_code("x = 1\n" * 12, "x = 1\n" * 14), "the median cell has 13 lines"),
        (_code(*["x = 1"] * 5, "x = 1\n" * 26), "has 26 lines"),
        (_code("x = 1\n" * 40, tags=["hide-input"]), None),
        (_code("exercises.check(\n" + "1,\n" * 40 + ")"), None),
        (_code(f"x = '{'y' * 100}'", tags=["hide-input"]), "has a line of 106 characters"),
    ],
)
def test_a_long_cell_is_found(content: Any, problem: str | None) -> None:
    found = _too_long(content)
    assert (found == []) if problem is None else any(problem in said for said in found)


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
