"""The handler of a function behind custom resource types: the protocol, with logs and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from ecr_controller.config import is_sam_local
from ecr_controller.controller_events import ControllerEvent, emit
from ecr_controller.custom_resource import protocol
from ecr_controller.custom_resource.authority import Authority
from ecr_controller.custom_resource.request import Home
from ecr_controller.custom_resource.verification import UnverifiedRequest
from ecr_controller.observability import count_once, logger, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecr_controller.custom_resource.protocol import LambdaContext, Resource
    from ecr_controller.custom_resource.request import Request
    from ecr_controller.errors import UserError

    Handler = Callable[[dict[str, Any], LambdaContext], None]


def handler_for(*resources: Resource[Any]) -> Handler:
    """A Lambda handler that serves the requests of these types. It returns nothing: CloudFormation does not wait."""

    types = [f"Custom::{each.type_name}" for each in resources]

    @logger.inject_lambda_context(clear_state=True, log_event=False)
    @metrics.log_metrics
    def handler(event: dict[str, Any], context: LambdaContext) -> None:
        logger.append_keys(
            request_id=event.get("RequestId"),
            stack_id=event.get("StackId"),
            logical_id=event.get("LogicalResourceId"),
            resource_type=event.get("ResourceType"),
        )
        status = protocol.serve(event, context, resources, _authority(context), _send_events)
        # The answer is out: a failure from here on would have the on-failure function answer again.
        metrics.add_dimension(name="ResourceType", value=_one_of(types, event.get("ResourceType")))
        metrics.add_dimension(name="Request", value=_one_of(("Create", "Update", "Delete"), event.get("RequestType")))
        metrics.add_metric(name="Succeeded" if status == "SUCCESS" else "Failed", unit=MetricUnit.Count, value=1)

    return handler


def _send_events(request: Request[Any], error: UserError | None) -> None:
    """Send the events of what the request did, or why it was refused."""
    if is_sam_local():
        return
    about = (request.stack_id, request.logical_id, request.resource_type)
    message = str(error or "")
    events = [ControllerEvent(name, repository, *about, message) for name, repository in request.noted]
    if error is not None and error.event:
        events.append(ControllerEvent(error.event, None, *about, message))
    emit(events)


def _one_of(known: Sequence[str], value: Any) -> str:
    # Each other value would be a metric of its own, and whoever writes a template could make any number of them.
    return value if value in known else "unknown"


class _CountingAuthority(Authority):
    """Counts the requests that CloudFormation does not make."""

    def verify(self, request: Request[Any]) -> None:
        try:
            super().verify(request)
        except UnverifiedRequest:
            count_once("UnverifiedRequests")
            raise


def _authority(context: LambdaContext) -> Authority:
    # `sam local invoke` runs a request of the developer, which no stack makes.
    return _CountingAuthority(None if is_sam_local() else Home.of_function(context.invoked_function_arn))
