"""The calls to Amazon ECR that find the tags of the indexes in a repository, and what the indexes name."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.event_routing.actions import without_own
from ecr_controller.manifests import MANIFEST_LISTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ecr import ECRClient

# Of one look at a repository: pages of 1,000 tagged images, and the indexes among them that were pushed last.
PAGES, NEWEST = 10, 500
BATCH = 100


@dataclass(frozen=True, slots=True)
class TaggedIndex:
    """A tagged index of a repository."""

    digest: str
    tags: tuple[str, ...]


@aws.translates_errors
class ImageIndexes:
    """The indexes in repositories."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def describe_images(self, repository: str) -> tuple[TaggedIndex, ...]:
        """DescribeImages, 1,000 a page: the newest tagged indexes; none if the repository does not exist."""
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=repository,
            filter={"tagStatus": "TAGGED", "imageStatus": "ACTIVE"},
            PaginationConfig={"PageSize": 1000},
        )
        try:
            images = [each for page in islice(pages, PAGES) for each in page["imageDetails"]]
        except self._ecr.exceptions.RepositoryNotFoundException:
            return ()
        indexes = [each for each in images if each.get("imageManifestMediaType") in MANIFEST_LISTS]
        newest: list[Any] = heapq.nlargest(NEWEST, indexes, key=lambda each: each["imagePushedAt"])
        return tuple(TaggedIndex(each["imageDigest"], without_own(each["imageTags"])) for each in newest)

    def batch_get_image(self, repository: str, digests: Sequence[str]) -> dict[str, str]:
        """BatchGetImage, 100 a call: the manifests by digest, without those that do not exist any more."""
        manifests: dict[str, str] = {}
        for start in range(0, len(digests), BATCH):
            answer = self._ecr.batch_get_image(
                repositoryName=repository,
                imageIds=[{"imageDigest": digest} for digest in digests[start : start + BATCH]],
                acceptedMediaTypes=sorted(MANIFEST_LISTS),
            )
            manifests |= {each["imageId"]["imageDigest"]: each["imageManifest"] for each in answer["images"]}
        return manifests
