"""The properties of a resource, checked and coerced once, at the boundary, by the JSON Schema in ``schemas/``.

CloudFormation sends every scalar as a string (``"true"``, ``"30"``), so a boolean or an integer is taken from its
string. Only the keywords that our schemas use are known; `tests/unit/test_properties.py` holds this reading of them
against the ``jsonschema`` package, which is too heavy for a cold start and needs compiled code.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SCHEMAS = Path(__file__).parent / "schemas"
# CloudFormation's own, which every custom resource has.
PROTOCOL = ("ServiceToken", "ServiceTimeout")

Schema = dict[str, Any]


@cache
def load(name: str) -> Schema:
    """The schema in ``schemas/<name>.json``."""
    schema: Schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return schema


def check(type_name: str, declared: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The declared properties of ``Custom::<type_name>`` with proper types, and every fault found in them.

    A property that has a fault, or holds one, is left out of the first, so that what is built on it is not blamed as
    well. A list stays, with None for such an entry.
    """
    faults: list[Fault] = []
    own = {name: value for name, value in declared.items() if name not in PROTOCOL}
    values: dict[str, Any] = _walk(load(type_name), own, "", faults, _from_string)
    return values, faults


def check_document(schema_name: str, document: Any, path: str) -> tuple[Any, list[Fault]]:
    """The same of a JSON document, whose types are taken as they are. ``path`` is the property that holds it."""
    faults: list[Fault] = []
    value = _walk(load(schema_name), document, path, faults, lambda _type, value: value)
    return value, faults


def _walk(schema: Schema, value: Any, path: str, faults: list[Fault], coerce: Callable[[str, Any], Any]) -> Any:
    schema = resolve(schema)
    value = coerce(schema["type"], value)
    found = list(_faults(schema, value))
    faults += [Fault(path or "Properties", message) for message in found]
    if found:
        return None
    if isinstance(value, dict) and "properties" in schema:
        return _members(schema, value, path, faults, coerce)
    if isinstance(value, list) and "items" in schema:
        return [_part(schema["items"], item, f"{path}[{i}]", faults, coerce) for i, item in enumerate(value)]
    return value


def _part(schema: Schema, value: Any, path: str, faults: list[Fault], coerce: Callable[[str, Any], Any]) -> Any:
    """The value, or None where it has a fault or, unless it is a list, holds one."""
    before = len(faults)
    walked = _walk(schema, value, path, faults, coerce)
    return walked if len(faults) == before or isinstance(walked, list) else None


def _members(
    schema: Schema, value: dict[str, Any], path: str, faults: list[Fault], coerce: Callable[[str, Any], Any]
) -> dict[str, Any]:
    known = schema["properties"]
    prefix = f"{path}." if path else ""
    faults += [Fault(prefix + name, "is required") for name in schema.get("required", ()) if name not in value]
    faults += [Fault(prefix + name, _unknown(name, known)) for name in value if name not in known]
    walked = {name: _part(known[name], value[name], prefix + name, faults, coerce) for name in value if name in known}
    return {name: item for name, item in walked.items() if item is not None}


def _unknown(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = [each for each in known if each.lower() == name.lower()] or get_close_matches(name, known, n=1)
    return "is not a known property" + (f" (did you mean {close[0]}?)" if close else "")


def resolve(schema: Schema) -> Schema:
    """The schema with what its `$ref` names; what stands beside the `$ref` wins."""
    while "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#/")
        target = load(file.removesuffix(".json"))
        for step in pointer.split("/"):
            target = target[step]
        schema = target | {key: value for key, value in schema.items() if key != "$ref"}
    return schema


def _from_string(kind: str | list[str], value: Any) -> Any:
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "integer" and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if kind == "string" and isinstance(value, (bool, int)):
        return str(value).lower()
    return value


_TYPES: dict[str, tuple[type, str]] = {
    "object": (dict, "a map of properties"),
    "array": (list, "a list"),
    "string": (str, "a string"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
}


def _is(kind: str, value: Any) -> bool:
    python_type = _TYPES[kind][0]
    return isinstance(value, python_type) and not (python_type is int and isinstance(value, bool))


def _faults(schema: Schema, value: Any) -> Iterable[str]:
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(_is(kind, value) for kind in kinds):
        yield "must be " + " or ".join(_TYPES[kind][1] for kind in kinds)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield "must be one of " + ", ".join(schema["enum"])
    for keyword, broken, text in _BOUNDS:
        if keyword in schema and broken(value, schema[keyword]):
            yield text.format(schema[keyword])
    # JSON Schema's `$` is the very end; Python's also matches before a last line feed.
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), str(value)):
        yield schema.get("patternHint") or f"must match {schema['pattern']}"


_BOUNDS: tuple[tuple[str, Callable[[Any, int], bool], str], ...] = (
    ("minimum", lambda value, bound: value < bound, "must be at least {}"),
    ("maximum", lambda value, bound: value > bound, "must be at most {}"),
    ("minLength", lambda value, bound: len(value) < bound, "must have {} or more characters"),
    ("maxLength", lambda value, bound: len(value) > bound, "must have no more than {} characters"),
    ("minItems", lambda value, bound: len(value) < bound, "must have {} or more entries"),
    ("maxItems", lambda value, bound: len(value) > bound, "must have no more than {} entries"),
)
