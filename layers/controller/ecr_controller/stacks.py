"""AWS CloudFormation stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudformation import CloudFormationClient


@aws.translates_errors
class Stacks:
    """The state of stacks and of their resources."""

    _cloudformation: aws.Client[CloudFormationClient] = aws.Client("cloudformation")

    def is_rolling_back(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack returns to its previous state."""
        status = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        return "ROLLBACK" in status

    def is_being_deleted(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack is being deleted as a whole."""
        status = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        return status.startswith("DELETE")

    def exists(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack exists. One that was deleted is described for 90 days, by its ID alone."""
        try:
            stacks = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        except self._cloudformation.exceptions.ClientError as error:
            if _does_not_exist(error.response.get("Error", {})):
                return False
            raise
        return stacks[0]["StackStatus"] != "DELETE_COMPLETE"

    def has_resource(self, stack_id: str, logical_id: str) -> bool:
        """DescribeStackResource: whether the stack exists and has the resource. A retained resource counts as gone."""
        try:
            described = self._cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=logical_id)
        except self._cloudformation.exceptions.ClientError as error:
            if _does_not_exist(error.response.get("Error", {})):
                return False
            raise
        return described["StackResourceDetail"]["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED")


def _does_not_exist(error: Mapping[str, object]) -> bool:
    # CloudFormation has no error code of its own for a stack or a resource that does not exist.
    return error.get("Code") == "ValidationError" and "does not exist" in str(error.get("Message"))
