"""Images from Amazon ECR. The calls change nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecr_controller import __version__, aws
from ecr_controller.errors import UserError, count
from ecr_controller.lifecycle.images import Image, parse_images
from ecr_controller.manifests import MANIFEST_LISTS, entries_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_ecr import ECRClient

BATCH = 100


def client(region: str | None, profile: str | None, *, attempts: int = 6) -> ECRClient:
    """A client with the credentials of the user, which sends a request so many times. Raises BotoCoreError."""
    ecr: ECRClient = client_of("ecr", region, profile, attempts=attempts)
    return ecr


def client_of(service: str, region: str | None, profile: str | None, *, attempts: int = 6) -> Any:
    """As `client`, of another service."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts}, user_agent_extra=f"ecrctl/{__version__}"
    )
    make: Any = boto3.Session(profile_name=profile, region_name=region).client
    return make(service, config=config)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Errors before AWS is reached, such as missing credentials, become UserErrors."""
    from botocore.exceptions import BotoCoreError, ParamValidationError

    try:
        yield
    except ParamValidationError as error:
        raise UserError(" ".join(str(error).split())) from None
    except BotoCoreError as error:
        advice = "Check --region, --profile, and your AWS configuration."
        raise UserError(f"cannot call AWS: {str(error).rstrip('.')}. {advice}") from None


@aws.translates_errors
class Images:
    """The images of repositories."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, ecr: ECRClient) -> None:
        self._ecr = ecr

    def read(self, repository: str, report: Callable[[str], None]) -> tuple[Image, ...] | None:
        """All images, archived ones too; None if the repository does not exist. Calls DescribeImages, and BatchGetImage
        for the children of manifest lists.

        ``report`` is called with the progress.
        """
        try:
            return self._read(repository, report)
        except self._ecr.exceptions.RepositoryNotFoundException:
            return None

    def _read(self, repository: str, report: Callable[[str], None]) -> tuple[Image, ...]:
        details: list[Mapping[str, Any]] = []
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=repository, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            details += page["imageDetails"]
            report(count(len(details), "image"))
        lists = [detail["imageDigest"] for detail in details if _protects_children(detail)]
        children: dict[str, Sequence[str]] = {}
        for start in range(0, len(lists), BATCH):
            children |= self._children(repository, lists[start : start + BATCH])
            done = f"{min(start + BATCH, len(lists)):,} of {count(len(lists), 'manifest list')}"
            report(f"{count(len(details), 'image')}, {done}")
        return parse_images(details, children)

    def scanned_at(self, repository: str, images: Sequence[Image]) -> datetime | None:
        """When the last scan of the newest of these images ended, without manifest lists; None if there is none. Calls
        DescribeImageScanFindings.

        DescribeImages shows it for the first version of basic scanning alone. Source: "ImageDetail" in the Amazon ECR
        API reference.
        """
        scannable = [each for each in images if not each.is_manifest_list and each.storage_class == "standard"]
        if not scannable:
            return None
        newest = max(scannable, key=lambda each: each.pushed_at)
        try:
            answer = self._ecr.describe_image_scan_findings(
                repositoryName=repository, imageId={"imageDigest": newest.digest}, maxResults=1
            )
        except (self._ecr.exceptions.ScanNotFoundException, self._ecr.exceptions.ImageNotFoundException):
            return None
        return answer.get("imageScanFindings", {}).get("imageScanCompletedAt")

    def _children(self, repository: str, digests: Sequence[str]) -> dict[str, Sequence[str]]:
        response = self._ecr.batch_get_image(
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} for digest in digests],
            acceptedMediaTypes=sorted(MANIFEST_LISTS),
        )
        return {
            image["imageId"]["imageDigest"]: tuple(entry.digest for entry in entries_of(image["imageManifest"]))
            for image in response["images"]
        }


@aws.translates_errors
class Registry:
    """The repositories of the registry of the account."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, ecr: ECRClient) -> None:
        self._ecr = ecr

    def names(self, prefix: str) -> list[str]:
        """The names that begin with a prefix, in order. Calls DescribeRepositories, 1,000 a page."""
        pages = self._ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
        names = (each["repositoryName"] for page in pages for each in page["repositories"])
        return sorted(name for name in names if name.startswith(prefix))


def _protects_children(detail: Mapping[str, Any]) -> bool:
    """Whether it is a manifest list in standard storage; one in the archive protects nothing."""
    return detail.get("imageManifestMediaType") in MANIFEST_LISTS and detail.get("imageStatus", "ACTIVE") == "ACTIVE"
