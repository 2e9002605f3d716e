"""Which cells of a notebook an assertion needs.

A mutation test runs only those, so that it costs seconds and not the time of the whole page. The
analysis errs on the side of running too much: what a statement is called for, the receiver of a
method, and what is passed to `training.fit` all count as changed.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["needed"]

# Calls for the reader's eye; they change nothing that a later cell computes with.
_SHOWING = {
    "display",
    "event_display",
    "exercises",
    "explore",
    "metrics",
    "plots",
    "print",
    "results",
}
_READING = {"items", "keys", "values"}  # methods that only look
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True)
class _Names:
    """What a cell does with the names of the notebook."""

    read: set[str]  # while it runs
    read_later: set[str]  # when a function that it defines is called
    bound: set[str]  # for sure, whatever they were before
    changed: set[str]  # bound, perhaps bound, or perhaps changed inside


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
    cells = [_names(*pair, modules) for pair in zip(sources, trees, strict=False)]
    late: set[str] = set()
    while True:
        kept = _backwards(cells, target, late)
        called = set().union(*(cells[index].read_later for index in kept))
        if called <= late:
            return kept
        late |= called


def _backwards(cells: Sequence[_Names], target: int, late: set[str]) -> list[int]:
    """Cells that bind or change a name which is wanted when one walks back from the target."""
    kept, wanted = [target], cells[target].read | late
    for index in range(target - 1, -1, -1):
        cell = cells[index]
        if cell.changed & wanted:
            kept.append(index)
            wanted = (wanted - cell.bound) | cell.read | late
    return kept[::-1]


def _names(source: str, tree: ast.Module, modules: set[str]) -> _Names:
    table = symtable.symtable(source, "cell", "exec")
    symbols = table.get_symbols()
    read = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    read_later: set[str] = set()
    for child in _descendants(table):
        names = {symbol.get_name() for symbol in child.get_symbols() if symbol.is_global()}
        (
            read
            if child.get_name().endswith("comp") or child.get_name() == "genexpr"
            else read_later
        ).update(names)
    assigned = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    return _Names(read, read_later, _bound(tree), assigned | _mutated(tree, modules))


def _descendants(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _descendants(child)


def _imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found


def _bound(tree: ast.Module) -> set[str]:
    """Names that the cell's own statements bind, those in loops and branches left out."""
    found = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found.add(statement.name)
        elif isinstance(statement, ast.Assign):
            targets = [n for t in statement.targets for n in (getattr(t, "elts", None) or [t])]
            found |= {node.id for node in targets if isinstance(node, ast.Name)}
    return found


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES):
            yield from _outside_functions(child)


def _root(node: ast.AST) -> str:
    """Name that an expression such as ``model.layers[0].weight`` starts with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _mutated(tree: ast.Module, modules: set[str]) -> set[str]:
    """Names whose object the cell may change."""
    found = set()
    for node in _outside_functions(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(
            node.ctx, ast.Store | ast.Del
        ):
            found.add(_root(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in _READING:
                found |= {_root(node.func)} - modules
            if node.func.attr == "fit" and _root(node.func) in modules:
                found |= _names_in(node) - modules
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            called = _root(function)
            method = isinstance(function, ast.Attribute) and called not in modules
            if called not in _SHOWING:
                found |= {called} if method else {called} | (_names_in(node) - modules)
    return found


def _names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
