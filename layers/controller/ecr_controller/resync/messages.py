"""What a message of the resync queue asks for: the planner's, or an event of EventBridge."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.errors import UserError
from ecr_controller.event_routing import actions, api_calls
from ecr_controller.repository.model import is_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecr.type_defs import RepositoryTypeDef

_NAME, _SHOWN = "RepositoryName", "Repository"
_ARN = re.compile(r"arn:[\w-]+:ecr:[\w-]+:\d{12}:repository/(?P<name>.+)")
# They say that a repository has a new image, and perhaps that it is new itself.
_OF_IMAGES = (actions.IMAGE, actions.REPLICATION, actions.PULL_THROUGH)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A repository to look at. ``shown`` is its entry in the answer of DescribeRepositories, a while ago.
    ``only_unseen``: only if no resync has seen it. ``source_region`` is where an image was replicated from, within this
    account. ``asked_at`` is when the message was sent, a ``time.time()``.
    """

    repository: str
    shown: Mapping[str, Any] | None = None
    only_unseen: bool = False
    source_region: str = ""
    asked_at: float = 0.0


def of_name(name: str) -> str:
    """The message of a repository."""
    return json.dumps({_NAME: name})


def of_repository(shown: RepositoryTypeDef) -> str:
    """The message of a repository that was described."""
    entry = {**shown, "createdAt": shown["createdAt"].timestamp()} if "createdAt" in shown else dict(shown)
    return json.dumps({_NAME: shown["repositoryName"], _SHOWN: entry}, default=str)


def parse(body: str) -> Wanted | None:
    """What the message asks for; None for an event that asks for nothing. Raises UserError for any other message."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise UserError("The message is not a JSON object.")
    if _NAME in message:
        shown = message.get(_SHOWN)
        return Wanted(_name(message[_NAME]), shown if isinstance(shown, dict) else None)
    detail = message.get("detail")
    if not isinstance(detail, dict):
        raise UserError("The message names no repository, and is not an event of EventBridge.")
    if message.get("detail-type") in _OF_IMAGES:
        return _of_image(message, detail)
    return _of_call(message, detail)


def _of_image(message: Mapping[str, Any], detail: Mapping[str, Any]) -> Wanted:
    region = detail.get("source-region") if message["detail-type"] == actions.REPLICATION else None
    is_replica = detail.get("result") == "SUCCESS" and detail.get("source-account") == message.get("account")
    source = region if is_replica and isinstance(region, str) and region != message.get("region") else ""
    return Wanted(_name(detail.get("repository-name")), only_unseen=True, source_region=source)


def _of_call(message: Mapping[str, Any], detail: Mapping[str, Any]) -> Wanted | None:
    """The repository of a call that was made, and not by the controller itself."""
    if detail.get("eventSource") != "ecr.amazonaws.com" or detail.get("errorCode"):
        return None
    if api_calls.caller_of(detail) in config().controller_roles.split(","):
        return None
    for given in ("requestParameters", "serviceEventDetails"):
        parameters = detail.get(given)
        if not isinstance(parameters, dict) or parameters.get("registryId", message["account"]) != message["account"]:
            continue
        named = _ARN.fullmatch(str(parameters.get("resourceArn")))
        name = parameters.get("repositoryName") or (named and named["name"])
        if name:
            return Wanted(_name(name))
    return None


def _name(value: Any) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise UserError(f"{str(value)[:300]!r} is not the name of a repository.")
    return value
