"""The intrinsic functions of CloudFormation, as far as they can be resolved from the template alone.

A value is exact or it is not known: nothing is guessed, because a plan must not say "none" for a name that was made up.
Source: "Intrinsic function reference" in the CloudFormation user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_controller.errors import Fault
from ecrctl.inputs import values
from ecrctl.inputs.values import NO_VALUE, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    # Type, logical ID, and attribute, or "" for Ref: a value in the place of one that is known at deployment.
    StandIn = Callable[[str, str, str], str | None]

# The resource types whose Ref is the name of a repository.
REPOSITORY_TYPES = ("AWS::ECR::Repository", "Custom::ECRRepository", "Custom::ECRLifecyclePolicy")
FOR_EACH = "Fn::ForEach::"
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_KEY_VARIABLE = re.compile(r"([$&])\{\s*([^!}\s]+)\s*\}")


class Member(NamedTuple):
    """A member of a map after Fn::ForEach: its key, its value, how to resolve it, and where it stands in the map."""

    key: str
    node: Any
    resolver: Resolver
    source: tuple[str | int, ...]


def no_stand_in(_kind: str, _name: str, _attribute: str) -> str | None:
    """None: what is known only at deployment stays unknown."""
    return None


@dataclass(frozen=True, slots=True)
class Resolver:
    """A template, and the values of its parameters and pseudo parameters, as far as they are known.

    ``loop`` has the identifiers of the Fn::ForEach around. ``assumed`` and ``stand_in`` give values in the place of
    those that are known only at deployment; conditions don't see them. ``resolving`` has what is being resolved around.
    """

    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    loop: Mapping[str, str] = field(default_factory=dict)
    assumed: Mapping[str, str] = field(default_factory=dict)
    stand_in: StandIn = no_stand_in
    resolving: frozenset[str] = frozenset()

    def resolve(self, node: Any, path: str) -> Any:
        """The node with its functions replaced, or NO_VALUE. ``path`` is its place. Raises Unresolved."""
        match node:
            case dict() if is_call(node):
                return self._call(*next(iter(node.items())), path)
            case dict():
                members = [(each.key, f"{path}.{each.key}", each) for each in self.expand(node, path)]
                return dict(self._members((key, at, each.node, each.resolver) for key, at, each in members))
            case list():
                entries = ((i, f"{path}[{i}]", item, self) for i, item in enumerate(node))
                return [item for _, item in self._members(entries)]
            case _:
                return values.reject_dynamic_reference(node, path)

    def expand(self, node: Mapping[Any, Any], path: str) -> Iterator[Member]:
        """The members of a map, those of Fn::ForEach once for each value of its collection. Raises Unresolved."""
        for key, item in node.items():
            if not str(key).startswith(FOR_EACH):
                yield Member(self._key(str(key)), item, self, (key,))
                continue
            identifier, values_of, body = self._for_each(item, f"{path}.{key}")
            for value in values_of:
                inner = replace(self, loop={**self.loop, identifier: value})
                for each in inner.expand(body, path):
                    yield each._replace(source=(key, 2, *each.source))

    def _for_each(self, argument: Any, path: str) -> tuple[str, list[str], Mapping[Any, Any]]:
        # A collection can't depend on resources, which it makes.
        alone = replace(self, template={**self.template, "Resources": {}})
        try:
            identifier, collection, body = argument
            found = [values.to_text(each) for each in values.as_list(alone.resolve(collection, path))]
            if isinstance(identifier, str) and isinstance(body, Mapping):
                return identifier, found, body
        except (ValueError, TypeError):
            pass
        raise Unresolved(Fault(path, "Fn::ForEach has invalid arguments"))

    def _key(self, key: str) -> str:
        def replacement(match: re.Match[str]) -> str:
            value = self.loop.get(match[2])
            if value is None:
                return match[0]
            return value if match[1] == "$" else re.sub("[^0-9A-Za-z]", "", value)

        return _KEY_VARIABLE.sub(replacement, key) if self.loop else key

    def is_true(self, node: Any, path: str) -> bool:
        """The value of a condition expression. Raises Unresolved."""
        match node:
            case {"Condition": str(name)}:
                return self.is_condition_true(name, path)
            case {"Fn::Not": [operand]}:
                return not self.is_true(operand, path)
            case {"Fn::And": [*operands]}:
                return all(self.is_true(operand, path) for operand in operands)
            case {"Fn::Or": [*operands]}:
                return any(self.is_true(operand, path) for operand in operands)
            case {"Fn::Equals": [first, second]}:
                return self._are_equal(first, second, path)
            case _:
                raise Unresolved(Fault(path, "is not a condition that can be evaluated offline"))

    def is_condition_true(self, name: Any, path: str) -> bool:
        """The value of a named condition. Raises Unresolved."""
        conditions = self.template.get("Conditions")
        if not isinstance(conditions, Mapping) or not isinstance(name, str) or name not in conditions:
            raise Unresolved(Fault(path, f"Conditions has no entry {name}"))
        at = f"Conditions.{name}"
        return self.within(at, path).is_true(conditions[name], at)

    def within(self, what: str, path: str) -> Resolver:
        """The resolver for what is found under a name. Raises Unresolved if it is within that already."""
        if what in self.resolving:
            raise Unresolved(Fault(path, f"has a circular reference to {what}; remove it"))
        return replace(self, resolving=self.resolving | {what})

    def _are_equal(self, first: Any, second: Any, path: str) -> bool:
        known = replace(self, assumed={}, stand_in=no_stand_in)
        try:
            return values.are_equal(known.resolve(first, path), known.resolve(second, path))
        except TypeError:
            raise Unresolved(Fault(path, "Fn::Equals has invalid arguments")) from None

    def _members(self, members: Iterable[tuple[Any, str, Any, Resolver]]) -> list[tuple[Any, Any]]:
        resolved: list[tuple[Any, Any]] = []
        faults: list[Fault] = []
        for key, path, node, resolver in members:
            try:
                value = resolver.resolve(node, path)
            except Unresolved as error:
                faults += error.faults
            else:
                resolved += [] if value is NO_VALUE else [(key, value)]
        if faults:
            raise Unresolved(*faults)
        return resolved

    def _call(self, name: str, argument: Any, path: str) -> Any:
        functions: Mapping[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Length": self._length,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
            "Fn::ToJsonString": self._to_json_string,
        }
        if name not in functions:
            raise Unresolved(Fault(path, f"{name} cannot be resolved offline"))
        try:
            return values.reject_dynamic_reference(functions[name](argument, path), path)
        except (ValueError, TypeError, LookupError, AttributeError):
            raise Unresolved(Fault(path, f"{name} has invalid arguments")) from None

    def _ref(self, argument: Any, path: str) -> Any:
        name = values.to_text(self.resolve(argument, path))
        if name == "AWS::NoValue":
            return NO_VALUE
        for known in (self.loop, self.parameters, self.assumed):
            if name in known:
                return known[name]
        if (resource := self._resource(name)) is not None:
            stand_in = self.stand_in(str(resource.node.get("Type")), name, "")
            return self._repository_name(name, path) if stand_in is None else stand_in
        raise Unresolved(Fault(path, f"{name} {self._why_unresolved(name)}"))

    def _why_unresolved(self, name: str) -> str:
        parameter = (self.template.get("Parameters") or {}).get(name)
        if parameter is None and not name.startswith("AWS::"):
            return "is neither a parameter nor a resource"
        if parameter and str(parameter.get("Type")).startswith("AWS::SSM::"):
            return "is read from Systems Manager, so it cannot be resolved offline"
        return f"has no value: specify --parameter {name}=VALUE"

    def _resource(self, name: str) -> Member | None:
        """The resource of the template with this logical ID, if it is a map."""
        resources = self.template.get("Resources") or {}
        if isinstance(resources.get(name), Mapping):
            return Member(name, resources[name], replace(self, loop={}), (name,))
        if not any(str(key).startswith(FOR_EACH) for key in resources):
            return None
        members = replace(self, loop={}).expand(resources, "Resources")
        return next((each for each in members if each.key == name and isinstance(each.node, Mapping)), None)

    def _repository_name(self, name: str, path: str) -> Any:
        """The repository name that a resource declares. A generated name is not known before deployment."""
        resource = self._resource(name)
        declared = {} if resource is None else resource.node
        found = (declared.get("Properties") or {}).get("RepositoryName")
        if resource is None or declared.get("Type") not in REPOSITORY_TYPES or found is None:
            raise Unresolved(Fault(path, f"the name of {name} is not known before deployment"))
        at = f"{name}.RepositoryName"
        return resource.resolver.within(at, path).resolve(found, at)

    def _get_att(self, argument: Any, path: str) -> Any:
        parts = argument if isinstance(argument, list) else argument.split(".", 1)
        name, attribute = (values.to_text(self.resolve(each, path)) for each in parts)
        if attribute == "RepositoryName":
            return self._repository_name(name, path)
        resource = self._resource(name)
        stand_in = resource and self.stand_in(str(resource.node.get("Type")), name, attribute)
        if stand_in is None:
            raise Unresolved(Fault(path, f"Fn::GetAtt {name}.{attribute} cannot be resolved offline"))
        return stand_in

    def _sub(self, argument: Any, path: str) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replacement(match: re.Match[str]) -> str:
            name = match[2].strip()
            if match[1]:
                return "${" + match[2] + "}"
            if name in variables:
                return values.to_text(self.resolve(variables[name], path))
            return values.to_text(self._get_att(name, path) if "." in name else self._ref(name, path))

        return _VARIABLE.sub(replacement, self._key(text))

    def _join(self, argument: Any, path: str) -> str:
        separator, items = argument
        return str(separator).join(map(values.to_text, values.as_list(self.resolve(items, path))))

    def _length(self, argument: Any, path: str) -> int:
        return len(values.as_list(self.resolve(argument, path)))

    def _select(self, argument: Any, path: str) -> Any:
        position, items = argument
        return values.as_list(self.resolve(items, path))[values.to_index(self.resolve(position, path))]

    def _split(self, argument: Any, path: str) -> list[str]:
        separator, text = argument
        return values.to_text(self.resolve(text, path)).split(separator)

    def _if(self, argument: Any, path: str) -> Any:
        name, then, otherwise = argument
        return self.resolve(then if self.is_condition_true(name, path) else otherwise, path)

    def _find_in_map(self, argument: Any, path: str) -> Any:
        name, *rest = argument
        default = rest.pop() if len(rest) == 3 else {}
        keys = [values.to_text(self.resolve(key, path)) for key in (name, *rest)]
        found: Any = self.template.get("Mappings") or {}
        for key in keys:
            found = {str(each): value for each, value in found.items()}
            if key not in found and "DefaultValue" in default:
                return self.resolve(default["DefaultValue"], path)
            if key not in found:
                raise Unresolved(Fault(path, f"Mappings has no entry {'.'.join(keys)}"))
            found = found[key]
        return self.resolve(found, path)

    def _to_json_string(self, argument: Any, path: str) -> str:
        return json.dumps(self.resolve(argument, path), separators=(",", ":"))


def is_call(node: Mapping[Any, Any]) -> bool:
    """Whether a map is the call of a function, and not a map of members, which Fn::ForEach can be among."""
    if len(node) != 1:
        return False
    [name] = node
    return isinstance(name, str) and (name == "Ref" or name.startswith("Fn::")) and not name.startswith(FOR_EACH)
