"""The parameters of a template: their values, and what the template allows.

Source: "CloudFormation template Parameters syntax" in the CloudFormation user guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault, InvalidProperties, UserError
from ecrctl.inputs.values import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

Declared = Mapping[str, Mapping[str, Any]]


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The values of the parameters and pseudo parameters that have one. Raises UserError, and InvalidProperties for
    values that the template does not allow."""
    declared = declared_parameters(template)
    unknown = [name for name in given if name not in declared and not name.startswith("AWS::")]
    if unknown:
        raise UserError(f"the template has no parameter {', '.join(unknown)}: correct --parameter")
    values = {name: each["Default"] for name, each in declared.items() if "Default" in each} | dict(given)
    # The given value of a Systems Manager parameter type is a name, not the value.
    known = {name: value for name, value in values.items() if not _type(declared, name).startswith("AWS::SSM::")}
    typed = {name: _typed(name, value, _type(declared, name)) for name, value in known.items()}
    faults = [
        Fault(f"Parameters.{name}", message)
        for name, value in typed.items()
        if name in declared
        for message in _faults(declared[name], value)
    ]
    if faults:
        raise InvalidProperties("The template", faults)
    return typed


def declared_parameters(template: Mapping[str, Any]) -> Declared:
    """The parameters of the template. Raises UserError."""
    declared = template.get("Parameters") or {}
    if not isinstance(declared, Mapping) or not all(isinstance(each, Mapping) for each in declared.values()):
        raise UserError("Parameters: must be a map of parameters")
    return declared


def _type(declared: Declared, name: str) -> str:
    return str(declared.get(name, {}).get("Type", "String"))


def _typed(name: str, value: Any, kind: str) -> Any:
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    try:
        return [item.strip() for item in to_text(value).split(",")] if is_list else to_text(value)
    except TypeError:
        raise UserError(f"Parameters.{name}.Default: must be a string, not {value!r}") from None


def _faults(declared: Mapping[str, Any], value: str | list[str]) -> Iterator[str]:
    """What the constraints of the parameter say about its value, or about each entry of a list."""
    hint = declared.get("ConstraintDescription")
    for entry in value if isinstance(value, list) else [value]:
        for message in _broken(declared, entry):
            yield f"{entry} {message}" + (f": {hint}" if isinstance(hint, str) else "")


def _broken(declared: Mapping[str, Any], text: str) -> Iterator[str]:
    allowed = declared.get("AllowedValues")
    if isinstance(allowed, list) and text not in (words := [to_text(each) for each in allowed if _is_scalar(each)]):
        yield f"is not one of the AllowedValues, {', '.join(words)}"
    pattern = declared.get("AllowedPattern")
    if isinstance(pattern, str) and _matches(pattern, text) is False:
        yield f"doesn't match the AllowedPattern {pattern}"
    is_number = str(declared.get("Type")) in ("Number", "List<Number>")
    size = _number(text) if is_number else float(len(text))
    if size is None:
        yield "is not a number"
        return
    minimum, maximum = ("MinValue", "MaxValue") if is_number else ("MinLength", "MaxLength")
    if (bound := _number(declared.get(minimum))) is not None and size < bound:
        yield f"is below the {minimum} {declared[minimum]}"
    if (bound := _number(declared.get(maximum))) is not None and size > bound:
        yield f"is above the {maximum} {declared[maximum]}"


def _matches(pattern: str, text: str) -> bool | None:
    """Whether the whole text matches; None if Python cannot read the pattern, which is one of Java."""
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _number(value: Any) -> float | None:
    try:
        return float(to_text(value))
    except (TypeError, ValueError):
        return None
