"""What a target receives: an event as JSON, as text for people, or for a chat channel.

Source of the last: "Custom notifications" in the Amazon Q Developer in chat applications administrator guide.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ecr_controller.errors import count
from ecr_controller.event_routing.scans import ScanCompleted
from ecr_controller.severity import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_controller.event_routing.events import EcrEvent

    Format = Literal["ScanCompleted", "Json", "Text", "Chatbot"]

# What goes to event buses. The role of the router allows these alone.
SCAN_DETAIL_TYPE, EVENT_DETAIL_TYPE = "ECR Scan Completed", "ECR Event"
# Formats that a person reads, for topics only.
FOR_PEOPLE = ("Text", "Chatbot")
MAX_SUBJECT = 99  # characters, of Amazon SNS
MAX_TITLE, MAX_DESCRIPTION = 250, 8_000  # characters, of Amazon Q Developer in chat applications
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_WORDS = {
    "Pushed": "was pushed",
    "Deleted": "was deleted",
    "Archived": "was archived",
    "Restored": "was restored from the archive",
    "Replicated": "was replicated",
    "ReplicationFailed": "could not be replicated",
    "PulledThrough": "was pulled from the upstream registry",
    "PullThroughFailed": "could not be pulled from the upstream registry",
    "ReferrerRestored": "was restored from the archive, as a reference artifact",
    "ScanFrequencyChanged": "has another scan frequency",
    "Adopted": "was adopted by a stack",
    "Released": "was released by its stack",
    "RepositoryDeleted": "was deleted by its stack",
    "GuardRefused": "keeps its lifecycle policy: a change exceeds the guard",
    "GateRefused": "has an image that was refused",
    "BoundaryRefused": "A stack was refused a repository",
    "RequestNotBelieved": "A request was refused that CloudFormation doesn't make",
    "DriftDetected": "A repository differs from what its stack declares",
    "DriftRestored": "A repository was put back as its stack declares it",
    "BaselineReported": "A baseline would change a repository",
    "BaselineApplied": "A baseline changed a repository",
    "ImageHeld": "has an image in use, which is kept",
    "ImageReleased": "has an image that is no longer in use",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message, and what targets need beside it: an ID that is the same for each delivery of the event in this format,
    of at most 64 letters, digits and hyphens; and a group in whose order it is delivered. ``subject`` is of a mail.
    """

    text: str
    delivery_id: str
    group: str
    repository_arn: str
    detail_type: str = EVENT_DETAIL_TYPE
    subject: str | None = None


def message(event: EcrEvent, form: str) -> Message:
    """The event in a format."""
    text, subject = _RENDERERS[form](event), _subject(event) if form == "Text" else None
    kind = SCAN_DETAIL_TYPE if form == "ScanCompleted" else EVENT_DETAIL_TYPE
    return Message(text, _delivery_id(event, form), event.repository_name, event.repository_arn, kind, subject)


def _delivery_id(event: EcrEvent, form: str) -> str:
    # One event of AWS can be about many repositories, whose names do not fit into an ID.
    return f"{event.name[:31]}-{hashlib.sha256(f'{event.event_id}#{form}'.encode()).hexdigest()[:32]}"


def _subject(event: EcrEvent) -> str:
    """The title, as far as the subject of a mail can have it. Source: "Publish" in the Amazon SNS API reference."""
    return "".join(each if " " <= each <= "~" else "?" for each in title(event))[:MAX_SUBJECT]


def title(event: EcrEvent) -> str:
    """One line: ``team/app:v1 was pushed``."""
    if isinstance(event, ScanCompleted):
        if event.status != "COMPLETE":
            return f"The scan of {_image(event)} ended with {event.status}"
        return f"{_image(event)} has {_counts(event) or 'no findings'}"
    if event.name == "Findings":
        details = event.details
        where = f"{count(details['imageTotal'], 'image')} of {details['repositories']}"
        return f"{count(details['findingTotal'], 'finding')} in {where}"
    if event.name == "Finding":
        return f"{event.details['severity']} in {_image(event)}: {event.details.get('title', 'a finding')}"
    if event.name == "Called":
        return f"{event.details['apiCall']} was called for {_image(event)}"
    return f"{_image(event)} {_WORDS.get(event.name, event.name)}".strip()


def _image(event: EcrEvent) -> str:
    if event.image_tags:
        return f"{event.repository_name}:{event.image_tags[0]}"
    return f"{event.repository_name}@{event.image_digest[:19]}" if event.image_digest else event.repository_name


def _counts(scan: ScanCompleted) -> str:
    """``2 CRITICAL, 5 HIGH``."""
    found = [f"{scan.counts[each]} {each}" for each in SEVERITIES if scan.counts[each]]
    unlisted = scan.total - sum(scan.counts.values())
    return ", ".join([*found, *([f"{unlisted} of other severities"] if unlisted > 0 else [])])


def console_link(event: EcrEvent) -> str | None:
    """The page of the image or the repository in the console; None in a partition whose console is not known."""
    domain = _CONSOLES.get(event.repository_arn.split(":")[1]) if event.repository_arn else None
    if domain is None:
        return None
    where = f"https://{event.region}.{domain}/ecr/repositories/private/{event.account}/{event.repository_name}"
    image = f"/_/image/{event.image_digest}/details" if event.image_digest else ""
    return f"{where}{image}?region={event.region}"


def _facts(event: EcrEvent) -> Iterator[tuple[str, str]]:
    """What people want to know, by its label."""
    yield "Event", event.name
    if event.repository_name:
        yield "Repository", event.repository_name
    if event.image_tags:
        yield "Tags", ", ".join(event.image_tags)
    if event.image_digest:
        yield "Digest", event.image_digest
    yield "Account and Region", f"{event.account}, {event.region}"
    if event.time_text:
        yield "Time", event.time_text
    for name, value in event.details.items():
        if name == "findings":
            value = "; ".join(_finding(each) for each in value)
        elif isinstance(value, dict):
            value = ", ".join(f"{number} {key}" for key, number in value.items() if number) or "none"
        yield name, str(value)


def _finding(found: dict[str, Any]) -> str:
    image = ":".join([found["repositoryName"], *found["imageTags"][:1]])
    return f"{found.get('severity', 'UNTRIAGED')} {found.get('title', 'a finding')} in {image}"


def _as_text(event: EcrEvent) -> str:
    lines = [title(event), "", *(f"{label}: {value}" for label, value in _facts(event))]
    link = console_link(event)
    return "\n".join([*lines, "", link] if link else lines)


def _as_chatbot(event: EcrEvent) -> str:
    link = console_link(event)
    end = f"\n\n<{link}|Open in the console>" if link else ""
    facts = "\n".join(f"- *{label}*: {value}" for label, value in _facts(event))
    description, heading = _cut(facts, MAX_DESCRIPTION - len(end)) + end, _cut(title(event), MAX_TITLE)
    document: dict[str, Any] = {
        "version": "1.0",
        "source": "custom",
        "id": _delivery_id(event, "Chatbot"),
        "content": {"textType": "client-markdown", "title": heading, "description": description},
        "metadata": {
            "threadId": f"{event.repository_name}@{event.image_digest or ''}"[:64],
            "summary": heading,
            "eventType": event.name,
            "relatedResources": [event.repository_arn] if event.repository_arn else [],
        },
    }
    return _compact(document)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 4]} ..."


def _as_scan(event: EcrEvent) -> str:
    assert isinstance(event, ScanCompleted)  # noqa: S101 - scan routes select nothing else
    return _compact(event.scan_document())


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


_RENDERERS: dict[str, Callable[[EcrEvent], str]] = {
    "ScanCompleted": _as_scan,
    "Json": lambda event: _compact(event.document()),
    "Text": _as_text,
    "Chatbot": _as_chatbot,
}
