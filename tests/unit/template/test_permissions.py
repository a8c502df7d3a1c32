"""Least privilege, both ways: each function may call what its code calls, and nothing that it does not."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name

from tests.unit.template.sam import FUNCTIONS, ROOT, folder_of, statements_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = ROOT / "layers" / "controller"
SERVICES = ("cloudformation", "ecr", "dynamodb", "iam", "sns", "sqs", "lambda", "stepfunctions", "events", "inspector2")
# What AWS checks beyond the operation that is called, and what Lambda itself needs.
BESIDES = {
    "logs:CreateLogStream": "Lambda writes the log",
    "logs:PutLogEvents": "Lambda writes the log",
    "lambda:InvokeFunction": "Lambda hands a dead function's request to the on-failure function",
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
# Operations whose action has another name.
RENAMED = {"lambda:Invoke": "lambda:InvokeFunction"}


def operations(service: str) -> dict[str, str]:
    """The IAM action of each client method of a service."""
    model = botocore.session.get_session().get_service_model(service)
    prefix = model.signing_name
    actions = {xform_name(name): f"{prefix}:{name}" for name in model.operation_names}
    return {method: RENAMED.get(action, action) for method, action in actions.items()}


ACTIONS = {service: operations(service) for service in SERVICES}


def modules_of(entry: Path) -> set[Path]:
    """The files of ours that an entry point imports, directly or not."""
    seen: set[Path] = set()
    pending = [entry]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            pending += imported(path)
    return seen


def imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            for base in (PACKAGE, path.parent):
                file = base.joinpath(*name.split(".")).with_suffix(".py")
                if file.is_file():
                    yield file


def calls_of(function: str) -> set[str]:
    """The IAM actions behind every call on a client, which is called `_<service>` or `<service>` in an adapter."""
    found: set[str] = set()
    for path in modules_of(folder_of(function) / "app.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found |= action(node.func, node.args)
    return found


def action(func: ast.Attribute, arguments: list[ast.expr]) -> set[str]:
    receiver = func.value.attr if isinstance(func.value, ast.Attribute) else getattr(func.value, "id", "")
    actions = ACTIONS.get(receiver.removeprefix("_"), {})
    method = func.attr
    if method == "get_paginator" and isinstance(arguments[0], ast.Constant):
        method = str(arguments[0].value)
    return {actions[method]} if method in actions else set()


def granted_to(function: str) -> set[str]:
    return {action for statement in statements_of(function) for action in as_list(statement["Action"])}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_that_the_code_calls_is_missing(function: str) -> None:
    assert calls_of(function) - granted_to(function) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_granted_that_the_code_does_not_call(function: str) -> None:
    assert granted_to(function) - calls_of(function) - set(BESIDES) == set()


def test_the_scan_of_the_code_sees_the_calls_that_are_there() -> None:
    assert {"ecr:CreateRepository", "ecr:ListImages", "ecr:DeleteRepository"} <= calls_of("RepositoryFunction")
