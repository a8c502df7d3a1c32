"""The values of the parameters of a template, and their constraints."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_controller.errors import InvalidProperties
from ecrctl.inputs.parameters import parameter_values


def faults(given: str | None, **declared: Any) -> list[str]:
    """What is wrong with the parameter P, which is declared so."""
    template = {"Parameters": {"P": {"Type": "String", **declared}}}
    try:
        parameter_values(template, {} if given is None else {"P": given})
    except InvalidProperties as error:
        return [str(fault).removeprefix("Parameters.P: ") for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("given", "declared", "message"),
    [
        ("dev", {"AllowedValues": ["test", "prod"]}, "dev is not one of the AllowedValues, test, prod"),
        (None, {"AllowedValues": [1, 2], "Default": 3}, "3 is not one of the AllowedValues, 1, 2"),
        ("A", {"AllowedPattern": "[a-z]"}, "A doesn't match the AllowedPattern [a-z]"),
        ("aa", {"AllowedPattern": "[a-z]"}, "aa doesn't match the AllowedPattern [a-z]"),
        ("", {"MinLength": 1}, " is below the MinLength 1"),
        ("abc", {"MaxLength": "2"}, "abc is above the MaxLength 2"),
        ("0", {"Type": "Number", "MinValue": 1}, "0 is below the MinValue 1"),
        ("9", {"Type": "Number", "MaxValue": 2}, "9 is above the MaxValue 2"),
        ("x", {"Type": "Number"}, "x is not a number"),
        ("1,x", {"Type": "List<Number>"}, "x is not a number"),
        ("a, b", {"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "b is not one of the AllowedValues, a"),
        ("A", {"AllowedPattern": "[a-z]", "ConstraintDescription": "lowercase"}, "the AllowedPattern [a-z]: lowercase"),
    ],
)
def test_a_value_that_the_template_does_not_allow_is_a_fault(given: str | None, declared: Any, message: str) -> None:
    [found] = faults(given, **declared)
    assert found.endswith(message)


@pytest.mark.parametrize(
    ("given", "declared"),
    [
        ("prod", {"AllowedValues": ["test", "prod"]}),
        (None, {"AllowedValues": ["a"]}),
        ("2", {"AllowedValues": [1, 2]}),
        ("7", {"Type": "Number", "MinValue": 1, "MaxValue": 9}),
        ("x", {"AllowedPattern": "\\p{Alpha}"}),
        ("x", {"AllowedPattern": 5, "AllowedValues": "x", "MinLength": "many"}),
        ("/path", {"Type": "AWS::SSM::Parameter::Value<String>", "AllowedValues": ["a"]}),
    ],
)
def test_a_value_that_the_template_allows_is_none(given: str | None, declared: Any) -> None:
    assert faults(given, **declared) == []
