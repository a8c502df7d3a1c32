"""What a function's code reaches, at the grain of functions: a name reaches every definition of that name.

It reads the source and runs nothing. Attributes and variables are names, whatever they belong to, so more is reached
than is called; a call is missed only if its name is computed.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "controller"


def reached(entry: Path) -> Iterator[ast.AST]:
    """The functions that a module's `handler` reaches, and the modules, with all that runs when they are imported."""
    modules = modules_of(entry)
    definitions = defaultdict[str, list[ast.AST]](list)
    for module in modules:
        for name, node in _definitions(parsed(module)):
            definitions[name].append(node)
    pending = ["handler", *(name for module in modules for name in names(parsed(module)))]
    seen: set[str] = set()
    yield from map(parsed, modules)
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            for node in definitions[name]:
                yield node
                pending += names(node)


def modules_of(entry: Path) -> set[Path]:
    """The files of ours that a module imports, directly or not, including itself."""
    seen: set[Path] = set()
    pending = [entry]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            pending += imported(path)
    return seen


def imported(path: Path) -> Iterator[Path]:
    """The files of ours that a module imports itself at run time."""
    for node in _at_run_time(parsed(path)):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in found:
            for base in (PACKAGE, path.parent):
                file = base.joinpath(*name.split(".")).with_suffix(".py")
                if file.is_file():
                    yield file


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    for each in ast.iter_child_nodes(node):
        if not (isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING"):
            yield each
            yield from _at_run_time(each)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def body_of(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with a function or a module, without those of the functions that it defines."""
    pending = list(ast.iter_child_nodes(node))
    while pending:
        each = pending.pop()
        yield each
        if not isinstance(each, ast.FunctionDef):
            pending += ast.iter_child_nodes(each)


def names(node: ast.AST) -> Iterator[str]:
    """The names that a function or a module uses."""
    for each in body_of(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr


def _definitions(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Functions by their names. Special methods are also reached by the name of their class."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name.startswith("__"):
                    yield node.name, member
