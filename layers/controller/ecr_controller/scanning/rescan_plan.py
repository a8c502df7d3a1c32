"""Which repositories may have images to be scanned again: one message each, so that each is worked off on its own."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@aws.adapter
class Repositories(aws.EcrAdapter):
    """The repositories of this account and Region."""

    def names(self) -> tuple[str, ...]:
        """DescribeRepositories, 1,000 a page. Raises UserError and RetryableError."""
        pages = self._ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
        return tuple(each["repositoryName"] for page in pages for each in page["repositories"])


@aws.adapter
class RescanQueue:
    """The queue whose URL RESCAN_QUEUE gives."""

    @property
    def _sqs(self) -> SQSClient:
        client: SQSClient = aws.client("sqs")
        return client

    def put(self, repository: str) -> None:
        """SendMessage. Raises UserError and RetryableError."""
        self._sqs.send_message(QueueUrl=os.environ["RESCAN_QUEUE"], MessageBody=repository)


def plan(pattern: str) -> int:
    """Put every repository that matches the pattern, in which ``*`` is any characters, on the queue; how many."""
    names = [name for name in Repositories().names() if fnmatchcase(name, pattern)]
    queue = RescanQueue()
    for name in names:
        queue.put(name)
    return len(names)
