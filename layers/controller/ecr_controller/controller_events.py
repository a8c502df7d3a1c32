"""What the controller does and refuses, as events on the default event bus.

They are sent after the answer to CloudFormation, and are best effort: one that can't be sent is logged.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller import aws

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_events import EventBridgeClient

SOURCE = "ecr-controller"
VERSION = "1"
# By the names that routes use. The role of each function allows detail types with this beginning alone.
DETAIL_TYPES = {
    name: f"ECR Controller {words}"
    for name, words in {
        "Adopted": "Repository Adopted",
        "Released": "Repository Released",
        "RepositoryDeleted": "Repository Deleted",
        "GuardRefused": "Lifecycle Policy Refused",
        "GateRefused": "Image Refused",
        "BoundaryRefused": "Repository Refused",
        "RequestNotBelieved": "Request Not Verified",
        "DriftDetected": "Drift Detected",
        "DriftRestored": "Drift Restored",
        "BaselineReported": "Baseline Reported",
        "BaselineApplied": "Baseline Applied",
        "ImageHeld": "Image Held",
        "ImageReleased": "Image Released",
    }.items()
}
# Of EventBridge: entries of a call. A request does far less.
_MOST = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting of a repository: what it has, and what is declared, as a template has them."""

    setting: str
    found: str
    declared: str

    def detail(self) -> dict[str, str]:
        """As it is in the detail of an event."""
        return {"setting": self.setting, "found": self.found, "declared": self.declared}


@dataclass(frozen=True, slots=True)
class ControllerEvent:
    """One event. ``repository`` is None if it is about none, or none that can be believed. What is "" is left out."""

    name: str
    repository: str | None
    stack_id: str
    logical_id: str
    resource_type: str
    message: str = ""
    differences: tuple[Difference, ...] = ()
    image_digest: str = ""

    def detail(self) -> dict[str, Any]:
        """The detail of the event on the bus."""
        members = {
            "version": VERSION,
            "event": self.name,
            "repository-name": self.repository,
            "image-digest": self.image_digest,
            "stack-id": self.stack_id,
            "logical-id": self.logical_id,
            "resource-type": self.resource_type,
            "message": self.message,
            "differences": [each.detail() for each in self.differences],
        }
        return {name: value for name, value in members.items() if value}


@aws.translates_errors
class ControllerEvents:
    """The default event bus."""

    _events: aws.Client[EventBridgeClient] = aws.Client("events")

    def put_events(self, events: Iterable[ControllerEvent]) -> None:
        """PutEvents."""
        entries: list[Any] = [
            {"Source": SOURCE, "DetailType": DETAIL_TYPES[each.name], "Detail": json.dumps(each.detail())}
            for each in list(events)[:_MOST]
        ]
        answer = self._events.put_events(Entries=entries)
        for entry in answer["Entries"]:
            if "ErrorCode" in entry:
                logger.warning("An event was not sent (%s)", entry["ErrorCode"])


def emit(events: Iterable[ControllerEvent]) -> None:
    """Send events, and only log what fails: the request is answered already."""
    found = list(dict.fromkeys(events))
    if not found:
        return
    try:
        ControllerEvents().put_events(found)
    except Exception as error:  # noqa: BLE001 - an error here would have the request answered again
        logger.warning("Events were not sent: %s: %s", ", ".join(each.name for each in found), error)
