"""The resources of the controller that a CloudFormation or SAM template declares, and what in it is not read.

SAM's Globals and its other transforms change `AWS::Serverless` resources only, and so no resource of the controller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import UserError
from ecrctl.inputs.intrinsics import FOR_EACH, Resolver
from ecrctl.inputs.parameters import parameter_values
from ecrctl.inputs.values import Unresolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecrctl.inputs.intrinsics import Member

NATIVE = "AWS::ECR::Repository"
# Transforms that leave resources of other services as they are. Any other name is a macro.
_TRANSFORMS = ("AWS::Serverless-", "AWS::LanguageExtensions", "AWS::SecretsManager-", "AWS::CodeDeployBlueGreen")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A resource of the controller, or an `AWS::ECR::Repository`. ``source`` is where it stands in the template."""

    name: str
    type_name: str
    resource: Mapping[str, Any]
    resolver: Resolver
    source: tuple[str | int, ...]

    @property
    def properties(self) -> Any:
        """The properties, unresolved: a map in every valid template."""
        return self.resource.get("Properties") or {}

    def is_excluded(self) -> bool:
        """Whether the condition of the resource is false. Raises Unresolved."""
        at = f"{self.name}.Condition"
        return "Condition" in self.resource and not self.resolver.is_condition_true(self.resource["Condition"], at)


@dataclass(frozen=True, slots=True)
class Template:
    """The declarations of a template, in its order, and what may hold others and is not read, each with the reason."""

    resolver: Resolver
    declarations: Sequence[Declaration]
    not_read: Sequence[str]

    @classmethod
    def read(cls, document: Any, given: Mapping[str, str]) -> Template:
        """Of a template in which the parameters ``given`` replace defaults. Raises UserError and InvalidProperties."""
        if not isinstance(document, Mapping) or not isinstance(document.get("Resources"), Mapping):
            raise UserError("the template has no Resources section")
        resolver = Resolver(document, parameter_values(document, given))
        not_read = list(_macros(document.get("Transform")))
        found: list[Declaration] = []
        for each in _members(resolver, not_read):
            found += _declarations(each, not_read)
        if "Fn::Transform" in document:
            not_read.append("Fn::Transform: this function isn't evaluated")
        return cls(resolver, found, not_read)


def _members(resolver: Resolver, not_read: list[str]) -> Iterator[Member]:
    """The resources, those of Fn::ForEach expanded."""
    for key, node in resolver.template["Resources"].items():
        try:
            yield from resolver.expand({key: node}, "Resources")
        except Unresolved as error:
            reasons = "; ".join(dict.fromkeys(fault.message for fault in error.faults))
            not_read.append(f"{key}: the collection isn't known: {reasons}")


def _declarations(member: Member, not_read: list[str]) -> Iterator[Declaration]:
    name, resource, resolver, source = member
    if reason := _why_not_read(name, resource):
        not_read.append(f"{name}: {reason}")
    elif isinstance(resource, Mapping) and (kind := type_of(resource)) is not None:
        yield Declaration(name, kind, resource, resolver, ("Resources", *source))


def type_of(resource: Mapping[str, Any]) -> str | None:
    """The type without `Custom::`, also where the resource is an `AWS::CloudFormation::CustomResource` with the service
    token of the type; `AWS::ECR::Repository`; None for any other."""
    kind = resource.get("Type")
    if kind == NATIVE:
        return NATIVE
    if not isinstance(kind, str):
        return None
    known = _type_names()
    named = kind.removeprefix("Custom::")
    if kind != named and named in known:
        return named
    if kind == named and kind != "AWS::CloudFormation::CustomResource":
        return None
    declared = resource.get("Properties")
    token = declared.get("ServiceToken") if isinstance(declared, Mapping) else None
    named_by = token.get("Fn::ImportValue", token) if isinstance(token, Mapping) else token
    found = _TOKEN.search(_last_text(named_by))
    return found["type"] if found and found["type"] in known else None


# The end of the name of an export, or of a dynamic reference to an SSM parameter, with or without its version.
_TOKEN = re.compile(r"(-|/)(?P<type>[A-Za-z]+)((:[0-9]+)?\}\})?$")


def _type_names() -> frozenset[str]:
    return frozenset(path.stem for path in properties.SCHEMAS.glob("ECR*.json"))


def _last_text(node: Any) -> str:
    """The end of a text that CloudFormation builds, as far as it is literal."""
    match node:
        case str():
            return node
        case {"Fn::Sub": [*_] as parts} | {"Fn::Join": [_, [*parts]]}:
            return _last_text(parts[0] if "Fn::Sub" in node else parts[-1]) if parts else ""
        case {"Fn::Sub": str(text)}:
            return text
        case _:
            return ""


def _why_not_read(name: str, resource: Any) -> str | None:
    if name.startswith("Fn::") and not name.startswith(FOR_EACH):
        return "this function isn't evaluated"
    if not isinstance(resource, Mapping):
        return None
    declared = resource.get("Properties")
    if "Fn::Transform" in resource or (isinstance(declared, Mapping) and "Fn::Transform" in declared):
        return "Fn::Transform isn't evaluated"
    kind = str(resource.get("Type"))
    if kind in ("AWS::CloudFormation::Stack", "AWS::Serverless::Application"):
        return "the template of a nested stack isn't read"
    return "a module isn't read" if kind.endswith("::MODULE") else None


def _macros(transform: Any) -> Iterator[str]:
    """What the Transform section names that can add resources."""
    for each in transform if isinstance(transform, list) else [transform]:
        name = each.get("Name") if isinstance(each, Mapping) else each
        if name is not None and not str(name).startswith(_TRANSFORMS):
            yield f"Transform {name}: a macro isn't evaluated, and can change the template"
