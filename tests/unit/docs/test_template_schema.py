"""docs/template.schema.json: what an editor says of a template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ecrctl.inputs import files
from tools import template_schema

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.yaml"))
VALIDATOR = jsonschema.Draft7Validator(template_schema.document())


def faults(**declared: Any) -> list[str]:
    """What it says of a repository."""
    properties = {"ServiceToken": {"Fn::ImportValue": "x"}, **declared}
    template = {"Resources": {"It": {"Type": "Custom::ECRRepository", "Properties": properties}}}
    return [each.message for each in VALIDATOR.iter_errors(template)]


def test_the_file_is_written_from_the_schemas() -> None:
    assert template_schema.FILE.read_text(encoding="utf-8") == template_schema.text(), "run make docs"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_valid(path: Path) -> None:
    VALIDATOR.validate(files.read_yaml(str(path)))


def test_a_property_that_is_not_known_is_a_fault() -> None:
    assert faults(ImageScanningConfiguration={}) == [
        "'ImageScanningConfiguration' does not match any of the regexes: '^Fn::'"
    ]
    assert faults(Tags=[{"Key": "a", "Value": "b", "Typo": 1}]) != []


def test_a_function_can_stand_anywhere() -> None:
    function = {"Fn::If": ["A", 1, 2]}
    declared = {"Tags": [function], "LifecycleRules": function, "ImageScanOnPush": function, "LifecycleGuard": function}
    assert faults(**declared) == []
    assert faults(Tags=[{"Key": function, "Value": "b"}], ImageTagMutability="short form of Ref") == []


def test_the_service_token_is_required() -> None:
    template = {
        "Resources": {"It": {"Type": "Custom::ECRImage", "Properties": {}}, "Other": {"Type": "AWS::S3::Bucket"}}
    }
    assert sorted(each.message for each in VALIDATOR.iter_errors(template)) == [
        "'RepositoryName' is a required property",
        "'ServiceToken' is a required property",
    ]
