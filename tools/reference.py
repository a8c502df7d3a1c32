"""`make docs`: docs/reference.md, the properties of every type, written from schemas/.

Each property has what the reference of CloudFormation says of one: Required, Type, Default and Update requires.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from local import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "reference.md"
HEAD = """\
# Reference

This page describes the properties and return values of all resource types, and the property types that they use. To
generate it from `schemas/`, run `make docs`.

In addition to the properties of its type, every resource has the following properties:

**`ServiceToken`**

The service token of the resource type, `!ImportValue <controller stack>-<type without Custom::>`, such as
`!ImportValue ecr-controller-ECRRepository`.

- *Required*: Yes
- *Type*: String
- *Update requires*: Updates are not supported

**`ServiceTimeout`**

The number of seconds that CloudFormation waits for the response of the controller. Set it to at least 600, or
1,800 for `Custom::ECRImageScan` and `Custom::ECRImage`, so that requests for a resource don't overlap.

- *Required*: No
- *Type*: Integer
- *Minimum*: 1
- *Maximum*: 3,600
- *Default*: `3600`
- *Update requires*: No interruption

If you don't declare a property that has no default, the controller doesn't manage the corresponding setting. A new
repository has the default of Amazon ECR, and an existing repository keeps its setting. You can also declare a Boolean
or an Integer as a string, such as `"true"`.
"""
SHARED = "definitions.json#/"
REPLACEMENT, IN_PLACE = "Replacement", "No interruption"
ENCRYPTION = "Replacement if the name of the repository is generated. If `RepositoryName` is declared, the update fails"
IMAGE = "Replacement if it names another image, otherwise no interruption"
# What `createOnlyProperties` can't say.
UPDATES = {
    ("ECRRepository", "Encryption"): ENCRYPTION,
    ("ECRRepository", "EncryptionKey"): ENCRYPTION,
    **{("ECRImage", name): IMAGE for name in ("RepositoryName", "ImageTag", "ImageDigest", "Version")},
}
# What `required` can't say: one of several is.
CONDITIONAL = {
    *((name, key) for name in ("ECRImage", "ECRImageScan") for key in ("ImageTag", "ImageDigest")),
    *(("ECRLifecyclePolicy", key) for key in ("LifecycleRules", "LifecyclePolicyText")),
    *(("ECRRepositoryGrant", key) for key in ("SourceArn", "Access", "Actions")),
}
DEFAULT = re.compile(r"^(?P<text>.*?) ?Default(?P<when>(?: with [^:]+)?): (?P<default>.+?)\.?$")


def page() -> str:
    """The whole page."""
    types = {path.stem: properties.load(path.stem) for path in sorted(properties.SCHEMAS.glob("ECR*.json"))}
    shared = {name: schema for name, schema in properties.load("definitions").items() if "properties" in schema}
    parts = [HEAD, *(section(name, schema) for name, schema in types.items())]
    parts += [definition(name, schema) for name, schema in shared.items()]
    return "\n".join("\n".join(part) if not isinstance(part, str) else part for part in parts)


def section(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """One type."""
    yield from (f"\n## {schema['typeName']}\n", schema["description"])
    replacing = {pointer.rpartition("/")[2] for pointer in schema.get("createOnlyProperties", ())}
    for key in schema["properties"]:
        updates = UPDATES.get((name, key), REPLACEMENT if key in replacing else IN_PLACE)
        yield from entry(schema, key, updates, conditional=(name, key) in CONDITIONAL)
    attributes = [f"`{pointer.rpartition('/')[2]}`" for pointer in schema["readOnlyProperties"]]
    named = "the attribute" if len(attributes) == 1 else "the attributes"
    yield f"\n*Return values*: `Fn::GetAtt` returns {named} {', '.join(attributes)}."


def definition(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """What several types use."""
    yield from (f"\n## {name}\n", schema.get("description", ""))
    for key in schema["properties"]:
        yield from entry(schema, key, IN_PLACE)


def entry(schema: dict[str, Any], name: str, updates: str, *, conditional: bool = False) -> Iterator[str]:
    """One property of an object."""
    declared = schema["properties"][name]
    resolved = properties.resolve(declared)
    text, default = described(resolved.get("description", ""))
    yield f"\n**`{name}`**\n"
    if text:
        yield f"{text}\n"
    required = name in schema.get("required", ())
    yield f"- *Required*: {'Yes' if required else 'Conditional' if conditional else 'No'}"
    yield f"- *Type*: {kind(declared, resolved)}"
    if "enum" in resolved:
        yield f"- *Allowed values*: {allowed(resolved)}"
    elif "enum" in (item := properties.resolve(resolved.get("items", {"type": "any"}))):
        yield f"- *Allowed values of each*: {allowed(item)}"
    yield from bounds(resolved)
    if not required:
        yield f"- *Default*: {default or 'None'}"
    yield f"- *Update requires*: {updates}"


def described(description: str) -> tuple[str, str]:
    """What a description says without the default, and the default."""
    found = DEFAULT.match(description)
    if found is None:
        return description, ""
    default = found["default"]
    if not default.startswith("`"):
        default = f"`{default}`" if default in ("true", "false") or default.isdecimal() else default
        default = re.sub(r"^(true|false)\b(?!`)", r"`\1`", default)
    return found["text"], f"{default}{found['when']}"


def allowed(schema: dict[str, Any]) -> str:
    """The values of an enumeration."""
    return " | ".join(f"`{value}`" for value in schema["enum"])


def kind(declared: dict[str, Any], resolved: dict[str, Any]) -> str:
    """The type of a value, with a link where it is described elsewhere."""
    if resolved["type"] == "array":
        return f"List of {kind(resolved['items'], properties.resolve(resolved['items']))}"
    if resolved["type"] == "object" and "properties" in resolved:
        name = declared["$ref"].removeprefix(SHARED)
        return f"[{name}](#{name.lower()})"
    types: list[str] = resolved["type"] if isinstance(resolved["type"], list) else [resolved["type"]]
    return " or ".join({"object": "Map", "array": "List"}.get(each, each.capitalize()) for each in types)


def bounds(schema: dict[str, Any]) -> Iterator[str]:
    """The bounds of a value, or of how many there may be."""
    for name, words in (
        *(("minimum", "Minimum"), ("maximum", "Maximum")),
        *(("minItems", "Minimum number"), ("maxItems", "Maximum number"), ("maxLength", "Maximum length")),
    ):
        if name in schema:
            yield f"- *{words}*: {schema[name]:,}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
