"""Events of the controller itself. Whoever may put events on the default event bus can send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.controller_events import DETAIL_TYPES
from ecr_controller.event_routing.events import EcrEvent, envelope, optional_text

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {kind: name for name, kind in DETAIL_TYPES.items()}
_DETAILS = {
    "stackId": "stack-id",
    "logicalId": "logical-id",
    "resourceType": "resource-type",
    "message": "message",
}


def parse_controller_event(event: Mapping[str, Any], detail: Mapping[str, Any], partition: str) -> tuple[EcrEvent, ...]:
    """The event. One that is about no repository is for routes of all repositories. Raises MalformedEvent."""
    found: dict[str, Any] = {
        key: text for key, member in _DETAILS.items() if (text := optional_text(detail, member)) is not None
    }
    differences = detail.get("differences")
    if isinstance(differences, list):
        found["differences"] = differences
    repository = optional_text(detail, "repository-name")
    parsed = EcrEvent(
        name=NAMES[event["detail-type"]],
        **envelope(event, repository, partition),
        image_digest=optional_text(detail, "image-digest"),
        details=found,
    )
    return (parsed,)
