"""The calls to Amazon ECR that put and remove the tags of images in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use.pace import Pace
from ecr_controller.lifecycle.images import Image, parse_images
from ecr_controller.manifests import MANIFEST_LISTS, MANIFESTS
from ecr_controller.repository.model import Mutability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ecr import ECRClient

# Of the API: images of a call.
_BATCH = 100
# Calls a second. The quota of PutImage is 10 for the account, and people push meanwhile.
_puts = Pace(8.0)


@aws.translates_errors
class HeldImages:
    """The images of one repository."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, repository: str, ecr: ECRClient | None = None) -> None:
        self._repository = repository
        if ecr is not None:
            self._ecr = ecr

    def describe_images(self) -> tuple[Image, ...] | None:
        """DescribeImages, 1,000 a page, archived images included; None if the repository does not exist."""
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=self._repository, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": 1000}
        )
        try:
            return parse_images([detail for page in pages for detail in page["imageDetails"]])
        except self._ecr.exceptions.RepositoryNotFoundException:
            return None

    def describe_named(self, names: Sequence[str]) -> tuple[Image, ...]:
        """DescribeImages, 100 a call: the images with these digests or tags, without those that do not exist."""
        found: dict[str, Image] = {}
        for start in range(0, len(names), _BATCH):
            for image in self._described(names[start : start + _BATCH]):
                found[image.digest] = image
        return tuple(found.values())

    def describe_image(self, digest: str) -> Image | None:
        """DescribeImages of one image, or None if it does not exist."""
        return next(iter(self.describe_named([digest])), None)

    def describe_repository(self) -> Mutability:
        """DescribeRepositories: which tags can move."""
        [shown] = self._ecr.describe_repositories(repositoryNames=[self._repository])["repositories"]
        return Mutability.shown(shown)

    def batch_get_image(self, digests: Sequence[str]) -> tuple[dict[str, Any], dict[str, UserError]]:
        """BatchGetImage, 100 a call: what PutImage takes of each image, and why one cannot be read, by digest.

        Those that are gone are in neither.
        """
        found: dict[str, Any] = {}
        refused: dict[str, UserError] = {}
        for start in range(0, len(digests), _BATCH):
            asked = digests[start : start + _BATCH]
            answer = self._ecr.batch_get_image(
                repositoryName=self._repository,
                imageIds=[{"imageDigest": digest} for digest in asked],
                acceptedMediaTypes=sorted(MANIFESTS | MANIFEST_LISTS),
            )
            found |= {each["imageId"]["imageDigest"]: each for each in answer["images"]}
            failed = {each["imageId"]["imageDigest"]: each for each in answer.get("failures", ())}
            for digest in asked:
                code = failed.get(digest, {}).get("failureCode", "no answer")
                if digest not in found and code != "ImageNotFound":
                    reason = failed.get(digest, {}).get("failureReason", "no reason")
                    refused[digest] = UserError(
                        f"Amazon ECR does not return the manifest of the image {digest} in {self._repository} "
                        f"({code}): {reason}."
                    )
        return found, refused

    def get_image(self, digest: str) -> Any:
        """BatchGetImage of one image. Raises UserError if there is no manifest of it."""
        found, refused = self.batch_get_image([digest])
        if digest in found:
            return found[digest]
        if digest in refused:
            raise refused[digest]
        raise UserError(f"The image {digest} in {self._repository} was deleted.")

    def put_image(self, image: Any, tag: str) -> None:
        """PutImage of an image that exists, with one more tag; nothing happens if it has it already.

        Raises UserError if the tag belongs to another image and is immutable, or if the image has 1,000 tags.
        """
        _puts.wait()
        digest = image["imageId"]["imageDigest"]
        media_type = image.get("imageManifestMediaType")
        typed = {"imageManifestMediaType": media_type} if media_type else {}
        try:
            self._ecr.put_image(
                repositoryName=self._repository,
                imageManifest=image["imageManifest"],
                imageDigest=digest,
                imageTag=tag,
                **typed,
            )
        except self._ecr.exceptions.ImageAlreadyExistsException:
            return
        except self._ecr.exceptions.ImageTagAlreadyExistsException:
            found = self.describe_image(digest)
            if found is None or tag not in found.tags:
                raise UserError(
                    f"The tag {tag} in {self._repository} cannot be moved to another image, because it is immutable."
                ) from None
        except self._ecr.exceptions.LimitExceededException:
            raise UserError(
                f"The image {digest} in {self._repository} cannot get the tag {tag}, because it has as many tags as "
                "Amazon ECR allows. Delete tags of the image that are not needed."
            ) from None

    def batch_delete_image(self, tag: str) -> None:
        """BatchDeleteImage of one tag; nothing happens if it is gone. The caller sees to it that its image has another
        one.

        It never names a digest, with which the image goes.
        """
        answer = self._ecr.batch_delete_image(repositoryName=self._repository, imageIds=[{"imageTag": tag}])
        for failure in answer.get("failures", ()):
            if failure.get("failureCode") != "ImageNotFound":
                reason = failure.get("failureReason", failure.get("failureCode"))
                raise RetryableError(f"The tag {tag} in {self._repository} was not deleted: {reason}.")

    def _described(self, names: Sequence[str]) -> tuple[Image, ...]:
        try:
            answer = self._ecr.describe_images(
                repositoryName=self._repository,
                imageIds=[
                    {"imageDigest": name} if name.startswith("sha256:") else {"imageTag": name} for name in names
                ],
                filter={"imageStatus": "ANY"},
            )
        except self._ecr.exceptions.ImageNotFoundException:
            # One that does not exist fails the call.
            return tuple(image for name in names for image in self._described([name])) if len(names) > 1 else ()
        except self._ecr.exceptions.RepositoryNotFoundException:
            return ()
        return parse_images(answer["imageDetails"])
