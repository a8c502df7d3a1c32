"""The ends of scans, basic and enhanced.

Source: "Amazon ECR events and EventBridge" and "Amazon Inspector event schema" in the user guides. A basic scan names
its repository, an enhanced one has the ARN of the repository instead; only severities that were found have a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ecr_controller.event_routing.actions import without_own
from ecr_controller.event_routing.events import (
    VERSION,
    EcrEvent,
    MalformedEvent,
    envelope,
    required_text,
    tags_of,
    texts,
)
from ecr_controller.severity import SEVERITIES, at_least

if TYPE_CHECKING:
    from collections.abc import Mapping

SCAN_COMPLETED = "ScanCompleted"
BASIC, ENHANCED = "ECR Image Scan", "Inspector2 Scan"
MAX_COUNT = 2**63 - 1

# Inspector's first complete scan of an image; it reports later ones as findings.
_SAME_STATUS = {"INITIAL_SCAN_COMPLETE": "COMPLETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCompleted(EcrEvent):
    """The end of a scan of one image, whatever its outcome.

    ``counts`` has every severity of SEVERITIES. ``total`` may be more than their sum: Inspector counts what it does not
    list.
    """

    scan_type: Literal["BASIC", "ENHANCED"]
    status: str
    original_status: str
    counts: Mapping[str, int]
    total: int

    @property
    def worst(self) -> str | None:
        """The highest severity that was found, if any was."""
        return next((each for each in SEVERITIES if self._has(each)), None)

    def reaches(self, minimum: str) -> bool:
        """Whether a finding has this severity or a higher one."""
        return any(self._has(each) for each in at_least(minimum))

    def _has(self, severity: str) -> bool:
        # Inspector lists MEDIUM and above, so what is only in the total may be LOW.
        unlisted = severity == "LOW" and self.total > sum(self.counts.values())
        return unlisted or self.counts[severity] > 0

    def scan_document(self) -> dict[str, Any]:
        """What targets of scan routes receive: ``schemas/messages/ScanCompleted.json``."""
        return {
            "version": VERSION,
            "eventId": self.event_id,
            "time": self.time_text,
            "account": self.account,
            "region": self.region,
            "repositoryName": self.repository_name,
            "repositoryArn": self.repository_arn,
            "imageDigest": self.image_digest,
            "imageTags": list(self.image_tags),
            **self.details,
            "originalEvent": dict(self.original),
        }


def parse_scan(event: Mapping[str, Any], detail: Mapping[str, Any], partition: str) -> tuple[ScanCompleted, ...]:
    """The scan of an image; none for another scan of Inspector. Raises MalformedEvent."""
    if event["detail-type"] == ENHANCED and "repository-name" not in detail:
        return ()  # Inspector reports instances and functions under the same name
    counts, total = _counts(detail.get("finding-severity-counts") or {})
    status = required_text(detail, "scan-status")
    kind: Literal["BASIC", "ENHANCED"] = "BASIC" if event["detail-type"] == BASIC else "ENHANCED"
    details: dict[str, Any] = {
        "scanType": kind,
        "scanStatus": _SAME_STATUS.get(status, status),
        "originalScanStatus": status,
        "findingSeverityCounts": counts,
        "findingTotal": total,
    }
    scan = ScanCompleted(
        name=SCAN_COMPLETED,
        **envelope(event, required_text(detail, "repository-name"), partition),
        image_digest=required_text(detail, "image-digest"),
        image_tags=without_own(tags_of(texts(detail, "image-tags"))),
        details=details,
        scan_type=kind,
        status=details["scanStatus"],
        original_status=status,
        counts=counts,
        total=total,
    )
    return (scan,)


def _counts(found: Any) -> tuple[dict[str, int], int]:
    """The count of every severity, and of all findings. An unknown severity counts as UNDEFINED."""
    if not isinstance(found, dict) or not all(map(_is_count, found.values())):
        raise MalformedEvent("The finding-severity-counts of the event are not numbers of findings.")
    counts = dict.fromkeys(SEVERITIES, 0)
    for severity, count in found.items():
        if severity != "TOTAL":
            counts[severity if severity in counts else "UNDEFINED"] += int(count)
    return counts, max(int(found.get("TOTAL", 0)), sum(counts.values()))


def _is_count(value: Any) -> bool:
    """Whether it is a number of findings. JSON has one type of number, so 10.0 is 10."""
    is_whole = type(value) is int or (type(value) is float and value.is_integer())
    return is_whole and 0 <= value <= MAX_COUNT
