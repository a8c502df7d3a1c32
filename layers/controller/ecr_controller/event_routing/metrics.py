"""The router's metrics: one record for the batch, and one for each name of an event, and each highest severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from ecr_controller.observability import metrics

if TYPE_CHECKING:
    from ecr_controller.event_routing.queued_events import Tally
    from ecr_controller.sqs_batch import BatchResult


def record(tally: Tally, result: BatchResult) -> None:
    """Events by Event, Scans by Severity, Deliveries, DeliveryFailures, DeadLetters, Retries; EventAge in seconds."""
    counts = {
        "Deliveries": tally.deliveries,
        "DeliveryFailures": tally.failures,
        "DeadLetters": result.dead_letters,
        "Retries": len(result.failed),
    }
    for name, count in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    for age in tally.ages:
        metrics.add_metric(name="EventAge", unit=MetricUnit.Seconds, value=age)
    for dimension, name, numbers in (("Event", "Events", tally.events), ("Severity", "Scans", tally.scans)):
        for value, count in numbers.items():
            with single_metric(name=name, unit=MetricUnit.Count, value=count, namespace="ecr-controller") as metric:
                metric.add_dimension(name=dimension, value=value)
