"""Images are scanned again: the plan is called as the schedule would call it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.images import push_image
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator
    from local.stack import Stack

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="the time of a push is the emulator's to choose")

LAST_YEAR = datetime.now(UTC) - timedelta(days=365)


@pytest.fixture
def outputs(aws: Emulator, controller_stack: str) -> dict[str, str]:
    stacks = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}


@pytest.fixture
def call_the_plan(aws: Emulator, outputs: dict[str, str]) -> Callable[[], None]:
    def call() -> None:
        answer = aws.client("lambda").invoke(FunctionName=outputs["PlanRescansFunction"], Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    return call


def route(controller_stack: str, repositories: str, target: str) -> str:
    token = {"Fn::ImportValue": f"{controller_stack}-ECRImageScanRoute"}
    properties = {"ServiceToken": token, "RepositoryName": repositories, "Targets": [target]}
    return json.dumps({"Resources": {"Route": {"Type": "Custom::ECRImageScanRoute", "Properties": properties}}})


def is_scanned(ecr: ECRClient, repository: str, tag: str) -> bool:
    try:
        ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageTag": tag})
    except ecr.exceptions.ScanNotFoundException:
        return False
    return True


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.2)


def test_the_schedule_calls_the_plan(aws: Emulator, controller_stack: str, outputs: dict[str, str]) -> None:
    scheduler: Any = aws.client("scheduler")
    found = [scheduler.get_schedule(Name=each["Name"]) for each in scheduler.list_schedules()["Schedules"]]
    [ours] = [each for each in found if each["Target"]["Arn"].endswith(f":{outputs['PlanRescansFunction']}")]
    assert ours["ScheduleExpression"] == "cron(0 3 1 1 ? *)"


def test_the_newest_images_of_routed_repositories_are_scanned_again_and_no_others(
    aws: Emulator,
    stack: Stack,
    controller_stack: str,
    ecr: ECRClient,
    name: str,
    call_the_plan: Callable[[], None],
) -> None:
    sqs = aws.client("sqs")
    target = sqs.create_queue(QueueName=f"{controller_stack}-{name.rpartition('/')[2]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=target, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    routed, unrouted = f"{name}/routed", f"{name}-unrouted"
    pushed: dict[str, str] = {}
    for repository in (unrouted, routed):
        ecr.create_repository(repositoryName=repository)
        for number in (2, 0, 3, 1):
            created = LAST_YEAR + timedelta(days=number)
            digest = push_image(ecr, repository, f"v{number}", content=f"{repository} {number}", created=created)
            pushed[f"v{number}"] = digest
    assert stack.deploy(route(controller_stack, f"{name}/*", arn)).succeeded

    for _ in range(2):  # the second is within 24 hours: ECR refuses, which is no error
        call_the_plan()
        wait_until(lambda: is_worked_off(sqs, f"{controller_stack}-RescanQueue"))

    received: set[str] = set()

    def is_told() -> bool:
        received.update(digests(sqs, target))
        return len(received) >= 2

    wait_until(is_told)
    assert received == {pushed["v2"], pushed["v3"]}
    assert [tag for tag in pushed if is_scanned(ecr, routed, tag)] == ["v2", "v3"]
    assert [tag for tag in pushed if is_scanned(ecr, unrouted, tag)] == []


def is_worked_off(sqs: Any, name: str) -> bool:
    """Whether the queue holds no message, neither one that waits nor one that was taken and not done."""
    [url] = sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"].values()) == {"0"}


def digests(sqs: Any, url: str) -> list[str]:
    """The digests of the images whose scans the queue received since the last call."""
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
    return [json.loads(message["Body"])["imageDigest"] for message in messages]
