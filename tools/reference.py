"""`make docs`: docs/reference.md, the properties of every type, written from schemas/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from local import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "reference.md"
HEAD = """\
# Reference

The properties of every custom resource type. This page is written from `schemas/` by `make docs`.

Every resource has `ServiceToken` (`!ImportValue <controller stack>-<type without Custom::>`) and may have
`ServiceTimeout`, the seconds that CloudFormation waits for the answer.
"""
SHARED = "definitions.json#/"


def page() -> str:
    """The whole page."""
    types = sorted(path.stem for path in properties.SCHEMAS.glob("ECR*.json"))
    parts = [HEAD, *("\n".join(section(properties.load(name))) for name in types)]
    shared = properties.load("definitions")
    used = [name for name, schema in shared.items() if "properties" in schema]
    return "\n".join([*parts, *("\n".join(definition(name, shared[name])) for name in used)])


def section(schema: dict[str, Any]) -> Iterator[str]:
    """One type."""
    yield from (f"\n## {schema['typeName']}\n", schema["description"], "")
    yield from table(schema)
    attributes = [f"`{pointer.rpartition('/')[2]}`" for pointer in schema["readOnlyProperties"]]
    yield f"\nAttributes: {', '.join(attributes)}."


def definition(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """What several types use."""
    yield from (f"\n## {name}\n", schema.get("description", ""), "")
    yield from table(schema)


def table(schema: dict[str, Any]) -> Iterator[str]:
    """The properties of an object."""
    yield from ("| Property | Type | |", "| --- | --- | --- |")
    for name, declared in schema["properties"].items():
        resolved = properties.resolve(declared)
        required = " **Required.**" if name in schema.get("required", ()) else ""
        text = f"{resolved.get('description', '')}{required}{bounds(resolved)}".strip()
        yield f"| `{name}` | {kind(declared, resolved)} | {text} |"


def kind(declared: dict[str, Any], resolved: dict[str, Any]) -> str:
    """The type of a value, with a link where it is described elsewhere."""
    if resolved["type"] == "array":
        return f"list of {kind(resolved['items'], properties.resolve(resolved['items']))}"
    if resolved["type"] == "object" and "properties" in resolved:
        name = declared["$ref"].removeprefix(SHARED)
        return f"[{name}](#{name.lower()})"
    if "enum" in resolved:
        return " \\| ".join(f"`{value}`" for value in resolved["enum"])
    types: list[str] = resolved["type"] if isinstance(resolved["type"], list) else [resolved["type"]]
    return " or ".join({"object": "map", "array": "list"}.get(each, each) for each in types)


def bounds(schema: dict[str, Any]) -> str:
    """The bounds of a value, or of how many there may be."""
    words = {"minimum": "at least", "maximum": "at most", "minItems": "at least", "maxItems": "at most"}
    units = {"minItems": " entries", "maxItems": " entries"}
    stated = [f"{words[each]} {schema[each]}{units.get(each, '')}" for each in words if each in schema]
    return f" ({', '.join(stated)})" if stated else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
