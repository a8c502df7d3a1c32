"""The part of the demo about scan routes: two stacks, two images, and what a queue and a topic hear of their scans."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from local import ROOT
from local.images import push_image
from local.progress import console, heading, step
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator

NAME = "team/web"
SECONDS = 20.0  # within which a scan is told; it takes about two


def show_routes(aws: Emulator, number: int) -> None:
    """Deploy examples/scan-to-queue.yaml and scan-to-topic.yaml, push, and show what arrives. Leaves nothing behind."""
    heading(f"{number}. Scans are routed: findings to a queue, scans that failed to a topic")
    ecr = aws.client("ecr")
    stacks = [Stack(aws.client("cloudformation"), f"scan-to-{kind}") for kind in ("queue", "topic")]
    with step("Deploying the stacks scan-to-queue and scan-to-topic, each with a route for team/*"):
        queue, topic = (_deploy(stack) for stack in stacks)
    subscriber = _subscribe(aws, topic["TopicArn"])
    ecr.create_repository(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": True})
    with step("Pushing three images; the scan of one fails, one is clean, and one is not"):
        push_image(ecr, NAME, "broken", content="broken", scan_status="FAILED")
        push_image(ecr, NAME, "clean", content="clean")
        push_image(ecr, NAME, "v1", content="v1", findings="CRITICAL=1,HIGH=3,LOW=12")
    with step("What the queue gets"):
        told = _next(aws, queue["QueueUrl"])
    _print(told)
    with step("What a subscriber of the topic gets"):
        failed = json.loads(_next(aws, subscriber)["Message"])
    _print(failed)
    with step("Deleting both stacks"):
        for stack in stacks:
            stack.delete()
    ecr.delete_repository(repositoryName=NAME, force=True)
    aws.client("sqs").delete_queue(QueueUrl=subscriber)


def _deploy(stack: Stack) -> dict[str, str]:
    deployed = stack.deploy((ROOT / "examples" / f"{stack.name}.yaml").read_text(encoding="utf-8"))
    if not deployed.succeeded:
        raise RuntimeError(f"{stack.name} ended in {deployed.status}: {'; '.join(deployed.reasons)}")
    return dict(deployed.outputs)


def _subscribe(aws: Emulator, topic: str) -> str:
    """The URL of a new queue that gets what is published to the topic."""
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
    raise TimeoutError(f"nothing arrived within {SECONDS:.0f} s")


def _print(scan: dict[str, Any]) -> None:
    counts = " ".join(f"{name}={count}" for name, count in scan["findingSeverityCounts"].items() if count) or "none"
    image = f"{scan['repositoryName']}:{','.join(scan['imageTags'])}"
    console.print(f"  {image}  [bold]{scan['scanStatus']}[/]  {scan['scanType'].lower()}  findings: {counts}")
