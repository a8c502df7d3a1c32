"""The calls to Amazon ECR that concern lifecycle policies: get and put them, preview them, and read the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ecr_controller import aws
from ecr_controller.deadline import wait_before
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.lifecycle.images import Image, parse_images
from ecr_controller.lifecycle.rules import is_text

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


@aws.translates_errors
class LifecyclePolicies:
    """Lifecycle policies, and the images that they apply to."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, ecr: ECRClient | None = None) -> None:
        if ecr is not None:
            self._ecr = ecr

    def get_lifecycle_policy(self, repository: str) -> str | None:
        """GetLifecyclePolicy: the text; None if there is no policy, or no such repository."""
        try:
            return self._ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]
        except (
            self._ecr.exceptions.LifecyclePolicyNotFoundException,
            self._ecr.exceptions.RepositoryNotFoundException,
        ):
            return None

    def put_lifecycle_policy(self, repository: str, text: str | None) -> None:
        """PutLifecyclePolicy, or DeleteLifecyclePolicy for None."""
        if text is not None:
            self._ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)
            return
        try:
            self._ecr.delete_lifecycle_policy(repositoryName=repository)
        except self._ecr.exceptions.LifecyclePolicyNotFoundException:
            return

    def describe_images(self, repository: str) -> tuple[Image, ...]:
        """DescribeImages, 1,000 a page, archived images included."""
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=repository, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": 1000}
        )
        return parse_images([detail for page in pages for detail in page["imageDetails"]])


@dataclass(frozen=True, slots=True)
class PreviewedImage:
    """One image that the policy would expire or archive, and the priority of the rule."""

    digest: str
    tags: tuple[str, ...]
    action: Literal["expire", "archive"]
    rule_priority: int


@dataclass(frozen=True, slots=True)
class Preview:
    """All images that the policy would expire or archive."""

    results: tuple[PreviewedImage, ...]


@aws.translates_errors
class Previews:
    """ECR's previews of lifecycle policies: what a policy would do now. ECR runs one at a time for each repository."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, ecr: ECRClient | None = None) -> None:
        if ecr is not None:
            self._ecr = ecr

    def preview(self, repository: str, policy_text: str, until: float) -> Preview:
        """StartLifecyclePolicyPreview, then GetLifecyclePolicyPreview until it ends, then its pages of 100.

        ``until`` is a ``time.time()``. Raises RetryableError if the preview does not end before it, expires or is
        replaced by another one, and UserError if ECR says that it failed.
        """
        self._start(repository, policy_text, until)
        while True:
            shown = self._ecr.get_lifecycle_policy_preview(repositoryName=repository, maxResults=100)
            if not is_text(shown["lifecyclePolicyText"], policy_text):
                raise RetryableError(f"Another lifecycle policy preview of {repository} was started.")
            match shown["status"]:
                case "COMPLETE":
                    return Preview(self._results(repository, shown))
                case "FAILED":
                    raise UserError(
                        f"ECR's preview of the lifecycle policy of {repository} failed. Nothing was changed. Try the "
                        "deployment again."
                    )
                case "EXPIRED":
                    raise RetryableError(f"ECR's preview of the lifecycle policy of {repository} expired.")
            wait_before(until, f"ECR's preview of the lifecycle policy of {repository} did not complete in time.")

    def _start(self, repository: str, policy_text: str, until: float) -> None:
        while True:
            try:
                self._ecr.start_lifecycle_policy_preview(repositoryName=repository, lifecyclePolicyText=policy_text)
            except self._ecr.exceptions.LifecyclePolicyPreviewInProgressException:
                wait_before(until, f"Another lifecycle policy preview of {repository} did not complete in time.")
            else:
                return

    def _results(self, repository: str, first: Any) -> tuple[PreviewedImage, ...]:
        results = list(first.get("previewResults", ()))
        token = first.get("nextToken")
        while token:
            page = self._ecr.get_lifecycle_policy_preview(repositoryName=repository, maxResults=100, nextToken=token)
            results += page.get("previewResults", ())
            token = page.get("nextToken")
        return tuple(_previewed(result) for result in results)


def _previewed(result: Any) -> PreviewedImage:
    return PreviewedImage(
        digest=result["imageDigest"],
        tags=tuple(result.get("imageTags", ())),
        action="expire" if result["action"]["type"] == "EXPIRE" else "archive",
        rule_priority=result["appliedRulePriority"],
    )
