"""What happens to images: pushes, deletions, archiving, replication, pull-through caches; and scan frequencies.

Source: "Amazon ECR events and EventBridge" in the Amazon ECR user guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.event_routing.events import (
    EcrEvent,
    MalformedEvent,
    envelope,
    optional_text,
    required_text,
    tags_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

IMAGE, REPLICATION = "ECR Image Action", "ECR Replication Action"
PULL_THROUGH, REFERRER, SCAN_CHANGE = (
    "ECR Pull Through Cache Action",
    "ECR Referrer Action",
    "ECR Scan Resource Change",
)
# The tags that the controller puts on images begin with it.
TAG_PREFIX = "ecr-controller-"

# The members of the detail that the message has, by its names.
_DETAILS = {
    "manifestMediaType": "manifest-media-type",
    "artifactMediaType": "artifact-media-type",
    "lastActivatedAt": "last-activated-at",
    "sourceAccount": "source-account",
    "sourceRegion": "source-region",
    "upstreamRegistryUrl": "upstream-registry-url",
    "repositoryPrefix": "ecr-repository-prefix",
    "failureCode": "failure-code",
    "failureReason": "failure-reason",
}


def without_own(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags of an image without those that the controller put."""
    return tuple(tag for tag in tags if not tag.startswith(TAG_PREFIX))


def parse_action(event: Mapping[str, Any], detail: Mapping[str, Any], partition: str) -> tuple[EcrEvent, ...]:
    """What happened to an image; none for an action without a name here. Raises MalformedEvent."""
    name = _NAMES[event["detail-type"]](detail)
    if name is None:
        return ()
    tag = optional_text(detail, "image-tag")
    found = {key: text for key, member in _DETAILS.items() if (text := optional_text(detail, member)) is not None}
    action = EcrEvent(
        name=name,
        **envelope(event, required_text(detail, "repository-name"), partition),
        image_digest=optional_text(detail, "image-digest"),
        image_tags=tags_of([tag] if tag else []),
        details=found,
        by_controller=tag is not None and tag.startswith(TAG_PREFIX),
    )
    return (action,)


def _of_image(detail: Mapping[str, Any]) -> str | None:
    if detail.get("result") != "SUCCESS":
        return None
    match detail.get("action-type"), detail.get("target-storage-class"):
        case "PUSH", _:
            return "Pushed"
        case "DELETE", _:
            return "Deleted"
        case "UPDATE_STORAGE_CLASS", "ARCHIVE":
            return "Archived"
        case "UPDATE_STORAGE_CLASS", "STANDARD":
            return "Restored"
    return None


def _of_replication(detail: Mapping[str, Any]) -> str | None:
    if detail.get("action-type") != "REPLICATE":
        return None
    return "Replicated" if detail.get("result") == "SUCCESS" else "ReplicationFailed"


def _of_pull_through(detail: Mapping[str, Any]) -> str | None:
    return "PulledThrough" if detail.get("sync-status") == "SUCCESS" else "PullThroughFailed"


def _of_referrer(detail: Mapping[str, Any]) -> str | None:
    return "ReferrerRestored" if _of_image(detail) == "Restored" else None


_NAMES: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    IMAGE: _of_image,
    REPLICATION: _of_replication,
    PULL_THROUGH: _of_pull_through,
    REFERRER: _of_referrer,
}


def parse_scan_change(event: Mapping[str, Any], detail: Mapping[str, Any], partition: str) -> tuple[EcrEvent, ...]:
    """The change of the scan frequency, of each repository. Raises MalformedEvent."""
    repositories = detail.get("repositories")
    if not isinstance(repositories, list) or not all(isinstance(each, dict) for each in repositories):
        raise MalformedEvent("The repositories of the event must be a list of objects.")
    return tuple(_scan_change(event, each, partition) for each in repositories)


def _scan_change(event: Mapping[str, Any], repository: Mapping[str, Any], partition: str) -> EcrEvent:
    name = required_text(repository, "repository-name")
    found = envelope(event, optional_text(repository, "repository-arn") or name, partition)
    # One event is about many repositories, and a target may get each of them.
    found["event_id"] = f"{found['event_id']}/{found['repository_name']}"
    frequencies = {
        "scanFrequency": optional_text(repository, "scan-frequency"),
        "previousScanFrequency": optional_text(repository, "previous-scan-frequency"),
    }
    return EcrEvent(name="ScanFrequencyChanged", **found, details=frequencies)
