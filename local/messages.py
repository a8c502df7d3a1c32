"""The queues of an AWS, and the messages in one of them, which stay there.

`python -m local.messages` lists the queues; `python -m local.messages QUEUE` prints messages of one.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import boto3

from local.progress import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient


def queues(sqs: SQSClient) -> Iterator[tuple[str, int]]:
    """The name of each queue, and how many messages are in it or being processed."""
    counts: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for page in sqs.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", []):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
            yield url.rpartition("/")[2], sum(int(found[each]) for each in counts)


def messages(sqs: SQSClient, queue: str) -> Iterator[str]:
    """Up to ten messages of a queue, each as text, with the reason if it is a dead letter."""
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    received = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=1, MessageAttributeNames=["All"]
    )
    for each in received.get("Messages", []):
        reason = each.get("MessageAttributes", {}).get("Reason")
        yield _indented(each["Body"]) + (f"\nReason: {reason['StringValue']}" if reason else "")


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2)
    except ValueError:
        return body


def main() -> None:
    """Print them. Raises ClientError where there is no such queue."""
    parser = argparse.ArgumentParser(prog="python -m local.messages", description="Show queues, and their messages.")
    parser.add_argument("queue", metavar="QUEUE", nargs="?", help="the name of a queue; by default, list the queues")
    queue, sqs = parser.parse_args().queue, boto3.client("sqs")
    lines = [f"{count:>4}  {name}" for name, count in queues(sqs)] if queue is None else list(messages(sqs, queue))
    print("\n".join(lines) or "none")


if __name__ == "__main__":
    sys.exit(exit_code(main))
