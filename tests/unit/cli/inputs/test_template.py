"""What a template declares, with its functions resolved as far as that goes offline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import InvalidProperties, UserError
from ecrctl.inputs.files import read_yaml
from ecrctl.inputs.intrinsics import Resolver
from ecrctl.inputs.template import parameters_of, policies_of
from ecrctl.inputs.values import NO_VALUE, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable

    File = Callable[[str, Any], str]

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
    return Resolver(TEMPLATE, parameters_of(TEMPLATE, given)).resolve(node, "Here")


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
    ("node", "told"),
    [
        ({"a": [1, {"Fn::ImportValue": "x"}]}, "Here.a[1]: Fn::ImportValue cannot be resolved offline"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "Here: Fn::GetAtt Bucket.Arn cannot be resolved offline"),
        ({"Ref": "Bucket"}, "Here: what Bucket is called is not known before it is deployed"),
        ({"Ref": "Nameless"}, "Here: what Nameless is called is not known before it is deployed"),
        ({"Ref": "Open"}, "Here: Open has no value here; give it as --parameter Open=VALUE"),
        ({"Fn::Sub": "${AWS::AccountId}"}, "give it as --parameter AWS::AccountId=VALUE"),
        ({"Ref": "Typo"}, "Here: Typo is no parameter and no resource"),
        ({"Ref": "Secret"}, "Here: Secret is read from Systems Manager"),
        ({"Fn::If": ["Typo", 1, 2]}, "Here: there is no condition Typo"),
        ({"Fn::If": ["Unknown", 1, 2]}, "Conditions.Unknown: Open has no value here"),
        ({"Fn::FindInMap": ["Kept", "test", "Images"]}, "Here: Mappings has no Kept.test.Images"),
        ({"Fn::Join": "a"}, "Here: Fn::Join is not written as CloudFormation takes it"),
        ({"Fn::Select": [9, ["a"]]}, "Here: Fn::Select is not written as CloudFormation takes it"),
        ({"Fn::Select": [-1, ["a"]]}, "Here: Fn::Select is not written as CloudFormation takes it"),
        ({"Fn::Join": ["", ["{{resolve:", "ssm:x}}"]]}, "Here[0]: a dynamic reference cannot be resolved offline"),
    ],
)
def test_what_cannot_be_resolved_is_told_with_its_place(node: Any, told: str) -> None:
    with pytest.raises(Unresolved, match=re.escape(told)):
        resolve(node)


def test_all_places_that_cannot_be_resolved_are_told() -> None:
    with pytest.raises(Unresolved) as raised:
        resolve([{"Fn::ImportValue": "x"}, 1, {"a": {"Ref": "Open"}}])
    assert [fault.path for fault in raised.value.faults] == ["Here[0]", "Here[2].a"]


def test_short_forms_are_read_as_the_functions_they_stand_for(file: File) -> None:
    text = """
    a: !Ref Stage
    b: !GetAtt Named.RepositoryName
    c: !Join ["-", [!Sub "${Stage}", x]]
    d: !If
      - IsProd
      - {e: !Select [0, !Split [",", "a,b"]]}
      - !Ref AWS::NoValue
    f: 2012-10-17
    g: !Sub ["${x}", {x: !Ref Stage}]
    """
    read = read_yaml(file("t.yaml", text))
    assert read["f"] == "2012-10-17"
    assert resolve(read) == {
        "a": "prod",
        "b": "team/prod",
        "c": "prod-x",
        "d": {"e": "a"},
        "f": "2012-10-17",
        "g": "prod",
    }


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return TEMPLATE | {"Resources": TEMPLATE["Resources"] | resources}


def policy(repository: Any, rules: Any, **more: Any) -> dict[str, Any]:
    properties = {"ServiceToken": {"Fn::ImportValue": "x"}, "RepositoryName": repository, "LifecycleRules": rules}
    return {"Type": "Custom::ECRLifecyclePolicy", "Properties": properties, **more}


KEEP_ONE = [{"MaxImageCount": 1}]


def test_all_our_resources_that_declare_a_policy_are_found() -> None:
    found = policies_of(
        template(
            A={"Type": "Custom::ECRRepository", "Properties": {"LifecycleRules": [{"MaxImageAge": {"Ref": "Days"}}]}},
            B=policy({"Ref": "Named"}, KEEP_ONE),
            C={"Type": "Custom::ECRRepository", "Properties": {"RepositoryName": "no/policy"}},
            D=policy("x/y", KEEP_ONE, Condition="IsTest"),
            E={"Type": "Custom::ECRRepository"},
        ),
        {},
    )
    assert [(each.resource, each.repository) for each in found] == [("A", None), ("B", "team/prod")]
    assert found[0].policy.rules[0].count_number == 30


def test_a_parameter_that_is_given_comes_before_its_default() -> None:
    found = policies_of(template(A=policy("x/y", [{"MaxImageAge": {"Ref": "Days"}}])), {"Days": "7"})
    assert found[0].policy.rules[0].count_number == 7


def test_what_the_plan_does_not_need_may_be_unknown() -> None:
    resource = policy({"Fn::ImportValue": "x"}, KEEP_ONE)
    resource["Properties"]["OnExisting"] = {"Fn::ImportValue": "x"}
    assert policies_of(template(A=resource), {})[0].repository is None


def test_a_repository_that_the_plan_needs_must_be_known() -> None:
    resources = {
        "A": policy({"Fn::ImportValue": "x"}, KEEP_ONE),
        "B": {"Type": "Custom::ECRRepository", "Properties": {"LifecycleRules": KEEP_ONE}},
    }
    with pytest.raises(InvalidProperties) as raised:
        policies_of(template(**resources), {}, repositories_needed=True)
    assert [fault.path for fault in raised.value.faults] == ["A.RepositoryName", "B.RepositoryName"]


def test_the_faults_of_all_resources_are_told() -> None:
    resources = {
        "A": policy("x/y", [{"MaxImageCount": 0}]),
        "B": policy("x/y", KEEP_ONE, Condition="Unknown"),
        "C": policy("x/y", [{"MaxImageAge": {"Ref": "Open"}}]),
        "D": {"Type": "Custom::ECRRepository", "Properties": {"LifecycleRulez": []}},
        "E": {"Type": "Custom::ECRLifecyclePolicy", "Properties": {"LifecycleRules": KEEP_ONE}},
        "F": {"Type": "Custom::ECRRepository", "Properties": []},
        "G": {"Type": "Custom::ECRRepository", "Properties": "text"},
    }
    with pytest.raises(InvalidProperties) as raised:
        policies_of(template(**resources), {})
    assert sorted(fault.path for fault in raised.value.faults) == [
        "A.LifecycleRules[0].MaxImageCount",
        "C.LifecycleRules[0].MaxImageAge",
        "Conditions.Unknown",
        "D.LifecycleRulez",
        "E.RepositoryName",
        "G.Properties",
    ]


@pytest.mark.parametrize(
    ("given", "parameters", "told"),
    [
        ([], {}, "has no Resources"),
        ({"Resources": []}, {}, "has no Resources"),
        ({"Resources": {}}, {}, "no Custom::ECRRepository or Custom::ECRLifecyclePolicy in the template declares"),
        (TEMPLATE, {"Typo": "1"}, "has no parameter Typo"),
        ({"Resources": {}, "Parameters": []}, {}, "declares a lifecycle policy"),
        ({"Resources": {}, "Parameters": {"A": 1}}, {}, "Parameters are not a map of parameters"),
        ({"Resources": {}, "Parameters": {"A": {"Default": []}}}, {}, "the default of a parameter must be text"),
        (template(A=policy("x/y", KEEP_ONE, Condition="Circle")), {}, "refers to itself in a circle"),
    ],
)
def test_a_template_that_is_none_or_has_no_policy_is_an_error(given: Any, parameters: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        policies_of(given, parameters)


def test_a_resource_that_is_chosen_must_declare_a_policy() -> None:
    with pytest.raises(UserError, match=r"Named is no .* that declares a lifecycle policy"):
        policies_of(template(A=policy("x/y", KEEP_ONE)), {}, only="Named")
