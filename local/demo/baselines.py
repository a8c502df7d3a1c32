"""The scene about repositories that no stack declares."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from local import show
from local.demo.checks import DemoError, example, expect
from local.images import push_image
from local.progress import console, heading, step
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator

NAME = "nightly/tools"
LONGEST = 60.0  # seconds


def show_baseline(aws: Emulator, number: int) -> None:
    heading(f"{number}. A repository that somebody creates by hand gets the settings of a baseline, and keeps them")
    ecr, stack = aws.client("ecr"), Stack(aws.client("cloudformation"), "defaults")
    with step("Deploying examples/baseline.yaml: settings for the repositories of nightly/*"):
        expect(stack.deploy(example("baseline")), "CREATE_COMPLETE")
    with step(f"Creating {NAME} by hand, and pushing a first image to it"):
        ecr.create_repository(repositoryName=NAME)
        push_image(ecr, NAME, "v1")
        _wait_for_policy(ecr)
    console.print(show.repository(ecr, NAME))
    with step("Deleting its lifecycle policy by hand, and starting a resync"):
        ecr.delete_lifecycle_policy(repositoryName=NAME)
        outputs = aws.client("cloudformation").describe_stacks(StackName="ecr-controller")["Stacks"][0]["Outputs"]
        [plan] = [each["OutputValue"] for each in outputs if each["OutputKey"] == "PlanResyncFunction"]
        aws.client("lambda").invoke(FunctionName=plan, Payload=json.dumps({"RepositoryName": NAME}))
        _wait_for_policy(ecr)
    console.print(show.repository(ecr, NAME))
    with step("Deleting the stack defaults"):
        expect(stack.delete(), "DELETE_COMPLETE")
    ecr.delete_repository(repositoryName=NAME, force=True)


def _wait_for_policy(ecr: Any) -> None:
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        try:
            ecr.get_lifecycle_policy(repositoryName=NAME)
        except ecr.exceptions.LifecyclePolicyNotFoundException:
            time.sleep(0.2)
        else:
            return
    raise DemoError(f"The baseline was not applied to {NAME}.")
