"""What the policy statements of the functions' roles are limited to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.event_routing.messages import EVENT_DETAIL_TYPE, SCAN_DETAIL_TYPE
from ecr_controller.event_routing.targets import KINDS, SOURCE
from ecr_controller.repository import ownership
from tests.unit.template.sam import (
    FUNCTIONS,
    RESOURCES,
    TEMPLATE,
    actions_of,
    all_statements_of,
    denials_of,
    statements_of,
)

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
OWN_SERVICES = {"logs", "dynamodb", "kms", "cloudformation", "ecr"}
# Actions for which IAM has no resource, or only one that cannot be named beforehand
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html, and the
# pages of Amazon ECS, Amazon Inspector and AWS Lambda).
WITHOUT_RESOURCE = {
    "ecr:GetRegistryScanningConfiguration",
    "ecs:DescribeTaskDefinition",
    "ecs:ListClusters",
    "ecs:ListServices",
    "ecs:ListTasks",
    "inspector2:BatchGetAccountStatus",
    "inspector2:ListCoverage",
    "lambda:ListFunctions",
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_statement_names_its_actions_and_its_resources(function: str) -> None:
    for statement in all_statements_of(function):
        assert not any("*" in action for action in actions_of(statement)), statement
        assert statement["Resource"] != "*" or actions_of(statement) <= WITHOUT_RESOURCE, statement


def test_no_function_has_managed_policies() -> None:
    roles = [each for each in RESOURCES.values() if each["Type"] == "AWS::IAM::Role"]
    assert roles
    assert not any("ManagedPolicyArns" in role["Properties"] for role in roles)


def test_a_repository_is_deleted_only_with_the_tags_of_a_stack_that_created_it() -> None:
    [statement] = granting("RepositoryFunction", "ecr:DeleteRepository")
    assert actions_of(statement) == {"ecr:DeleteRepository"}
    stacks = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*"
    assert statement["Condition"] == {
        "StringLike": {
            f"aws:ResourceTag/{ownership.ORIGIN}": "created *",
            f"aws:ResourceTag/{ownership.STACK_ID}": {"Fn::Sub": stacks},
        }
    }


def test_a_repository_is_created_only_with_the_tag_that_says_so() -> None:
    [statement] = granting("RepositoryFunction", "ecr:CreateRepository")
    assert actions_of(statement) == {"ecr:CreateRepository"}
    assert statement["Condition"] == {"StringLike": {f"aws:RequestTag/{ownership.ORIGIN}": "created *"}}


def test_a_repository_that_has_another_origin_never_becomes_created() -> None:
    [statement] = denials_of("RepositoryFunction")
    assert statement["Action"] == "ecr:TagResource"
    assert statement["Condition"] == {
        "StringLike": {f"aws:RequestTag/{ownership.ORIGIN}": "created *"},
        "StringNotLike": {f"aws:ResourceTag/{ownership.ORIGIN}": "created *"},
        "Null": {f"aws:ResourceTag/{ownership.ORIGIN}": "false"},
    }


@pytest.mark.parametrize("action", ["ecr:TagResource", "ecr:UntagResource"])
def test_the_lifecycle_function_tags_with_its_one_key(action: str) -> None:
    [statement] = granting("LifecyclePolicyFunction", action)
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"aws:TagKeys": ownership.LIFECYCLE_POLICY},
        "Null": {"aws:TagKeys": "false"},
    }


def test_no_other_function_tags_or_changes_repositories() -> None:
    taggers = {each for each in FUNCTIONS if granting(each, "ecr:TagResource") or granting(each, "ecr:UntagResource")}
    assert taggers == {"RepositoryFunction", "LifecyclePolicyFunction", "ResyncFunction"}


def test_the_router_puts_no_events_but_its_own() -> None:
    [statement] = granting("RouteScanFunction", "events:PutEvents")
    assert actions_of(statement) == {"events:PutEvents"}
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {
            "events:source": SOURCE,
            "events:detail-type": [SCAN_DETAIL_TYPE, EVENT_DETAIL_TYPE],
        },
        "Null": {"events:source": "false", "events:detail-type": "false"},
    }


@pytest.mark.parametrize(
    "function",
    [
        "RepositoryFunction",
        "LifecyclePolicyFunction",
        "GrantFunction",
        "ImageScanRouteFunction",
        "ImageScanFunction",
        "BaselineFunction",
        "ResyncFunction",
    ],
)
def test_a_function_sends_only_events_of_the_controller_to_the_default_bus(function: str) -> None:
    [statement] = granting(function, "events:PutEvents")
    assert str(statement["Resource"]).endswith(":event-bus/default'}")
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"events:source": SOURCE},
        "ForAllValues:StringLike": {"events:detail-type": "ECR Controller *"},
        "Null": {"events:source": "false", "events:detail-type": "false"},
    }
    assert not any(each.startswith("ECR Controller ") for each in (SCAN_DETAIL_TYPE, EVENT_DETAIL_TYPE))


def test_no_queue_of_the_controller_is_a_target() -> None:
    queues = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::SQS::Queue"}
    [verifying] = denials_of("ImageScanRouteFunction")
    assert (verifying["Action"], denied_queues(verifying)) == ("sqs:GetQueueAttributes", queues)
    [delivering] = denials_of("RouteScanFunction")
    assert (delivering["Action"], denied_queues(delivering)) == ("sqs:SendMessage", queues - TO_ITSELF)


TO_ITSELF = {"ScanDeadLetters", "FindingWindowQueue"}


def denied_queues(statement: dict[str, Any]) -> set[str]:
    """The queues that a statement names, each under the condition under which it exists."""
    names = set()
    for resource in statement["Resource"]:
        condition, there, _ = resource.get("Fn::If", (None, resource, None))
        name, attribute = there["Fn::GetAtt"]
        assert (attribute, condition) == ("Arn", RESOURCES[name].get("Condition"))
        names.add(name)
    return names


def test_every_kind_of_target_has_a_parameter_that_bounds_it() -> None:
    delivered = bounds("RouteScanFunction", CHECKED_BY)
    for kind, bound in zip(KINDS.values(), delivered.values(), strict=True):
        allowed = bound["Fn::If"][1] if "Fn::If" in bound else bound
        assert allowed == {"Ref": kind.parameter}
        assert TEMPLATE["Parameters"][kind.parameter]["Default"] == ""


def test_scheduler_assumes_the_role_of_rescans_for_schedules_of_this_account_alone() -> None:
    [statement] = RESOURCES["RescanSchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    group = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/default"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": {"Fn::Sub": group}}
    }
    # The group of a schedule that names none.
    assert "GroupName" not in RESOURCES["RescanScheduler"]["Properties"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_uses_the_key_of_the_user_only_through_the_services_that_encrypt_with_it(function: str) -> None:
    allowed = {via(each): each["Action"] for each in statements_of(function) if each["Resource"] == {"Ref": "KmsKey"}}
    assert allowed.get("dynamodb") == (
        "kms:Decrypt" if uses(function, "dynamodb:Query") or uses(function, "dynamodb:Scan") else None
    )
    assert allowed.get("sqs") == (["kms:Decrypt", "kms:GenerateDataKey"] if uses(function, "sqs:SendMessage") else None)
    assert set(allowed) <= {"dynamodb", "sqs"}


def via(statement: dict[str, Any]) -> str:
    service: str = statement["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Sub"]
    return service.removesuffix(".${AWS::Region}.${AWS::URLSuffix}")


def uses(function: str, action: str) -> bool:
    return bool(granting(function, action))


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
    arns = [TEMPLATE["Outputs"][name]["Value"] for name in two]
    assert attaching["GrantFunction"]["Condition"] == {"ArnEquals": {"iam:PolicyARN": arns}}
    documents = [RESOURCES[name]["Properties"]["PolicyDocument"] for name in two]
    assert [each["Action"] for document in documents for each in document["Statement"]] == [
        "ecr:GetAuthorizationToken",
        ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
    ]


def granting(function: str, action: str) -> list[dict[str, Any]]:
    """The statements that grant an action to a function."""
    return [each for each in statements_of(function) if action in actions_of(each)]


OWN = ("SendToDeadLetterQueue", "SendWindows")


def bounds(function: str, actions: Iterable[str]) -> dict[str, Any]:
    """The resources of each action, which exactly one statement grants beside those for queues of the controller."""
    found = {}
    for action in actions:
        [statement] = [each for each in granting(function, action) if each["Sid"] not in OWN]
        found[action] = statement["Resource"]
    return found
