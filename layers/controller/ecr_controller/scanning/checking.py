"""Looking, when a route is declared, whether its targets are there and within the controller's reach.

The role that looks has the bounds of the role that sends, so what it cannot see the other cannot reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from ecr_controller.scanning.targets import Target


@aws.adapter
class Checker:
    """Reads targets. `check` may raise UserError and RetryableError."""

    @property
    def _sns(self) -> SNSClient:
        client: SNSClient = aws.client("sns")
        return client

    @property
    def _sqs(self) -> SQSClient:
        client: SQSClient = aws.client("sqs")
        return client

    @property
    def _lambda(self) -> LambdaClient:
        client: LambdaClient = aws.client("lambda")
        return client

    @property
    def _stepfunctions(self) -> SFNClient:
        client: SFNClient = aws.client("stepfunctions")
        return client

    @property
    def _events(self) -> EventBridgeClient:
        client: EventBridgeClient = aws.client("events")
        return client

    def check(self, target: Target) -> None:
        """GetTopicAttributes, GetQueueAttributes, GetFunctionConfiguration, DescribeStateMachine or
        DescribeEventBus."""
        match target.kind:
            case "topic":
                self._sns.get_topic_attributes(TopicArn=target.arn)
            case "queue":
                url = f"{self._sqs.meta.endpoint_url}/{target.home[0]}/{target.name}"
                self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            case "function":
                self._lambda.get_function_configuration(FunctionName=target.arn)
            case "state machine":
                self._stepfunctions.describe_state_machine(stateMachineArn=target.arn)
            case _:
                self._events.describe_event_bus(Name=target.name)
