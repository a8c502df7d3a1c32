"""AWS CloudFormation stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack, as CloudFormation describes it. It has no physical id before it is created."""

    type: str
    physical_id: str
    status: str


@aws.translates_errors
class Stacks:
    """The state of stacks and of their resources."""

    _cloudformation: aws.Client[CloudFormationClient] = aws.Client("cloudformation")

    def __init__(self, cloudformation: CloudFormationClient | None = None) -> None:
        if cloudformation is not None:
            self._cloudformation = cloudformation

    def is_rolling_back(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack returns to its previous state."""
        return "ROLLBACK" in self._status(stack_id)

    def is_being_deleted(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack is being deleted as a whole."""
        return self._status(stack_id).startswith("DELETE")

    def is_cleaning_up(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack deletes what an update, or its rollback, replaced or removed."""
        return self._status(stack_id).endswith("_CLEANUP_IN_PROGRESS")

    def exists(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack exists. One that was deleted is described for 90 days, by its ID alone."""
        found = self._find(stack_id)
        return found is not None and found["StackStatus"] != "DELETE_COMPLETE"

    def is_deleted(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack was deleted, in the last 90 days."""
        found = self._find(stack_id)
        return found is not None and found["StackStatus"] == "DELETE_COMPLETE"

    def tags(self, stack_id: str) -> dict[str, str]:
        """DescribeStacks: the tags of the stack; none if it does not exist, as under `sam local invoke`."""
        found = self._find(stack_id)
        return {} if found is None else {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}

    def _find(self, stack_id: str) -> StackTypeDef | None:
        try:
            return self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        except self._cloudformation.exceptions.ClientError as error:
            if _does_not_exist(error.response.get("Error", {})):
                return None
            raise

    def _status(self, stack_id: str) -> str:
        return self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]

    def has_resource(self, stack_id: str, logical_id: str, physical_id: str) -> bool:
        """DescribeStackResource: whether the stack exists and has the resource. A retained resource counts as gone, and
        so does one that has another physical id now.
        """
        found = self.describe_stack_resource(stack_id, logical_id)
        if found is None:
            return False
        is_other = found.physical_id not in ("", physical_id) and not found.status.endswith("IN_PROGRESS")
        return found.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED") and not is_other

    def may_have_resource(self, stack_id: str, logical_id: str, physical_id: str) -> bool:
        """As `has_resource`, but while the stack changes, what it replaced counts as its own: a rollback returns to it.

        Calls DescribeStacks where the resource has another physical id.
        """
        if self.has_resource(stack_id, logical_id, physical_id):
            return True
        found = self.describe_stack_resource(stack_id, logical_id)
        is_replaced = found is not None and found.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        return is_replaced and self._status(stack_id).endswith("_IN_PROGRESS")

    def describe_stack_resource(self, stack_id: str, logical_id: str) -> StackResource | None:
        """DescribeStackResource: None if the stack or the resource does not exist."""
        try:
            answer = self._cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=logical_id)
        except self._cloudformation.exceptions.ClientError as error:
            if _does_not_exist(error.response.get("Error", {})):
                return None
            raise
        detail = answer["StackResourceDetail"]
        return StackResource(detail["ResourceType"], detail.get("PhysicalResourceId", ""), detail["ResourceStatus"])


def _does_not_exist(error: Mapping[str, object]) -> bool:
    # CloudFormation has no error code of its own for a stack or a resource that does not exist.
    return error.get("Code") == "ValidationError" and "does not exist" in str(error.get("Message"))
