"""What the policy statements of the functions' roles are limited to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.template.sam import FUNCTIONS, RESOURCES, actions_of, statements_of

if TYPE_CHECKING:
    from collections.abc import Iterable

# What the router does to deliver to a target, and what the route function does to check the target.
CHECKED_BY = {
    "sns:Publish": "sns:GetTopicAttributes",
    "sqs:SendMessage": "sqs:GetQueueAttributes",
    "lambda:InvokeFunction": "lambda:GetFunctionConfiguration",
    "states:StartExecution": "states:DescribeStateMachine",
    "events:PutEvents": "events:DescribeEventBus",
}
# Services that the two functions use for themselves.
OWN_SERVICES = {"logs", "dynamodb", "kms", "cloudformation"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_statement_names_its_actions_and_its_resources(function: str) -> None:
    for statement in statements_of(function):
        assert not any("*" in action for action in actions_of(statement)), statement
        assert statement["Resource"] != "*", statement


def test_no_function_has_managed_policies() -> None:
    roles = [each for each in RESOURCES.values() if each["Type"] == "AWS::IAM::Role"]
    assert roles
    assert not any("ManagedPolicyArns" in role["Properties"] for role in roles)


def test_a_repository_is_deleted_only_with_the_tag_of_a_stack() -> None:
    [statement] = granting("RepositoryFunction", "ecr:DeleteRepository")
    assert actions_of(statement) == {"ecr:DeleteRepository"}
    assert list(statement["Condition"]["StringLike"]) == ["aws:ResourceTag/ecr-controller:stack-id"]


def test_a_route_is_declared_within_the_bounds_in_which_it_is_delivered() -> None:
    delivered = bounds("RouteScanFunction", CHECKED_BY)
    checked = bounds("ImageScanRouteFunction", CHECKED_BY.values())
    assert {CHECKED_BY[action]: bound for action, bound in delivered.items()} == checked


@pytest.mark.parametrize("function", ["RouteScanFunction", "ImageScanRouteFunction"])
def test_every_kind_of_target_is_delivered_to_and_checked(function: str) -> None:
    services = {action.partition(":")[0] for each in statements_of(function) for action in actions_of(each)}
    assert services - OWN_SERVICES == {action.partition(":")[0] for action in CHECKED_BY}


def test_only_the_two_token_policies_can_be_attached_and_by_the_grant_function_alone() -> None:
    attaching = {
        function: statement
        for function in FUNCTIONS
        for statement in statements_of(function)
        if any(action.startswith(("iam:Attach", "iam:Detach")) for action in actions_of(statement))
    }
    assert list(attaching) == ["GrantFunction"]
    two = ("AuthorizationTokenPolicy", "PublicGalleryAuthorizationTokenPolicy")
    arns = [{"Fn::If": [f"Creates{name}", {"Ref": name}, {"Ref": f"{name}Arn"}]} for name in two]
    assert attaching["GrantFunction"]["Condition"] == {"ArnEquals": {"iam:PolicyARN": arns}}
    documents = [RESOURCES[name]["Properties"]["PolicyDocument"] for name in two]
    assert [each["Action"] for document in documents for each in document["Statement"]] == [
        "ecr:GetAuthorizationToken",
        ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
    ]


def granting(function: str, action: str) -> list[dict[str, Any]]:
    """The statements that grant an action to a function."""
    return [each for each in statements_of(function) if action in actions_of(each)]


def bounds(function: str, actions: Iterable[str]) -> dict[str, Any]:
    """The resources of each action, which exactly one statement grants."""
    found = {}
    for action in actions:
        [statement] = granting(function, action)
        found[action] = statement["Resource"]
    return found
