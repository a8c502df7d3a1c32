"""A custom resource request, served by a function: the protocol, with logs and metrics around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.custom_resource import protocol as custom_resource
from ecr_controller.observability import logger, metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.protocol import LambdaContext, Resource


def serve(event: Mapping[str, Any], context: LambdaContext, resource: Resource) -> None:
    """Serve a custom resource request, with its ids on every log line, and count it by type and outcome."""
    logger.append_keys(
        request_id=event.get("RequestId"),
        stack_id=event.get("StackId"),
        logical_id=event.get("LogicalResourceId"),
        resource_type=event.get("ResourceType"),
    )
    status = custom_resource.serve(event, context, resource)
    # It is answered: whatever fails from here on would have the request answered again as that of a dead function.
    metrics.add_dimension(name="ResourceType", value=event.get("ResourceType") or "unknown")
    metrics.add_dimension(name="Request", value=event.get("RequestType") or "unknown")
    metrics.add_metric(name="Succeeded" if status == "SUCCESS" else "Failed", unit=MetricUnit.Count, value=1)
