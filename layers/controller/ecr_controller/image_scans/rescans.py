"""Scanning images again: basic scanning looks at an image once, and faults are found in it later."""

from __future__ import annotations

import heapq
import logging
import os
from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.scanning.images import Image
from ecr_controller.event_routing.routes import keys
from ecr_controller.scanning.store import target_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@aws.adapter
class Rescans(aws.EcrAdapter):
    """Images, and new scans of them. Every method may raise UserError and RetryableError."""

    def newest(self, repository: str, count: int) -> list[Image]:
        """DescribeImages, 1,000 a page: the images pushed last; none where the repository is gone. An index is
        scanned through its images, so it is left out."""
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=repository, filter={"imageStatus": "ACTIVE"}, PaginationConfig={"PageSize": 1000}
        )
        try:
            images = [each for page in pages for each in page["imageDetails"]]
        except self._ecr.exceptions.RepositoryNotFoundException:
            return []
        scannable = [each for each in images if each.get("imageManifestMediaType") not in INDEXES]
        newest = heapq.nlargest(count, scannable, key=lambda each: each["imagePushedAt"])
        return [Image(repository, each["imageDigest"]) for each in newest]

    def start(self, image: Image) -> bool:
        """StartImageScan: whether a scan began. ECR begins none within 24 hours of the last one, past the quota of
        the registry, of what it cannot scan, and where Amazon Inspector scans."""
        refusals = self._ecr.exceptions
        try:
            self._ecr.start_image_scan(repositoryName=image.repository, imageId={"imageDigest": image.digest})
        except (
            refusals.LimitExceededException,
            refusals.ValidationException,
            refusals.UnsupportedImageTypeException,
            refusals.ImageArchivedException,
            refusals.ImageNotFoundException,
            refusals.RepositoryNotFoundException,
        ) as error:
            logger.info("%s is not scanned again: %s", image, error)
            return False
        return True


@aws.adapter
class Routes:
    """Routes in the table of parts, which PARTS_TABLE names; nothing else of that table is needed, nor granted."""

    @property
    def _dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = aws.client("dynamodb")
        return client

    def lead_from(self, repository: str) -> bool:
        """Query, one item at most for each level of the name: whether any route may take scans of the repository.

        Raises UserError and RetryableError.
        """
        return any(self._count(target_of(key)) for key in keys(repository))

    def _count(self, target: str) -> int:
        return self._dynamodb.query(
            TableName=os.environ["PARTS_TABLE"],
            KeyConditionExpression="#target = :target",
            ExpressionAttributeNames={"#target": "target"},
            ExpressionAttributeValues={":target": {"S": target}},
            Select="COUNT",
            Limit=1,
        )["Count"]


def rescan(repository: str, count: int) -> int:
    """Scan the newest images of a repository again, if its scans are routed; how many scans began."""
    if not Routes().lead_from(repository):
        return 0
    rescans = Rescans()
    return sum(rescans.start(image) for image in rescans.newest(repository, count))
