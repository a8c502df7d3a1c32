"""The conditions of a statement: which operators there are, and how several blocks go together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Source: "IAM JSON policy elements: Condition operators" in the IAM user guide.
OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?(Equals|EqualsIgnoreCase|Like)|Arn(Not)?(Equals|Like)|Bool|BinaryEquals|(Not)?IpAddress"
    r"|(Numeric|Date)(NotEquals|Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals))(IfExists)?"
    r"|Null"
)
_SOURCES = ("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths")


def faults(conditions: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """What is wrong with the shape of the conditions: operators, then keys, then a value or a list of values."""
    for operator, keys in conditions.items():
        if not OPERATOR.fullmatch(operator):
            yield Fault(f"{path}.{operator}", "is not an operator of IAM, such as StringEquals or ArnLike")
        elif not isinstance(keys, dict) or not keys:
            yield Fault(f"{path}.{operator}", "must be a map of condition keys")
        else:
            yield from (
                Fault(f"{path}.{operator}.{key}", "must be a string or a list of strings")
                for key, value in keys.items()
                if not _is_value(value)
            )


def together(*blocks: Mapping[str, Any]) -> dict[str, Any]:
    """All blocks as one: a request must meet each. Of one key under one operator the last one counts."""
    whole: dict[str, Any] = {}
    for block in blocks:
        for operator, keys in block.items():
            whole[operator] = {**whole.get(operator, {}), **keys} if isinstance(keys, dict) else keys
    return whole


def name_source(values: Mapping[str, Any]) -> bool:
    """Whether the conditions say for whom a service may act."""
    keys = (keys for keys in values.get("Conditions", {}).values() if isinstance(keys, dict))
    return any(key.lower() in _SOURCES for each in keys for key in each)


def _is_value(value: Any) -> bool:
    return all(isinstance(each, (str, int, bool)) for each in (value if isinstance(value, list) else [value]))
