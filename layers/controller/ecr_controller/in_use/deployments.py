"""The events of deployments, which say that an image begins to be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError
from ecr_controller.in_use.ecs import Clusters, containers_of_task
from ecr_controller.in_use.functions import ImageFunctions
from ecr_controller.in_use.sources import uses_of
from ecr_controller.lifecycle.keep_in_use import ECS, LAMBDA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.in_use.ecs import Container
    from ecr_controller.in_use.usage import Use

TASK, SERVICE, CALL = "ECS Task State Change", "ECS Deployment State Change", "AWS API Call via CloudTrail"
# AWS Lambda names the version of its API in these events.
_CALLS = ("CreateFunction", "UpdateFunctionCode", "PublishVersion")


def uses_of_event(event: Mapping[str, Any], home: Home) -> tuple[Use, ...]:
    """The images that an event of Amazon ECS, or of a call to AWS Lambda, says are used. Raises UserError for an event
    of another form, and RetryableError."""
    try:
        kind, detail = event["detail-type"], event["detail"]
        if kind == TASK:
            return uses_of(containers_of_task(detail), ECS, home)
        if kind == SERVICE:
            services = [arn for arn in event["resources"] if ":service/" in arn]
            return uses_of((each for arn in services for each in Clusters().describe_service(arn)), ECS, home)
        if kind == CALL and detail["eventName"].startswith(_CALLS) and not detail.get("errorCode"):
            return uses_of(_of_function(detail["responseElements"] or {}), LAMBDA, home)
    except (KeyError, TypeError, AttributeError):
        raise UserError("The event does not have the form of an event of Amazon ECS or AWS Lambda.") from None
    return ()


def _of_function(answer: Mapping[str, Any]) -> Iterable[Container]:
    if answer.get("packageType") != "Image":
        return ()
    return ImageFunctions().get_function(answer["functionName"], answer.get("version") or "$LATEST")
