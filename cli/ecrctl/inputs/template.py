"""The lifecycle policies that a CloudFormation or SAM template declares."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ecr_controller import properties
from ecr_controller.errors import Fault, InvalidProperties, UserError
from ecr_controller.lifecycle.rules import declared_policy
from ecrctl.inputs.intrinsics import Resolver
from ecrctl.inputs.policies import DeclaredPolicy
from ecrctl.inputs.values import Unresolved, text

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = ("LifecycleRules", "LifecyclePolicyText")
TYPES = {"Custom::ECRRepository": "ECRRepository", "Custom::ECRLifecyclePolicy": "ECRLifecyclePolicy"}


def policies_of(
    template: Any, given: Mapping[str, str], *, only: str | None = None, repositories_needed: bool = False
) -> list[DeclaredPolicy]:
    """The policies of our resources, in order, with the parameters ``given`` and defaults; of one resource if ``only``.

    Raises InvalidProperties, with the faults of all, and UserError where there is none. A name of a repository that is
    not needed may be one that the template does not tell.
    """
    if not isinstance(template, Mapping) or not isinstance(template.get("Resources"), Mapping):
        raise UserError("the template has no Resources")
    reader = _Reader(Resolver(template, parameters_of(template, given)), repositories_needed)
    try:
        found = [policy for name, each in reader.resources(only) for policy in reader.read(name, each)]
    except RecursionError:
        raise UserError("the template refers to itself in a circle") from None
    if reader.faults:
        raise InvalidProperties("The template", reader.faults)
    if not found:
        where = f"{only} is no {' or '.join(TYPES)} that" if only else f"no {' or '.join(TYPES)} in the template"
        raise UserError(f"{where} declares a lifecycle policy")
    return found


def parameters_of(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that have a value, pseudo parameters too. Raises UserError for one that the template lacks."""
    declared = template.get("Parameters") or {}
    if not isinstance(declared, Mapping) or not all(isinstance(each, Mapping) for each in declared.values()):
        raise UserError("the template's Parameters are not a map of parameters")
    unknown = [name for name in given if name not in declared and not name.startswith("AWS::")]
    if unknown:
        raise UserError(f"the template has no parameter {', '.join(unknown)}")
    values = {name: each["Default"] for name, each in declared.items() if "Default" in each} | dict(given)
    types = {name: str(each.get("Type", "String")) for name, each in declared.items()}
    # What is given for a parameter of Systems Manager is where its value is kept.
    return {
        name: _typed(value, types.get(name, "String"))
        for name, value in values.items()
        if not types.get(name, "").startswith("AWS::SSM::")
    }


def _typed(value: Any, kind: str) -> Any:
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    try:
        return [item.strip() for item in text(value).split(",")] if is_list else text(value)
    except TypeError:
        raise UserError(f"the default of a parameter must be text, not {value!r}") from None


class _Reader:
    """Reads one resource after the other, and collects their faults."""

    def __init__(self, resolver: Resolver, repositories_needed: bool) -> None:
        self._resolver = resolver
        self._repositories_needed = repositories_needed
        self.faults: list[Fault] = []

    def resources(self, only: str | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Our resources that the conditions of the template let be."""
        for name, resource in self._resolver.template["Resources"].items():
            if not isinstance(resource, Mapping) or resource.get("Type") not in TYPES or only not in (None, name):
                continue
            try:
                if "Condition" not in resource or self._resolver.condition(resource["Condition"], f"{name}.Condition"):
                    yield name, resource
            except Unresolved as error:
                self.faults += error.faults

    def read(self, name: str, resource: Mapping[str, Any]) -> Iterator[DeclaredPolicy]:
        """The policy of one resource, if it declares one that has no faults."""
        declared = resource.get("Properties") or {}
        if not isinstance(declared, Mapping):
            self.faults.append(Fault(f"{name}.Properties", "must be a map of properties"))
            return
        try:
            wanted = self._wanted(name, declared, TYPES[resource["Type"]])
        except Unresolved as error:
            self.faults += error.faults
            return
        checked, faults = properties.check(TYPES[resource["Type"]], wanted)
        policy = declared_policy(checked, faults)
        if not self._repositories_needed and "RepositoryName" in declared and "RepositoryName" not in wanted:
            faults = [fault for fault in faults if fault.path != "RepositoryName"]
        if policy and self._repositories_needed and "RepositoryName" not in wanted and not faults:
            faults = [Fault("RepositoryName", "is not declared, so say whose images to plan for: --repository NAME")]
        self.faults += [Fault(f"{name}.{fault.path}", fault.message) for fault in faults]
        if policy and not faults:
            yield DeclaredPolicy(policy, checked.get("RepositoryName"), name)

    def _wanted(self, name: str, declared: Mapping[str, Any], type_name: str) -> dict[str, Any]:
        """What the plan needs, resolved. Of what is unknown only the name matters, and the rest does not."""
        known = properties.load(type_name)["properties"]
        needed = (*RULES, "RepositoryName") if self._repositories_needed else RULES
        wanted: dict[str, Any] = {str(each): value for each, value in declared.items() if each not in known}
        wanted |= self._resolver.resolve({each: declared[each] for each in needed if each in declared}, name)
        if "RepositoryName" in declared and not self._repositories_needed:
            with suppress(Unresolved):
                wanted |= self._resolver.resolve({"RepositoryName": declared["RepositoryName"]}, name)
        return wanted
