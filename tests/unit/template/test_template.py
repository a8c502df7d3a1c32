"""What the template promises of every function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.custom_resource.properties import SCHEMAS
from ecrctl.inputs.intrinsics import Resolver
from tests.unit.template.sam import ALARMS, FUNCTIONS, QUEUES, RESOURCES, ROOT, TEMPLATE, folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# What stays when the stack is deleted, and the parameter that passes it to the next stack.
RETAINED = {
    "PartsTable": "PartsTableName",
    "AuthorizationTokenPolicy": "AuthorizationTokenPolicyArn",
    "PublicGalleryAuthorizationTokenPolicy": "PublicGalleryAuthorizationTokenPolicyArn",
}
# What comes of it where there is a home Region, in which another stack has it.
SHARED = {
    "AuthorizationTokenPolicy": "authorization-token",
    "PublicGalleryAuthorizationTokenPolicy": "public-gallery-token",
}
CONTROLLER_NAME = {"Fn::If": ["HasControllerName", {"Ref": "ControllerName"}, {"Ref": "AWS::StackName"}]}
NO_NAMES = dict.fromkeys(("ControllerName", "ExportPrefix", "ParameterPrefix"), "")
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
    prefix = {"Fn::If": ["HasExportPrefix", {"Ref": "ExportPrefix"}, CONTROLLER_NAME]}
    assert output["Export"]["Name"] == {"Fn::Join": ["-", [prefix, type_name]]}
    function, attribute = output["Value"]["Fn::GetAtt"]
    assert attribute == "Arn"
    invoked = RESOURCES[function]["Properties"]["EventInvokeConfig"]
    assert invoked["MaximumRetryAttempts"] == 0
    on_failure = invoked["DestinationConfig"]["OnFailure"]
    assert on_failure == {"Type": "Lambda", "Destination": {"Fn::GetAtt": ["OnFailureFunction", "Arn"]}}


@pytest.mark.parametrize("type_name", TYPES)
def test_a_service_token_is_the_same_after_the_controller_is_deployed_again(type_name: str) -> None:
    function, _ = TEMPLATE["Outputs"][type_name]["Value"]["Fn::GetAtt"]
    name = folder_of(function).name.replace("_", "-")
    assert RESOURCES[function]["Properties"]["FunctionName"] == {"Fn::Join": ["-", [CONTROLLER_NAME, name]]}


@pytest.mark.parametrize("type_name", TYPES)
def test_a_service_token_is_also_a_parameter_of_ssm(type_name: str) -> None:
    declared = RESOURCES[f"{type_name}Token"]["Properties"]
    resolver = Resolver(TEMPLATE, NO_NAMES | {"AWS::StackName": "ecr-controller"})
    assert declared["Value"] == TEMPLATE["Outputs"][type_name]["Value"]
    assert resolver.resolve(declared["Name"], "") == f"/ecr-controller/{type_name}"
    assert declared["Description"] == TEMPLATE["Outputs"][type_name]["Description"]


@pytest.mark.parametrize(
    ("parameters", "function", "export", "parameter"),
    [
        ({}, "StackSet-ecr", "StackSet-ecr", "/StackSet-ecr"),
        ({"ControllerName": "ecr"}, "ecr", "ecr", "/ecr"),
        (
            {"ControllerName": "ecr", "ExportPrefix": "a:b", "ParameterPrefix": "/platform/ecr"},
            "ecr",
            "a:b",
            "/platform/ecr",
        ),
    ],
)
def test_the_controller_is_named_by_its_stack_unless_it_has_a_name(
    parameters: dict[str, str], function: str, export: str, parameter: str
) -> None:
    resolver = Resolver(TEMPLATE, NO_NAMES | {"AWS::StackName": "StackSet-ecr"} | parameters)
    names = [
        RESOURCES["RepositoryFunction"]["Properties"]["FunctionName"],
        TEMPLATE["Outputs"]["ECRRepository"]["Export"]["Name"],
        RESOURCES["ECRRepositoryToken"]["Properties"]["Name"],
    ]
    shown = [resolver.resolve(each, "") for each in names]
    assert shown == [f"{function}-repository", f"{export}-ECRRepository", f"{parameter}/ECRRepository"]


def test_the_longest_name_of_a_controller_leaves_room_for_the_names_of_its_functions() -> None:
    names = [each["Properties"].get("FunctionName", {}).get("Fn::Join") for each in RESOURCES.values()]
    longest = max(len(name[1][1]) for name in names if name)
    assert TEMPLATE["Parameters"]["ControllerName"]["AllowedPattern"].endswith("{0,46}$")
    assert 47 + len("-") + longest <= 64


def test_the_on_failure_function_has_no_layer() -> None:
    assert "Layers" not in RESOURCES["OnFailureFunction"]["Properties"]
    assert "Layers" not in TEMPLATE["Globals"]["Function"]


@pytest.mark.parametrize(
    ("bus", "forwards"),
    [
        ("", False),
        ("arn:aws:events:eu-west-1:111122223333:event-bus/default", False),
        ("arn:aws:events:eu-west-1:444455556666:event-bus/default", True),
        ("arn:aws:events:us-east-1:111122223333:event-bus/default", True),
        ("arn:aws:events:eu-west-1:111122223333:event-bus/hub", True),
    ],
)
def test_no_event_is_forwarded_to_the_bus_that_it_comes_from(bus: str, forwards: bool) -> None:
    home = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
    resolver = Resolver(TEMPLATE, {**home, "OrganizationBus": bus})
    assert resolver.is_condition_true("HasOrganizationBus", "") is forwards


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
    for event in RESOURCES[function]["Properties"]["Events"].values():
        assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_queue_is_encrypted_and_has_a_dead_letter_queue_that_is_watched() -> None:
    queues = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::SQS::Queue"}
    watched = [each["Value"] for alarm in ALARMS for each in RESOURCES[alarm]["Properties"]["Dimensions"]]
    assert queues
    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, True]}, name
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


@pytest.mark.parametrize(("logical_id", "parameter"), RETAINED.items())
def test_what_outlives_the_stack_is_retained_and_can_be_passed_to_the_next_stack(
    logical_id: str, parameter: str
) -> None:
    condition = f"Creates{logical_id}"
    given: Any = {"Ref": parameter}
    asked: Any = {"Fn::Equals": [given, ""]}
    if logical_id in SHARED:
        name = f"policy/ecr-controller/ecr-controller-{SHARED[logical_id]}"
        arn = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{name}"
        given = {"Fn::If": ["HasHomeRegion", {"Fn::Sub": arn}, given]}
        asked = {"Fn::And": [asked, {"Fn::Equals": [{"Ref": "HomeRegion"}, ""]}]}
    passed = {"Fn::If": [condition, {"Ref": logical_id}, given]}
    assert TEMPLATE["Conditions"][condition] == asked
    assert TEMPLATE["Outputs"][logical_id]["Value"] == passed
    resource = RESOURCES[logical_id]
    kept = (resource["Condition"], resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
    assert kept == (condition, "Retain", "Retain")


@pytest.mark.parametrize("logical_id", RETAINED)
def test_what_outlives_the_stack_is_referred_to_only_under_its_condition(logical_id: str) -> None:
    direct: list[Any] = [{"Ref": logical_id}, {"Fn::GetAtt": [logical_id, "Arn"]}]
    where = [
        path for path, value in values({"Resources": RESOURCES, "Outputs": TEMPLATE["Outputs"]}) if value in direct
    ]
    assert where
    assert [path for path in where if path[-2:] != ("Fn::If", 1)] == []


def values(node: Any, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value within a value, with the path to it."""
    yield path, node
    within = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in within:
        yield from values(value, *path, key)


def test_no_resource_is_retained_without_a_parameter_that_takes_it_up() -> None:
    kinds = {name for name, each in RESOURCES.items() if each.get("DeletionPolicy") == "Retain"}
    assert kinds == set(RETAINED)


def test_functions_and_outputs_are_in_the_same_order() -> None:
    values = [output["Value"] for output in TEMPLATE["Outputs"].values()]
    shown = dict.fromkeys(each["Fn::GetAtt"][0] for each in values if "Fn::GetAtt" in each)
    assert list(shown) == [name for name in RESOURCES if name in shown]
