"""AWS CloudFormation stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@aws.translates_errors
class Stacks:
    """The state of stacks."""

    _cloudformation: aws.Client[CloudFormationClient] = aws.Client("cloudformation")

    def is_rolling_back(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack returns to its previous state."""
        status = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        return "ROLLBACK" in status
