"""CloudFormation's stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@aws.adapter
class Stacks:
    """What CloudFormation says of stacks. Every method may raise UserError and RetryableError."""

    @property
    def _cloudformation(self) -> CloudFormationClient:
        client: CloudFormationClient = aws.client("cloudformation")
        return client

    def is_rolling_back(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack is on its way back to what it was."""
        status = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        return "ROLLBACK" in status
