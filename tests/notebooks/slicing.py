"""Which cells of a notebook an assertion needs.

A mutation test runs only those, so that it costs seconds and not the time of the whole page. The
analysis errs on the side of running too much: what a statement is called for, a receiver of a
method, and what is passed to `fit` all count as changed.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

__all__ = ["needed"]

# Calls for the reader's eye; they change nothing that a later cell computes with.
_SHOWING = {"display", "exercises", "explore", "plots", "print", "results"}


def needed(sources: Sequence[str], target: int) -> list[int]:
    """Indices of the code cells that the cell `target` depends on, itself last.

    Examples
    --------
    >>> cells = ["x = 1", "y = 2", "print(y)", "x += 1", "assert x == 2"]
    >>> needed(cells, 4)
    [0, 3, 4]
    """
    trees = [ast.parse(source) for source in sources[: target + 1]]
    modules = {name for tree in trees for name in _imported(tree)}
    changed = [_changed(tree, modules) for tree in trees]
    wanted, kept = _read(trees[target]), {target}
    while more := {i for i, names in enumerate(changed) if i not in kept and names & wanted}:
        kept |= more
        wanted = wanted.union(*(_read(trees[i]) for i in more))
    return sorted(kept)


def _imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found


def _read(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _root(node: ast.AST) -> str:
    """Name that an expression such as ``model.layers[0].weight`` starts with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _changed(tree: ast.Module, modules: set[str]) -> set[str]:
    """Names that a cell binds or whose object it may change."""
    found = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node.ctx, ast.Store | ast.Del):
                found.add(_root(node))
        elif isinstance(node, ast.Call):
            receiver = _root(node.func)
            if isinstance(node.func, ast.Attribute) and receiver not in modules:
                found.add(receiver)
            if isinstance(node.func, ast.Attribute) and node.func.attr == "fit":
                found |= _read(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found |= set() if _root(node.value) in _SHOWING else _read(node)
    return found
