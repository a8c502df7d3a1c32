"""What `Stacks` makes of the answers of CloudFormation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.stacks import Stacks
from tests.unit.conftest import STACK_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCE = {"StackName": STACK_ID, "LogicalResourceId": "Images"}
NAME = "team/app"
NO_STACK = f"Stack with id {STACK_ID} does not exist"
NO_RESOURCE = f"Resource Images does not exist for stack {STACK_ID}"


@pytest.fixture
def cloudformation(moto: None) -> Iterator[Stubber]:
    with Stubber(aws.client("cloudformation")) as stubber:
        yield stubber


def stack(status: str) -> dict[str, Any]:
    return {"Stacks": [{"StackName": "shop", "StackStatus": status, "CreationTime": 0}]}


def detail(status: str, physical_id: str = NAME) -> dict[str, Any]:
    shown = {
        "PhysicalResourceId": physical_id,
        "LogicalResourceId": "Images",
        "ResourceType": "T",
        "LastUpdatedTimestamp": 0,
        "ResourceStatus": status,
    }
    return {"StackResourceDetail": shown}


@pytest.mark.parametrize(
    ("status", "exists"), [("CREATE_COMPLETE", True), ("DELETE_FAILED", True), ("DELETE_COMPLETE", False)]
)
def test_a_stack_exists_until_it_is_deleted(cloudformation: Stubber, status: str, exists: bool) -> None:
    cloudformation.add_response("describe_stacks", stack(status), {"StackName": STACK_ID})
    assert Stacks().exists(STACK_ID) == exists


@pytest.mark.parametrize(
    ("status", "has"),
    [
        ("CREATE_COMPLETE", True),
        ("DELETE_IN_PROGRESS", True),
        ("DELETE_FAILED", True),
        ("DELETE_COMPLETE", False),
        ("DELETE_SKIPPED", False),
    ],
)
def test_a_stack_no_longer_has_a_resource_that_it_deleted_or_retained(
    cloudformation: Stubber, status: str, has: bool
) -> None:
    cloudformation.add_response("describe_stack_resource", detail(status), RESOURCE)
    assert Stacks().has_resource(STACK_ID, "Images", NAME) == has


def test_a_resource_that_was_replaced_no_longer_owns_what_it_was(cloudformation: Stubber) -> None:
    for status, has in (("UPDATE_COMPLETE", False), ("UPDATE_IN_PROGRESS", True)):
        cloudformation.add_response("describe_stack_resource", detail(status, "team/new"), RESOURCE)
        assert Stacks().has_resource(STACK_ID, "Images", NAME) == has


def test_what_cloudformation_does_not_know_does_not_exist(cloudformation: Stubber) -> None:
    cloudformation.add_client_error("describe_stacks", "ValidationError", NO_STACK, 400)
    assert not Stacks().exists(STACK_ID)
    for message in (NO_STACK, NO_RESOURCE):
        cloudformation.add_client_error("describe_stack_resource", "ValidationError", message, 400)
        assert not Stacks().has_resource(STACK_ID, "Images", NAME)


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        ("ValidationError", "1 validation error detected", UserError),
        ("AccessDenied", "It does not exist for you", UserError),
        ("Throttling", "Rate exceeded", RetryableError),
    ],
)
def test_any_other_error_does_not_count_as_gone(
    cloudformation: Stubber, code: str, message: str, error: type[Exception]
) -> None:
    cloudformation.add_client_error("describe_stacks", code, message, 400)
    with pytest.raises(error, match=message):
        Stacks().exists(STACK_ID)
    cloudformation.add_client_error("describe_stack_resource", code, message, 400)
    with pytest.raises(error, match=message):
        Stacks().has_resource(STACK_ID, "Images", NAME)


@pytest.mark.parametrize(("status", "may_have"), [("UPDATE_IN_PROGRESS", True), ("UPDATE_COMPLETE", False)])
def test_what_a_stack_replaced_is_its_own_until_it_stops_changing(
    cloudformation: Stubber, status: str, may_have: bool
) -> None:
    for _ in range(2):
        cloudformation.add_response("describe_stack_resource", detail("UPDATE_COMPLETE", "team/new"), RESOURCE)
    cloudformation.add_response("describe_stacks", stack(status), {"StackName": STACK_ID})
    assert Stacks().may_have_resource(STACK_ID, "Images", NAME) is may_have


def test_a_resource_that_is_gone_is_not_had_even_while_the_stack_changes(cloudformation: Stubber) -> None:
    for _ in range(2):
        cloudformation.add_response("describe_stack_resource", detail("DELETE_COMPLETE"), RESOURCE)
    assert not Stacks().may_have_resource(STACK_ID, "Images", NAME)
