"""The deployed controller: the physical ids of its resources, and its functions, to run the events that come before."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from local import ROOT, child_process
from local.deploy import STACK_NAME
from local.invoke import invocation, worlds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.emulator.process import Emulator
    from local.real_aws import RealAws


class ControllerError(RuntimeError):
    """The controller is not deployed as the event needs it, or one of its functions failed. The message says how."""


class Controller:
    """The controller's stack. ``url`` is a ResponseURL, and ``answers`` are those that arrived there."""

    def __init__(
        self, aws: Emulator | RealAws, url: str, answers: list[dict[str, Any]], stack_name: str = STACK_NAME
    ) -> None:
        """DescribeStackResources and DescribeStacks. Raises ControllerError where the stack does not exist."""
        self._aws, self._url, self._answers, self._stack_name = aws, url, answers, stack_name
        cloudformation = aws.client("cloudformation")
        try:
            resources = cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
        except cloudformation.exceptions.ClientError as error:
            raise ControllerError(f"The controller's stack {stack_name} does not exist: {error}") from error
        self.ids: dict[str, str] = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
        [stack] = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
        self._parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}

    def variables_of(self, function: str) -> dict[str, str]:
        """The environment variables of the function in functions/<function> that hold the physical ids of resources
        or the values of parameters.

        Raises ControllerError.
        """
        ids = {variable: self._id_of(resource) for variable, resource in invocation.references(function).items()}
        parameters = invocation.parameters(function).items()
        return ids | {name: self._parameters[each] for name, each in parameters if each in self._parameters}

    def _id_of(self, resource: str) -> str:
        if resource not in self.ids:
            hint = "Deploy it with the parameter RescanSchedule to create the resources of rescans."
            raise ControllerError(f"The stack {self._stack_name} has no {resource}. {hint}")
        return self.ids[resource]

    def run(self, name: str) -> tuple[dict[str, Any] | None, Any]:
        """Run the function of an event: its answer to CloudFormation, if it gives one, and what it returns.

        Raises ControllerError where the function ends in an error.
        """
        self._answers.clear()
        event = worlds.event(self._aws, name, self._url)
        # The deployed function would refuse a request that no stack makes.
        run = self._run_in_process if "ResponseURL" in event else self._invoke
        failed, returned = run(name.split("/")[0], json.dumps(event))
        if failed:
            raise ControllerError(f"The function of the event {name} ended in an error: {returned}")
        return (self._answers.pop() if self._answers else None), json.loads(returned or "null")

    def _invoke(self, function: str, event: str) -> tuple[bool, str]:
        invoked = self._aws.client("lambda").invoke(
            FunctionName=self._id_of(invocation.logical_id(function)), Payload=event
        )
        return "FunctionError" in invoked, invoked["Payload"].read().decode()

    def _run_in_process(self, function: str, event: str) -> tuple[bool, str]:
        environment = {**self._aws.environment(), **self.variables_of(function), "AWS_SAM_LOCAL": "true"}
        command = [sys.executable, "-m", "local.invoke.in_process", function, event]
        code, output = child_process.run(command, cwd=ROOT, env=environment)
        return (True, output) if code != 0 else (False, output.splitlines()[-1])

    def answer_to(self, name: str) -> Mapping[str, Any]:
        """The answer to the event of a custom resource. Raises ControllerError where there is none."""
        answer, returned = self.run(name)
        if answer is None:
            raise ControllerError(f"The function of the event {name} did not answer. It returned {returned}.")
        return answer
