"""The condition block of a statement: its operators, and how several blocks are combined."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.errors import Faults

# Source: "IAM JSON policy elements: Condition operators" in the IAM user guide.
OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?(Equals|EqualsIgnoreCase|Like)|Arn(Not)?(Equals|Like)|Bool|BinaryEquals|(Not)?IpAddress"
    r"|(Numeric|Date)(NotEquals|Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals))(IfExists)?"
    r"|Null"
)
_SOURCES = ("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths")


def validate(conditions: Mapping[str, Any], path: str, faults: Faults) -> None:
    """Add the faults of the block's shape: operators, then condition keys, then a value or a list of values."""
    for operator, keys in conditions.items():
        if not OPERATOR.fullmatch(operator):
            faults.add(f"{path}.{operator}", "is not an IAM condition operator, such as StringEquals or ArnLike")
        elif not isinstance(keys, dict) or not keys:
            faults.add(f"{path}.{operator}", "must be a map of condition keys")
        else:
            for key, value in keys.items():
                if not _is_value(value):
                    faults.add(f"{path}.{operator}.{key}", "must be a string or a list of strings")


def combine(*blocks: Mapping[str, Any]) -> dict[str, Any]:
    """All blocks as one: a request must meet each. Of one key under one operator, the last block wins."""
    whole: dict[str, Any] = {}
    for block in blocks:
        for operator, keys in block.items():
            whole[operator] = {**whole.get(operator, {}), **keys} if isinstance(keys, dict) else keys
    return whole


def name_source(conditions: Mapping[str, Any]) -> bool:
    """Whether a condition, of whatever effect, has a key for the resource or account on whose behalf a service acts."""
    keys = (keys for keys in conditions.values() if isinstance(keys, dict))
    return any(key.lower() in _SOURCES for each in keys for key in each)


def _is_value(value: Any) -> bool:
    return all(isinstance(each, (str, int, bool)) for each in (value if isinstance(value, list) else [value]))
