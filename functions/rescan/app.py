"""Scans the newest images of the repositories on the queue again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.observability import logger, metrics
from ecr_controller.image_scans.rescans import rescan

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import LambdaContext


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """One message a call; an error has the queue show it again. What was done is then not done again: ECR scans an
    image once in 24 hours."""
    for record in event["Records"]:
        started = rescan(record["body"], int(os.environ["NEWEST_IMAGES"]))
        logger.info("%d scans of %s began", started, record["body"])
        metrics.add_metric(name="Rescans", unit=MetricUnit.Count, value=started)
