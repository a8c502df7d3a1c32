"""The calls to ECR that scan an image and tell what was found.

ECR's own waiter knows COMPLETE and FAILED alone, and waits its whole time for every other end of a scan.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.image_scans.gate import WAITING, Finding, Scan
from ecr_controller.scanning.images import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0


@aws.adapter
class Scans(aws.EcrAdapter):
    """Scans of images. Every method may raise UserError and RetryableError."""

    def image(self, repository: str, image_id: ImageIdentifierTypeDef) -> Image:
        """DescribeImages: the image that a tag or a digest names now."""
        described = self._ecr.describe_images(repositoryName=repository, imageIds=[image_id])
        return Image(repository, described["imageDetails"][0]["imageDigest"])

    def scan(self, image: Image, until: float) -> Scan:
        """StartImageScan, and the result; where ECR starts none, because the last one is fresh, the result of that.

        ``until`` is a ``time.time()``. Raises RetryableError where there is no result before.
        """
        try:
            self._ecr.start_image_scan(repositoryName=image.repository, imageId={"imageDigest": image.digest})
        except self._ecr.exceptions.LimitExceededException as error:
            if self.present(image) is None:
                raise UserError(f"ECR scans {image} not now, and has not before: {error}") from error
            logger.info("%s was scanned within the last 24 hours; that result is taken", image)
        except self._ecr.exceptions.ValidationException as error:
            logger.info("%s is scanned by Amazon Inspector, at its own time: %s", image, error)
        except self._ecr.exceptions.UnsupportedImageTypeException as error:
            return Scan("UNSUPPORTED_IMAGE", error.response["Error"]["Message"])
        except self._ecr.exceptions.ImageArchivedException as error:
            return Scan("IMAGE_ARCHIVED", error.response["Error"]["Message"])
        return self.result(image, until)

    def result(self, image: Image, until: float) -> Scan:
        """DescribeImageScanFindings until the scan ended, then all its pages. Raises RetryableError where it does not
        end before ``until``."""
        while True:
            scan = self.present(image)
            if scan is not None and scan.status not in WAITING:
                return scan
            if time.time() + POLL_SECONDS >= until:
                status = scan.status if scan else "no scan was begun"
                raise RetryableError(f"There is no scan result of {image} yet ({status}).")
            time.sleep(POLL_SECONDS)

    def present(self, image: Image) -> Scan | None:
        """DescribeImageScanFindings, 1,000 findings a page, without waiting; None where there was no scan."""
        pages = self._ecr.get_paginator("describe_image_scan_findings").paginate(
            repositoryName=image.repository,
            imageId={"imageDigest": image.digest},
            PaginationConfig={"PageSize": 1000},
        )
        try:
            return _scan(list(pages))
        except self._ecr.exceptions.ScanNotFoundException:
            return None


def _scan(pages: list[Any]) -> Scan:
    shown, told = pages[0]["imageScanStatus"], pages[0].get("imageScanFindings", {})
    status = shown["status"]
    if status == "ACTIVE" and "imageScanCompletedAt" not in told:
        status = "PENDING"  # Inspector watches the image, and has not come to the end of its first look
    return Scan(
        status,
        shown.get("description", ""),
        told.get("findingSeverityCounts", {}),
        tuple(finding for page in pages for finding in _findings(page.get("imageScanFindings", {}))),
    )


def _findings(told: Mapping[str, Any]) -> Iterator[Finding]:
    for basic in told.get("findings", ()):
        known = {each["key"]: each.get("value", "") for each in basic.get("attributes", ())}
        package = f"{known.get('package_name', '')} {known.get('package_version', '')}".strip()
        yield Finding(basic.get("name", "a finding without a name"), basic.get("severity", "UNDEFINED"), package)
    for enhanced in told.get("enhancedFindings", ()):
        details = enhanced.get("packageVulnerabilityDetails", {})
        [package, *_] = details.get("vulnerablePackages") or [{}]
        named = f"{package.get('name', '')} {package.get('version', '')}".strip()
        name = details.get("vulnerabilityId") or enhanced.get("title", "a finding without a name")
        yield Finding(name, enhanced.get("severity", "UNDEFINED"), named)
