"""Sends the repositories whose images may be scanned again to a queue. Amazon EventBridge Scheduler invokes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.config import config
from ecr_controller.image_scans.rescans import plan_rescans
from ecr_controller.observability import logger, metrics

if TYPE_CHECKING:
    from ecr_controller.sqs_batch import RemainingTime


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(_event: dict[str, Any], _context: RemainingTime) -> None:
    """The content of the event is not used."""
    planned = plan_rescans(config().repository_names)
    metrics.add_metric(name="RepositoriesToRescan", unit=MetricUnit.Count, value=planned)
