"""The calls to Amazon ECR that scan images and read what was found.

The waiter of botocore recognizes only COMPLETE and FAILED, and times out for every other final status of a scan.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.errors import UserError
from ecr_controller.image_scans.answers import scan_from
from ecr_controller.manifests import MANIFEST_LISTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef, ImageIdentifierTypeDef, ImageSigningStatusTypeDef

    from ecr_controller.image_scans.gate import Scan

# The artifact types of Notation's and of Cosign's signatures.
SIGNATURES = (
    "application/vnd.cncf.notary.signature",
    "application/vnd.dev.cosign.artifact.sig.v1+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
)


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a repository, by its digest: an index of images, or an image, of a platform if an index names it."""

    repository: str
    digest: str
    is_index: bool = False
    platform: str = ""

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


@aws.translates_errors
class ImageScans:
    """Images and their scans."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, ecr: ECRClient | None = None) -> None:
        if ecr is not None:
            self._ecr = ecr

    def describe_repositories(self) -> tuple[str, ...]:
        """DescribeRepositories, 1,000 a page: the names."""
        pages = self._ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
        return tuple(each["repositoryName"] for page in pages for each in page["repositories"])

    def describe_repository_uri(self, repository: str) -> str:
        """DescribeRepositories: the URI of a repository. Raises UserError if it does not exist."""
        try:
            return self._ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise _no_repository(repository) from None

    def describe_image(self, repository: str, image_id: ImageIdentifierTypeDef) -> Image:
        """The image that a tag or a digest names now; see `describe_image_detail`."""
        detail = self.describe_image_detail(repository, image_id)
        return Image(repository, detail["imageDigest"], detail.get("imageManifestMediaType") in MANIFEST_LISTS)

    def describe_image_detail(self, repository: str, image_id: ImageIdentifierTypeDef) -> ImageDetailTypeDef:
        """DescribeImages: what ECR knows of the image that a tag or a digest names now. Raises UserError if there is
        none."""
        name = image_id.get("imageTag") or image_id.get("imageDigest")
        try:
            described = self._ecr.describe_images(repositoryName=repository, imageIds=[image_id])
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise _no_repository(repository) from None
        except self._ecr.exceptions.ImageNotFoundException:
            raise UserError(
                f"The repository {repository} contains no image {name}. Push the image before you deploy the stack."
            ) from None
        [detail] = described["imageDetails"]
        return detail

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
        failures = self._ecr.exceptions
        pages = self._ecr.get_paginator("describe_image_scan_findings").paginate(
            repositoryName=image.repository,
            imageId={"imageDigest": image.digest},
            PaginationConfig={"PageSize": 1000},
        )
        try:
            return scan_from(list(pages), image.platform)
        except failures.ScanNotFoundException:
            return None
        except (failures.ImageNotFoundException, failures.RepositoryNotFoundException):
            raise UserError(
                f"The repository {image.repository} does not contain the image {image.digest}. Push the image again."
            ) from None

    def batch_get_image(self, repository: str, digests: Sequence[str]) -> list[str]:
        """BatchGetImage, 100 a call: the manifest lists with these digests. ECR may count this as a pull of each."""
        texts: list[str] = []
        for start in range(0, len(digests), 100):
            answer = self._ecr.batch_get_image(
                repositoryName=repository,
                imageIds=[{"imageDigest": digest} for digest in digests[start : start + 100]],
                acceptedMediaTypes=sorted(MANIFEST_LISTS),
            )
            for failure in answer.get("failures", ()):
                raise UserError(
                    f"The image index {repository}@{failure.get('imageId', {}).get('imageDigest')} cannot be read "
                    f"({failure.get('failureCode')}: {failure.get('failureReason')}). Push the image index again."
                )
            texts += [each["imageManifest"] for each in answer["images"]]
        return texts

    def get_registry_scanning_configuration(self) -> str:
        """GetRegistryScanningConfiguration: BASIC or ENHANCED."""
        return self._ecr.get_registry_scanning_configuration()["scanningConfiguration"].get("scanType", "BASIC")

    def batch_get_repository_scanning_configuration(self, repository: str) -> bool:
        """BatchGetRepositoryScanningConfiguration: whether a rule of the registry matches the repository."""
        answer = self._ecr.batch_get_repository_scanning_configuration(repositoryNames=[repository])
        return any(each.get("appliedScanFilters") for each in answer.get("scanningConfigurations", ()))

    def list_image_referrers(self, image: Image) -> bool:
        """ListImageReferrers, 50 a page: whether a signature is among the artifacts about the image."""
        token: Any = {}
        while True:
            page = self._ecr.list_image_referrers(
                repositoryName=image.repository,
                subjectId={"imageDigest": image.digest},
                filter={"artifactTypes": list(SIGNATURES)},
                **token,
            )
            if page.get("referrers"):
                return True
            if "nextToken" not in page:
                return False
            token = {"nextToken": page["nextToken"]}

    def describe_image_signing_status(self, image: Image) -> list[ImageSigningStatusTypeDef]:
        """DescribeImageSigningStatus: one status for each profile with which ECR signs the image."""
        answer = self._ecr.describe_image_signing_status(
            repositoryName=image.repository, imageId={"imageDigest": image.digest}
        )
        return answer["signingStatuses"]


@aws.translates_errors
class ScanStarts:
    """Starting scans, with one request each.

    botocore counts LimitExceededException among throttles and would send the request again, for seconds. It is ECR's
    usual answer for an image that was scanned within 24 hours. Throttles are left to the caller to retry.
    """

    _ecr: aws.Client[ECRClient] = aws.Client("ecr", attempts=1)

    def __init__(self, ecr: ECRClient | None = None) -> None:
        if ecr is not None:
            self._ecr = ecr

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


def _no_repository(name: str) -> UserError:
    return UserError(
        f"The repository {name} does not exist in this account and Region. RepositoryName must name an existing "
        "repository."
    )
