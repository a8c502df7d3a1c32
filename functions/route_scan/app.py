"""Routes the scan events on a queue to their targets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ecr_controller import sqs_batch
from ecr_controller.custom_resource.request import Home
from ecr_controller.event_routing.deliveries import DeliveriesTable
from ecr_controller.event_routing.ecr import ImageIndexes
from ecr_controller.event_routing.index_tags import tag_reader
from ecr_controller.event_routing.metrics import record
from ecr_controller.event_routing.queued_events import EventRouting
from ecr_controller.event_routing.router import Router
from ecr_controller.event_routing.routes import reader
from ecr_controller.observability import logger, metrics
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import LambdaContext


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the messages that the queue delivers again."""
    end = time.time() + context.get_remaining_time_in_millis() / 1000
    router = Router(DeliveriesTable(), claimant=context.aws_request_id, until=end)
    partition = Home.of_function(context.invoked_function_arn).partition
    routing = EventRouting(router, reader(PartsTable().query_parts), tag_reader(ImageIndexes()), partition)
    result = sqs_batch.process(event, context, routing.route)
    record(routing.tally, result)
    return result.response
