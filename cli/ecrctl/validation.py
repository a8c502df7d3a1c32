"""Everything that is wrong with the controller's resources in a template, in the words of the deployment.

Each resource goes through the schema and the `parse` of its type, as in the controller. A value that is known only at
deployment counts as one that is declared and invalid, whose consequences `parse` does not report, and its own fault is
left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.custom_resource.request import Home
from ecr_controller.errors import Fault, Faults
from ecr_controller.event_routing.routes import Route
from ecrctl import stand_ins
from ecrctl.inputs.intrinsics import is_call, no_stand_in
from ecrctl.inputs.positions import steps
from ecrctl.inputs.template import NATIVE
from ecrctl.inputs.values import NO_VALUE, Unresolved, as_sent
from ecrctl.resource_types import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecrctl.controller import Controller
    from ecrctl.inputs.intrinsics import Resolver
    from ecrctl.inputs.template import Declaration, Template

# The value of what is known only at deployment. It has no type that a schema knows.
UNKNOWN = object()
MAX_HOMES = 30


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """A fault, with where it stands in the template: the resource, and the path of the property in it."""

    resource: str
    source: tuple[str | int, ...]
    path: str
    message: str

    @property
    def location(self) -> tuple[str | int, ...]:
        """The path of the value in the template."""
        within = ("Properties",) if self.source[0] == "Resources" else ()
        return (*self.source, *within, *steps(self.path))

    def __str__(self) -> str:
        return f"{self.resource}.{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """The faults of a template, how many resources were validated, the paths of values that are known only at
    deployment, and what is not read, with the reasons."""

    faults: Sequence[TemplateFault]
    resources: int
    unknown: Sequence[str]
    not_read: Sequence[str]


def validate(template: Template, controller: Controller) -> Report:
    """The report on a template that is deployed with a controller. It calls nothing."""
    included = [each for each in template.declarations if each.type_name != NATIVE and not _is_surely_excluded(each)]
    results = [_check(each, controller) for each in included]
    faults = [fault for found, _ in results for fault in found]
    unknown = [path for _, paths in results for path in paths]
    return Report([*faults, *_declared_twice(included)], len(included), unknown, template.not_read)


def _is_surely_excluded(declaration: Declaration) -> bool:
    try:
        return declaration.is_excluded()
    except Unresolved:
        return False


def _check(declaration: Declaration, controller: Controller) -> tuple[list[TemplateFault], list[str]]:
    """The faults, and the paths of the values that are not known."""
    if not isinstance(declaration.properties, Mapping):
        return [_fault(declaration, Fault("Properties", "must be a map of properties"))], []
    unknown, *checked = [_check_in(declaration, home, controller) for home in _homes(declaration)]
    # What is wrong in one account only depends on the account, which is not known.
    everywhere = set.intersection(*({fault.path for fault in faults} for faults, _ in (unknown, *checked)))
    faults = [Fault(each.path, stand_ins.as_pseudo_parameters(each.message)) for each in unknown[0]]
    return (
        [_fault(declaration, each) for each in faults if each.path in everywhere],
        [f"{declaration.name}.{path}" for path in unknown[1]],
    )


def _fault(declaration: Declaration, fault: Fault) -> TemplateFault:
    return TemplateFault(declaration.name, declaration.source, fault.path, fault.message)


def _check_in(declaration: Declaration, home: Home, controller: Controller) -> tuple[Faults, list[str]]:
    """The faults in an account and a Region, and the paths of what is not known there."""
    resource, found = RESOURCES[declaration.type_name], Faults()
    schema = properties.load(declaration.type_name)
    declared = as_sent(_hoisted(schema, _values(declaration, home)))
    unknown = list(_unknown_paths(declared, ""))
    values = properties.check(declaration.type_name, declared, found)
    faults = Faults(each for each in found if each.path not in unknown)
    with controller.configured():
        parsed = resource.parse(values, faults, home)
    if "RepositoryName" in values:
        stack = declaration.resolver.parameters.get("AWS::StackName")
        if message := controller.refusal_of_repository(values["RepositoryName"], stack):
            faults.add("RepositoryName", message)
    if isinstance(parsed, Route):
        for i, arn in enumerate(values["Targets"]):
            if arn is not None and (message := controller.refusal_of_target(arn)):
                faults.add(f"Targets[{i}]", message)
    return faults, unknown


def _homes(declaration: Declaration) -> list[Home]:
    """Where the stack may be deployed: where it is said to be, or otherwise nowhere, and wherever its values name."""
    given = declaration.resolver.parameters
    accounts, regions = _given(given, "AWS::AccountId"), _given(given, "AWS::Region")
    partition = given.get("AWS::Partition", "aws")
    nowhere = Home(partition, (regions or [stand_ins.REGION])[0], (accounts or [stand_ins.ACCOUNT])[0])
    text = str(_values(declaration, nowhere))
    accounts = accounts or [nowhere.account, *sorted(set(re.findall(r"(?<![0-9])[0-9]{12}(?![0-9])", text)))]
    regions = regions or [nowhere.region, *sorted(set(re.findall(r"\b[a-z]{2}(?:-[a-z]+)+-[0-9]\b", text)))]
    return [Home(partition, region, account) for account, region in product(accounts, regions)][:MAX_HOMES]


def _given(parameters: Mapping[str, Any], name: str) -> list[str]:
    return [parameters[name]] if name in parameters else []


def _values(declaration: Declaration, home: Home) -> dict[str, Any]:
    """The properties, with UNKNOWN for what is known only at deployment, even in that account and Region."""
    resolver = replace(
        declaration.resolver, assumed=stand_ins.pseudo_parameters(home), stand_in=stand_ins.stand_in(home)
    )
    own = {key: value for key, value in declaration.properties.items() if key not in properties.PROTOCOL}
    values: dict[str, Any] = _known(own, resolver)
    return values


def _known(node: Any, resolver: Resolver) -> Any:
    """The node resolved, with UNKNOWN for each value that is known only at deployment."""
    try:
        match node:
            case {"Fn::If": [condition, then, otherwise]}:
                known = replace(resolver, assumed={}, stand_in=no_stand_in)
                return _known(then if known.is_condition_true(condition, "") else otherwise, resolver)
            case dict() if not is_call(node):
                members = ((each.key, _known(each.node, each.resolver)) for each in resolver.expand(node, ""))
                return {key: value for key, value in members if value is not NO_VALUE}
            case list():
                return [value for each in node if (value := _known(each, resolver)) is not NO_VALUE]
            case _:
                return resolver.resolve(node, "")
    except Unresolved:
        return UNKNOWN


def _hoisted(schema: properties.Schema, value: Any) -> Any:
    """The value, where UNKNOWN also stands for each map or list whose members no schema describes, if it has one."""
    schema = properties.resolve(schema)
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return {key: _hoisted(known[key], each) if key in known else each for key, each in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [_hoisted(schema["items"], each) for each in value]
    return UNKNOWN if next(_unknown_paths(value, ""), None) is not None else value


def _unknown_paths(value: Any, path: str) -> Iterator[str]:
    if value is UNKNOWN:
        yield path
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _unknown_paths(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from _unknown_paths(each, f"{path}[{i}]")


def _declared_twice(declarations: Sequence[Declaration]) -> Iterator[TemplateFault]:
    """A fault for each resource that declares what another one does, if both can be in one stack."""
    seen: dict[tuple[str, str], Declaration] = {}
    for each in declarations:
        for what in _declares(each):
            key = (what, _repository(each))
            other = seen.setdefault(key, each)
            if other is not each and _can_be_together(each, other):
                repository = key[1].removeprefix("!Ref ")
                message = f"{other.name} declares {what} of {repository} as well; keep one of them"
                yield _fault(each, Fault("RepositoryName", message))


def _declares(declaration: Declaration) -> Iterator[str]:
    declared = declaration.properties.keys() if isinstance(declaration.properties, Mapping) else set()
    if declaration.type_name == "ECRRepository" and "RepositoryName" in declared:
        yield "the settings"
    if declaration.type_name == "ECRLifecyclePolicy" and "RepositoryName" in declared:
        yield "the lifecycle policy"
    if declaration.type_name == "ECRRepository" and declared & {"LifecycleRules", "LifecyclePolicyText"}:
        yield "the lifecycle policy"


def _repository(declaration: Declaration) -> str:
    """The name of the repository, or a text that is the same for all that mean the same repository."""
    node = declaration.properties.get("RepositoryName")
    if node is None:
        return f"!Ref {declaration.name}"
    try:
        return str(declaration.resolver.resolve(node, ""))
    except Unresolved:
        match node:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "RepositoryName"]}:
                return f"!Ref {name}"
        return f"{declaration.name} {node}"


def _can_be_together(one: Declaration, other: Declaration) -> bool:
    """Whether both are in the stack: they have the same condition, or none of them has one that is not known."""
    if one.resource.get("Condition") == other.resource.get("Condition"):
        return True
    try:
        return not one.is_excluded() and not other.is_excluded()
    except Unresolved:
        return False
