"""The lifecycle policies that a template declares."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, Faults, InvalidProperties, UserError
from ecr_controller.lifecycle.keep_in_use import PROPERTY as KEEP_IN_USE
from ecr_controller.lifecycle.keep_in_use import parse_keep_in_use
from ecr_controller.lifecycle.rules import parse_policy
from ecrctl.inputs.policies import TEXT, DeclaredPolicy
from ecrctl.inputs.template import NATIVE, Template
from ecrctl.inputs.values import Unresolved, as_sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecrctl.inputs.template import Declaration

RULES = ("LifecycleRules", TEXT)
TYPES = ("Custom::ECRRepository", "Custom::ECRLifecyclePolicy", NATIVE)


def from_template(
    document: Any, parameters: Mapping[str, str], *, only: str | None = None, repositories_needed: bool = False
) -> tuple[list[DeclaredPolicy], list[str]]:
    """The policies of the template, in its order, or of one resource if ``only``; and what may declare others and is
    not planned, with the reasons.

    ``parameters`` replace defaults. A repository name that cannot be resolved is an error only if
    ``repositories_needed``. Raises InvalidProperties with the faults of all resources, and UserError.
    """
    template = Template.read(document, parameters)
    reader = _Reader(repositories_needed)
    found = [policy for each in template.declarations if only in (None, each.name) for policy in reader.read(each)]
    if reader.faults:
        raise InvalidProperties("The template", reader.faults)
    not_planned = [] if only else list(template.not_read)
    if not found and not_planned:
        raise UserError(f"nothing can be planned. {'; '.join(not_planned)}")
    if not found:
        where = f"{only} is not a" if only else "the template has no"
        raise UserError(f"{where} resource of type {TYPES[0]}, {TYPES[1]}, or {NATIVE} with a lifecycle policy")
    return found, not_planned


class _Reader:
    """Reads the policies of resources, and collects their faults."""

    def __init__(self, repositories_needed: bool) -> None:
        self._repositories_needed = repositories_needed
        self.faults: list[Fault] = []

    def read(self, declaration: Declaration) -> Iterator[DeclaredPolicy]:
        """The policy of one resource, if it declares a valid one and its condition is true."""
        if f"Custom::{declaration.type_name}" not in TYPES and declaration.type_name != NATIVE:
            return
        if not isinstance(declaration.properties, Mapping):
            self.faults.append(Fault(f"{declaration.name}.Properties", "must be a map of properties"))
            return
        try:
            if declaration.is_excluded():
                return
            needed = self._needed(declaration)
        except Unresolved as error:
            self.faults += error.faults
            return
        yield from self._checked(declaration, needed)

    def _checked(self, declaration: Declaration, needed: dict[str, Any]) -> Iterator[DeclaredPolicy]:
        name, found = declaration.name, Faults()
        is_native = declaration.type_name == NATIVE
        checked = properties.check("ECRRepository" if is_native else declaration.type_name, as_sent(needed), found)
        policy, faults = parse_policy(checked, found), list(found)
        is_open = "RepositoryName" in declaration.properties and "RepositoryName" not in needed
        if is_open and not self._repositories_needed:
            faults = [fault for fault in faults if fault.path != "RepositoryName"]
        if policy and self._repositories_needed and "RepositoryName" not in needed and not faults:
            faults = [Fault("RepositoryName", "is not declared: specify the repository with --repository")]
        prefix = f"{name}.LifecyclePolicy" if is_native else name
        self.faults += [Fault(f"{prefix}.{fault.path}", fault.message) for fault in faults]
        if policy and not faults:
            yield DeclaredPolicy(policy, checked.get("RepositoryName"), name, parse_keep_in_use(checked, Faults()))

    def _needed(self, declaration: Declaration) -> dict[str, Any]:
        """The properties that the plan needs, resolved, and those that are not known, which are faults."""
        name, declared, resolve = declaration.name, declaration.properties, declaration.resolver.resolve
        needed: dict[str, Any]
        if declaration.type_name == NATIVE:
            needed = _native_policy(resolve({"LifecyclePolicy": declared.get("LifecyclePolicy")}, name))
        else:
            known = properties.load(declaration.type_name)["properties"]
            needed = {str(each): value for each, value in declared.items() if each not in known}
            needed |= resolve({each: declared[each] for each in (*RULES, KEEP_IN_USE) if each in declared}, name)
        if "RepositoryName" not in declared or not needed.keys() & {*RULES}:
            return needed
        repository = {"RepositoryName": declared["RepositoryName"]}
        if self._repositories_needed:
            needed |= resolve(repository, name)
        else:
            with suppress(Unresolved):
                needed |= resolve(repository, name)
        return needed


def _native_policy(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The policy of an `AWS::ECR::Repository` as the property of a Custom::ECRRepository."""
    policy = declared.get("LifecyclePolicy")
    return {TEXT: policy[TEXT]} if isinstance(policy, Mapping) and TEXT in policy else {}
