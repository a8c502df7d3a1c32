"""The values of a CloudFormation template, and those that are not known before deployment."""

from __future__ import annotations

from typing import Any

from ecr_controller.errors import Fault

# The value of AWS::NoValue: the property or the list entry is left out.
NO_VALUE = object()


class Unresolved(Exception):
    """Values of a template that cannot be resolved offline, with the reason for each."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def reject_dynamic_reference(value: Any, path: str) -> Any:
    """The value, if it has no dynamic reference, such as `{{resolve:ssm:name}}`. Raises Unresolved."""
    if isinstance(value, str) and "{{resolve:" in value:
        raise Unresolved(Fault(path, "a dynamic reference cannot be resolved offline"))
    return value


def to_text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a string. Raises TypeError."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError("is not a scalar")


def as_list(value: Any) -> list[Any]:
    """A list, unchanged. Raises TypeError."""
    if isinstance(value, list):
        return value
    raise TypeError("is not a list")


def to_index(value: Any) -> int:
    """An index of a list. Raises TypeError, ValueError and IndexError."""
    number = int(to_text(value))
    if number < 0:
        raise IndexError(number)
    return number


def are_equal(first: Any, second: Any) -> bool:
    """The result of Fn::Equals for two scalars or two lists. Raises TypeError."""
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(are_equal, first, second))
    return to_text(first) == to_text(second)


def as_sent(value: Any) -> Any:
    """The value as CloudFormation sends it to a custom resource: every scalar as a string.

    What JSON has no form of, such as binary data in YAML, stays as it is, and is a fault later.
    """
    if isinstance(value, dict):
        return {key: as_sent(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_sent(each) for each in value]
    return to_text(value) if isinstance(value, (str, int, float)) else value
