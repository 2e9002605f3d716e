"""Lines of code by folder of the library, and by row of the headline figures of a chapter.

A line counts if it holds code: no docstring, comment, blank line or import.
"""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

_ROOT = Path(__file__).resolve().parents[1]
_BUDGET = 300  # lines of code for a row
_LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT}
_LAYOUT |= {tokenize.ENDMARKER, tokenize.ENCODING}


def code_lines(source: str) -> int:
    r"""Lines of a source that hold code.

    Examples
    --------
    >>> code_lines('"Words."\nimport numpy as np\n\n# why\nx = np.exp(\n    1.0,\n)\n')
    3
    """
    lines = iter(source.splitlines(keepends=True))
    held: set[int] = set()
    for token in tokenize.generate_tokens(lambda: next(lines, "")):
        if token.type not in _LAYOUT:
            held.update(range(token.start[0], token.end[0] + 1))
    return len(held - _spared(ast.parse(source)))


def _spared(tree: ast.Module) -> set[int]:
    """Lines of imports and docstrings."""
    nodes: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            nodes.append(node)
        elif isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and ast.get_docstring(node, clean=False):
            nodes.append(node.body[0])
    return {
        line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def library(root: Path) -> Counter[str]:
    """Lines of code by folder of the library, files at its top under their own name."""
    package = root / "hepml_lib"
    sizes: Counter[str] = Counter()
    for file in package.rglob("*.py"):
        sizes[file.relative_to(package).parts[0]] += code_lines(file.read_text(encoding="utf-8"))
    return sizes


def rows(notebooks: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Chapter and row of every headline figure that the pages record or claim."""
    for path in notebooks:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                given = {word.arg: word.value for word in node.keywords}
                if node.func.attr == "record" and node.args:
                    given["row"] = node.args[0]
                row = given.get("row") if node.func.attr in ("record", "claim") else None
                if isinstance(row, ast.Constant) and row.value:
                    yield path.parent.name, str(row.value)


def main() -> None:
    sizes = library(_ROOT)
    recorded: dict[str, set[str]] = {}
    for chapter, row in rows(sorted((_ROOT / "book").glob("*/*.ipynb"))):
        recorded.setdefault(chapter, set()).add(row)
    print(f"{'hepml_lib':20s}{'code':>7s}{'rows':>6s}{'code a row':>12s}")
    for name, size in sizes.most_common():
        count = len(recorded.get(name, ()))
        line = f"{name:20s}{size:7d}"
        if count:
            over = f"  over {_BUDGET}" if size > _BUDGET * count else ""
            line += f"{count:6d}{size / count:12.0f}{over}"
        print(line)
    total, count = sizes.total(), len(set().union(*recorded.values()))
    print(f"{'all':20s}{total:7d}{count:6d}{total / max(count, 1):12.0f}")


if __name__ == "__main__":
    main()
