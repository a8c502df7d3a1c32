"""Intrinsic functions, resolved offline."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cfnlint.template import Template
from cfnlint.template.transforms._language_extensions import language_extension

from ecrctl.inputs.intrinsics import Resolver
from ecrctl.inputs.parameters import parameter_values
from ecrctl.inputs.values import NO_VALUE, Unresolved

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "prod"},
        "Days": {"Type": "Number", "Default": 30},
        "Prefixes": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Open": {"Type": "String"},
        "Secret": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/path"},
    },
    "Mappings": {"Kept": {"prod": {"Images": 50}, "123": {"Images": 5}}},
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "IsTest": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
        "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
        "Unknown": {"Fn::Equals": [{"Ref": "Open"}, "x"]},
        "Lists": {"Fn::Equals": [{"a": "b"}, "x"]},
        "Circle": {"Condition": "Circle"},
    },
    "Resources": {
        "Named": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Fn::Sub": "team/${Stage}"}}},
        "Nameless": {"Type": "AWS::ECR::Repository"},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"RepositoryName": "no"}},
    },
}


def resolve(node: Any) -> Any:
    """The node in TEMPLATE, where one parameter and the Region are given."""
    given = {"AWS::Region": "eu-west-1"}
    return Resolver(TEMPLATE, parameter_values(TEMPLATE, given)).resolve(node, "Here")


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Days"}, "30"),
        ({"Ref": "Prefixes"}, ["a", "b"]),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "AWS::NoValue"}, NO_VALUE),
        ({"Ref": "Named"}, "team/prod"),
        ({"Fn::GetAtt": ["Named", "RepositoryName"]}, "team/prod"),
        ({"Fn::GetAtt": "Named.RepositoryName"}, "team/prod"),
        ({"Fn::Sub": "${Stage}-${ Days }-${!Stage}-${Named}"}, "prod-30-${Stage}-team/prod"),
        ({"Fn::Sub": ["${Own}/${Stage}", {"Own": {"Ref": "Days"}}]}, "30/prod"),
        ({"Fn::If": ["IsProd", {"Ref": "Stage"}, {"Fn::ImportValue": "not looked at"}]}, "prod"),
        ({"Fn::If": ["IsTest", 1, 2]}, 2),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 1, True]]}, "a-prod-1-true"),
        ({"Fn::Join": ["+", {"Ref": "Prefixes"}]}, "a+b"),
        ({"Fn::Select": [1, {"Fn::Split": ["/", "x/y/z"]}]}, "y"),
        ({"Fn::Select": ["0", {"Ref": "Prefixes"}]}, "a"),
        ({"Fn::FindInMap": ["Kept", {"Ref": "Stage"}, "Images"]}, 50),
        ({"Fn::ToJsonString": {"a": [{"Ref": "Days"}]}}, '{"a":["30"]}'),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
    ],
)
def test_a_function_is_resolved(node: Any, value: Any) -> None:
    assert resolve(node) == value


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"a": [1, {"Fn::ImportValue": "x"}]}, "Here.a[1]: Fn::ImportValue cannot be resolved offline"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "Here: Fn::GetAtt Bucket.Arn cannot be resolved offline"),
        ({"Ref": "Bucket"}, "Here: the name of Bucket is not known before deployment"),
        ({"Ref": "Nameless"}, "Here: the name of Nameless is not known before deployment"),
        ({"Ref": "Open"}, "Here: Open has no value: specify --parameter Open=VALUE"),
        ({"Fn::Sub": "${AWS::AccountId}"}, "specify --parameter AWS::AccountId=VALUE"),
        ({"Ref": "Typo"}, "Here: Typo is neither a parameter nor a resource"),
        ({"Ref": "Secret"}, "Here: Secret is read from Systems Manager"),
        ({"Fn::If": ["Typo", 1, 2]}, "Here: Conditions has no entry Typo"),
        ({"Fn::If": ["Unknown", 1, 2]}, "Conditions.Unknown: Open has no value"),
        ({"Fn::If": ["Lists", 1, 2]}, "Conditions.Lists: Fn::Equals has invalid arguments"),
        ({"Fn::If": [["IsProd"], 1, 2]}, "Here: Conditions has no entry ['IsProd']"),
        ({"Fn::FindInMap": ["Kept", "test", "Images"]}, "Here: Mappings has no entry Kept.test.Images"),
        ({"Fn::Join": "a"}, "Here: Fn::Join has invalid arguments"),
        ({"Fn::Select": [9, ["a"]]}, "Here: Fn::Select has invalid arguments"),
        ({"Fn::Select": [-1, ["a"]]}, "Here: Fn::Select has invalid arguments"),
        ({"Fn::Join": ["", ["{{resolve:", "ssm:x}}"]]}, "Here[0]: a dynamic reference cannot be resolved offline"),
    ],
)
def test_what_cannot_be_resolved_is_reported_with_its_place(node: Any, message: str) -> None:
    with pytest.raises(Unresolved, match=re.escape(message)):
        resolve(node)


def test_all_places_that_cannot_be_resolved_are_reported() -> None:
    with pytest.raises(Unresolved) as raised:
        resolve([{"Fn::ImportValue": "x"}, 1, {"a": {"Ref": "Open"}}])
    assert [fault.path for fault in raised.value.faults] == ["Here[0]", "Here[2].a"]


# Fn::ForEach, held against cfn-lint, which also writes down names that it makes up and so cannot plan


def made(value: Any) -> dict[str, Any]:
    return {"Type": "T", "Properties": {"Name": value}}


LOOPS: list[dict[str, Any]] = [
    {"Fn::ForEach::A": ["X", ["a", "b"], {"Topic${X}": made({"Ref": "X"})}]},
    {"Fn::ForEach::A": ["X", {"Ref": "Prefixes"}, {"T${X}": made({"Fn::Sub": "x-${X}"})}]},
    {"Fn::ForEach::A": ["X", ["10.0.0.1", "b/c"], {"T&{X}": made({"Fn::Sub": "${X}"})}]},
    {
        "Fn::ForEach::A": [
            "X",
            ["a", "b"],
            {"Fn::ForEach::B": ["Y", ["1", "2"], {"T${X}${Y}": made({"Fn::Sub": "${Y}${X}"})}]},
        ],
        "Other": made("x"),
    },
    {"T": made({"Fn::ForEach::P": ["P", ["A", "B"], {"${P}Days": {"Fn::Sub": "${P}1"}}]})},
]


@pytest.mark.parametrize("resources", LOOPS)
def test_for_each_is_expanded_as_cfn_lint_does(resources: dict[str, Any]) -> None:
    template = TEMPLATE | {"Resources": resources, "Transform": "AWS::LanguageExtensions"}
    errors, expanded = language_extension(Template("t.yaml", template, ["eu-west-1"]))
    assert errors == []
    resolver = Resolver(template, parameter_values(template, {}))
    ours = {each.key: each.resolver.resolve(each.node, "Here") for each in resolver.expand(resources, "Resources")}
    assert ours == {name: resolver.resolve(node, "Here") for name, node in expanded["Resources"].items()}


@pytest.mark.parametrize("loop", [["X"], ["X", "a", {}], [1, ["a"], {}], ["X", ["a"], []], ["X", [["a"]], {}], 5])
def test_a_for_each_of_another_form_is_reported(loop: Any) -> None:
    with pytest.raises(Unresolved, match=r"Here\.Fn::ForEach::A: Fn::ForEach has invalid arguments"):
        resolve({"Fn::ForEach::A": loop})


def test_a_collection_that_is_not_known_is_reported() -> None:
    with pytest.raises(Unresolved, match="Open has no value"):
        resolve({"Fn::ForEach::A": ["X", {"Ref": "Open"}, {}]})


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Fn::FindInMap": ["Kept", "test", "Images", {"DefaultValue": 1}]}, 1),
        ({"Fn::FindInMap": ["Kept", "prod", "Images", {"DefaultValue": 1}]}, 50),
        ({"Fn::Length": {"Ref": "Prefixes"}}, 2),
        ({"Ref": {"Fn::Sub": "Sta${!X}ge"}}, None),
        ({"Fn::GetAtt": [{"Fn::Join": ["", ["Na", "med"]]}, "RepositoryName"]}, "team/prod"),
    ],
)
def test_the_language_extensions_are_resolved(node: Any, value: Any) -> None:
    if value is None:
        with pytest.raises(Unresolved, match="is neither a parameter nor a resource"):
            resolve(node)
    else:
        assert resolve(node) == value


# Values in the place of those that are known at deployment


def test_a_stand_in_is_used_in_values_and_not_in_conditions() -> None:
    template = TEMPLATE | {"Conditions": {"IsHere": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}}}
    resolver = Resolver(
        template,
        {},
        assumed={"AWS::Region": "eu-west-1"},
        stand_in=lambda kind, name, attribute: f"{kind}/{name}/{attribute}",
    )
    assert resolver.resolve({"Fn::Sub": "${AWS::Region} ${Bucket} ${Bucket.Arn}"}, "Here") == (
        "eu-west-1 AWS::S3::Bucket/Bucket/ AWS::S3::Bucket/Bucket/Arn"
    )
    with pytest.raises(Unresolved, match="AWS::Region has no value"):
        resolver.resolve({"Fn::If": ["IsHere", 1, 2]}, "Here")
