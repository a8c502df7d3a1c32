"""Files that a person gives: YAML with the short forms of intrinsic functions, or JSON. `-` is standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from ecr_controller.errors import UserError


def read_text(path: str) -> str:
    """The text of a file. Raises UserError, which names it."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8") from None


def read_json(path: str) -> Any:
    """A JSON document. Raises UserError."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None


def read_yaml(path: str) -> Any:
    """A YAML or JSON document, where `!Sub x` is `{"Fn::Sub": x}`. Raises UserError."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError:
        pass  # a YAML document may begin like a JSON one
    try:
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from None


class _Loader(yaml.SafeLoader):
    """Dates stay text, as they do for CloudFormation."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _function(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
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


_Loader.add_multi_constructor("!", _function)
