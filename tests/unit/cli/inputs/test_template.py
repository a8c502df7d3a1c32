"""The lifecycle policies that a template declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import InvalidProperties, UserError
from ecrctl.inputs.template import Template
from ecrctl.inputs.template_policies import from_template
from tests.unit.cli.inputs.test_intrinsics import TEMPLATE

if TYPE_CHECKING:
    from ecrctl.inputs.policies import DeclaredPolicy


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return TEMPLATE | {"Resources": TEMPLATE["Resources"] | resources}


def policy(repository: Any, rules: Any, **more: Any) -> dict[str, Any]:
    properties = {"ServiceToken": {"Fn::ImportValue": "x"}, "RepositoryName": repository, "LifecycleRules": rules}
    return {"Type": "Custom::ECRLifecyclePolicy", "Properties": properties, **more}


def lifecycle_policies(document: Any, parameters: Any, **more: Any) -> list[DeclaredPolicy]:
    return from_template(document, parameters, **more)[0]


def not_read(document: Any) -> list[str]:
    return list(Template.read(document, {}).not_read)


KEEP_ONE = [{"MaxImageCount": 1}]


def ecr_rule(number: int) -> dict[str, Any]:
    """A rule in the form of Amazon ECR, which keeps so many images."""
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    return {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}


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
        ({"Resources": {}}, {}, "the template has no resource of type Custom::ECRRepository, "),
        (TEMPLATE, {"Typo": "1"}, "has no parameter Typo"),
        ({"Resources": {}, "Parameters": []}, {}, "with a lifecycle policy"),
        ({"Resources": {}, "Parameters": {"A": 1}}, {}, "Parameters: must be a map of parameters"),
        ({"Resources": {}, "Parameters": {"A": {"Default": []}}}, {}, "Parameters.A.Default: must be a string, not"),
        (template(A=policy("x/y", KEEP_ONE, Condition="Circle")), {}, "has a circular reference to Conditions.Circle"),
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


@pytest.mark.parametrize("kind", ["AWS::CloudFormation::CustomResource", "Custom::Mine"])
@pytest.mark.parametrize(
    "token",
    [
        "{{resolve:ssm:/ecr-controller/ECRLifecyclePolicy}}",
        "{{resolve:ssm:/ecr-controller/ECRLifecyclePolicy:3}}",
        {"Fn::Sub": "{{resolve:ssm:/${Controller}/ECRLifecyclePolicy}}"},
    ],
)
def test_a_resource_whose_service_token_is_a_parameter_of_ssm_is_read_too(kind: str, token: Any) -> None:
    resource = policy("x/y", KEEP_ONE) | {"Type": kind}
    resource["Properties"]["ServiceToken"] = token
    assert lifecycle_policies(template(A=resource), {})[0].repository == "x/y"


def test_scalars_are_read_as_cloudformation_sends_them() -> None:
    rules = [{"TagPrefixList": [1.0, 2], "MaxImageCount": "5"}]
    assert lifecycle_policies(template(A=policy("x/y", rules)), {})[0].policy.rules[0].tag_prefixes == ("1.0", "2")


def test_what_may_declare_policies_and_is_not_read_is_named() -> None:
    resources = {
        "Fn::ForEach::Repos": ["Name", {"Ref": "Unknown"}, {}],
        "Nested": {"Type": "AWS::CloudFormation::Stack", "Properties": {}},
        "App": {"Type": "AWS::Serverless::Application"},
        "Included": {"Fn::Transform": {"Name": "AWS::Include"}},
        "Within": {"Type": "Custom::ECRRepository", "Properties": {"Fn::Transform": {"Name": "AWS::Include"}}},
        "Module": {"Type": "Our::Registry::Repository::MODULE"},
        "Other": {"Type": "AWS::S3::Bucket"},
    }
    document = {
        "Resources": resources,
        "Fn::Transform": {"Name": "AWS::Include"},
        "Transform": ["Ours", {"Name": "Mine"}],
    }
    found = not_read(document)
    assert [each.partition(": ")[0] for each in found] == [
        *("Transform Ours", "Transform Mine", "Fn::ForEach::Repos", "Nested", "App", "Included", "Within", "Module"),
        "Fn::Transform",
    ]
    with pytest.raises(
        UserError, match=r"nothing can be planned\. Fn::ForEach::Repos: the collection isn't known: Unk"
    ):
        lifecycle_policies({"Resources": resources}, {})
    assert not_read(template(A=policy("x/y", KEEP_ONE))) == []


@pytest.mark.parametrize("transform", ["AWS::Serverless-2016-10-31", ["AWS::LanguageExtensions"], None, []])
def test_transforms_that_leave_our_resources_alone_are_not_named(transform: Any) -> None:
    assert not_read({"Resources": {}, "Transform": transform}) == []


def test_a_native_repository_is_planned() -> None:
    text = json.dumps({"rules": [ecr_rule(1)]})
    native: dict[str, Any] = {
        "Type": "AWS::ECR::Repository",
        "Properties": {
            "RepositoryName": {"Fn::Sub": "team/${Stage}"},
            "LifecyclePolicy": {"LifecyclePolicyText": text},
            "ImageScanningConfiguration": {"ScanOnPush": True},
        },
    }
    [found] = lifecycle_policies(template(Native=native), {})
    assert (found.resource, found.repository, found.policy.rules[0].count_number) == ("Native", "team/prod", 1)
    native["Properties"]["LifecyclePolicy"] = {"LifecyclePolicyText": '{"rules": [{"rulePriority": 0}]}'}
    with pytest.raises(
        InvalidProperties, match=r"Native\.LifecyclePolicy\.LifecyclePolicyText\.rules\[0\]\.rulePriority"
    ):
        lifecycle_policies(template(Native=native), {})


@pytest.mark.parametrize("properties", [5, "text", ["LifecyclePolicy"], None, {"LifecyclePolicy": 5}])
def test_a_native_repository_without_a_policy_is_passed_over(properties: Any) -> None:
    document = template(A=policy("x/y", KEEP_ONE))
    document["Resources"] |= {"N": {"Type": "AWS::ECR::Repository", "Properties": properties}, "B": 5}
    if properties in (5, "text", ["LifecyclePolicy"]):
        with pytest.raises(InvalidProperties, match=r"N\.Properties: must be a map"):
            lifecycle_policies(document, {})
    else:
        assert [each.resource for each in lifecycle_policies(document, {})] == ["A"]


def test_for_each_is_expanded() -> None:
    resources: dict[str, Any] = {
        "Fn::ForEach::Teams": [
            "Team",
            {"Ref": "Prefixes"},
            {
                "Fn::ForEach::Apps": [
                    "App",
                    ["web", "job/x"],
                    {
                        "Repository${Team}&{App}": {
                            "Type": "Custom::ECRRepository",
                            "Properties": {
                                "RepositoryName": {"Fn::Sub": "${Team}/${App}"},
                                "LifecycleRules": [{"MaxImageCount": 1, "Description": {"Ref": "App"}}],
                            },
                        },
                        "Policy${Team}&{App}": policy({"Ref": {"Fn::Sub": "Repository${Team}&{App}"}}, KEEP_ONE),
                    },
                ]
            },
        ]
    }
    found = lifecycle_policies(template(**resources), {})
    assert [(each.resource, each.repository) for each in found] == [
        *(("Repositoryaweb", "a/web"), ("Policyaweb", "a/web")),
        *(("Repositoryajobx", "a/job/x"), ("Policyajobx", "a/job/x")),
        *(("Repositorybweb", "b/web"), ("Policybweb", "b/web")),
        *(("Repositorybjobx", "b/job/x"), ("Policybjobx", "b/job/x")),
    ]
    assert found[2].policy.rules[0].description == "job/x"


def test_what_json_has_no_form_of_is_a_fault() -> None:
    with pytest.raises(InvalidProperties, match=r"A.LifecycleRules\[0\].Description: must be a string"):
        lifecycle_policies(template(A=policy("x/y", [{"MaxImageCount": 1, "Description": b"x"}])), {})
