"""The scenes about scans and other events: a gate that stops a release, and routes to queues and a topic."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from local.demo.checks import example, expect
from local.images import push_as_buildx, push_image
from local.progress import console, heading, say, step
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator

RELEASED, ROUTED = "team/app", "team/web"
SECONDS = 20.0  # within which the result of a scan arrives; it takes about two


def show_gate(aws: Emulator, number: int) -> None:
    heading(f"{number}. A release stops at an image with severe findings")
    ecr = aws.client("ecr")
    push_image(ecr, RELEASED, "prod-2.0", findings="LOW=3")
    push_image(ecr, RELEASED, "prod-2.1", findings="CRITICAL=1,HIGH=2,LOW=3")
    template, stack = example("scan-gate"), Stack(aws.client("cloudformation"), "release")
    with step("Deploying examples/scan-gate.yaml with prod-2.0, which has only findings of severity LOW"):
        expect(stack.deploy(template, ImageTag="prod-2.0"), "CREATE_COMPLETE")
    with step("Updating it to prod-2.1"):
        stopped = expect(stack.deploy(template, ImageTag="prod-2.1"), "UPDATE_ROLLBACK_COMPLETE")
    say(stopped.reasons[0])
    say(f"The released image is still {stopped.outputs['Image']}")
    _show_index(aws, stack, template)
    with step("Deleting the stack release"):
        expect(stack.delete(), "DELETE_COMPLETE")


def _show_index(aws: Emulator, stack: Stack, template: str) -> None:
    """An index as buildx pushes it: stopped for a finding of one platform, and released with an exception for it."""
    platforms = {"linux/amd64": "LOW=1", "linux/arm64": "CRITICAL=1"}
    push_as_buildx(aws.client("ecr"), RELEASED, "prod-2.2", platforms, content="prod-2.2")
    with step("Updating it to prod-2.2, an image index for linux/amd64 and linux/arm64 with attestations"):
        stopped = expect(stack.deploy(template, ImageTag="prod-2.2"), "UPDATE_ROLLBACK_COMPLETE")
    say(stopped.reasons[0])
    [finding] = re.findall(r"Findings: (CVE-\S+)", stopped.reasons[0])
    accepted = {"Accepted": finding, "AcceptedUntil": "2099-12-31"}
    with step(f"Updating it to prod-2.2 again, with {finding} accepted until a date"):
        expect(stack.deploy(template, ImageTag="prod-2.2", **accepted), "UPDATE_COMPLETE")


def show_routes(aws: Emulator, number: int) -> None:
    """Deploy examples/scan-to-queue.yaml and scan-to-topic.yaml, push, show what arrives, delete everything."""
    heading(f"{number}. Scan results are routed: findings to a queue, failed scans to a topic")
    ecr = aws.client("ecr")
    stacks = [Stack(aws.client("cloudformation"), f"scan-to-{kind}") for kind in ("queue", "topic")]
    with step("Deploying the stacks scan-to-queue and scan-to-topic, each with a route for team/*"):
        queue, topic = (expect(stack.deploy(example(stack.name)), "CREATE_COMPLETE").outputs for stack in stacks)
    subscriber = _subscribe(aws, topic["TopicArn"])
    ecr.create_repository(repositoryName=ROUTED, imageScanningConfiguration={"scanOnPush": True})
    with step("Pushing three images: the scan of one fails, one has no findings, and one has"):
        push_image(ecr, ROUTED, "broken", content="broken", scan_status="FAILED")
        push_image(ecr, ROUTED, "clean", content="clean")
        push_image(ecr, ROUTED, "v1", content="v1", findings="CRITICAL=1,HIGH=3,LOW=12")
    with step("Receiving the message in the queue"):
        scan = _next(aws, queue["QueueUrl"])
    _print(scan)
    with step("Receiving the message of the topic"):
        failed = json.loads(_next(aws, subscriber)["Message"])
    _print(failed)
    with step("Deleting both stacks"):
        for stack in stacks:
            expect(stack.delete(), "DELETE_COMPLETE")
    ecr.delete_repository(repositoryName=ROUTED, force=True)
    aws.client("sqs").delete_queue(QueueUrl=subscriber)


def show_events(aws: Emulator, number: int) -> None:
    """Deploy examples/event-route.yaml, push and delete a tag, show what arrives, delete everything."""
    heading(f"{number}. A push arrives")
    ecr, stack = aws.client("ecr"), Stack(aws.client("cloudformation"), "event-route")
    with step("Deploying the stack event-route, with a route for team/*"):
        queue = expect(stack.deploy(example(stack.name)), "CREATE_COMPLETE").outputs["QueueUrl"]
    ecr.create_repository(repositoryName=ROUTED)
    with step("Pushing the tags dev and v1, of which the route selects v1, and deleting v1"):
        push_image(ecr, ROUTED, "dev", content="dev")
        push_image(ecr, ROUTED, "v1", content="v1")
        ecr.batch_delete_image(repositoryName=ROUTED, imageIds=[{"imageTag": "v1"}])
    for _ in range(2):
        event = _next(aws, queue)
        say(f"{event['event']}: {event['repositoryName']}:{','.join(event['imageTags'])}")
    with step("Deleting the stack"):
        expect(stack.delete(), "DELETE_COMPLETE")
    ecr.delete_repository(repositoryName=ROUTED, force=True)


def _subscribe(aws: Emulator, topic: str) -> str:
    """The URL of a new queue that is subscribed to the topic."""
    sqs = aws.client("sqs")
    url = str(sqs.create_queue(QueueName="on-call")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def _next(aws: Emulator, url: str) -> dict[str, Any]:
    """The next message of a queue. Raises TimeoutError."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for message in aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            body: dict[str, Any] = json.loads(message["Body"])
            return body
    raise TimeoutError(f"No message arrived within {SECONDS:.0f} s")


def _print(scan: dict[str, Any]) -> None:
    counts = " ".join(f"{name}={count}" for name, count in scan["findingSeverityCounts"].items() if count) or "none"
    image = f"{scan['repositoryName']}:{','.join(scan['imageTags'])}"
    console.print(f"  {image}  [bold]{scan['scanStatus']}[/]  {scan['scanType'].lower()}  findings: {counts}")
