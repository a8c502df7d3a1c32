"""What the template promises of every function."""

from __future__ import annotations

import pytest

from ecr_controller.properties import SCHEMAS
from tests.unit.template.sam import FUNCTIONS, RESOURCES, ROOT, TEMPLATE, folder_of

ALIVE = [name for name in FUNCTIONS if name != "OnFailureFunction"]
TYPES = sorted(path.stem for path in SCHEMAS.glob("ECR*.json"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_has_a_folder_a_role_and_a_log_group_with_retention_of_its_own(function: str) -> None:
    properties = RESOURCES[function]["Properties"]
    stem = function.removesuffix("Function")
    assert (folder_of(function) / "app.py").is_file()
    assert properties["Role"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}
    assert properties["LoggingConfig"]["LogGroup"] == {"Ref": f"{stem}LogGroup"}
    assert RESOURCES[f"{stem}LogGroup"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_each_folder_of_a_function_is_deployed() -> None:
    folders = {path.parent for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == {folder_of(function) for function in FUNCTIONS}


@pytest.mark.parametrize("type_name", TYPES)
def test_each_type_has_an_exported_token_of_a_function_that_is_answered_for(type_name: str) -> None:
    output = TEMPLATE["Outputs"][type_name]
    assert output["Export"]["Name"] == {"Fn::Sub": "${AWS::StackName}-" + type_name}
    function, attribute = output["Value"]["Fn::GetAtt"]
    assert attribute == "Arn"
    invoked = RESOURCES[function]["Properties"]["EventInvokeConfig"]
    assert invoked["MaximumRetryAttempts"] == 0
    on_failure = invoked["DestinationConfig"]["OnFailure"]
    assert on_failure == {"Type": "Lambda", "Destination": {"Fn::GetAtt": ["OnFailureFunction", "Arn"]}}


def test_the_function_that_answers_for_the_dead_has_no_layer() -> None:
    assert "Layers" not in RESOURCES["OnFailureFunction"]["Properties"]
    assert "Layers" not in TEMPLATE["Globals"]["Function"]


def test_every_parameter_is_described_and_constrained() -> None:
    for name, parameter in TEMPLATE["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert "AllowedValues" in parameter or "AllowedPattern" in parameter, name
