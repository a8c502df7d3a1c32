"""The intrinsic functions of CloudFormation, as far as they can be resolved from the template alone.

Source: "Intrinsic function reference" in the CloudFormation user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault
from ecrctl.inputs import values
from ecrctl.inputs.values import NO_VALUE, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The resource types whose Ref is the name of a repository.
REPOSITORY_TYPES = ("AWS::ECR::Repository", "Custom::ECRRepository", "Custom::ECRLifecyclePolicy")
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Resolver:
    """A template, and the values of its parameters and pseudo parameters, as far as they are known."""

    template: Mapping[str, Any]
    parameters: Mapping[str, Any]

    def resolve(self, node: Any, path: str) -> Any:
        """The node with its functions replaced, or NO_VALUE. ``path`` is its place. Raises Unresolved."""
        match node:
            case dict() if len(node) == 1 and _is_function(next(iter(node))):
                return self._call(*next(iter(node.items())), path)
            case dict():
                return dict(self._members((str(key), f"{path}.{key}", item) for key, item in node.items()))
            case list():
                return [item for _, item in self._members((i, f"{path}[{i}]", item) for i, item in enumerate(node))]
            case _:
                return values.reject_dynamic_reference(node, path)

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
        return self.is_true(conditions[name], f"Conditions.{name}")

    def _are_equal(self, first: Any, second: Any, path: str) -> bool:
        try:
            return values.are_equal(self.resolve(first, path), self.resolve(second, path))
        except TypeError:
            raise Unresolved(Fault(path, "Fn::Equals has invalid arguments")) from None

    def _members(self, members: Iterable[tuple[Any, str, Any]]) -> list[tuple[Any, Any]]:
        resolved: list[tuple[Any, Any]] = []
        faults: list[Fault] = []
        for key, path, node in members:
            try:
                value = self.resolve(node, path)
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

    def _ref(self, name: str, path: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        if name in (self.template.get("Resources") or {}):
            return self._repository_name(name, path)
        raise Unresolved(Fault(path, f"{name} {self._why_unresolved(name)}"))

    def _why_unresolved(self, name: str) -> str:
        parameter = (self.template.get("Parameters") or {}).get(name)
        if parameter is None and not name.startswith("AWS::"):
            return "is neither a parameter nor a resource"
        if parameter and str(parameter.get("Type")).startswith("AWS::SSM::"):
            return "is read from Systems Manager, so it cannot be resolved offline"
        return f"has no value: specify --parameter {name}=VALUE"

    def _repository_name(self, resource: str, path: str) -> Any:
        """The repository name that a resource declares. A generated name is not known before deployment."""
        declared = self.template["Resources"][resource]
        name = (declared.get("Properties") or {}).get("RepositoryName")
        if declared.get("Type") not in REPOSITORY_TYPES or name is None:
            raise Unresolved(Fault(path, f"the name of {resource} is not known before deployment"))
        return self.resolve(name, f"{resource}.RepositoryName")

    def _get_att(self, argument: Any, path: str) -> Any:
        resource, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        if attribute != "RepositoryName":
            raise Unresolved(Fault(path, f"Fn::GetAtt {resource}.{attribute} cannot be resolved offline"))
        return self._repository_name(resource, path)

    def _sub(self, argument: Any, path: str) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replacement(match: re.Match[str]) -> str:
            name = match[2].strip()
            if match[1]:
                return "${" + match[2] + "}"
            if name in variables:
                return values.to_text(self.resolve(variables[name], path))
            return values.to_text(self._get_att(name, path) if "." in name else self._ref(name, path))

        return _VARIABLE.sub(replacement, text)

    def _join(self, argument: Any, path: str) -> str:
        separator, items = argument
        return str(separator).join(map(values.to_text, values.as_list(self.resolve(items, path))))

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
        found: Any = self.template.get("Mappings") or {}
        keys = [values.to_text(self.resolve(key, path)) for key in argument[:3]]
        for key in keys:
            found = {str(each): value for each, value in found.items()}
            if key not in found:
                raise Unresolved(Fault(path, f"Mappings has no entry {'.'.join(keys)}"))
            found = found[key]
        return self.resolve(found, path)

    def _to_json_string(self, argument: Any, path: str) -> str:
        return json.dumps(self.resolve(argument, path), separators=(",", ":"))


def _is_function(name: object) -> bool:
    return isinstance(name, str) and (name == "Ref" or name.startswith("Fn::"))
