"""The messages that a user can see, read from the source: what is raised, added as a fault, or sent as a reason.

It runs nothing. A message is followed through variables, constants, parameters and functions of ours to its words.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PART = "\0"  # a part of a message that is not constant
PASSED = "\1"  # the whole message of another error, which is found where that is raised
# Errors whose message a user sees, with all that derive from them. That of a ValueError becomes a fault.
VISIBLE = {"ControllerError", "TooLarge", "NotDelivered", "ForeignUrl", "ValueError"}


@dataclass(frozen=True)
class Message:
    """A message with PART for each part that is not constant. A fault also has the path of its property."""

    where: str
    text: str
    path: str | None = None

    @property
    def is_found(self) -> bool:
        """Whether it has any words."""
        return any(map(str.isalpha, self.text))

    def is_shown_as(self, shown: str) -> bool:
        """Whether this is it, with PART for its placeholders.

        A path that is not constant may be shown as any, and so may that of an error which becomes a fault.
        """
        path = r"(\S+: )?" if self.path is None else re.escape(self.path).replace(PART, r"\S+") + ": "
        return re.fullmatch(path + re.escape(self.text), shown) is not None


class Source:
    """Modules of the product, by name."""

    def __init__(self, modules: Mapping[str, ast.Module]) -> None:
        self._modules = modules
        self._open = set[ast.expr]()
        self._nodes = {name: list(ast.walk(module)) for name, module in modules.items()}
        self._parents = {child: node for node in self._every(ast.AST) for child in ast.iter_child_nodes(node)}
        self._functions = defaultdict[str, list[ast.FunctionDef]](list)
        for function in self._every(ast.FunctionDef):
            self._functions[function.name].append(function)
        self._calls = defaultdict[str, list[ast.Call]](list)
        for call in self._every(ast.Call):
            self._calls[_name(call.func)].append(call)
        bases = {each.name: set(map(_name, each.bases)) for each in self._every(ast.ClassDef)}
        self._errors = set(VISIBLE)
        while more := {name for name, above in bases.items() if above & self._errors} - self._errors:
            self._errors |= more
        self._raised = bases.keys() | self._functions.keys() | vars(builtins).keys()

    def messages(self) -> Iterator[Message]:
        """All of them, in order of their places. What cannot be followed to its words is not `is_found`."""
        for name, nodes in self._nodes.items():
            for node in nodes:
                for path, expression in self._shown(node):
                    where = f"{name}:{expression.lineno}"
                    for text in sorted(self._texts(expression) - {PASSED}):
                        yield Message(where, text, None if path is None else self._path(path))

    def _shown(self, node: ast.AST) -> Iterator[tuple[ast.expr | None, ast.expr]]:
        """The messages that a node shows, each with the path if it is a fault."""
        match node:
            case ast.Call(ast.Attribute(_, "add"), [path, message]):
                yield path, message  # of a set, `add` takes one argument
            case ast.Call() if self._is_shown(node):
                yield None, node.args[-1] if node.args else node.func
            case ast.Raise(ast.Name() | ast.Attribute() as error) if _name(error) in self._errors:
                yield None, error
            case ast.Raise(ast.Call(func)) if _name(func) not in self._raised:
                yield None, func
            case ast.Dict(keys, values):
                reasons = [each for key, each in zip(keys, values, strict=True) if _is_reason(key)]
                yield from ((None, each) for each in reasons if not isinstance(each, ast.Dict))

    def _is_shown(self, call: ast.Call) -> bool:
        """Whether the last argument of a call is a message: of an error, or the reason of a dead letter."""
        match call:
            case ast.Call(ast.Attribute(ast.Call(ast.Name("super")), "__init__")):
                return self._class_of(call) in self._errors
            case ast.Call(ast.Attribute(_, "send_message"), [_, _]):
                return True
            case ast.Call(ast.Attribute(_, "add"), _, [_, *_]):
                return True
        name = _name(call.func)
        return name in self._errors and not any(self._class_of(each) == name for each in self._functions["__init__"])

    def _path(self, path: ast.expr) -> str:
        """The path of a property as far as it is constant."""
        text, *others = self._texts(path, follow=False)
        return text if not others and any(map(str.isalpha, text)) else PART

    def _texts(self, node: ast.expr, *, follow: bool = True) -> set[str]:
        """What an expression may be. Without ``follow``, calls and parameters are not followed."""
        if node in self._open:
            return {PART}
        self._open.add(node)
        try:
            return self._texts_of(node, follow=follow)
        finally:
            self._open.remove(node)

    def _texts_of(self, node: ast.expr, *, follow: bool) -> set[str]:
        match node:
            case ast.Constant(value):
                return set() if value is None else {str(value)}
            case ast.JoinedStr(values):
                return _joined(self._texts(each, follow=False) for each in values)
            case ast.FormattedValue(value):
                return self._formatted(node, value)
            case ast.BinOp(left, ast.Add(), right):
                return _joined(self._texts(each, follow=False) for each in (left, right))
            case ast.IfExp(_, body, orelse):
                # What is added or left out is shown.
                return self._any([body, orelse], follow=follow) - {""}
            case ast.BoolOp(ast.Or(), values):
                # In a message, what is not constant before the "or" is the message of a schema.
                return self._any(values, follow=follow) - ({PART} if follow else set())
        return self._any(self._values(node, follow=follow), follow=follow) or {self._passed(node)}

    def _any(self, nodes: Iterable[ast.expr], *, follow: bool) -> set[str]:
        return {text for node in nodes for text in self._texts(node, follow=follow)}

    def _formatted(self, node: ast.FormattedValue, value: ast.expr) -> set[str]:
        """Words are shown. Of numbers, those that are constants of a module."""
        constants = [each.value for each in self._values(value, follow=False) if isinstance(each, ast.Constant)]
        if _name(value).isupper() and constants and isinstance(constants[0], int):
            [spec] = self._texts(node.format_spec) if node.format_spec else [""]
            return {format(constants[0], spec)}
        texts = {PART if text == PASSED else text for text in self._texts(value, follow=False)}
        return texts if all(any(map(str.isalpha, text)) for text in texts) else {PART}

    def _passed(self, node: ast.expr) -> str:
        """PASSED for ``str(error)`` of an error that was caught, and for a list of errors, otherwise PART."""
        match node:
            case ast.Call(ast.Name("str"), [ast.Name(name)]):
                handlers = [each for each in self._above(node) if isinstance(each, ast.ExceptHandler)]
                caught = [each.type for each in handlers if each.name == name and each.type is not None]
                names = [_name(each) for kind in caught for each in getattr(kind, "elts", [kind])]
                return PASSED if names and set(names) <= self._errors else PART
            case ast.Call(ast.Attribute(ast.Constant(), "join"), [ast.Call(ast.Name("map"), [ast.Name("str"), _])]):
                return PASSED
        return PART

    def _values(self, node: ast.expr, *, follow: bool) -> list[ast.expr]:
        """The expressions that a name or a call stands for."""
        match node:
            case ast.Lambda(_, value) | ast.GeneratorExp(value) | ast.Call(ast.Name("list"), [value]):
                return [value]
            case ast.Name(name):
                return self._bound(name, node, follow=follow)
            case ast.Call(ast.Attribute(ast.Constant(), "join"), [ast.Name() as sentences]) if follow:
                return self._items(sentences)
            case ast.Attribute(ast.Name(), name) if name.isupper():
                return self._constants(name, node)
            case ast.Call(func) if follow and _name(func) in self._functions:
                return [each for function in self._functions[_name(func)] for each in _results(function)]
            case ast.Call(ast.Name(name)) if follow:
                return [each for each in self._bound(name, node, follow=follow) if isinstance(each, ast.Lambda)]
        return []

    def _bound(self, name: str, where: ast.AST, *, follow: bool) -> list[ast.expr]:
        """What a name is bound to: in the functions around it, by their callers, or in a module."""
        for scope in self._above(where):
            if isinstance(scope, ast.FunctionDef):
                bound = [each for node in ast.walk(scope) for each in self._bindings(node, name)]
                if bound:
                    return bound
                names = [each.arg for each in scope.args.args if each.arg != "self"]
                if name in names:
                    return self._given(scope, name, names.index(name)) if follow else []
        return self._constants(name, where)

    def _bindings(self, node: ast.AST, name: str) -> Iterator[ast.expr]:
        match node:
            case ast.Assign([target], value) | ast.NamedExpr(target, value) if _is_assigned(target, name):
                yield from _unpacked(target, self._alternatives(target, value), name)
            case ast.For(target, items) | ast.comprehension(target, items) if _is_assigned(target, name):
                yield from _unpacked(target, self._items(items), name)

    def _alternatives(self, target: ast.expr, value: ast.expr) -> list[ast.expr]:
        is_unpacked = isinstance(target, ast.Tuple) and isinstance(value, ast.Call)
        return self._values(value, follow=True) if is_unpacked else [value]

    def _items(self, node: ast.expr) -> list[ast.expr]:
        """The items of an iterable."""
        match node:
            case ast.Tuple(items) | ast.List(items):
                return items
            case ast.Call(ast.Name("list"), [values]):
                return self._items(values)
            case ast.Call(func) if _name(func) in self._functions:
                return self._values(node, follow=True)
        return [each for value in self._values(node, follow=False) for each in self._items(value)]

    def _given(self, function: ast.FunctionDef, name: str, position: int) -> list[ast.expr]:
        """The arguments that calls give a parameter."""
        given = []
        for call in self._calls[function.name]:
            named = [each.value for each in call.keywords if each.arg == name]
            given += named or call.args[position : position + 1]
        return given

    def _constants(self, name: str, where: ast.AST) -> list[ast.expr]:
        """The value of a constant: of the module, or of the one from which it is imported."""
        own = [self._module_of(where), *self._modules.values()]
        return next((found for module in own if (found := list(_assigned(module, name)))), [])

    def _every(self, kind: type[Any]) -> Iterator[Any]:
        return (node for nodes in self._nodes.values() for node in nodes if isinstance(node, kind))

    def _above(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self._parents:
            node = self._parents[node]
            yield node

    def _module_of(self, node: ast.AST) -> ast.AST:
        return [node, *self._above(node)][-1]

    def _class_of(self, node: ast.AST) -> str:
        return next((each.name for each in self._above(node) if isinstance(each, ast.ClassDef)), "")


def hints(schema: Any, where: str) -> Iterator[Message]:
    """The messages in a schema."""
    if isinstance(schema, dict):
        texts = [schema.get("patternHint"), *schema.get("unknownHints", {}).values()]
        yield from (Message(where, text, PART) for text in texts if text is not None)
    children = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for each in children:
        yield from hints(each, where)


def _name(node: ast.AST) -> str:
    """The last name of an expression such as ``answer.TooLarge``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_reason(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "Reason"


def _joined(parts: Iterable[set[str]]) -> set[str]:
    whole = ("".join(each) for each in product(*parts))
    return {re.sub(f"[{PART}{PASSED}]+", PART, each) for each in whole}


def _results(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) and node.value is not None:
            yield node.value


def _is_assigned(target: ast.expr, name: str) -> bool:
    return name in map(_name, ast.walk(target))


def _unpacked(target: ast.expr, values: Iterable[ast.expr], name: str) -> Iterator[ast.expr]:
    """The part of each value that is assigned to the name."""
    match target:
        case ast.Name(id) if id == name:
            yield from values
        case ast.Tuple(names) if name in map(_name, names):
            position = [*map(_name, names)].index(name)
            yield from (each.elts[position] for each in values if isinstance(each, ast.Tuple))


def _assigned(module: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.iter_child_nodes(module):
        match node:
            case ast.Assign([ast.Name(id)], value) | ast.AnnAssign(ast.Name(id), _, value) if id == name and value:
                yield value
