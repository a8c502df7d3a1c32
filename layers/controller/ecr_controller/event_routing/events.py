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
from ecr_controller.repository.model import is_name
from ecr_controller.severity import SEVERITIES, at_least

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BASIC, ENHANCED = "ECR Image Scan", "Inspector2 Scan"
VERSION = "1"
MAX_LEVELS = 50
# Of ECR.
MAX_TAG = 300
MAX_COUNT = 2**63 - 1

_ARN = re.compile(r"arn:[\w-]+:ecr:(?P<region>[\w-]+):(?P<account>\d{12}):repository/(?P<name>.+)")
# Inspector's first complete scan of an image; it reports later ones as findings.
_SAME_STATUS = {"INITIAL_SCAN_COMPLETE": "COMPLETE"}


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


def parse(event: Any, partition: str = "aws") -> ScanCompleted | None:
    """The scan that an EventBridge event reports; None for an event about something else. Raises MalformedEvent.

    ``partition`` is that of the repository, for an event that does not have its ARN.
    """
    if not isinstance(event, dict) or "detail-type" not in event:
        raise MalformedEvent("The message is not an EventBridge event, because it has no detail-type.")
    kind, detail = event["detail-type"], event.get("detail")
    if kind not in (BASIC, ENHANCED):
        return None
    _refuse_deep(event)
    if not isinstance(detail, dict):
        raise MalformedEvent(f"The event {event.get('id')} ({kind}) has no detail.")
    if kind == ENHANCED and "repository-name" not in detail:
        return None  # Inspector reports instances and functions under the same name
    name, arn, region, account = _repository(event, _text(detail, "repository-name"), partition)
    counts, total = _counts(detail.get("finding-severity-counts") or {})
    tags = _texts(detail, "image-tags")
    if any(len(tag) > MAX_TAG for tag in tags):
        raise MalformedEvent("The scan event has an image tag of more than 300 characters, which ECR does not allow.")
    status = _text(detail, "scan-status")
    return ScanCompleted(
        event_id=_text(event, "id"),
        time=_time(event.get("time")),
        account=account,
        region=region,
        repository_name=name,
        repository_arn=arn,
        image_digest=_text(detail, "image-digest"),
        image_tags=tags,
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


def _texts(where: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of strings, which may be missing. A string would otherwise be read letter by letter."""
    values = where.get(key)
    if values is None:
        return ()
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise MalformedEvent(f"The {key} of the scan event must be a list of strings.")
    return tuple(values)


def _refuse_deep(event: Any) -> None:
    """What is nested deeper than any scan event may be readable, and yet fail when it is written for a target."""
    level = [event]
    for _ in range(MAX_LEVELS):
        level = [each for outer in level for each in _children(outer)]
    if level:
        raise MalformedEvent("The scan event is nested too deeply.")


def _children(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _repository(event: Mapping[str, Any], name: str, partition: str) -> tuple[str, str, str, str]:
    """The name, ARN, Region and account of the repository, which the event names directly or by its ARN."""
    bare = given["name"] if (given := _ARN.fullmatch(name)) else name
    # A long name of many levels would take a read of the routes for each of them.
    if not is_name(bare):
        raise MalformedEvent(f"The repository-name {name[:300]} is neither the name nor the ARN of a repository.")
    for arn in (name, *_texts(event, "resources")):
        found = _ARN.fullmatch(arn)
        if found and found["name"] == bare:
            return bare, found[0], found["region"], found["account"]
    region, account = _text(event, "region"), _text(event, "account")
    return name, f"arn:{partition}:ecr:{region}:{account}:repository/{name}", region, account


def _counts(found: Any) -> tuple[dict[str, int], int]:
    """The count of every severity, and of all findings. An unknown severity counts as UNDEFINED."""
    if not isinstance(found, dict) or not all(map(_is_count, found.values())):
        raise MalformedEvent("The finding-severity-counts of the scan event are not numbers of findings.")
    counts = dict.fromkeys(SEVERITIES, 0)
    for severity, count in found.items():
        if severity != "TOTAL":
            counts[severity if severity in counts else "UNDEFINED"] += int(count)
    return counts, max(int(found.get("TOTAL", 0)), sum(counts.values()))


def _is_count(value: Any) -> bool:
    """Whether it is a number of findings. JSON has one type of number, so 10.0 is 10."""
    is_whole = type(value) is int or (type(value) is float and value.is_integer())
    return is_whole and 0 <= value <= MAX_COUNT


def _time(text: Any) -> datetime | None:
    # An example in AWS's documentation has an impossible date; a scan is not lost because of that.
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None
