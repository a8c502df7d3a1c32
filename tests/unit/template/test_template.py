"""What the template promises of every function."""

from __future__ import annotations

import json

import pytest

from ecr_controller.custom_resource.properties import SCHEMAS
from tests.unit.template.sam import ALARMS, FUNCTIONS, QUEUES, RESOURCES, ROOT, TEMPLATE, folder_of

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


def test_the_on_failure_function_has_no_layer() -> None:
    assert "Layers" not in RESOURCES["OnFailureFunction"]["Properties"]
    assert "Layers" not in TEMPLATE["Globals"]["Function"]


def test_every_parameter_is_described_and_constrained() -> None:
    for name, parameter in TEMPLATE["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert "AllowedValues" in parameter or "AllowedPattern" in parameter, name


def test_functions_that_queues_feed_are_known() -> None:
    assert {"RescanFunction", "RouteScanFunction"} <= set(QUEUES)


@pytest.mark.parametrize("function", QUEUES)
def test_a_function_that_a_queue_feeds_gives_a_message_up_itself_at_the_last_receive(function: str) -> None:
    redrive = RESOURCES[QUEUES[function]]["Properties"]["RedrivePolicy"]
    dead_letters = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]
    variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    assert variables["MAX_RECEIVES"] == str(redrive["maxReceiveCount"])
    assert variables["DEAD_LETTERS"] == {"Ref": dead_letters}


@pytest.mark.parametrize("function", QUEUES)
def test_a_message_is_shown_again_only_after_six_timeouts_of_its_function(function: str) -> None:
    timeout = RESOURCES[function]["Properties"]["Timeout"]
    assert RESOURCES[QUEUES[function]]["Properties"]["VisibilityTimeout"] == 6 * timeout


@pytest.mark.parametrize("function", QUEUES)
def test_a_failed_message_of_a_batch_is_retried_alone(function: str) -> None:
    [event] = RESOURCES[function]["Properties"]["Events"].values()
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_queue_is_encrypted_and_has_a_dead_letter_queue_that_is_watched() -> None:
    queues = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::SQS::Queue"}
    watched = [each["Value"] for alarm in ALARMS for each in RESOURCES[alarm]["Properties"]["Dimensions"]]
    assert queues
    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] is True, name
        dead = queue.get("RedrivePolicy", {}).get("deadLetterTargetArn", {"Fn::GetAtt": [name]})["Fn::GetAtt"][0]
        assert {"Fn::GetAtt": [dead, "QueueName"]} in watched, name


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_notifies_the_topic_if_there_is_one(alarm: str) -> None:
    actions = RESOURCES[alarm]["Properties"]["AlarmActions"]
    assert actions == {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}


@pytest.mark.parametrize("rescans", [True, False])
def test_the_dashboard_is_json_and_shows_every_alarm(rescans: bool) -> None:
    body, variables = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, value in variables.items():
        condition, there, absent = value["Fn::If"]
        assert condition == "Rescans"
        body = body.replace(f"${{{name}}}", there["Fn::Sub"] if rescans else absent)
    [shown] = [each["properties"]["alarms"] for each in json.loads(body)["widgets"] if each["type"] == "alarm"]
    made = [name for name in ALARMS if rescans or RESOURCES[name].get("Condition") != "Rescans"]
    assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in made)


def test_functions_and_outputs_are_in_the_same_order() -> None:
    values = [output["Value"] for output in TEMPLATE["Outputs"].values()]
    shown = dict.fromkeys(each["Fn::GetAtt"][0] for each in values if "Fn::GetAtt" in each)
    assert list(shown) == [name for name in RESOURCES if name in shown]
