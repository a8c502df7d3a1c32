"""The lifecycle policies that a template declares."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_controller.errors import InvalidProperties, UserError
from ecrctl.inputs.template import lifecycle_policies, not_planned
from tests.unit.cli.inputs.test_intrinsics import TEMPLATE


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return TEMPLATE | {"Resources": TEMPLATE["Resources"] | resources}


def policy(repository: Any, rules: Any, **more: Any) -> dict[str, Any]:
    properties = {"ServiceToken": {"Fn::ImportValue": "x"}, "RepositoryName": repository, "LifecycleRules": rules}
    return {"Type": "Custom::ECRLifecyclePolicy", "Properties": properties, **more}


KEEP_ONE = [{"MaxImageCount": 1}]


def test_all_resources_that_declare_a_policy_are_found() -> None:
    found = lifecycle_policies(
        template(
            A={"Type": "Custom::ECRRepository", "Properties": {"LifecycleRules": [{"MaxImageAge": {"Ref": "Days"}}]}},
            B=policy({"Ref": "Named"}, KEEP_ONE),
            C={"Type": "Custom::ECRRepository", "Properties": {"RepositoryName": "no/policy"}},
            D=policy("x/y", KEEP_ONE, Condition="IsTest"),
            E={"Type": "Custom::ECRRepository"},
            F={"Type": {"Ref": "Stage"}},
        ),
        {},
    )
    assert [(each.resource, each.repository) for each in found] == [("A", None), ("B", "team/prod")]
    assert found[0].policy.rules[0].count_number == 30


def test_a_parameter_replaces_its_default() -> None:
    found = lifecycle_policies(template(A=policy("x/y", [{"MaxImageAge": {"Ref": "Days"}}])), {"Days": "7"})
    assert found[0].policy.rules[0].count_number == 7


def test_values_that_the_plan_does_not_need_can_be_unknown() -> None:
    resource = policy({"Fn::ImportValue": "x"}, KEEP_ONE)
    resource["Properties"]["OnExisting"] = {"Fn::ImportValue": "x"}
    assert lifecycle_policies(template(A=resource), {})[0].repository is None


def test_a_repository_that_the_plan_needs_must_be_known() -> None:
    resources = {
        "A": policy({"Fn::ImportValue": "x"}, KEEP_ONE),
        "B": {"Type": "Custom::ECRRepository", "Properties": {"LifecycleRules": KEEP_ONE}},
    }
    with pytest.raises(InvalidProperties) as raised:
        lifecycle_policies(template(**resources), {}, repositories_needed=True)
    assert [fault.path for fault in raised.value.faults] == ["A.RepositoryName", "B.RepositoryName"]


def test_the_faults_of_all_resources_are_reported() -> None:
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
        lifecycle_policies(template(**resources), {})
    assert sorted(fault.path for fault in raised.value.faults) == [
        "A.LifecycleRules[0].MaxImageCount",
        "C.LifecycleRules[0].MaxImageAge",
        "Conditions.Unknown",
        "D.LifecycleRulez",
        "E.RepositoryName",
        "G.Properties",
    ]


@pytest.mark.parametrize(
    ("document", "parameters", "message"),
    [
        ([], {}, "has no Resources"),
        ({"Resources": []}, {}, "has no Resources"),
        ({"Resources": {}}, {}, "the template has no resource of type Custom::ECRRepository or"),
        (TEMPLATE, {"Typo": "1"}, "has no parameter Typo"),
        ({"Resources": {}, "Parameters": []}, {}, "with a lifecycle policy"),
        ({"Resources": {}, "Parameters": {"A": 1}}, {}, "Parameters: must be a map of parameters"),
        ({"Resources": {}, "Parameters": {"A": {"Default": []}}}, {}, "Parameters.A.Default: must be a string, not"),
        (template(A=policy("x/y", KEEP_ONE, Condition="Circle")), {}, "has a circular reference"),
    ],
)
def test_a_template_without_a_policy_is_an_error(document: Any, parameters: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        lifecycle_policies(document, parameters)


def test_a_resource_that_is_chosen_must_declare_a_policy() -> None:
    with pytest.raises(UserError, match=r"Named is not a resource of type .* with a lifecycle policy"):
        lifecycle_policies(template(A=policy("x/y", KEEP_ONE)), {}, only="Named")


# What is read, and what is not


@pytest.mark.parametrize("kind", ["AWS::CloudFormation::CustomResource", "Custom::Mine"])
@pytest.mark.parametrize("exported", ["ecr-controller-ECRLifecyclePolicy", {"Fn::Sub": "${C}-ECRLifecyclePolicy"}])
def test_a_resource_with_our_service_token_is_read_whatever_its_type_is_called(kind: str, exported: Any) -> None:
    resource = policy("x/y", KEEP_ONE) | {"Type": kind}
    resource["Properties"]["ServiceToken"] = {"Fn::ImportValue": exported}
    assert lifecycle_policies(template(A=resource), {})[0].repository == "x/y"
    resource["Properties"]["ServiceToken"] = {"Fn::ImportValue": "others-Thing"}
    with pytest.raises(UserError, match="no resource of type"):
        lifecycle_policies(template(A=resource), {})


def test_scalars_are_read_as_cloudformation_sends_them() -> None:
    rules = [{"TagPrefixList": [1.0, 2], "MaxImageCount": "5"}]
    assert lifecycle_policies(template(A=policy("x/y", rules)), {})[0].policy.rules[0].tag_prefixes == ("1.0", "2")


def test_what_may_declare_policies_and_is_not_read_is_named() -> None:
    native = {"Type": "AWS::ECR::Repository", "Properties": {"LifecyclePolicy": {"LifecyclePolicyText": "{}"}}}
    resources = {
        "Fn::ForEach::Repos": ["Name", ["a"], {}],
        "Nested": {"Type": "AWS::CloudFormation::Stack", "Properties": {}},
        "App": {"Type": "AWS::Serverless::Application"},
        "Included": {"Fn::Transform": {"Name": "AWS::Include"}},
        "Native": native,
        "Bare": {"Type": "AWS::ECR::Repository"},
        "Other": {"Type": "AWS::S3::Bucket"},
    }
    found = not_planned({"Resources": resources, "Fn::Transform": {"Name": "AWS::Include"}})
    assert [each.rpartition(": ")[0] for each in found] == [
        *("Fn::ForEach::Repos", "Nested", "App", "Included", "Native", "Fn::Transform"),
    ]
    with pytest.raises(UserError, match=r"nothing can be planned\. Fn::ForEach::Repos: this function isn't evaluated"):
        lifecycle_policies({"Resources": resources}, {})
    assert not_planned(template(A=policy("x/y", KEEP_ONE))) == []


@pytest.mark.parametrize("properties", [5, "text", ["LifecyclePolicy"], None])
def test_a_native_repository_with_odd_properties_is_no_error(properties: Any) -> None:
    assert not_planned({"Resources": {"A": {"Type": "AWS::ECR::Repository", "Properties": properties}, "B": 5}}) == []


def test_what_json_has_no_form_of_is_a_fault() -> None:
    with pytest.raises(InvalidProperties, match=r"A.LifecycleRules\[0\].Description: must be a string"):
        lifecycle_policies(template(A=policy("x/y", [{"MaxImageCount": 1, "Description": b"x"}])), {})
