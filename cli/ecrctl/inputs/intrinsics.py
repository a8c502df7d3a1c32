"""CloudFormation's intrinsic functions, as far as a template alone answers them.

Source: "Intrinsic function reference" in the CloudFormation user guide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault
from ecrctl.inputs import values
from ecrctl.inputs.values import NO_VALUE, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# The resources whose Ref is the name of a repository.
REPOSITORIES = ("AWS::ECR::Repository", "Custom::ECRRepository", "Custom::ECRLifecyclePolicy")
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Resolver:
    """A template, and the values of those parameters, pseudo parameters too, that have one."""

    template: Mapping[str, Any]
    parameters: Mapping[str, Any]

    def resolve(self, node: Any, path: str) -> Any:
        """The node without functions, or NO_VALUE. ``path`` names its place. Raises Unresolved with all its faults."""
        match node:
            case dict() if len(node) == 1 and _is_function(next(iter(node))):
                return self._call(*next(iter(node.items())), path)
            case dict():
                return dict(self._members((str(key), f"{path}.{key}", item) for key, item in node.items()))
            case list():
                return [item for _, item in self._members((i, f"{path}[{i}]", item) for i, item in enumerate(node))]
            case _:
                return values.static(node, path)

    def is_true(self, node: Any, path: str) -> bool:
        """What an expression under Conditions says. Raises Unresolved."""
        match node:
            case {"Condition": str(name)}:
                return self.condition(name, path)
            case {"Fn::Not": [operand]}:
                return not self.is_true(operand, path)
            case {"Fn::And": [*operands]}:
                return all(self.is_true(operand, path) for operand in operands)
            case {"Fn::Or": [*operands]}:
                return any(self.is_true(operand, path) for operand in operands)
            case {"Fn::Equals": [first, second]}:
                return values.equal(self.resolve(first, path), self.resolve(second, path))
            case _:
                raise Unresolved(Fault(path, "is no condition that can be evaluated offline"))

    def condition(self, name: str, path: str) -> bool:
        """What the named condition says."""
        conditions = self.template.get("Conditions") or {}
        if name not in conditions:
            raise Unresolved(Fault(path, f"there is no condition {name}"))
        return self.is_true(conditions[name], f"Conditions.{name}")

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
            return values.static(functions[name](argument, path), path)
        except (ValueError, TypeError, LookupError, AttributeError):
            raise Unresolved(Fault(path, f"{name} is not written as CloudFormation takes it")) from None

    def _ref(self, name: str, path: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        if name in (self.template.get("Resources") or {}):
            return self._repository_name(name, path)
        raise Unresolved(Fault(path, f"{name} {self._why_unknown(name)}"))

    def _why_unknown(self, name: str) -> str:
        parameter = (self.template.get("Parameters") or {}).get(name)
        if parameter is None and not name.startswith("AWS::"):
            return "is no parameter and no resource"
        if parameter and str(parameter.get("Type")).startswith("AWS::SSM::"):
            return "is read from Systems Manager, which cannot be done offline"
        return f"has no value here; give it as --parameter {name}=VALUE"

    def _repository_name(self, resource: str, path: str) -> Any:
        """The name that a resource declares for its repository. One without gets it when it is deployed."""
        declared = self.template["Resources"][resource]
        name = (declared.get("Properties") or {}).get("RepositoryName")
        if declared.get("Type") not in REPOSITORIES or name is None:
            raise Unresolved(Fault(path, f"what {resource} is called is not known before it is deployed"))
        return self.resolve(name, f"{resource}.RepositoryName")

    def _get_att(self, argument: Any, path: str) -> Any:
        resource, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        if attribute != "RepositoryName":
            raise Unresolved(Fault(path, f"Fn::GetAtt {resource}.{attribute} cannot be resolved offline"))
        return self._repository_name(resource, path)

    def _sub(self, argument: Any, path: str) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def replacement(match: re.Match[str]) -> str:
            name = match[2].strip()
            if match[1]:
                return "${" + match[2] + "}"
            if name in own:
                return values.text(self.resolve(own[name], path))
            return values.text(self._get_att(name, path) if "." in name else self._ref(name, path))

        return _VARIABLE.sub(replacement, text)

    def _join(self, argument: Any, path: str) -> str:
        separator, items = argument
        return str(separator).join(map(values.text, values.items(self.resolve(items, path))))

    def _select(self, argument: Any, path: str) -> Any:
        position, items = argument
        return values.items(self.resolve(items, path))[values.index(self.resolve(position, path))]

    def _split(self, argument: Any, path: str) -> list[str]:
        separator, text = argument
        return values.text(self.resolve(text, path)).split(separator)

    def _if(self, argument: Any, path: str) -> Any:
        name, then, otherwise = argument
        return self.resolve(then if self.condition(name, path) else otherwise, path)

    def _find_in_map(self, argument: Any, path: str) -> Any:
        found: Any = self.template.get("Mappings") or {}
        keys = [values.text(self.resolve(key, path)) for key in argument[:3]]
        for key in keys:
            found = {str(each): value for each, value in found.items()}
            if key not in found:
                raise Unresolved(Fault(path, f"Mappings has no {'.'.join(keys)}"))
            found = found[key]
        return self.resolve(found, path)

    def _to_json_string(self, argument: Any, path: str) -> str:
        return json.dumps(self.resolve(argument, path), separators=(",", ":"))


def _is_function(name: object) -> bool:
    return isinstance(name, str) and (name == "Ref" or name.startswith("Fn::"))
