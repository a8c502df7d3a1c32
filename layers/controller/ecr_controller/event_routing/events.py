"""Scan events, basic and enhanced, as one value.

Source: "Amazon ECR events and EventBridge" and "Amazon Inspector event schema" in the user guides. A basic scan names
its repository, an enhanced one has the ARN of the repository instead; only severities that were found have a count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from ecr_controller.errors import UserError
from ecr_controller.severity import SEVERITIES, at_least

if TYPE_CHECKING:
    from collections.abc import Mapping

BASIC, ENHANCED = "ECR Image Scan", "Inspector2 Scan"
VERSION = "1"

_ARN = re.compile(r"arn:[\w-]+:ecr:(?P<region>[\w-]+):(?P<account>\d{12}):repository/(?P<name>.+)")
# Inspector's first complete scan of an image; it reports later ones as findings.
_SAME_STATUS = {"INITIAL_SCAN_COMPLETE": "COMPLETE"}
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}


class MalformedEvent(UserError):
    """The event is not an EventBridge event, or lacks what every scan event has."""


@dataclass(frozen=True, slots=True)
class ScanCompleted:
    """The end of a scan of one image, whatever its outcome.

    ``counts`` has every severity of SEVERITIES. ``total`` may be more than their sum: Inspector counts what it does not
    list. ``time`` is None if the event has no valid time.
    """

    event_id: str
    time: datetime | None
    account: str
    region: str
    repository_name: str
    repository_arn: str
    image_digest: str
    image_tags: tuple[str, ...]
    scan_type: Literal["BASIC", "ENHANCED"]
    status: str
    original_status: str
    counts: Mapping[str, int]
    total: int
    original: Mapping[str, Any]

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

    def document(self) -> dict[str, Any]:
        """What targets receive: ``schemas/messages/ScanCompleted.json``."""
        return {
            "version": VERSION,
            "eventId": self.event_id,
            "time": self.time.strftime("%Y-%m-%dT%H:%M:%SZ") if self.time else None,
            "account": self.account,
            "region": self.region,
            "repositoryName": self.repository_name,
            "repositoryArn": self.repository_arn,
            "imageDigest": self.image_digest,
            "imageTags": list(self.image_tags),
            "scanType": self.scan_type,
            "scanStatus": self.status,
            "originalScanStatus": self.original_status,
            "findingSeverityCounts": dict(self.counts),
            "findingTotal": self.total,
            "originalEvent": dict(self.original),
        }


def parse(event: Any) -> ScanCompleted | None:
    """The scan that an EventBridge event reports; None for an event about something else. Raises MalformedEvent."""
    if not isinstance(event, dict) or "detail-type" not in event:
        raise MalformedEvent("The message is not an EventBridge event, because it has no detail-type.")
    kind, detail = event["detail-type"], event.get("detail")
    if kind not in (BASIC, ENHANCED):
        return None
    if not isinstance(detail, dict):
        raise MalformedEvent(f"The event {event.get('id')} ({kind}) has no detail.")
    if kind == ENHANCED and "repository-name" not in detail:
        return None  # Inspector reports instances and functions under the same name
    name, arn, region, account = _repository(event, _text(detail, "repository-name"))
    counts, total = _counts(detail.get("finding-severity-counts") or {})
    status = _text(detail, "scan-status")
    return ScanCompleted(
        event_id=_text(event, "id"),
        time=_time(event.get("time")),
        account=account,
        region=region,
        repository_name=name,
        repository_arn=arn,
        image_digest=_text(detail, "image-digest"),
        image_tags=tuple(str(tag) for tag in detail.get("image-tags") or ()),
        scan_type="BASIC" if kind == BASIC else "ENHANCED",
        status=_SAME_STATUS.get(status, status),
        original_status=status,
        counts=counts,
        total=total,
        original=event,
    )


def _text(where: Mapping[str, Any], key: str) -> str:
    value = where.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedEvent(f"The scan event has no {key}.")
    return value


def _repository(event: Mapping[str, Any], name: str) -> tuple[str, str, str, str]:
    """The name, ARN, Region and account of the repository, which the event names directly or by its ARN."""
    bare = given["name"] if (given := _ARN.fullmatch(name)) else name
    for arn in (name, *(event.get("resources") or ())):
        found = _ARN.fullmatch(str(arn))
        if found and found["name"] == bare:
            return bare, found[0], found["region"], found["account"]
    if name.startswith("arn:"):
        raise MalformedEvent(f"The repository-name {name} is neither the name nor the ARN of a repository.")
    region, account = _text(event, "region"), _text(event, "account")
    partition = next((named for start, named in _PARTITIONS.items() if region.startswith(f"{start}-")), "aws")
    return name, f"arn:{partition}:ecr:{region}:{account}:repository/{name}", region, account


def _counts(found: Any) -> tuple[dict[str, int], int]:
    """The count of every severity, and of all findings. An unknown severity counts as UNDEFINED."""
    if not isinstance(found, dict) or any(type(count) is not int or count < 0 for count in found.values()):
        raise MalformedEvent(f"The finding-severity-counts of the scan event are not numbers of findings: {found}.")
    counts = dict.fromkeys(SEVERITIES, 0)
    for severity, count in found.items():
        if severity != "TOTAL":
            counts[severity if severity in counts else "UNDEFINED"] += count
    return counts, max(found.get("TOTAL", 0), sum(counts.values()))


def _time(text: Any) -> datetime | None:
    # An example in AWS's documentation has an impossible date; a scan is not lost because of that.
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
