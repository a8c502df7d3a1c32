"""The properties of a resource, validated and coerced once, at the boundary, by the JSON Schema in ``schemas/``.

CloudFormation sends every scalar as a string (``"true"``, ``"30"``), so booleans and integers are parsed from
strings. Only the keywords that our schemas use are known; `tests/unit/custom_resource/test_properties.py` holds this
reading of them against the ``jsonschema`` package, which is too heavy for a cold start and needs compiled code.

Two keywords are our own or have a meaning of our own: ``unknownHints`` gives the message for a property that is not
known but likely, and a property that has its ``default`` counts as not declared.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ecr_controller.errors import Faults

    Coerce = Callable[[str | list[str], Any], Any]

SCHEMAS = Path(__file__).parents[1] / "schemas"
# Properties of CloudFormation, which every custom resource has.
PROTOCOL = ("ServiceToken", "ServiceTimeout")

Schema = dict[str, Any]


class Values(dict[str, Any]):
    """The valid properties of a resource, with their types. `declares` also knows those that are invalid.

    A property that has or contains a fault is left out, so that its consequences are not reported as well. A list is
    kept, with None for an invalid entry.
    """

    def __init__(self, values: Mapping[str, Any], declared: Iterable[str]) -> None:
        super().__init__(values)
        self._declared = frozenset(declared)

    def declares(self, name: str) -> bool:
        """Whether the template has the property, valid or not."""
        return name in self._declared

    def is_invalid(self, name: str) -> bool:
        """Whether the template has the property, with a value that is invalid or not known."""
        return self.declares(name) and name not in self


@cache
def load(name: str) -> Schema:
    """The schema in ``schemas/<name>.json``."""
    schema: Schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return schema


def check(type_name: str, declared: Any, faults: Faults) -> Values:
    """The properties of ``Custom::<type_name>``, validated and coerced. Adds every fault found in them."""
    schema = load(type_name)
    own = declared
    if isinstance(declared, dict):
        known = schema["properties"]
        given = {name: value for name, value in declared.items() if name not in PROTOCOL}
        own = {name: value for name, value in given.items() if not _is_default(known.get(name, {}), value)}
    values = _walk(schema, own, "", faults, _from_string)
    return Values(values or {}, own if isinstance(own, dict) else ())


def check_document(schema_name: str, document: Any, path: str, faults: Faults) -> Any:
    """A JSON document, validated without coercion of types; None if it is invalid. Adds every fault.

    ``path`` is the property that holds the document.
    """
    return _walk(load(schema_name), document, path, faults, lambda _type, value: value)


def _is_default(schema: Schema, value: Any) -> bool:
    return "default" in schema and value == schema["default"]


def _walk(schema: Schema, value: Any, path: str, faults: Faults, coerce: Coerce) -> Any:
    schema = resolve(schema)
    value = coerce(schema["type"], value)
    found = list(_messages(schema, value))
    for message in found:
        faults.add(path or "Properties", message)
    if found:
        return None
    if isinstance(value, dict) and "properties" in schema:
        return _members(schema, value, path, faults, coerce)
    if isinstance(value, list) and "items" in schema:
        return [_part(schema["items"], item, f"{path}[{i}]", faults, coerce) for i, item in enumerate(value)]
    return value


def _part(schema: Schema, value: Any, path: str, faults: Faults, coerce: Coerce) -> Any:
    """The value, or None if it has a fault or, unless it is a list, contains one."""
    before = len(faults)
    walked = _walk(schema, value, path, faults, coerce)
    return walked if len(faults) == before or isinstance(walked, list) else None


def _members(schema: Schema, value: dict[str, Any], path: str, faults: Faults, coerce: Coerce) -> dict[str, Any]:
    known, hints = schema["properties"], schema.get("unknownHints", {})
    prefix = f"{path}." if path else ""
    for name in schema.get("required", ()):
        if name not in value:
            faults.add(prefix + name, "is required")
    for name in value:
        if name not in known:
            faults.add(prefix + name, hints.get(name) or _unknown(name, known))
    walked = {name: _part(known[name], value[name], prefix + name, faults, coerce) for name in value if name in known}
    return {name: item for name, item in walked.items() if item is not None}


def _unknown(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = [each for each in known if each.lower() == name.lower()] or get_close_matches(name, known, n=1)
    return "is not a known property" + (f" (did you mean {close[0]}?)" if close else "")


def resolve(schema: Schema) -> Schema:
    """The schema that its `$ref` names; keywords next to the `$ref` take precedence."""
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


def _has_surrogate(value: Any) -> bool:
    """Whether a text, or any text within a list or a map, contains a lone surrogate, which AWS cannot store."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str) and _SURROGATE.search(each):
            return True
        if isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            left += each
    return False


_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPES: dict[str, tuple[type, str]] = {
    "object": (dict, "a map of properties"),
    "array": (list, "a list"),
    "string": (str, "a string"),
    "integer": (int, "an integer"),
    "boolean": (bool, "true or false"),
}


def _is(kind: str, value: Any) -> bool:
    python_type = _TYPES[kind][0]
    return isinstance(value, python_type) and not (python_type is int and isinstance(value, bool))


def _messages(schema: Schema, value: Any) -> Iterable[str]:
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(_is(kind, value) for kind in kinds):
        yield "must be " + " or ".join(_TYPES[kind][1] for kind in kinds)
        return
    if "properties" not in schema and "items" not in schema and _has_surrogate(value):
        yield "must not contain surrogates; remove the character that is not valid Unicode"
    if "enum" in schema and value not in schema["enum"]:
        yield "must be one of " + ", ".join(schema["enum"])
    for keyword, is_broken, wording in _BOUNDS:
        if keyword in schema and is_broken(value, schema[keyword]):
            yield wording(schema[keyword])
    # JSON Schema's `$` is the very end; Python's also matches before a last line feed.
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), str(value)):
        yield schema.get("patternHint") or f"must match {schema['pattern']}"


_ENTRIES = ("entry", "entries")
_BOUNDS: tuple[tuple[str, Callable[[Any, int], bool], Callable[[int], str]], ...] = (
    ("minimum", lambda value, bound: value < bound, lambda n: f"must be at least {n}"),
    ("maximum", lambda value, bound: value > bound, lambda n: f"must be at most {n}"),
    ("minLength", lambda value, bound: len(value) < bound, lambda n: f"must have at least {count(n, 'character')}"),
    ("maxLength", lambda value, bound: len(value) > bound, lambda n: f"must have at most {count(n, 'character')}"),
    ("minItems", lambda value, bound: len(value) < bound, lambda n: f"must have at least {count(n, *_ENTRIES)}"),
    ("maxItems", lambda value, bound: len(value) > bound, lambda n: f"must have at most {count(n, *_ENTRIES)}"),
)
