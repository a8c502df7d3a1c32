"""Input files in YAML, with the short forms of intrinsic functions, or in JSON. The path `-` is standard input."""

from __future__ import annotations

import codecs
import json
import sys
from collections import Counter
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ecr_controller.errors import Fault, InvalidProperties, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator


# Of a document in YAML. CloudFormation accepts templates of 1 MB.
MAX_NODES = 1_000_000


@contextmanager
def errors_in(path: str) -> Iterator[None]:
    """Every UserError that is raised inside names the file."""
    name = "standard input" if path == "-" else path
    try:
        yield
    except InvalidProperties as error:
        faults = [Fault(f"{name}: {each.path}" if each.path else name, each.message) for each in error.faults]
        raise InvalidProperties(name, faults) from None
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    except RecursionError:
        raise UserError(f"{name}: the template is nested too deeply") from None


def read_text(path: str) -> str:
    """The text of a file. Raises UserError."""
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        # Programs on Windows write a byte order mark, and PowerShell writes UTF-16.
        is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError("cannot be read: the encoding is neither UTF-8 nor UTF-16") from None


def read_json(path: str) -> Any:
    """A JSON document. Raises UserError."""
    try:
        return json.loads(read_text(path), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UserError(f"cannot be read as JSON: {_describe(error)}") from None


def read_yaml(path: str) -> Any:
    """A YAML or JSON document, where `!Sub x` is `{"Fn::Sub": x}`. Raises UserError."""
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, path: str) -> Any:
    """The document in the text of a file. Raises UserError."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        json_error = error
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None and _size(node, {}) > MAX_NODES:
            raise UserError(f"cannot be read as YAML: its aliases expand to more than {MAX_NODES:,} values")
        return None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, RecursionError) as error:
        if path.endswith(".json"):
            raise UserError(f"cannot be read as JSON: {_describe(json_error)}") from None
        raise UserError(f"cannot be read as YAML: {_describe(error)}") from None


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises UserError for a name that is given twice, of which readers keep one."""
    repeated = [name for name, times in Counter(name for name, _ in members).items() if times > 1]
    if repeated:
        raise UserError(f"has the member {repeated[0]} more than once in one object; remove one of them")
    return dict(members)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """The number of values that a node stands for, its aliases in full; more than allowed if it contains itself."""
    if id(node) not in known:
        known[id(node)] = MAX_NODES + 1
        children = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = chain.from_iterable(children) if isinstance(node, yaml.MappingNode) else children
        known[id(node)] = 1 + sum(_size(each, known) for each in parts)
    return known[id(node)]


def _describe(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"{error.problem}: line {error.problem_mark.line + 1} column {error.problem_mark.column + 1}"
    return " ".join(str(error).split())


class _Loader(yaml.SafeLoader):
    """Keeps dates as text, as CloudFormation does, and refuses keys that are given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping. Raises UserError with the line of the second of two keys."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if (key.tag, key.value) in seen:
                    line, column = key.start_mark.line + 1, key.start_mark.column + 1
                    raise UserError(
                        f"line {line}, column {column}: the key {key.value} is given more than once; remove one of them"
                    )
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _construct_map(loader: _Loader, node: yaml.Node) -> Any:
    return yaml.SafeLoader.construct_yaml_map(loader, node)


def _construct_function(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    argument: Any
    match node:
        case yaml.ScalarNode():
            argument = loader.construct_scalar(node)
        case yaml.SequenceNode():
            argument = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            argument = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": argument}


_Loader.add_multi_constructor("!", _construct_function)
# Another package in the process may have replaced the constructor of mappings of all loaders.
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)
