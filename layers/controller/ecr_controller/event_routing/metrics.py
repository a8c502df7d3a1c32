"""The router's metrics: one record for the batch, and one for each highest severity of its scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from ecr_controller.observability import metrics

if TYPE_CHECKING:
    from ecr_controller.event_routing.queued_events import Tally
    from ecr_controller.sqs_batch import BatchResult


def record(tally: Tally, result: BatchResult) -> None:
    """Scans by Severity, Deliveries, DeliveryFailures, DeadLetters, Retries, and ScanAge in seconds."""
    counts = {
        "Deliveries": tally.deliveries,
        "DeliveryFailures": tally.failures,
        "DeadLetters": result.dead_letters,
        "Retries": len(result.failed),
    }
    for name, count in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    for age in tally.ages:
        metrics.add_metric(name="ScanAge", unit=MetricUnit.Seconds, value=age)
    for severity, count in tally.scans.items():
        with single_metric(name="Scans", unit=MetricUnit.Count, value=count, namespace="ecr-controller") as metric:
            metric.add_dimension(name="Severity", value=severity)
