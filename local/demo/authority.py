"""The scene about authority: a stack outside its boundary, and a request that no stack makes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.demo.checks import DemoError, expect
from local.invoke.listener import listening
from local.progress import heading, say, step
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator

# Stacks whose names begin with payments may manage payments/*, and all others everything else that the demo shows.
OTHERS = ("shop*", "another-shop", "legacy", "nightly", "defaults", "release", "scan-to-*", "event-route", "web")
BOUNDARIES = ",".join(["payments*=payments/*", *(f"{stacks}=*" for stacks in OTHERS)])
TEMPLATE = """
Resources:
  Repository:
    Type: Custom::ECRRepository
    Properties:
      ServiceToken: !ImportValue ecr-controller-ECRRepository
      RepositoryName: {name}
"""


def show_boundaries(aws: Emulator, number: int) -> None:
    """Deploy a stack inside and outside its boundary, then send a request in the name of another stack."""
    heading(f"{number}. A stack manages only what its boundary names, and a request that no stack makes is refused")
    stack = Stack(aws.client("cloudformation"), "payments")
    with step("Deploying the stack payments, which may manage payments/*, with the repository payments/api"):
        expect(stack.deploy(TEMPLATE.format(name="payments/api")), "CREATE_COMPLETE")
    with step("Updating it to the repository team/stolen"):
        refused = expect(stack.deploy(TEMPLATE.format(name="team/stolen")), "UPDATE_ROLLBACK_COMPLETE")
    say(refused.reasons[0])
    with step("Invoking the function with a delete request that CloudFormation does not make"):
        reason = _forge(aws, stack)
    say(reason)
    with step("Checking that payments/api is unchanged, then deleting the stack payments"):
        aws.client("ecr").describe_repositories(repositoryNames=["payments/api"])
        expect(stack.delete(), "DELETE_COMPLETE")


def _forge(aws: Emulator, stack: Stack) -> str:
    """The reason why a forged request is refused."""
    request = {
        "RequestType": "Delete",
        "RequestId": "forged",
        "StackId": stack.id,
        "LogicalResourceId": "Repository",
        "ResourceType": "Custom::ECRRepository",
        "PhysicalResourceId": "payments/api",
        "ResourceProperties": {"RepositoryName": "payments/api", "EmptyOnDelete": "true"},
    }
    with listening() as (url, answers):
        payload = json.dumps(request | {"ResponseURL": url})
        aws.client("lambda").invoke(FunctionName="ecr-controller-repository", Payload=payload)
    if [each["Status"] for each in answers] != ["FAILED"]:
        raise DemoError(f"The request was not refused: {answers}")
    return str(answers[0]["Reason"])
