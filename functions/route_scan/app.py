"""Routes the scan events that EventBridge put on the queue."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ecr_controller.deadline import DEADLINE
from ecr_controller.observability import logger, metrics
from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.event_routing.batch import Batch
from ecr_controller.sqs_batch import DeadLetterQueue
from ecr_controller.event_routing.deliveries import DeliveriesTable
from ecr_controller.event_routing.metrics import measure
from ecr_controller.event_routing.router import Router
from ecr_controller.scanning.sending import Sender
from ecr_controller.scanning.store import reader

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import LambdaContext

ANSWER_SECONDS = 2.0  # kept for saying what failed


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Route a batch; what is returned are the messages that the queue is to show again."""
    end = time.time() + context.get_remaining_time_in_millis() / 1000
    DEADLINE.set(end - ANSWER_SECONDS)
    router = Router(DeliveriesTable(), Sender(), claimant=context.aws_request_id, until=end)
    batch = Batch(router, reader(PartsTable()), DeadLetterQueue(), int(os.environ["MAX_RECEIVES"]))
    tally = batch.work(event["Records"])
    measure(tally)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in tally.failed]}
