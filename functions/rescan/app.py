"""Scans the newest images of the repositories on a queue again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller import sqs_batch
from ecr_controller.config import config
from ecr_controller.errors import count
from ecr_controller.image_scans.rescans import rescan
from ecr_controller.observability import logger, metrics

if TYPE_CHECKING:
    from ecr_controller.sqs_batch import Message, RemainingTime


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: RemainingTime) -> dict[str, Any]:
    """Returns the messages that the queue delivers again. A retry is cheap: ECR scans an image once in 24 hours."""
    return sqs_batch.process(event, context, _rescan).response


def _rescan(message: Message) -> None:
    started = rescan(message.body, int(config().newest_images))
    logger.info("%s in %s started", count(started, "scan"), message.body)
    metrics.add_metric(name="Rescans", unit=MetricUnit.Count, value=started)
