"""Keeps the images that are in use: on a schedule, when a deployment begins, and before a lifecycle policy is put."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.custom_resource.request import Home
from ecr_controller.deadline import DEADLINE
from ecr_controller.in_use.look import Look
from ecr_controller.observability import logger, metrics

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import LambdaContext

# Seconds that are left for the answer.
_ANSWER = 5.0


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Looks at one repository with ``RepositoryName``, at what an event of EventBridge is about, or at all of them.

    With ``Since``, a time in seconds since 1970, what ran then or later is enough; ``Until`` is when the answer must
    be there. For what it returns, see `Look.answer`. Raises RetryableError for an event that may succeed later, so that
    AWS Lambda tries it again.
    """
    end = time.time() + context.get_remaining_time_in_millis() / 1000 - _ANSWER
    DEADLINE.set(min(end, event.get("Until", end)))
    look = Look(Home.of_function(context.invoked_function_arn))
    try:
        if "detail-type" in event:
            look.at_event(event)
        elif "RepositoryName" in event:
            look.at(str(event["RepositoryName"]), event.get("Since"))
        else:
            look.at_all()
    finally:
        for name, number in {**look.tally, "InUseFaults": len(look.faults)}.items():
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
    return look.answer
