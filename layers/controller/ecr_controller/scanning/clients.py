"""The clients of the services that targets belong to, each made when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from ecr_controller.event_routing.targets import Target


class TargetClients:
    """What looks at targets and what tells them have this in common."""

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

    def _queue_url(self, target: Target) -> str:
        return f"{self._sqs.meta.endpoint_url}/{target.home[0]}/{target.name}"
