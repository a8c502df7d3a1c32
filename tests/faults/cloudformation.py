"""A model of AWS CloudFormation: its stacks, the requests that it makes, and what it says of them when it is asked.

It holds one resource a stack, or several; each has the physical ID that the last answer gave it. DescribeStacks and
DescribeStackResource are answered from the same state that the requests are made from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.faults import wire

Json = dict[str, Any]

ACCOUNT, REGION = "123456789012", "eu-west-1"
NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ecr-controller"


@dataclass(slots=True)
class StackResource:
    """A resource as CloudFormation knows it."""

    type: str
    physical: str = ""
    status: str = ""


@dataclass(slots=True)
class Stack:
    """A stack. Its request ids count up, so that the same case has the same ids."""

    name: str
    uuid: str
    status: str = "CREATE_COMPLETE"
    resources: dict[str, StackResource] = field(default_factory=dict)
    count: int = 0

    @property
    def id(self) -> str:
        """Its ARN."""
        return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/{self.uuid}"

    def request(self, kind: str, type_: str, logical_id: str, declared: Json, old: Json | None = None) -> Json:
        """A new request for a resource, with its present physical ID."""
        self.count += 1
        resource = self.resources.setdefault(logical_id, StackResource(type_))
        resource.status = f"{kind.upper()}_IN_PROGRESS"
        event = {
            "RequestType": kind,
            "ServiceToken": FUNCTION_ARN,
            "ResponseURL": "",
            "StackId": self.id,
            "RequestId": f"{self.uuid[:8]}-0000-4000-8000-{self.count:012d}",
            "LogicalResourceId": logical_id,
            "ResourceType": type_,
            "ResourceProperties": as_sent({"ServiceToken": FUNCTION_ARN, **declared}),
        }
        if kind != "Create":
            event["PhysicalResourceId"] = resource.physical
        if old is not None:
            event["OldResourceProperties"] = as_sent({"ServiceToken": FUNCTION_ARN, **old})
        return event

    def clean_up(self, type_: str, logical_id: str, declared: Json, physical: str) -> Json:
        """The Delete of a physical resource that an Update replaced. The resource itself stays as it is."""
        resource = self.resources[logical_id]
        kept = StackResource(type_, resource.physical, resource.status)
        resource.physical = physical
        event = self.request("Delete", type_, logical_id, declared)
        self.resources[logical_id] = kept
        return event

    def answered(self, event: Json, status: str, physical: str) -> None:
        """Take an answer to a request that is not a clean-up."""
        resource = self.resources[event["LogicalResourceId"]]
        kind = event["RequestType"].upper()
        resource.status = f"{kind}_{'COMPLETE' if status == 'SUCCESS' else 'FAILED'}"
        if kind == "CREATE" or status == "SUCCESS":
            resource.physical = physical


def as_sent(value: Any) -> Any:
    """The properties as CloudFormation sends them: every scalar is a string, and what is null is absent."""
    if isinstance(value, dict):
        return {key: as_sent(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [as_sent(each) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)


class CloudFormation:
    """All stacks of the account, and the API that describes them."""

    def __init__(self) -> None:
        self.stacks: dict[str, Stack] = {}

    def add(self, stack: Stack) -> Stack:
        """The stack, which exists from now on."""
        self.stacks[stack.id] = stack
        return stack

    def describe_stacks(self, request: Any) -> tuple[int, str]:
        """The operation of that name, for one stack."""
        asked = _parameters(request)["StackName"]
        stack = self._find(asked)
        if stack is None:
            return _missing(f"Stack with id {asked} does not exist")
        shown = {"StackId": stack.id, "StackName": stack.name, "StackStatus": stack.status, "CreationTime": _TIME}
        return _answer("DescribeStacks", f"<Stacks><member>{_elements(shown)}</member></Stacks>")

    def describe_stack_resource(self, request: Any) -> tuple[int, str]:
        """The operation of that name."""
        asked = _parameters(request)
        stack = self._find(asked["StackName"])
        if stack is None:
            return _missing(f"Stack '{asked['StackName']}' does not exist")
        logical_id = asked["LogicalResourceId"]
        if logical_id not in stack.resources:
            return _missing(f"Resource {logical_id} does not exist for stack {stack.name}")
        resource = stack.resources[logical_id]
        shown = {
            "StackId": stack.id,
            "StackName": stack.name,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": resource.physical,
            "ResourceType": resource.type,
            "ResourceStatus": resource.status,
            "LastUpdatedTimestamp": _TIME,
        }
        shown = {key: value for key, value in shown.items() if value}
        return _answer("DescribeStackResource", f"<StackResourceDetail>{_elements(shown)}</StackResourceDetail>")

    def _find(self, asked: str) -> Stack | None:
        return next((each for each in self.stacks.values() if asked in (each.id, each.name)), None)


_TIME = "2026-10-05T12:00:00Z"


def _parameters(request: Any) -> dict[str, str]:
    body = request.body.decode() if isinstance(request.body, bytes) else request.body
    return {key: values[0] for key, values in parse_qs(body).items()}


def _elements(values: dict[str, str]) -> str:
    return "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items())


def _answer(operation: str, body: str) -> tuple[int, str]:
    result = f"<{operation}Result>{body}</{operation}Result>"
    return 200, f'<{operation}Response xmlns="{NAMESPACE}">{result}</{operation}Response>'


def _missing(message: str) -> tuple[int, str]:
    return wire.error_body("ValidationError", message, query=True)
