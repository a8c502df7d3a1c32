"""From an event of EventBridge to the events that are routed, by its detail type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.event_routing import actions, api_calls, controller, findings, scans
from ecr_controller.event_routing.events import EcrEvent, MalformedEvent, refuse_deep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # The event, its detail, and the partition of a repository whose ARN it does not have.
    Parse = Callable[[Mapping[str, Any], Mapping[str, Any], str], tuple[EcrEvent, ...]]

READERS: Mapping[str, Parse] = {
    scans.BASIC: scans.parse_scan,
    scans.ENHANCED: scans.parse_scan,
    actions.IMAGE: actions.parse_action,
    actions.REPLICATION: actions.parse_action,
    actions.PULL_THROUGH: actions.parse_action,
    actions.REFERRER: actions.parse_action,
    actions.SCAN_CHANGE: actions.parse_scan_change,
    api_calls.API_CALL: api_calls.parse_call,
    api_calls.SERVICE_EVENT: api_calls.parse_call,
    findings.FINDING: findings.parse_finding,
    **dict.fromkeys(controller.NAMES, controller.parse_controller_event),
}


def parse(event: Any, partition: str = "aws") -> tuple[EcrEvent, ...]:
    """What an EventBridge event reports: nothing, if it is about something else. Raises MalformedEvent.

    ``partition`` is that of the repository, for an event that does not have its ARN.
    """
    if not isinstance(event, dict) or "detail-type" not in event:
        raise MalformedEvent("The message is not an EventBridge event, because it has no detail-type.")
    kind, detail = event["detail-type"], event.get("detail")
    read = READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return ()
    refuse_deep(event)
    if not isinstance(detail, dict):
        raise MalformedEvent(f"The event {event.get('id')} ({kind}) has no detail.")
    return read(event, detail, partition)
