"""`ecrctl validate`: all faults of all types, in the words of the deployment, with their positions."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from ecr_controller.custom_resource.properties import SCHEMAS
from ecrctl.controller import Controller
from ecrctl.inputs import files
from ecrctl.inputs.template import Template
from ecrctl.main import app
from ecrctl.resource_types import RESOURCES
from ecrctl.validation import Report, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer.testing import Result

    from tests.unit.cli.conftest import File

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ROLE = {"Type": "AWS::IAM::Role"}
UNKNOWN = {"Fn::ImportValue": "something"}


def run(*options: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["validate", *options], input=stdin)


def report(resources: dict[str, Any], controller: Mapping[str, str] | None = None, **pseudo: str) -> Report:
    """Of these resources, in a stack with these pseudo parameters, named without ``AWS::``."""
    given = {f"AWS::{name}": value for name, value in pseudo.items()}
    return validate(Template.read({"Resources": resources}, given), Controller(controller or {}))


def faults(kind: str, **properties: Any) -> list[str]:
    """The faults of one resource, with a role, a group, a queue and a bucket beside it."""
    beside = {
        "Role": ROLE,
        "Group": {"Type": "AWS::IAM::Group"},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Bucket": {"Type": "AWS::S3::Bucket"},
    }
    resources = beside | {"It": {"Type": f"Custom::{kind}", "Properties": properties}}
    return [str(each).removeprefix("It.") for each in report(resources).faults]


def test_every_type_is_validated() -> None:
    assert set(RESOURCES) == {path.stem for path in SCHEMAS.glob("ECR*.json")}
    wrong = {name: {"Type": f"Custom::{name}", "Properties": {"Tpyo": 1}} for name in RESOURCES}
    assert {each.resource for each in report(wrong).faults if each.path == "Tpyo"} == set(RESOURCES)


def test_all_faults_of_all_resources_are_reported_at_once_with_their_place(file: File) -> None:
    template = file(
        "t.yaml",
        "Resources:\n"
        "  Repository:\n"
        "    Type: Custom::ECRRepository\n"
        "    Properties:\n"
        "      ImageScanOnPush: yes please\n"
        "      ImageScanningConfiguration: {ScanOnPush: true}\n"
        "      LifecycleRules:\n"
        "        - {MaxImageCount: 1}\n"
        "        - {MaxImageCount: 0, TagStatus: all}\n"
        "  Grant:\n"
        "    Type: Custom::ECRRepositoryGrant\n"
        "    Properties:\n"
        "      RepositoryName: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app\n",
    )
    result = run(template)
    assert result.exit_code == 2
    found = [line.removeprefix(f"{template}:").split(": ")[0:2] for line in result.stdout.splitlines()[:-1]]
    assert sorted(found) == [
        ["12:5", "Grant.Access"],
        ["12:5", "Grant.Grantee"],
        ["13:7", "Grant.RepositoryName"],
        ["5:7", "Repository.ImageScanOnPush"],
        ["6:7", "Repository.ImageScanningConfiguration"],
        ["9:12", "Repository.LifecycleRules[1].MaxImageCount"],
        ["9:30", "Repository.LifecycleRules[1].TagStatus"],
    ]
    assert result.stdout.splitlines()[-1] == "2 resources, 7 faults"
    assert "in this type it is ImageScanOnPush" in result.stdout


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (
            "ECRAuthorizationTokenGrant",
            {"Grantee": {"Ref": "Role"}},
            "Grantee: must be the ARN of a role, user or group",
        ),
        ("ECRAuthorizationTokenGrant", {"Grantee": {"Fn::GetAtt": ["Role", "Arn"]}}, None),
        ("ECRAuthorizationTokenGrant", {"Grantee": {"Fn::GetAtt": "Group.Arn"}}, None),
        (
            "ECRRepositoryGrant",
            {"RepositoryName": "a/b", "Access": "Pull", "Grantee": {"Fn::GetAtt": "Group.Arn"}},
            "Grantee: Group is a group, which a repository policy does not support",
        ),
        (
            "ECRRepositoryGrant",
            {
                "RepositoryName": "a/b",
                "Access": "Pull",
                "Grantee": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/x"},
            },
            None,
        ),
        (
            "ECRRepositoryGrant",
            {"RepositoryName": "a/b", "Access": "Pull", "Grantee": "*"},
            "Grantee: grants access to every AWS account",
        ),
        ("ECRRepositoryGrant", {"RepositoryName": "a/b", "Access": "Pull", "Grantee": "999999999999"}, None),
        ("ECRImageScanRoute", {"RepositoryName": "*", "Targets": [{"Fn::GetAtt": ["Queue", "Arn"]}]}, None),
        (
            "ECRImageScanRoute",
            {"RepositoryName": "*", "Targets": [{"Ref": "Queue"}]},
            "Targets[0]: https://sqs.${AWS::Region}.amazonaws.com/${AWS::AccountId}/Queue is not the ARN of",
        ),
        (
            "ECRImageScanRoute",
            {"RepositoryName": "*", "Targets": [{"Fn::GetAtt": ["Bucket", "Arn"]}]},
            "Targets[0]: arn:aws:s3:::Bucket is not the ARN of an SNS topic",
        ),
        ("ECRImageScanRoute", {"RepositoryName": "*", "Targets": ["arn:aws:sqs:eu-west-1:999999999999:q"]}, None),
    ],
)
def test_what_only_the_template_shows(kind: str, properties: dict[str, Any], expected: str | None) -> None:
    found = faults(kind, **properties)
    assert found == [] if expected is None else [each for each in found if each.startswith(expected)] == found != []


def test_the_account_and_the_region_bound_targets_and_grantees() -> None:
    resources = {
        "Route": {
            "Type": "Custom::ECRImageScanRoute",
            "Properties": {"RepositoryName": "*", "Targets": ["arn:aws:sqs:eu-west-1:999999999999:q"]},
        },
        "Grant": {
            "Type": "Custom::ECRRepositoryGrant",
            "Properties": {"RepositoryName": "a/b", "Access": "Pull", "Grantee": "999999999999"},
        },
    }
    here = {"AccountId": "111122223333", "Region": "eu-west-1"}
    found = [str(each) for each in report(resources, None, **here).faults]
    assert found[0] == (
        "Route.Targets[0]: arn:aws:sqs:eu-west-1:999999999999:q is not in the controller's account and Region, "
        "111122223333 and eu-west-1"
    )
    assert found[1].startswith("Grant.Grantee: grants access to arn:aws:iam::999999999999:root, which the parameters")
    assert [each.resource for each in report(resources, {"GranteeAccounts": "999999999999"}, **here).faults] == [
        "Route"
    ]


def test_the_parameters_of_the_controller_bound_names_and_targets() -> None:
    resources = {
        "Route": {
            "Type": "Custom::ECRImageScanRoute",
            "Properties": {"RepositoryName": "team/a", "Targets": ["arn:aws:sqs:eu-west-1:111122223333:other"]},
        },
    }
    queues = "arn:aws:sqs:eu-west-1:111122223333:scan-*"
    here = {"AccountId": "111122223333", "Region": "eu-west-1"}
    [found] = report(resources, {"ScanTargetQueues": queues}, **here).faults
    assert "is not among those that the parameter ScanTargetQueues" in found.message
    [found] = report(resources, {"RepositoryNames": "shop/*"}, **here).faults
    assert str(found).startswith("Route.RepositoryName: the stack of this template may not manage team/a.")
    bounds = {"Boundaries": "shop-*=shop/*"}
    assert report(resources, bounds, **here).faults == []
    [found] = report(resources, bounds, **here, StackName="shop-web").faults
    assert "the stack shop-web may not manage team/a" in found.message


def test_the_environment_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTEE_ACCOUNTS", "*")
    monkeypatch.delenv("PUBLIC_GRANTS", raising=False)
    with Controller({"PublicGrants": "true"}).configured():
        assert "GRANTEE_ACCOUNTS" not in os.environ
        assert os.environ["PUBLIC_GRANTS"] == "true"
    assert os.environ["GRANTEE_ACCOUNTS"] == "*"
    assert "PUBLIC_GRANTS" not in os.environ


# Two declarations of one thing


def repository(**properties: Any) -> dict[str, Any]:
    return {"Type": "Custom::ECRRepository", "Properties": properties}


def policy(name: Any, **more: Any) -> dict[str, Any]:
    rules = [{"MaxImageCount": 1}]
    return {
        "Type": "Custom::ECRLifecyclePolicy",
        "Properties": {"RepositoryName": name, "LifecycleRules": rules},
        **more,
    }


RULES = [{"MaxImageCount": 1}]


@pytest.mark.parametrize(
    "resources",
    [
        {"A": repository(LifecycleRules=RULES), "B": policy({"Ref": "A"})},
        {"A": repository(LifecycleRules=RULES), "B": policy({"Fn::GetAtt": ["A", "RepositoryName"]})},
        {"A": repository(RepositoryName="x/y", LifecycleRules=RULES), "B": policy({"Ref": "A"})},
        {"A": policy("x/y"), "B": policy("x/y")},
        {"A": policy("x/y", Condition="C"), "B": policy("x/y", Condition="C")},
    ],
)
def test_a_policy_that_is_declared_twice_is_a_fault(resources: dict[str, Any]) -> None:
    [found] = report(resources).faults
    assert re.fullmatch(
        r"B\.RepositoryName: A declares the lifecycle policy of .+ as well; keep one of them", str(found)
    )


def test_a_repository_that_is_declared_twice_is_a_fault() -> None:
    [found] = report({"A": repository(RepositoryName="x/y"), "B": repository(RepositoryName="x/y")}).faults
    assert str(found) == "B.RepositoryName: A declares the settings of x/y as well; keep one of them"


@pytest.mark.parametrize(
    "resources",
    [
        {"A": repository(LifecycleRules=RULES), "B": policy("other")},
        {"A": repository(), "B": policy({"Ref": "A"})},
        {"A": repository(), "B": repository()},
        {"A": policy("x/y", Condition="One"), "B": policy("x/y", Condition="Other")},
        {"A": policy(UNKNOWN), "B": policy({"Fn::ImportValue": "other"})},
        {"A": {"Type": "Custom::ECRLifecyclePolicy"}, "B": {"Type": "Custom::ECRLifecyclePolicy"}},
    ],
)
def test_what_may_be_of_two_repositories_or_stacks_is_not(resources: dict[str, Any]) -> None:
    assert [each for each in report(resources).faults if "as well" in each.message] == []


# What is known only at deployment


def resources_of_examples() -> list[Any]:
    found = []
    for path in sorted(EXAMPLES.glob("*.yaml")):
        document = files.read_yaml(str(path))
        template = Template.read(document, {})
        found += [
            pytest.param(document, each.name, name, id=f"{path.stem}-{each.name}-{name}")
            for each in template.declarations
            for name in each.properties
        ]
    return found


@pytest.mark.parametrize(("document", "resource", "name"), resources_of_examples())
def test_a_value_that_is_not_known_has_no_fault_and_causes_none(document: Any, resource: str, name: str) -> None:
    before = document["Resources"][resource]
    changed = {**before, "Properties": {**before["Properties"], name: UNKNOWN}}
    template = Template.read({**document, "Resources": {**document["Resources"], resource: changed}}, {})
    everyone = Controller({"GranteeAccounts": "*"})
    found = validate(template, everyone)
    assert found.faults == []
    assert (f"{resource}.{name}" in found.unknown) is (name != "ServiceToken")


@pytest.mark.parametrize(
    ("kind", "properties", "unknown"),
    [
        ("ECRRepository", {"LifecycleRules": [{"TagPatternList": [UNKNOWN], "MaxImageCount": 1}]}, None),
        ("ECRRepository", {"LifecycleRules": [UNKNOWN, {"MaxImageAge": UNKNOWN}]}, None),
        ("ECRLifecyclePolicy", {"RepositoryName": "a/b", "LifecycleRules": [UNKNOWN]}, "It.LifecycleRules[0]"),
        ("ECRRepository", {"Tags": [{"Key": "a", "Value": UNKNOWN}]}, "It.Tags[0].Value"),
        (
            "ECRRepositoryGrant",
            {
                "RepositoryName": UNKNOWN,
                "Grantee": "lambda.amazonaws.com",
                "Access": "Pull",
                "Conditions": {"StringEquals": {"aws:SourceAccount": UNKNOWN}},
            },
            "It.Conditions",
        ),
        (
            "ECRRepository",
            {"PolicyStatements": [{"Principal": {"AWS": UNKNOWN}, "Action": "ecr:BatchGetImage"}]},
            "It.PolicyStatements[0].Principal",
        ),
        ("ECRImageScanRoute", {"RepositoryName": UNKNOWN, "Targets": [UNKNOWN]}, "It.Targets[0]"),
        ("ECRImageScanRoute", {"RepositoryName": "*", "Targets": {"Fn::If": ["Open", [1], [2]]}}, "It.Targets"),
    ],
)
def test_a_value_within_another_that_is_not_known_has_no_fault(kind: str, properties: Any, unknown: str | None) -> None:
    found = report({"It": {"Type": f"Custom::{kind}", "Properties": properties}})
    assert found.faults == []
    assert unknown is None or unknown in found.unknown


def test_what_is_known_beside_it_is_validated() -> None:
    assert faults("ECRRepository", RepositoryName=UNKNOWN, ImageScanOnPush="maybe", Tags=[{"Key": UNKNOWN}]) == [
        "ImageScanOnPush: must be true or false",
        "Tags[0].Value: is required",
    ]


def test_a_resource_whose_condition_is_false_is_not_validated() -> None:
    document = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}, "Open": {"Fn::Equals": [{"Ref": "AWS::Region"}, "b"]}},
        "Resources": {
            "A": {"Type": "Custom::ECRRepository", "Condition": "Never", "Properties": {"Typo": 1}},
            "B": {"Type": "Custom::ECRRepository", "Condition": "Open", "Properties": {"Typo": 1}},
        },
    }
    found = validate(Template.read(document, {}), Controller({}))
    assert [each.resource for each in found.faults] == ["B"]


def test_the_branch_that_a_condition_chooses_is_validated() -> None:
    document = {
        "Conditions": {"Yes": {"Fn::Equals": ["a", "a"]}},
        "Resources": {"A": repository(Tags={"Fn::If": ["Yes", [{"Key": UNKNOWN, "Value": 1, "Typo": 1}], []]})},
    }
    found = validate(Template.read(document, {}), Controller({}))
    assert [str(each) for each in found.faults] == ["A.Tags[0].Typo: is not a known property"]


# The command


VALID = "Resources: {R: {Type: Custom::ECRRepository}}\n"
INVALID = "Resources:\n  R:\n    Type: Custom::ECRRepository\n    Properties: {Tags: x}\n"


def test_a_valid_template_ends_with_0(file: File) -> None:
    result = run(file("t.yaml", VALID))
    assert (result.exit_code, result.stdout) == (0, "1 resource, 0 faults\n")


def test_a_part_that_is_not_read_ends_with_3(file: File) -> None:
    nested = file("t.yaml", VALID + "  \n".join(["Transform: Ours\n"]))
    result = run(nested)
    assert result.exit_code == 3
    assert f"{nested}: not read: Transform Ours: a macro isn't evaluated" in result.stdout
    assert run(nested, file("u.yaml", INVALID)).exit_code == 2


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("Resources: 5", (), "t.yaml: the template has no Resources section"),
        ("a: 1\na: 2\n", (), "line 2, column 1: the key a is given more than once"),
        (VALID, ("--parameter", "Typo=1"), "--parameter: no template has a parameter Typo"),
        (VALID, ("--parameter", "Typo"), "--parameter: 'Typo' is not of the form NAME=VALUE"),
        (VALID, ("--controller-parameter", "Typo=1"), "--controller-parameter: Typo is not one of RepositoryNames, "),
        (VALID, ("--controller-parameter", "x"), "--controller-parameter: 'x' is not of the form NAME=VALUE"),
        (VALID, ("--output", "xml"), "'xml' is not one of"),
    ],
)
def test_an_error_ends_with_1(file: File, content: str, options: tuple[str, ...], message: str) -> None:
    result = run(file("t.yaml", content), *options)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())


def test_parameters_are_those_of_any_template_and_their_values_are_validated(file: File) -> None:
    one = file("one.yaml", VALID + "Parameters:\n  Stage: {Type: String, AllowedValues: [a]}\n")
    other = file("other.yaml", VALID)
    assert run(one, other, "--parameter", "Stage=a", "--region", "eu-west-1").exit_code == 0
    result = run(one, other, "--parameter", "Stage=b")
    assert result.exit_code == 2
    assert f"{one}:3:3: Parameters.Stage: b is not one of the AllowedValues, a" in result.stdout


def test_an_output_does_not_overwrite_a_template(file: File) -> None:
    template = file("t.yaml", VALID)
    assert run(template, "--output-file", template).exit_code == 1
    assert Path(template).read_text(encoding="utf-8") == VALID


def test_standard_input_is_read_and_named() -> None:
    result = run("-", stdin=INVALID)
    assert result.stdout.startswith("standard input:4:18: R.Tags: must be a list\n")


def test_json_has_everything(file: File) -> None:
    template = file("t.yaml", INVALID + "      \n" + "  N: {Type: 'AWS::CloudFormation::Stack'}\n")
    document = json.loads(run(template, "--output", "json").stdout)
    assert document == {
        "files": [
            {
                "file": template,
                "resources": 1,
                "faults": [{"resource": "R", "path": "Tags", "message": "must be a list", "line": 4, "column": 18}],
                "knownOnlyAtDeployment": [],
                "notRead": ["N: the template of a nested stack isn't read"],
            }
        ]
    }


def test_github_gets_workflow_commands(file: File) -> None:
    template = file("t,1.yaml", INVALID.replace("Tags: x", '"Ta%g": x'))
    lines = run(template, "--output", "github").stdout.splitlines()
    escaped = template.replace(",", "%2C")
    assert lines[0].startswith(f"::error file={escaped},line=4,col=18,title=R.Ta%25g::is not a known property")


def test_sarif_has_the_form_of_version_2_1_0(file: File) -> None:
    template = file("t.yaml", INVALID + "  N: {Type: 'AWS::CloudFormation::Stack'}\n")
    log = json.loads(run(template, "--output", "sarif").stdout)
    jsonschema.validate(log, SARIF)
    rules = {each["id"] for each in log["runs"][0]["tool"]["driver"]["rules"]}
    assert {each["ruleId"] for each in log["runs"][0]["results"]} == rules


# The members that the standard requires, of those that are written (SARIF 2.1.0, sections 3.13 to 3.30).
SARIF: dict[str, Any] = yaml.safe_load("""
type: object
additionalProperties: false
required: [version, runs]
properties:
  $schema: {type: string}
  version: {const: 2.1.0}
  runs:
    type: array
    items:
      type: object
      additionalProperties: false
      required: [tool]
      properties:
        tool:
          required: [driver]
          properties:
            driver:
              required: [name]
              properties:
                rules: {items: {required: [id], properties: {shortDescription: {required: [text]}}}}
        results:
          items:
            type: object
            additionalProperties: false
            required: [message]
            properties:
              ruleId: {type: string}
              level: {enum: [none, note, warning, error]}
              message: {required: [text], properties: {text: {type: string}}}
              locations:
                items:
                  properties:
                    physicalLocation:
                      required: [artifactLocation]
                      properties:
                        artifactLocation: {properties: {uri: {type: string}}}
                        region:
                          properties:
                            startLine: {type: integer, minimum: 1}
                            startColumn: {type: integer, minimum: 1}
""")


CIRCLES: dict[str, Any] = {
    "names": {"A": {"Ref": "B"}, "B": {"Ref": "A"}},
    "itself": {"A": {"Fn::GetAtt": ["A", "RepositoryName"]}},
    "text": {"A": {"Fn::Sub": "${A.RepositoryName}-x"}},
}


@pytest.mark.parametrize("names", CIRCLES.values(), ids=CIRCLES)
def test_a_circular_reference_is_a_value_that_is_not_known(file: File, names: dict[str, Any]) -> None:
    resources = {
        each: {"Type": "Custom::ECRRepository", "Properties": {"RepositoryName": name, "OnExisting": "Adopt"}}
        for each, name in names.items()
    }
    path = file("t.json", {"Resources": resources})
    assert run(path).exit_code == 0
    adoption = CliRunner().invoke(app, ["adopt", "--dry-run", path])
    assert (adoption.exit_code, "has a circular reference to" in " ".join(adoption.stderr.split())) == (1, True)


def test_a_condition_that_names_itself_is_not_known(file: File) -> None:
    resource = {"Type": "Custom::ECRRepository", "Condition": "C", "Properties": {"ImageScanOnPush": "perhaps"}}
    conditions = {"C": {"Fn::Not": [{"Condition": "C"}]}}
    done = run(file("t.json", {"Conditions": conditions, "Resources": {"It": resource}}))
    assert done.exit_code == 2
    assert "It.ImageScanOnPush" in done.stdout


def test_a_template_that_is_nested_too_deeply_is_an_error_and_no_traceback(file: File) -> None:
    name: Any = "x"
    for _ in range(200):
        name = {"Fn::Join": ["", [name]]}
    resources = {"It": {"Type": "Custom::ECRRepository", "Properties": {"RepositoryName": name, "Tags": "x"}}}
    done = run(file("deep.json", {"Resources": resources}))
    assert done.exit_code in (1, 2)
    assert isinstance(done.exception, SystemExit)
