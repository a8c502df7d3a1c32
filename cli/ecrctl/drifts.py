"""The drift of a repository: where what Amazon ECR has differs from what its stack declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.repository.ownership import LIFECYCLE_POLICY, LOGICAL_ID, STACK_ID
from ecrctl.comparison import compare, spec_of
from ecrctl.controller import UNBOUNDED
from ecrctl.inputs.values import NO_VALUE, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ecr_controller.repository.changes import Change
    from ecrctl.inputs.inventory import Found
    from ecrctl.inputs.template import Declaration, Template

_TYPES = ("ECRRepository", "ECRLifecyclePolicy")
# They say what happens to a repository, and not what it has.
_NOT_SETTINGS = {
    "RepositoryName",
    "OnExisting",
    "EmptyOnDelete",
    "LifecycleGuard",
    "OnDrift",
    "AllowLifecyclePolicies",
    "StackTags",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """The resource that declares settings of a repository; the changes from what it has to what is declared; and what
    can't be compared, with the reasons."""

    repository: str
    stack_id: str
    resource: str
    changes: Sequence[Change[Any]] = ()
    not_compared: Sequence[str] = ()


def drifts_of(found: Found, template_of: Callable[[str], Template | None]) -> list[Drift]:
    """The drift of a repository from each resource of the controller that declares its settings by its tags: the one
    that owns it, and one that declares its lifecycle policy alone.

    ``template_of`` reads the template of a stack by its ID, and is None for one that no longer exists.
    """
    return [_drift(found, stack_id, name, template_of(stack_id)) for stack_id, name in _owners(found)]


def _owners(found: Found) -> list[tuple[str, str]]:
    tags, home = found.repository.tags, found.home
    owners = [(tags[STACK_ID], tags[LOGICAL_ID])] if {STACK_ID, LOGICAL_ID} <= tags.keys() else []
    stack, _, name = tags.get(LIFECYCLE_POLICY, "").partition(" ")
    if name:
        owners.append((f"arn:{home.partition}:cloudformation:{home.region}:{home.account}:stack/{stack}", name))
    return list(dict.fromkeys(owners))


def _drift(found: Found, stack_id: str, name: str, template: Template | None) -> Drift:
    if template is None:
        return Drift(found.name, stack_id, name, (), ["The stack no longer exists."])
    mine = (each for each in template.declarations if each.name == name and each.type_name in _TYPES)
    declaration = next(mine, None)
    if declaration is None or not isinstance(declaration.properties, Mapping):
        return Drift(found.name, stack_id, name, (), [f"The template of the stack has no resource {name}."])
    if (why := _excluded(declaration)) is not None:
        return Drift(found.name, stack_id, name, (), [why])
    values, unknown = _values(declaration)
    spec, faults = spec_of(declaration.type_name, {"RepositoryName": found.name, **values}, found.home, UNBOUNDED)
    return Drift(found.name, stack_id, name, compare(found, spec), [*unknown, *map(str, faults)])


def _excluded(declaration: Declaration) -> str | None:
    """Why the stack does not have the resource, or may not have it."""
    try:
        if declaration.is_excluded():
            return f"The condition of {declaration.name} is false, so that the stack does not have the resource."
    except Unresolved as error:
        return "; ".join(map(str, error.faults))
    return None


def _values(declaration: Declaration) -> tuple[dict[str, Any], list[str]]:
    """The values of the properties that are settings, and the faults of those that the template alone does not say."""
    values, unknown = dict[str, Any](), list[str]()
    for name, node in _settings(declaration):
        try:
            value = declaration.resolver.resolve(node, name)
        except Unresolved as error:
            unknown += map(str, error.faults)
        else:
            values |= {} if value is NO_VALUE else {name: value}
    return values, unknown


def _settings(declaration: Declaration) -> Iterator[tuple[str, Any]]:
    for name, node in declaration.properties.items():
        if name not in _NOT_SETTINGS and name not in properties.PROTOCOL:
            yield name, node
