"""Least privilege, both ways: each function may call what its code reaches, and nothing that it does not."""

from __future__ import annotations

import ast

import botocore.session
import pytest
from botocore import xform_name

from tests.unit.reachability import body_of, reached
from tests.unit.template.sam import FUNCTIONS, actions_of, folder_of, statements_of

SERVICES = (
    "cloudformation",
    "ecr",
    "dynamodb",
    "iam",
    "sns",
    "sqs",
    "lambda",
    "stepfunctions",
    "events",
    "inspector2",
    "ecs",
)
# What AWS checks beyond the operation that is called, and what Lambda itself needs.
BESIDES = {
    "logs:CreateLogStream": "Lambda writes the log",
    "logs:PutLogEvents": "Lambda writes the log",
    "lambda:InvokeFunction": "Lambda sends the request of a failed function to the on-failure function",
    "kms:CreateGrant": "CreateRepository with a KMS key",
    "kms:DescribeKey": "CreateRepository with a KMS key",
    "kms:RetireGrant": "DeleteRepository of a repository with a KMS key",
}
BESIDES |= {
    "sqs:ReceiveMessage": "Lambda takes the events from the queue",
    "sqs:DeleteMessage": "Lambda takes the events from the queue",
    "sqs:GetQueueAttributes": "Lambda takes the events from the queue",
    "kms:Decrypt": "SendMessage and Publish to what is encrypted with a KMS key",
    "kms:GenerateDataKey": "SendMessage and Publish to what is encrypted with a KMS key",
}
# A transaction needs the actions of what it contains.
IN_TRANSACTIONS = {"dynamodb:PutItem", "dynamodb:DeleteItem"}
# Operations whose action has another name.
RENAMED = {"lambda:Invoke": "lambda:InvokeFunction", "sqs:SendMessageBatch": "sqs:SendMessage"}


def operations(service: str) -> dict[str, str]:
    """The IAM action of each client method of a service."""
    model = botocore.session.get_session().get_service_model(service)
    prefix = model.signing_name
    actions = {xform_name(name): f"{prefix}:{name}" for name in model.operation_names}
    return {method: RENAMED.get(action, action) for method, action in actions.items()}


ACTIONS = {service: operations(service) for service in SERVICES}


def calls_of(function: str) -> set[str]:
    """The IAM actions behind the calls that a function reaches, on clients called `_<service>` or `<service>`."""
    return {
        found
        for reached_node in reached(folder_of(function) / "app.py")
        for node in body_of(reached_node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        for found in action(node.func, node.args)
    }


def action(func: ast.Attribute, arguments: list[ast.expr]) -> set[str]:
    receiver = func.value.attr if isinstance(func.value, ast.Attribute) else getattr(func.value, "id", "")
    actions = ACTIONS.get(receiver.removeprefix("_"), {})
    method = func.attr
    if receiver.removeprefix("_") == "dynamodb" and method == "transact_write_items":
        return IN_TRANSACTIONS
    if method == "get_paginator" and isinstance(arguments[0], ast.Constant):
        method = str(arguments[0].value)
    return {actions[method]} if method in actions else set()


def granted_to(function: str) -> set[str]:
    return {action for statement in statements_of(function) for action in actions_of(statement)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_that_the_code_calls_is_missing(function: str) -> None:
    assert calls_of(function) - granted_to(function) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_granted_that_the_code_does_not_call(function: str) -> None:
    assert granted_to(function) - calls_of(function) - set(BESIDES) == set()


def test_the_scan_of_the_code_sees_the_calls_that_are_there_and_not_those_of_other_functions() -> None:
    assert {"ecr:CreateRepository", "ecr:ListImages", "ecr:DeleteRepository"} <= calls_of("RepositoryFunction")
    # The function imports the module in which these are called, and does not call them.
    assert {"ecr:CreateRepository", "ecr:DeleteRepository"} & calls_of("LifecyclePolicyFunction") == set()
    assert {"sns:Publish", "sqs:SendMessage"} & calls_of("ImageScanRouteFunction") == set()
