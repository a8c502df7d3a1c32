"""ECR's own preview of a lifecycle policy: what it would expire or archive, were it put now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class PreviewedImage:
    """One image that would go, and the rule by which."""

    digest: str
    tags: tuple[str, ...]
    action: Literal["expire", "archive"]
    rule_priority: int


@dataclass(frozen=True, slots=True)
class Preview:
    """All images that would go."""

    results: tuple[PreviewedImage, ...]


@aws.adapter
class Previews(aws.EcrAdapter):
    """Previews of lifecycle policies. ECR makes one at a time for each repository."""

    def preview(self, repository: str, policy_text: str, until: float) -> Preview:
        """StartLifecyclePolicyPreview, then GetLifecyclePolicyPreview until it ends, then its pages of 100.

        ``until`` is a ``time.time()``. Raises RetryableError where it does not end before, expires or gives way to
        the preview of somebody else, and UserError where ECR says that it failed.
        """
        self._start(repository, policy_text, until)
        while True:
            shown = self._ecr.get_lifecycle_policy_preview(repositoryName=repository, maxResults=100)
            if shown["lifecyclePolicyText"] != policy_text:
                raise RetryableError(f"Somebody else began another lifecycle policy preview of {repository}.")
            match shown["status"]:
                case "COMPLETE":
                    return Preview(self._results(repository, shown))
                case "FAILED":
                    raise UserError(
                        f"ECR's preview of the lifecycle policy of {repository} failed. Nothing was changed."
                    )
                case "EXPIRED":
                    raise RetryableError(f"ECR's preview of the lifecycle policy of {repository} expired.")
            _wait(until, f"ECR's preview of the lifecycle policy of {repository} did not end in time.")

    def _start(self, repository: str, policy_text: str, until: float) -> None:
        while True:
            try:
                self._ecr.start_lifecycle_policy_preview(repositoryName=repository, lifecyclePolicyText=policy_text)
            except self._ecr.exceptions.LifecyclePolicyPreviewInProgressException:
                _wait(until, f"Another lifecycle policy preview of {repository} did not end in time.")
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


def _wait(until: float, else_say: str) -> None:
    if time.time() + POLL_SECONDS >= until:
        raise RetryableError(else_say)
    time.sleep(POLL_SECONDS)
