"""The lifecycle policies that a CloudFormation or SAM template declares."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, Faults, InvalidProperties, UserError
from ecr_controller.lifecycle.rules import parse_policy
from ecrctl.inputs.intrinsics import Resolver
from ecrctl.inputs.policies import DeclaredPolicy
from ecrctl.inputs.values import Unresolved, as_sent, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = ("LifecycleRules", "LifecyclePolicyText")
TYPES = {"Custom::ECRRepository": "ECRRepository", "Custom::ECRLifecyclePolicy": "ECRLifecyclePolicy"}


def lifecycle_policies(
    template: Any, parameters: Mapping[str, str], *, only: str | None = None, repositories_needed: bool = False
) -> list[DeclaredPolicy]:
    """The policies of the controller's resources in the template, in its order; of one resource if ``only``.

    ``parameters`` replace defaults. A repository name that cannot be resolved is an error only if
    ``repositories_needed``. Raises InvalidProperties with the faults of all resources, and UserError.
    """
    if not isinstance(template, Mapping) or not isinstance(template.get("Resources"), Mapping):
        raise UserError("the template has no Resources section")
    reader = _Reader(Resolver(template, parameter_values(template, parameters)), repositories_needed)
    try:
        found = [policy for name, each in reader.resources(only) for policy in reader.read(name, each)]
    except RecursionError:
        raise UserError("the template has a circular reference") from None
    if reader.faults:
        raise InvalidProperties("The template", reader.faults)
    if not found and not only and (unread := not_planned(template)):
        raise UserError(f"nothing can be planned. {'; '.join(unread)}")
    if not found:
        where = f"{only} is not a" if only else "the template has no"
        raise UserError(f"{where} resource of type {' or '.join(TYPES)} with a lifecycle policy")
    return found


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The values of the parameters and pseudo parameters that have one. Raises UserError."""
    declared = template.get("Parameters") or {}
    if not isinstance(declared, Mapping) or not all(isinstance(each, Mapping) for each in declared.values()):
        raise UserError("Parameters: must be a map of parameters")
    unknown = [name for name in given if name not in declared and not name.startswith("AWS::")]
    if unknown:
        raise UserError(f"the template has no parameter {', '.join(unknown)}: correct --parameter")
    values = {name: each["Default"] for name, each in declared.items() if "Default" in each} | dict(given)
    types = {name: str(each.get("Type", "String")) for name, each in declared.items()}
    # The given value of a Systems Manager parameter type is a name, not the value.
    return {
        name: _typed(name, value, types.get(name, "String"))
        for name, value in values.items()
        if not types.get(name, "").startswith("AWS::SSM::")
    }


def _typed(name: str, value: Any, kind: str) -> Any:
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    try:
        return [item.strip() for item in to_text(value).split(",")] if is_list else to_text(value)
    except TypeError:
        raise UserError(f"Parameters.{name}.Default: must be a string, not {value!r}") from None


def type_of(resource: Mapping[str, Any]) -> str | None:
    """The type without `Custom::`, also where the resource is an `AWS::CloudFormation::CustomResource` with the service
    token of the type; None for any other."""
    kind = resource.get("Type")
    if isinstance(kind, str) and kind in TYPES:
        return TYPES[kind]
    if kind != "AWS::CloudFormation::CustomResource" and not str(kind).startswith("Custom::"):
        return None
    declared = resource.get("Properties")
    token = declared.get("ServiceToken") if isinstance(declared, Mapping) else None
    exported = token.get("Fn::ImportValue") if isinstance(token, Mapping) else None
    name = exported.get("Fn::Sub") if isinstance(exported, Mapping) else exported
    found = str(name).rpartition("-")[2]
    return found if found in TYPES.values() else None


def not_planned(template: Mapping[str, Any]) -> list[str]:
    """What may declare lifecycle policies and is not read, each with the reason. The template has Resources."""
    found = [f"{name}: {why}" for name, each in template["Resources"].items() if (why := _why_not_read(name, each))]
    return [*found, "Fn::Transform: this function isn't evaluated"] if "Fn::Transform" in template else found


def _why_not_read(name: Any, resource: Any) -> str | None:
    if str(name).startswith("Fn::"):
        return "this function isn't evaluated"
    if not isinstance(resource, Mapping):
        return None
    if "Fn::Transform" in resource:
        return "Fn::Transform isn't evaluated"
    kind, declared = resource.get("Type"), resource.get("Properties")
    if kind in ("AWS::CloudFormation::Stack", "AWS::Serverless::Application"):
        return "the template of a nested stack isn't read"
    if kind == "AWS::ECR::Repository" and isinstance(declared, Mapping) and "LifecyclePolicy" in declared:
        return "the policy of an AWS::ECR::Repository isn't read; use --policy-file"
    return None


class _Reader:
    """Reads resources, and collects their faults."""

    def __init__(self, resolver: Resolver, repositories_needed: bool) -> None:
        self._resolver = resolver
        self._repositories_needed = repositories_needed
        self.faults: list[Fault] = []

    def resources(self, only: str | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The resources of our types whose condition is true."""
        for name, resource in self._resolver.template["Resources"].items():
            if not isinstance(resource, Mapping) or only not in (None, name):
                continue
            if type_of(resource) is None:
                continue
            try:
                if "Condition" in resource and not self._resolver.is_condition_true(
                    resource["Condition"], f"{name}.Condition"
                ):
                    continue
            except Unresolved as error:
                self.faults += error.faults
            else:
                yield name, resource

    def read(self, name: str, resource: Mapping[str, Any]) -> Iterator[DeclaredPolicy]:
        """The policy of one resource, if it declares a valid one."""
        declared = resource.get("Properties") or {}
        if not isinstance(declared, Mapping):
            self.faults.append(Fault(f"{name}.Properties", "must be a map of properties"))
            return
        type_name = type_of(resource) or ""
        try:
            needed = self._needed(name, declared, type_name)
        except Unresolved as error:
            self.faults += error.faults
            return
        found = Faults()
        checked = properties.check(type_name, as_sent(needed), found)
        policy, faults = parse_policy(checked, found), list(found)
        if not self._repositories_needed and "RepositoryName" in declared and "RepositoryName" not in needed:
            faults = [fault for fault in faults if fault.path != "RepositoryName"]
        if policy and self._repositories_needed and "RepositoryName" not in needed and not faults:
            faults = [Fault("RepositoryName", "is not declared: specify the repository with --repository")]
        self.faults += [Fault(f"{name}.{fault.path}", fault.message) for fault in faults]
        if policy and not faults:
            yield DeclaredPolicy(policy, checked.get("RepositoryName"), name)

    def _needed(self, name: str, declared: Mapping[str, Any], type_name: str) -> dict[str, Any]:
        """The properties that the plan needs, resolved, and those that are not known, which are faults."""
        known = properties.load(type_name)["properties"]
        names = (*RULES, "RepositoryName") if self._repositories_needed else RULES
        needed: dict[str, Any] = {str(each): value for each, value in declared.items() if each not in known}
        needed |= self._resolver.resolve({each: declared[each] for each in names if each in declared}, name)
        if "RepositoryName" in declared and not self._repositories_needed:
            with suppress(Unresolved):
                needed |= self._resolver.resolve({"RepositoryName": declared["RepositoryName"]}, name)
        return needed
