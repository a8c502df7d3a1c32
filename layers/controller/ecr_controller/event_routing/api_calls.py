"""API calls to Amazon ECR, and what Amazon ECR does for a lifecycle policy, as AWS CloudTrail records them.

Source: "Logging Amazon ECR actions with AWS CloudTrail" in the Amazon ECR user guide. A trail must record them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.event_routing.events import EcrEvent, envelope, optional_text, required_text, tags_of

if TYPE_CHECKING:
    from collections.abc import Mapping

API_CALL, SERVICE_EVENT = "AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"
CALLED = "Called"


def parse_call(event: Mapping[str, Any], detail: Mapping[str, Any], partition: str) -> tuple[EcrEvent, ...]:
    """The call, if it names one repository, of this account. Raises MalformedEvent."""
    given = _map(detail, "requestParameters") or _map(detail, "serviceEventDetails")
    repository = optional_text(given, "repositoryName")
    is_here = given.get("registryId", event.get("account")) == event.get("account")
    if repository is None or not is_here or detail.get("eventSource") != "ecr.amazonaws.com":
        return ()
    caller = caller_of(detail)
    image = _map(given, "imageId")
    tag = optional_text(given, "imageTag") or optional_text(image, "imageTag")
    found = {
        "apiCall": required_text(detail, "eventName"),
        "caller": caller,
        "sourceIpAddress": optional_text(detail, "sourceIPAddress"),
        "errorCode": optional_text(detail, "errorCode"),
    }
    call = EcrEvent(
        name=CALLED,
        **envelope(event, repository, partition),
        image_digest=optional_text(given, "imageDigest") or optional_text(image, "imageDigest"),
        image_tags=tags_of([tag] if tag else []),
        details={key: value for key, value in found.items() if value is not None},
        # The user agent would be the caller's to choose.
        by_controller=caller is not None and caller in config().controller_roles.split(","),
    )
    return (call,)


def caller_of(detail: Mapping[str, Any]) -> str | None:
    """The ARN of the role that was assumed for a call, or of the user; or the service."""
    identity = _map(detail, "userIdentity")
    issuer = _map(_map(identity, "sessionContext"), "sessionIssuer")
    return optional_text(issuer, "arn") or optional_text(identity, "arn") or optional_text(identity, "invokedBy")


def _map(where: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = where.get(key)
    return value if isinstance(value, dict) else {}
