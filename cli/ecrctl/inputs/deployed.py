"""The templates of stacks as they are deployed, with the values of their parameters."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.custom_resource.request import Home
from ecr_controller.errors import UserError
from ecr_controller.stacks import Stacks
from ecrctl.inputs import files
from ecrctl.inputs.parameters import declared_parameters
from ecrctl.inputs.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_cloudformation import CloudFormationClient

    from ecr_controller.stacks import StackResource

# What CloudFormation shows in the place of the value of a parameter with NoEcho.
MASKED = "****"


@aws.translates_errors
class DeployedStacks:
    """The stacks of an account and a Region. The calls change nothing."""

    def __init__(self, cloudformation: CloudFormationClient) -> None:
        self._cloudformation = cloudformation

    def template(self, stack_id: str) -> Template:
        """Its template after all transforms. Calls GetTemplate and DescribeStacks. Raises UserError and
        RetryableError."""
        body: Any = self._cloudformation.get_template(StackName=stack_id, TemplateStage="Processed")["TemplateBody"]
        document = files.parse_yaml(body, stack_id) if isinstance(body, str) else body
        [stack] = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        given = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", ())}
        home = Home.of_function(stack_id)
        pseudo = {
            "AWS::AccountId": home.account,
            "AWS::Region": home.region,
            "AWS::Partition": home.partition,
            "AWS::StackId": stack_id,
            "AWS::StackName": stack["StackName"],
        }
        known = {name: value for name, value in given.items() if value != MASKED}
        return Template.read(_without_defaults(document, given), known | pseudo)


def _without_defaults(document: Any, given: Mapping[str, str]) -> Any:
    """The template without the default of each parameter that has a value: one that is masked is not the default."""
    declared = {
        name: {key: value for key, value in each.items() if key != "Default" or name not in given}
        for name, each in declared_parameters(document).items()
    }
    return {**document, "Parameters": declared}


class KnownStacks(Stacks):
    """Each stack, and each resource of one, is described once."""

    def __init__(self, cloudformation: CloudFormationClient) -> None:
        super().__init__(cloudformation)
        self._exists, self._described = cache(super().exists), cache(super().describe_stack_resource)

    def exists(self, stack_id: str) -> bool:
        """As that of Stacks."""
        return self._exists(stack_id)

    def describe_stack_resource(self, stack_id: str, logical_id: str) -> StackResource | None:
        """As that of Stacks."""
        return self._described(stack_id, logical_id)


def template_reader(cloudformation: CloudFormationClient) -> Callable[[str], Template | None]:
    """A function that reads the template of a stack, and keeps it; None for a stack that does not exist. Raises
    UserError and RetryableError."""
    stacks, deployed = Stacks(cloudformation), DeployedStacks(cloudformation)

    @cache
    def read(stack_id: str) -> Template | None:
        if not stacks.exists(stack_id):
            return None
        try:
            return deployed.template(stack_id)
        except UserError as error:
            raise UserError(f"the template of the stack {stack_id} cannot be read: {error}") from None

    return read
