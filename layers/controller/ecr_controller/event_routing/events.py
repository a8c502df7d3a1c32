"""The events that are routed, in one form, and what the envelopes of EventBridge have in common.

Source: "Amazon ECR events and EventBridge" in the Amazon ECR user guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError
from ecr_controller.repository.model import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = "1"
MAX_LEVELS = 50
# Of ECR.
MAX_TAG = 300

_ARN = re.compile(r"arn:[\w-]+:ecr:(?P<region>[\w-]+):(?P<account>\d{12}):repository/(?P<name>.+)")
_SURROGATE = re.compile("[\ud800-\udfff]")


class MalformedEvent(UserError):
    """The event is not an EventBridge event, or lacks what every event of its type has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrEvent:
    """One event about one repository, and about an image if it has a digest or tags. Those of the controller can be
    about no repository, whose name and ARN are then empty.

    ``name`` is how routes call it. ``time`` is None if the event has no valid time. ``details`` are by the names of the
    message. ``by_controller``: the controller itself caused it.
    """

    name: str
    event_id: str
    time: datetime | None
    account: str
    region: str
    repository_name: str
    repository_arn: str
    image_digest: str | None = None
    image_tags: tuple[str, ...] = ()
    details: Mapping[str, Any]
    original: Mapping[str, Any]
    by_controller: bool = False

    def document(self) -> dict[str, Any]:
        """What targets receive: ``schemas/messages/EcrEvent.json``."""
        return {
            "version": VERSION,
            "eventId": self.event_id,
            "event": self.name,
            "time": self.time_text,
            "account": self.account,
            "region": self.region,
            "repositoryName": self.repository_name or None,
            "repositoryArn": self.repository_arn or None,
            "imageDigest": self.image_digest,
            "imageTags": list(self.image_tags),
            "byController": self.by_controller,
            "details": dict(self.details),
            "originalEvent": dict(self.original),
        }

    @property
    def time_text(self) -> str | None:
        """The time in ISO 8601, in UTC."""
        return self.time.strftime("%Y-%m-%dT%H:%M:%SZ") if self.time else None


def required_text(where: Mapping[str, Any], key: str) -> str:
    """A text. Raises MalformedEvent."""
    value = optional_text(where, key)
    if value is None:
        raise MalformedEvent(f"The event has no {key}.")
    return value


def optional_text(where: Mapping[str, Any], key: str) -> str | None:
    """A text, or None if it is missing or something else, such as a text with a lone surrogate, which no AWS service
    takes."""
    value = where.get(key)
    return value if value and _is_text(value) else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not _SURROGATE.search(value)


def texts(where: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts, which may be missing. A text would otherwise be read letter by letter. Raises MalformedEvent."""
    values = where.get(key)
    if values is None:
        return ()
    if not isinstance(values, list) or not all(
        isinstance(each, str) and not _SURROGATE.search(each) for each in values
    ):
        raise MalformedEvent(f"The {key} of the event must be a list of strings.")
    return tuple(values)


def tags_of(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags of an image. Raises MalformedEvent for one that is too long to be one."""
    found = tuple(tags)
    if any(len(tag) > MAX_TAG for tag in found):
        raise MalformedEvent("The event has an image tag of more than 300 characters, which ECR does not allow.")
    return found


def refuse_deep(event: Any) -> None:
    """What is nested deeper than any event may be readable, and yet fail when it is written for a target."""
    level = [event]
    for _ in range(MAX_LEVELS):
        level = [each for outer in level for each in _children(outer)]
    if level:
        raise MalformedEvent("The event is nested too deeply.")


def _children(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def envelope(event: Mapping[str, Any], name: str | None, partition: str) -> dict[str, Any]:
    """What an EcrEvent has of the envelope, and of the repository, which ``name`` names directly or by its ARN.

    Raises MalformedEvent.
    """
    if name is None:
        repository, arn, region, account = "", "", required_text(event, "region"), required_text(event, "account")
    else:
        repository, arn, region, account = _repository(event, name, partition)
    return {
        "event_id": required_text(event, "id"),
        "time": _time(event.get("time")),
        "account": account,
        "region": region,
        "repository_name": repository,
        "repository_arn": arn,
        "original": event,
    }


def _repository(event: Mapping[str, Any], name: str, partition: str) -> tuple[str, str, str, str]:
    """The name, ARN, Region and account of the repository."""
    bare = given["name"] if (given := _ARN.fullmatch(name)) else name
    # A long name of many levels would take a read of the routes for each of them.
    if not is_name(bare):
        raise MalformedEvent(f"The repository-name {name[:300]} is neither the name nor the ARN of a repository.")
    for arn in (name, *texts(event, "resources")):
        found = _ARN.fullmatch(arn)
        if found and found["name"] == bare:
            return bare, found[0], found["region"], found["account"]
    region, account = required_text(event, "region"), required_text(event, "account")
    return name, f"arn:{partition}:ecr:{region}:{account}:repository/{name}", region, account


def _time(text: Any) -> datetime | None:
    # An example in AWS's documentation has an impossible date; an event is not lost because of that.
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None
