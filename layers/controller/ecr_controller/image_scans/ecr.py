"""The calls to Amazon ECR that scan images and read what was found.

The waiter of botocore recognizes only COMPLETE and FAILED, and times out for every other final status of a scan.
"""

from __future__ import annotations

import heapq
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.image_scans.gate import WAITING, Finding, Scan
from ecr_controller.lifecycle.images import MANIFEST_LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a repository, by its digest."""

    repository: str
    digest: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


@aws.translates_errors
class ImageScans:
    """Images and their scans."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def describe_repositories(self) -> tuple[str, ...]:
        """DescribeRepositories, 1,000 a page: the names."""
        pages = self._ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
        return tuple(each["repositoryName"] for page in pages for each in page["repositories"])

    def describe_image(self, repository: str, image_id: ImageIdentifierTypeDef) -> Image:
        """DescribeImages: the image that a tag or a digest names now."""
        name = image_id.get("imageTag") or image_id.get("imageDigest")
        try:
            described = self._ecr.describe_images(repositoryName=repository, imageIds=[image_id])
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise UserError(
                f"The repository {repository} does not exist in this account and Region. RepositoryName must name an "
                "existing repository."
            ) from None
        except self._ecr.exceptions.ImageNotFoundException:
            raise UserError(
                f"The repository {repository} contains no image {name}. Push the image before you deploy the stack."
            ) from None
        return Image(repository, described["imageDetails"][0]["imageDigest"])

    def describe_newest_images(self, repository: str, count: int) -> list[Image]:
        """DescribeImages, 1,000 a page: the images pushed last; none if the repository does not exist. An index is
        scanned through its images, so it is left out."""
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=repository, filter={"imageStatus": "ACTIVE"}, PaginationConfig={"PageSize": 1000}
        )
        try:
            images = [each for page in pages for each in page["imageDetails"]]
        except self._ecr.exceptions.RepositoryNotFoundException:
            return []
        scannable = [each for each in images if each.get("imageManifestMediaType") not in MANIFEST_LISTS]
        newest = heapq.nlargest(count, scannable, key=lambda each: each["imagePushedAt"])
        return [Image(repository, each["imageDigest"]) for each in newest]

    def describe_image_scan_findings(self, image: Image) -> Scan | None:
        """DescribeImageScanFindings, 1,000 findings a page, without waiting; None if the image was never scanned."""
        pages = self._ecr.get_paginator("describe_image_scan_findings").paginate(
            repositoryName=image.repository,
            imageId={"imageDigest": image.digest},
            PaginationConfig={"PageSize": 1000},
        )
        try:
            return _scan(list(pages))
        except self._ecr.exceptions.ScanNotFoundException:
            return None


@aws.translates_errors
class ScanStarts:
    """Starting scans, with one request each.

    botocore counts LimitExceededException among throttles and would send the request again, for seconds. It is ECR's
    usual answer for an image that was scanned within 24 hours. Throttles are left to the caller to retry.
    """

    _ecr: aws.Client[ECRClient] = aws.Client("ecr", attempts=1)

    def start_image_scan(self, image: Image) -> Refusal | None:
        """StartImageScan; None if a scan started, else why ECR did not start one."""
        refusals = self._ecr.exceptions
        try:
            self._ecr.start_image_scan(repositoryName=image.repository, imageId={"imageDigest": image.digest})
        except refusals.LimitExceededException as error:
            return Refusal("LIMIT_EXCEEDED", str(error))
        except refusals.ValidationException as error:
            return Refusal("ENHANCED", str(error))
        except refusals.UnsupportedImageTypeException as error:
            return Refusal("UNSUPPORTED_IMAGE", error.response["Error"]["Message"])
        except refusals.ImageArchivedException as error:
            return Refusal("IMAGE_ARCHIVED", error.response["Error"]["Message"])
        except (refusals.ImageNotFoundException, refusals.RepositoryNotFoundException) as error:
            return Refusal("NOT_FOUND", str(error))
        return None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why ECR did not start a scan. LIMIT_EXCEEDED: the image was scanned within the last 24 hours, or the registry's
    quota is used up. ENHANCED: Amazon Inspector scans the repository, at its own time. NOT_FOUND: the image or the
    repository does not exist. The other reasons are statuses of a scan."""

    reason: str
    message: str


def scan_image(scans: ImageScans, image: Image, until: float) -> Scan:
    """Start a scan and wait for its result. If the last scan is less than 24 hours old, its result is returned.

    ``until`` is a ``time.time()``. Raises RetryableError if there is no result before it, and UserError if ECR starts
    no scan and there is no earlier result.
    """
    refusal = ScanStarts().start_image_scan(image)
    if refusal is None:
        return await_scan(scans, image, until)
    match refusal.reason:
        case "LIMIT_EXCEEDED":
            if scans.describe_image_scan_findings(image) is None:
                raise UserError(
                    f"ECR did not start a scan of {image}, and there is no earlier result: {refusal.message}"
                )
            logger.info("ECR scanned %s within the last 24 hours, so the result of that scan is used", image)
        case "ENHANCED":
            logger.info("Amazon Inspector scans %s on its own schedule: %s", image, refusal.message)
        case "NOT_FOUND":
            raise UserError(f"The image {image} was deleted while this request ran. Push the image again.")
        case status:
            return Scan(status, refusal.message)
    return await_scan(scans, image, until)


def await_scan(scans: ImageScans, image: Image, until: float) -> Scan:
    """The result, when the scan has a final status. Raises RetryableError if it does not have one before ``until``."""
    while True:
        scan = scans.describe_image_scan_findings(image)
        if scan is not None and scan.status not in WAITING:
            return scan
        if time.time() + POLL_SECONDS >= until:
            status = f"status {scan.status}" if scan else "no scan was started"
            raise RetryableError(f"The scan of {image} has no result yet ({status}).")
        time.sleep(POLL_SECONDS)


def _scan(pages: list[Any]) -> Scan:
    shown, found = pages[0]["imageScanStatus"], pages[0].get("imageScanFindings", {})
    status = shown["status"]
    if status == "ACTIVE" and "imageScanCompletedAt" not in found:
        status = "PENDING"  # Inspector monitors the image, and its first scan has not ended
    return Scan(
        status,
        shown.get("description", ""),
        found.get("findingSeverityCounts", {}),
        tuple(finding for page in pages for finding in _findings(page.get("imageScanFindings", {}))),
    )


def _findings(found: Mapping[str, Any]) -> Iterator[Finding]:
    for basic in found.get("findings", ()):
        known = {each["key"]: each.get("value", "") for each in basic.get("attributes", ())}
        package = f"{known.get('package_name', '')} {known.get('package_version', '')}".strip()
        yield Finding(basic.get("name", "a finding without a name"), basic.get("severity", "UNDEFINED"), package)
    for enhanced in found.get("enhancedFindings", ()):
        details = enhanced.get("packageVulnerabilityDetails", {})
        [package, *_] = details.get("vulnerablePackages") or [{}]
        named = f"{package.get('name', '')} {package.get('version', '')}".strip()
        name = details.get("vulnerabilityId") or enhanced.get("title", "a finding without a name")
        yield Finding(name, enhanced.get("severity", "UNDEFINED"), named)
