"""Rules for cfn-lint: `cfn-lint --append-rules ecrctl.cfn_lint_rules`. They need the package `cfn-lint`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from ecr_controller.errors import UserError
from ecrctl.controller import PARAMETERS, Controller
from ecrctl.inputs.template import Template
from ecrctl.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTATION = "docs/ecrctl.md#finding-faults-with-cfn-lint"


class PropertiesAreValid(CloudFormationLintRule):  # type: ignore[misc]
    """The faults that `ecrctl validate` reports."""

    id = "E9100"
    shortdesc = "Resources of ecr-controller are valid"
    description = "The properties of Custom::ECR… resources would pass the validation of the controller."
    source_url = DOCUMENTATION
    tags: ClassVar = ["resources", "ecr"]

    def __init__(self) -> None:
        super().__init__()
        # The parameters of the controller's stack, by name.
        self.config_definition = {name: {"default": "", "type": "string"} for name in PARAMETERS}
        self.configure()

    def match(self, cfn: Any) -> Iterator[RuleMatch]:
        """A match for each fault, with the default values of parameters. cfn-lint has its own rules for the rest."""
        try:
            template = Template.read(_plain(cfn.template), {})
        except UserError:
            return
        controller = Controller({name: self.config[name] for name in PARAMETERS if self.config[name]})
        for fault in validate(template, controller).faults:
            yield RuleMatch(list(_existing(cfn.template, fault.location)), f"{fault.path}: {fault.message}")


def _plain(node: Any) -> Any:
    """The template without the classes in which cfn-lint keeps positions."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(each) for each in node]
    return str(node) if isinstance(node, str) else node


def _existing(node: Any, path: tuple[str | int, ...]) -> Iterator[str | int]:
    """The path as far as the template has it: cfn-lint fails for any other."""
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return
        yield step
