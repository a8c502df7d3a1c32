"""The values of a CloudFormation template: text, lists, what is not there, and what cannot be known offline."""

from __future__ import annotations

from typing import Any

from ecr_controller.errors import Fault

# What AWS::NoValue stands for: the member, or the entry, is not there.
NO_VALUE = object()


class Unresolved(Exception):
    """Places in a template that cannot be resolved offline, and why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def static(value: Any, path: str) -> Any:
    """The value, unless it is text that CloudFormation fills in from elsewhere. Raises Unresolved."""
    if isinstance(value, str) and "{{resolve:" in value:
        raise Unresolved(Fault(path, "a dynamic reference cannot be resolved offline"))
    return value


def text(value: Any) -> str:
    """The value as CloudFormation writes it into text. Raises TypeError."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError("is no text")


def items(value: Any) -> list[Any]:
    """A list as it is. Raises TypeError."""
    if isinstance(value, list):
        return value
    raise TypeError("is no list")


def index(value: Any) -> int:
    """The place in a list. Raises TypeError, ValueError and IndexError."""
    number = int(text(value))
    if number < 0:
        raise IndexError(number)
    return number


def equal(first: Any, second: Any) -> bool:
    """What Fn::Equals says of two texts, or two lists of them. Raises TypeError."""
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(equal, first, second))
    return text(first) == text(second)
