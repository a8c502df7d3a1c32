"""A CloudFormation stack: deployed, deleted, and the reasons of what failed.

`python -m local.stack NAME` prints the status of a stack and the reasons of its failures, with `--events` all events.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from local.progress import exit_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True)
class Deployment:
    """How a stack operation ended: its status, the outputs, and the reasons of what failed, first things first."""

    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def succeeded(self) -> bool:
        """Whether it did what was asked, and not a rollback."""
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")


class Stack:
    """One stack by its name. ``tags`` are those of the stack from its next deployment on."""

    def __init__(self, cloudformation: CloudFormationClient, name: str, *, timeout: float = 300) -> None:
        self._cloudformation = cloudformation
        self._timeout = timeout
        self.name = name
        self.id = ""
        self.tags: dict[str, str] = {}

    def deploy(self, template: str, **parameters: str) -> Deployment:
        """Create the stack, or update it where it is there."""
        arguments: Any = {
            "StackName": self.name,
            "TemplateBody": template,
            "Capabilities": ["CAPABILITY_IAM"],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }
        started, seen = time.monotonic(), self._event_ids()
        if self._described() is None:
            self.id = self._cloudformation.create_stack(**arguments)["StackId"]
        else:
            self._cloudformation.update_stack(**arguments)
        return self._wait(started, seen)

    def delete(self) -> Deployment:
        """Delete the stack."""
        started, seen = time.monotonic(), self._event_ids()
        self._cloudformation.delete_stack(StackName=self.id or self.name)
        return self._wait(started, seen)

    def failures(self) -> list[str]:
        """The resources that failed, oldest first, each with its status and its reason."""
        return [
            f"{_line(each)}: {_reason(each)}"
            for each in reversed(self._events())
            if each["ResourceStatus"].endswith("FAILED")
        ]

    def history(self) -> list[str]:
        """Everything that happened, oldest first."""
        events = reversed(self._events())
        return [": ".join(filter(None, (_line(each), each.get("ResourceStatusReason")))) for each in events]

    def _described(self) -> Any:
        try:
            return self._cloudformation.describe_stacks(StackName=self.id or self.name)["Stacks"][0]
        except self._cloudformation.exceptions.ClientError:
            return None

    def _wait(self, started: float, seen: set[str]) -> Deployment:
        while time.monotonic() - started < self._timeout:
            described = self._described()
            status = described["StackStatus"] if described else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                outputs = {each["OutputKey"]: each["OutputValue"] for each in (described or {}).get("Outputs", [])}
                return Deployment(status, outputs, self._reasons(seen), time.monotonic() - started)
            time.sleep(0.3)
        raise TimeoutError(f"The stack {self.name} did not end within {self._timeout:.0f} s.")

    def _events(self) -> list[Any]:
        if self._described() is None:
            return []
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.id or self.name)
        return [event for page in pages for event in page["StackEvents"]]

    def _event_ids(self) -> set[str]:
        return {event["EventId"] for event in self._events()}

    def _reasons(self, seen: set[str]) -> tuple[str, ...]:
        new = [event for event in reversed(self._events()) if event["EventId"] not in seen]
        failed = [event for event in new if event["ResourceStatus"].endswith("FAILED")]
        return tuple(_reason(event) for event in failed)


def _line(event: Any) -> str:
    return f"{event['Timestamp']:%H:%M:%S} {event['LogicalResourceId']} {event['ResourceStatus']}"


def _reason(event: Any) -> str:
    return str(event.get("ResourceStatusReason", "no reason given"))


def main() -> None:
    """Print it. Raises ClientError where there is no such stack."""
    parser = argparse.ArgumentParser(
        prog="python -m local.stack", description="Show why the resources of a stack failed."
    )
    parser.add_argument("name", metavar="STACK", help="the name or the ID of a stack")
    parser.add_argument("--events", action="store_true", help="show all events, not only failures")
    given, cloudformation = parser.parse_args(), boto3.client("cloudformation")
    status = cloudformation.describe_stacks(StackName=given.name)["Stacks"][0]["StackStatus"]
    stack = Stack(cloudformation, given.name)
    print("\n".join([f"{given.name} {status}", *(stack.history() if given.events else stack.failures())]))


if __name__ == "__main__":
    sys.exit(exit_code(main))
