"""Puts the repositories whose images may be scanned again on a queue. Amazon EventBridge Scheduler calls it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.observability import logger, metrics
from ecr_controller.scanning.rescan_plan import plan

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import LambdaContext


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    """What the event says does not matter."""
    planned = plan(os.environ["REPOSITORY_NAMES"])
    metrics.add_metric(name="RepositoriesToRescan", unit=MetricUnit.Count, value=planned)
