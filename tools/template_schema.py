"""`make docs`: docs/template.schema.json, the JSON schema of a template with the controller's types, for editors.

It knows the types, their properties, what is required, and the values of enumerations as suggestions. Whether a value
is valid, `ecrctl validate` and cfn-lint say: an editor can't tell a value from a function such as `!Ref`.
"""

from __future__ import annotations

import json
from typing import Any

from ecr_controller.custom_resource import properties
from local import ROOT

FILE = ROOT / "docs" / "template.schema.json"
FUNCTION = {"$ref": "#/definitions/Function"}


def document() -> dict[str, Any]:
    """The schema."""
    types = sorted(path.stem for path in properties.SCHEMAS.glob("ECR*.json"))
    resource = {"allOf": [_if_type(properties.load(name)) for name in types]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A CloudFormation template with resources of ecr-controller",
        "type": "object",
        "properties": {"Resources": {"type": "object", "additionalProperties": resource}},
        "definitions": {
            "Function": {
                "description": "An intrinsic function, in its long form.",
                "type": "object",
                "patternProperties": {"^(Ref|Fn::.+)$": {}},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            }
        },
    }


def _if_type(schema: dict[str, Any]) -> dict[str, Any]:
    """What holds for the resources of a type."""
    declared = _object(schema)
    declared["properties"] |= {"ServiceToken": {}, "ServiceTimeout": {}}
    declared["required"] = ["ServiceToken", *declared.get("required", ())]
    return {
        "if": {"properties": {"Type": {"const": schema["typeName"]}}, "required": ["Type"]},
        "then": {
            "description": schema["description"],
            "properties": {"Properties": declared},
            "required": ["Properties"],
        },
    }


def _object(schema: dict[str, Any]) -> dict[str, Any]:
    members = {name: _value(each) for name, each in schema["properties"].items()}
    required = {"required": schema["required"]} if "required" in schema else {}
    # Fn::ForEach can stand among the properties.
    return {
        "type": "object",
        "properties": members,
        "patternProperties": {"^Fn::": {}},
        "additionalProperties": False,
        **required,
    }


def _value(schema: dict[str, Any]) -> dict[str, Any]:
    """A value, or a function in its place. The short form of one, such as `!Ref`, is a text or a list to an editor."""
    schema = properties.resolve(schema)
    described = {"description": schema["description"]} if "description" in schema else {}
    if schema["type"] == "object" and "properties" in schema:
        return described | {"anyOf": [_object(schema), FUNCTION]}
    if schema["type"] == "array":
        return described | {
            "anyOf": [{"type": "array", "items": _value(schema["items"])}, FUNCTION, {"type": "string"}]
        }
    suggested = schema.get("enum") or ([True, False] if schema["type"] == "boolean" else None)
    return described | ({"anyOf": [{"enum": suggested}, {}]} if suggested else {})


def text() -> str:
    """The file."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
