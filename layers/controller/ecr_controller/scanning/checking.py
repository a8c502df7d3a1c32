"""Looking, when a route is declared, whether its targets are there and within the controller's reach.

The role that looks has the bounds of the role that sends, so what it cannot see the other cannot reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.scanning.clients import TargetClients

if TYPE_CHECKING:
    from ecr_controller.event_routing.targets import Target


@aws.adapter
class Checker(TargetClients):
    """Reads targets. `check` may raise UserError and RetryableError."""

    def check(self, target: Target) -> None:
        """GetTopicAttributes, GetQueueAttributes, GetFunctionConfiguration, DescribeStateMachine or
        DescribeEventBus."""
        match target.kind:
            case "topic":
                self._sns.get_topic_attributes(TopicArn=target.arn)
            case "queue":
                self._sqs.get_queue_attributes(QueueUrl=self._queue_url(target), AttributeNames=["QueueArn"])
            case "function":
                self._lambda.get_function_configuration(FunctionName=target.arn)
            case "state machine":
                self._stepfunctions.describe_state_machine(stateMachineArn=target.arn)
            case _:
                self._events.describe_event_bus(Name=target.name)
