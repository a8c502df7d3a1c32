"""CloudFormation, which moto answers only with packages that are not installed: a stack that makes one request."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ecr_controller import aws


class CloudFormation:
    """Answers the calls of the functions. ``request`` is the event that CloudFormation is waiting for."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}
        events = aws.client("cloudformation").meta.events
        events.register("before-call.cloudformation.DescribeStacks", self._describe_stacks)
        events.register("before-call.cloudformation.DescribeStackResource", self._describe_stack_resource)

    def _describe_stacks(self, **_call: object) -> tuple[Any, dict[str, Any]]:
        return _answer({"Stacks": [{"StackName": "shop", "StackStatus": "UPDATE_IN_PROGRESS", "Tags": []}]})

    def _describe_stack_resource(self, **_call: object) -> tuple[Any, dict[str, Any]]:
        detail = {
            "ResourceType": self.request["ResourceType"],
            "ResourceStatus": f"{self.request['RequestType'].upper()}_IN_PROGRESS",
            "PhysicalResourceId": self.request.get("PhysicalResourceId") or "",
        }
        return _answer({"StackResourceDetail": detail})


def _answer(content: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return SimpleNamespace(status_code=200), content
