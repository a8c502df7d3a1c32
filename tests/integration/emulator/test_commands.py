"""The commands that `make local` prints, on an embedded AWS."""

from __future__ import annotations

import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from local import ROOT
from local.images import push_image
from local.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

BROKEN = """
Resources:
  Broken:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !ImportValue missing}
"""


def run(aws: Emulator, *command: str) -> subprocess.CompletedProcess[str]:
    """`python -m local.<command>` in the environment that `make local` prints."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=aws.environment(), capture_output=True, text=True, check=False
    )


@pytest.fixture
def name(ecr: ECRClient) -> str:
    created = ecr.create_repository(repositoryName=f"app-{uuid.uuid4().hex[:8]}")
    return created["repository"]["repositoryName"]


def test_a_pushed_image_is_shown(aws: Emulator, name: str) -> None:
    pushed = run(aws, "local.push", name, "v1", "v2", "--findings", "HIGH=1")
    assert [line.split(" sha256:")[0] for line in pushed.stdout.splitlines()] == [f"{name}:v1", f"{name}:v2"]
    shown = run(aws, "local.show", name)
    assert shown.returncode == 0
    assert "images: 2" in shown.stdout


def test_a_service_runs_an_image_and_is_deployed_anew(aws: Emulator, ecr: ECRClient, name: str) -> None:
    for number in (1, 2):
        digest = push_image(ecr, name, "v1", content=f"{number}")
        done = run(aws, "local.run_service", name, f"{name}:v1", "--count", "2")
        assert done.stdout == f"{name} runs {name}:v1 {digest}\n"
    ecs = aws.client("ecs")
    tasks = ecs.describe_tasks(cluster="local", tasks=ecs.list_tasks(cluster="local", family=name)["taskArns"])["tasks"]
    assert [each["containers"][0]["imageDigest"] for each in tasks] == [digest] * 2


def test_a_service_that_cannot_run_says_why(aws: Emulator, name: str) -> None:
    done = run(aws, "local.run_service", name, f"{name}:missing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name}: CannotPullContainerError: ")


@pytest.mark.parametrize(
    "command",
    [
        ("local.expire", "missing"),
        ("local.push", "missing", "v1"),
        ("local.run_service", "web", "missing:v1"),
        ("local.show", "missing"),
    ],
)
def test_a_repository_that_does_not_exist_is_an_error_of_one_line(aws: Emulator, command: tuple[str, ...]) -> None:
    shown = run(aws, *command)
    assert (shown.returncode, shown.stdout, shown.stderr.count("\n")) == (1, "", 1)
    assert "missing" in shown.stderr


def test_the_reasons_of_a_failed_stack_are_shown(aws: Emulator) -> None:
    stack = Stack(aws.client("cloudformation"), f"broken-{uuid.uuid4().hex[:8]}")
    failed = stack.deploy(BROKEN)
    shown = run(aws, "local.stack", stack.name)
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"{stack.name} {failed.status}\n")
    assert failed.reasons
    assert all(reason in shown.stdout for reason in failed.reasons)


def test_a_stack_that_does_not_exist_is_an_error_of_one_line(aws: Emulator) -> None:
    shown = run(aws, "local.stack", "missing")
    assert (shown.returncode, shown.stdout, shown.stderr.count("\n")) == (1, "", 1)
