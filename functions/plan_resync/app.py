"""Sends the repositories to look at again to a queue. A schedule invokes it, and whoever wants a resync now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.observability import logger, metrics
from ecr_controller.resync.planner import plan_resync

if TYPE_CHECKING:
    from ecr_controller.sqs_batch import RemainingTime


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], _context: RemainingTime) -> dict[str, int]:
    """With ``RepositoryName``, a name or a pattern, only these repositories. Returns their number."""
    planned = plan_resync(event)
    metrics.add_metric(name="RepositoriesToResync", unit=MetricUnit.Count, value=planned)
    return {"repositories": planned}
