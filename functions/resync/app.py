"""Looks at the repositories on a queue again: their drift, their baselines, and what is left of gone stacks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller import sqs_batch
from ecr_controller.baselines.baseline import reader
from ecr_controller.custom_resource.request import Home
from ecr_controller.observability import logger, metrics
from ecr_controller.resync.batch import Batch
from ecr_controller.resync.messages import parse
from ecr_controller.resync.repository import Resync
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import LambdaContext
    from ecr_controller.sqs_batch import Message


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the messages that the queue delivers again."""
    home = Home.of_function(context.invoked_function_arn)
    resync = Resync(Batch(home, context.aws_request_id), reader(PartsTable().query_parts, home))

    def look_at(message: Message) -> None:
        wanted = parse(message.body)
        if wanted is not None:
            resync.run(replace(wanted, asked_at=message.sent_at))

    result = sqs_batch.process(event, context, look_at)
    for name, number in resync.tally.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
    return result.response
