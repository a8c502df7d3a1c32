"""The calls to Amazon ECR that a plan needs: they change nothing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecr_controller import __version__, aws
from ecr_controller.errors import UserError
from ecr_controller.lifecycle.images import MANIFEST_LISTS, Image, parse_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_ecr import ECRClient

BATCH = 100


def client(region: str | None, profile: str | None) -> ECRClient:
    """A client with the person's own credentials."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 6}, user_agent_extra=f"ecrctl/{__version__}")
    made: ECRClient = boto3.Session(profile_name=profile, region_name=region).client("ecr", config=config)
    return made


@contextmanager
def asked() -> Iterator[None]:
    """What goes wrong before AWS is reached, such as missing credentials, becomes a UserError."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except BotoCoreError as error:
        raise UserError(f"AWS cannot be asked: {error}") from None


@aws.adapter
class Images(aws.EcrAdapter):
    """The images of repositories. May raise UserError and RetryableError."""

    def of(self, repository: str, so_far: Callable[[str], None]) -> tuple[Image, ...]:
        """DescribeImages, 1,000 a page, archived ones too, and BatchGetImage for the children of manifest lists."""
        details: list[Mapping[str, Any]] = []
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=repository, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            details += page["imageDetails"]
            so_far(f"{len(details):,} images")
        lists = [detail["imageDigest"] for detail in details if _is_list_in_use(detail)]
        children: dict[str, Sequence[str]] = {}
        for start in range(0, len(lists), BATCH):
            children |= self._children(repository, lists[start : start + BATCH])
            so_far(f"{len(details):,} images, {min(start + BATCH, len(lists)):,} of {len(lists):,} manifest lists")
        return parse_images(details, children)

    def _children(self, repository: str, digests: Sequence[str]) -> dict[str, Sequence[str]]:
        answer = self._ecr.batch_get_image(
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} for digest in digests],
            acceptedMediaTypes=sorted(MANIFEST_LISTS),
        )
        return {image["imageId"]["imageDigest"]: _listed(image["imageManifest"]) for image in answer["images"]}


def _is_list_in_use(detail: Mapping[str, Any]) -> bool:
    """Whether it is a manifest list that can be pulled; one in the archive cannot, and protects nothing."""
    return detail.get("imageManifestMediaType") in MANIFEST_LISTS and detail.get("imageStatus", "ACTIVE") == "ACTIVE"


def _listed(manifest: str) -> tuple[str, ...]:
    return tuple(each["digest"] for each in json.loads(manifest).get("manifests", ()))
