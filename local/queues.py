"""`python -m local.queues [QUEUE …]`: the queues of the embedded AWS, or the messages of some of them."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

import boto3

from local.progress import exit_code

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeFilterType


class NoQueueError(LookupError):
    """There is no such queue. The message names it."""


def urls(sqs: SQSClient, part: str = "") -> list[str]:
    """The queues whose names have this part."""
    found = [url for page in sqs.get_paginator("list_queues").paginate() for url in page.get("QueueUrls", [])]
    return [url for url in found if part in name(url)]


def name(url: str) -> str:
    """The name of the queue at a URL."""
    return url.rpartition("/")[2]


def count(sqs: SQSClient, url: str) -> str:
    """A queue with the number of its messages: those that wait, and those that a function works on."""
    names: list[QueueAttributeFilterType] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found: Any = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    waiting, taken = (found[each] for each in names)
    return f"{name(url)}: {waiting} waiting, {taken} in flight"


def messages(sqs: SQSClient, url: str) -> list[str]:
    """Up to ten messages that wait in a queue. They stay there, but each counts as received once more."""
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
    return [each["Body"] for each in found]


def main() -> None:
    """Print them. Raises NoQueueError."""
    parser = argparse.ArgumentParser(
        prog="python -m local.queues",
        description="Show the queues of the embedded AWS, or the messages of some queues.",
    )
    parser.add_argument(
        "parts", metavar="QUEUE", nargs="*", help="a part of the queue name; up to 10 messages of each queue are shown"
    )
    given = parser.parse_args()
    if "AWS_ENDPOINT_URL" not in os.environ:
        parser.error("AWS_ENDPOINT_URL is not set. Run the `export` commands that `make local` prints.")
    sqs: SQSClient = boto3.client("sqs")
    for part in given.parts or [""]:
        found = urls(sqs, part)
        if not found:
            raise NoQueueError(f"There is no queue with {part} in its name." if part else "There is no queue.")
        for url in found:
            print("\n".join([count(sqs, url), *(messages(sqs, url) if part else [])]))


if __name__ == "__main__":
    sys.exit(exit_code(main, NoQueueError))
