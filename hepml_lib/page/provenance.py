"""What a measurement on a page rests on: the code of the notebook, and the data that it opened.

Both are hashed so that what a reader alone sees does not count: words, comments and line breaks of
the code, the time and identity that a ROOT file carries. The library is not hashed: a change of it
that matters moves a figure, and `hepml_lib.page.studies.stale` sees that.
"""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from hepml_lib import settings

__all__ = ["code_hash", "committed_data", "data_hashes", "source_trees"]

# Calls that show something: their texts are for the reader.
_SHOWING = ("display", "event_display", "explore", "plots.", "print", "results.table")
_WORDS = {"alt", "caption"}


def source_trees(notebook: str | Path) -> list[ast.Module]:
    """Syntax trees of the code cells of a notebook, IPython's own syntax included.

    Parameters
    ----------
    notebook : str or Path
        Where it lies.

    Returns
    -------
    list of ast.Module
        One for each code cell, in their order.

    Raises
    ------
    SyntaxError
        If a cell is no Python.
    """
    cells = nbformat.read(Path(notebook), as_version=4).cells
    transform = TransformerManager().transform_cell
    return [ast.parse(transform(cell.source)) for cell in cells if cell.cell_type == "code"]


def code_hash(notebook: str | Path) -> str:
    """Hash of the code of a notebook without imports, docstrings and the words of its figures.

    Parameters
    ----------
    notebook : str or Path
        Where it lies.

    Returns
    -------
    str
        Hexadecimal, of 16 digits. It does not depend on the version of Python.
    """
    trees = [_Plain().visit(tree) for tree in source_trees(notebook)]
    return _digest("\n".join(_written(statement) for tree in trees for statement in tree.body))


def committed_data(opened: Iterable[str]) -> list[str]:
    """Samples, weights and results among the files that a run opened, from the data folder on.

    Cards are left out: what they say of a sample or a network in words may be said better.

    Parameters
    ----------
    opened : iterable of str
        Paths of files.

    Returns
    -------
    list of str
        Sorted, such as ``"samples/top_jets.root"``.
    """
    folder = settings.data_dir().resolve()
    paths = {Path(name).resolve() for name in opened}
    names = {path.relative_to(folder) for path in paths if path.is_relative_to(folder)}
    kinds = {("samples", ".root"), ("models", ".safetensors"), ("results", ".json")}
    return sorted(name.as_posix() for name in names if (name.parts[0], name.suffix) in kinds)


def data_hashes(names: Iterable[str]) -> dict[str, str]:
    """Hash of committed files by name: of a sample's columns as the manifest has them, of bytes.

    Parameters
    ----------
    names : iterable of str
        Such as ``"samples/top_jets.root"``. What is not there has the hash ``"missing"``.

    Returns
    -------
    dict of str
        Name → hexadecimal hash, of 16 digits.
    """
    folder = settings.data_dir()
    manifest = folder / "manifest.toml"
    tables = tomllib.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    hashes = {}
    for name in names:
        if name in tables:
            hashes[name] = _digest(json.dumps(tables[name]["columns"], sort_keys=True))
        elif (folder / name).exists():
            hashes[name] = _digest((folder / name).read_bytes())
        else:
            hashes[name] = "missing"
    return hashes


def _digest(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:16]


class _Plain(ast.NodeTransformer):
    """Takes out of a tree what a reader sees and no result depends on."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if _called(node.value) == "figure_words" else self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _called(node).startswith(_SHOWING):
            node.keywords = [word for word in node.keywords if not _is_words(word)]
            for child in ast.walk(node):
                if isinstance(child, ast.Constant) and isinstance(child.value, str):
                    child.value = ""
        return self.generic_visit(node)


def _called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _is_words(given: ast.keyword) -> bool:
    """Whether an argument is a caption, an alternative text, or both from the page's file."""
    return given.arg in _WORDS or (given.arg is None and isinstance(given.value, ast.Subscript))


def _written(node: Any) -> str:
    """A tree as text; `ast.dump` writes empty fields, and each Python has others."""
    if isinstance(node, list):
        return f"[{','.join(map(_written, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={_written(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != [] and name not in ("ctx", "kind", "type_comment")
    ]
    return f"{type(node).__name__}({','.join(fields)})"
