"""Scanning images again: basic scanning scans an image once, and vulnerabilities become known later."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.config import config
from ecr_controller.errors import UserError
from ecr_controller.event_routing.routes import reader
from ecr_controller.event_routing.scans import SCAN_COMPLETED
from ecr_controller.image_scans.ecr import ImageScans, ScanStarts
from ecr_controller.image_scans.scanning import start_scan
from ecr_controller.patterns import patterns_matching
from ecr_controller.repository.model import is_name
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)


@aws.translates_errors
class RescanQueue:
    """The queue RESCAN_QUEUE. A message is the name of a repository."""

    _sqs: aws.Client[SQSClient] = aws.Client("sqs")

    def send_repository(self, name: str) -> None:
        """SendMessage."""
        self._sqs.send_message(QueueUrl=config().rescan_queue, MessageBody=name)


def plan_rescans(pattern: str) -> int:
    """Send every repository that matches the pattern to the queue, and return their number.

    ``*`` in the pattern stands for any characters. May raise UserError and RetryableError.
    """
    names = [name for name in ImageScans().describe_repositories() if fnmatchcase(name, pattern)]
    queue = RescanQueue()
    for name in names:
        queue.send_repository(name)
    return len(names)


def rescan(repository: str, count: int) -> int:
    """Scan the newest images of a repository again, if any route may select its scans; how many scans started.

    ECR starts no scan within 24 hours of the last one, beyond the registry's quota, of what it cannot scan, and if
    Amazon Inspector scans the repository. May raise UserError and RetryableError.
    """
    # A long name of many levels would take a read of the routes for each of them.
    if not is_name(repository):
        raise UserError(f"The message {repository[:300]!r} is not the name of a repository.")
    routes_under = reader(PartsTable().query_parts)
    if not any(SCAN_COMPLETED in each.events for key in patterns_matching(repository) for each in routes_under(key)):
        return 0
    starts, started = ScanStarts(), 0
    for image in ImageScans().describe_newest_images(repository, count):
        refusal = start_scan(starts, image)
        if refusal is None:
            started += 1
        else:
            logger.info("ECR did not start a scan of %s: %s", image, refusal.message)
    return started
