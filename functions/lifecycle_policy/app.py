"""Stands behind ``Custom::ECRLifecyclePolicy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource
from ecr_controller.observability import logger, metrics
from ecr_controller.custom_resource.handler import serve

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import LambdaContext

resource = LifecyclePolicyResource()


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Answer a custom resource request; nothing is returned, since CloudFormation calls asynchronously."""
    serve(event, context, resource)
