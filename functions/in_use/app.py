"""Keeps the images that are in use: on a schedule, when a deployment begins, and before a lifecycle policy is put."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.custom_resource.request import Home
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use.deployments import uses_of_event
from ecr_controller.in_use.look import Look
from ecr_controller.observability import logger, metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.custom_resource.protocol import LambdaContext
    from ecr_controller.in_use.usage import Use

# Seconds that are left for the answer.
_ANSWER = 5.0


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Looks at one repository with ``RepositoryName``, at what an event of EventBridge is about, or at all of them.

    With ``Since``, a time in seconds since 1970, what ran then or later is enough; ``Until`` is when the answer must
    be there. Returns what could not be done, as ``faults``, whether that is worth a retry, and how many images a look
    found in use. Raises RetryableError if that holds for an event, so that AWS Lambda tries it again.
    """
    end = time.time() + context.get_remaining_time_in_millis() / 1000 - _ANSWER
    DEADLINE.set(min(end, event.get("Until", end)))
    home = Home.of_function(context.invoked_function_arn)
    look = Look(home)
    if "detail-type" in event:
        look.at_uses(_uses(event, look))
    elif "RepositoryName" in event:
        look.at(str(event["RepositoryName"]), event.get("Since"))
    else:
        look.at_all()
    look.tally["InUseFaults"] += len(look.faults)
    for name, number in look.tally.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
    faults = [str(each) for each in look.faults]
    if "detail-type" in event and look.is_worth_a_retry:
        raise RetryableError(" ".join(faults))
    return {"faults": faults, "isWorthARetry": look.is_worth_a_retry, "imagesInUse": look.tally["ImagesInUse"]}


def _uses(event: dict[str, Any], look: Look) -> Iterable[Use]:
    """Of an event. What AWS refuses now it would refuse again; the next look at everything does without the event."""
    try:
        return uses_of_event(event, look.home)
    except UserError as error:
        logger.warning("The event is not used: %s", error)
        look.faults.append(error)
        return ()
