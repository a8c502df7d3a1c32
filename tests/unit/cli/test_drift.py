"""`ecrctl drift`: what repositories have, beside what their deployed stacks declare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from ecrctl.inputs import ecr
from ecrctl.main import app
from tests.unit.cli.test_export import policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient
    from typer.testing import Result

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/{}/1-2"
KEEP_TEN = [{"RulePriority": 7, "MaxImageCount": 10}]


def run(*options: str) -> Result:
    return CliRunner().invoke(app, ["drift", *options])


class FakeCloudFormation:
    """Stacks by their names: the template, and the values of its parameters."""

    def __init__(self) -> None:
        self.stacks: dict[str, tuple[Any, dict[str, str]]] = {}
        self.templates_read = 0
        self.exceptions = boto3.client("cloudformation", "eu-west-1").exceptions

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        name = StackName.split("/")[1]
        if name not in self.stacks:
            error: Any = {"Code": "ValidationError", "Message": f"Stack with id {name} does not exist"}
            raise self.exceptions.ClientError({"Error": error}, "DescribeStacks")
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.stacks[name][1].items()]
        return {"Stacks": [{"StackName": name, "StackStatus": "UPDATE_COMPLETE", "Parameters": given}]}

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> Any:  # noqa: N803
        self.describe_stacks(StackName)
        resources = self.stacks[StackName.split("/")[1]][0].get("Resources", {"Images": {}})
        if LogicalResourceId not in resources:
            error: Any = {"Code": "ValidationError", "Message": f"Resource {LogicalResourceId} does not exist"}
            raise self.exceptions.ClientError({"Error": error}, "DescribeStackResource")
        return {"StackResourceDetail": {"ResourceType": "Custom::It", "ResourceStatus": "UPDATE_COMPLETE"}}

    def get_template(self, StackName: str, TemplateStage: str) -> Any:  # noqa: N803
        assert TemplateStage == "Processed"
        self.templates_read += 1
        return {"TemplateBody": self.stacks[StackName.split("/")[1]][0]}


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloudFormation]:
    with mock_aws():
        client = boto3.client("ecr", region_name="eu-west-1")
        fake = FakeCloudFormation()
        monkeypatch.setattr(ecr, "client", lambda *_given, **_options: client)
        monkeypatch.setattr(ecr, "client_of", lambda *_given, **_options: fake)
        yield fake


@pytest.fixture
def client(stacks: FakeCloudFormation) -> ECRClient:
    """A repository of the resource Images in the stack shop, and one of nobody."""
    assert stacks
    made: ECRClient = ecr.client(None, None)
    owner = {"ecr-controller:stack-id": STACK.format("shop"), "ecr-controller:logical-id": "Images", "team": "shop"}
    tags: Any = [{"Key": key, "Value": value} for key, value in owner.items()]
    made.create_repository(repositoryName="team/app", tags=tags, imageTagMutability="IMMUTABLE")
    made.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=policy(10))
    made.create_repository(repositoryName="nobodys")
    return made


def declare(stacks: FakeCloudFormation, parameters: dict[str, Any] | None = None, **properties: Any) -> None:
    declared = {"RepositoryName": "team/app", "ServiceToken": {"Fn::ImportValue": "x"}, **properties}
    resources = {"Images": {"Type": "Custom::ECRRepository", "Properties": declared}}
    values = {name: str(each.pop("value")) for name, each in (parameters or {}).items()}
    stacks.stacks["shop"] = ({"Parameters": parameters or {}, "Resources": resources}, values)


def differences() -> tuple[int, dict[str, tuple[str, str]], list[str]]:
    done = run("--output", "json")
    [found] = json.loads(done.stdout)["repositories"]
    assert (found["repositoryName"], found["resource"]) == ("team/app", "Images")
    assert found["stackId"] == STACK.format("shop")
    shown = {each["setting"]: (each["declared"], each["actual"]) for each in found["differences"]}
    return done.exit_code, shown, found["notCompared"]


def test_a_repository_that_is_as_declared_has_no_drift(stacks: FakeCloudFormation, client: ECRClient) -> None:
    assert client
    tags = [{"Key": "team", "Value": {"Ref": "Team"}}]
    parameters = {"Team": {"Type": "String", "Default": "other", "value": "shop"}}
    declare(stacks, parameters, ImageTagMutability="IMMUTABLE", LifecycleRules=KEEP_TEN, Tags=tags, EmptyOnDelete=True)
    assert differences() == (0, {}, [])
    assert run().stdout == "1 declared repository, no drift\n"


def test_what_was_changed_by_hand_is_shown_and_what_nobody_declared_is_not(
    stacks: FakeCloudFormation, client: ECRClient
) -> None:
    pull = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    declare(stacks, ImageTagMutability="IMMUTABLE", LifecycleRules=KEEP_TEN, PolicyStatements=[pull])
    client.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="MUTABLE")
    client.put_image_scanning_configuration(repositoryName="team/app", imageScanningConfiguration={"scanOnPush": True})
    client.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=policy(1))
    assert differences() == (
        2,
        {
            "ImageTagMutability": ("IMMUTABLE", "MUTABLE"),
            "LifecyclePolicy": (
                "expire all images, keeping the 10 most recent",
                "expire all images, keeping the most recent",
            ),
            "PolicyStatements": ("1 statement", "missing"),
        },
        [],
    )
    shown = run().stdout
    assert shown.startswith("1 declared repository, 1 differ\n\nteam/app (shop/Images)\n")
    assert "  ImageTagMutability: MUTABLE, declared: IMMUTABLE\n" in shown
    declared = json.dumps({"Version": "2012-10-17", "Statement": [pull | {"Sid": "x"}]})
    client.set_repository_policy(repositoryName="team/app", policyText=declared)
    assert "PolicyStatements" not in differences()[1]


def test_what_the_template_alone_does_not_say_is_not_compared(stacks: FakeCloudFormation, client: ECRClient) -> None:
    assert client
    masked = {"Secret": {"Type": "String", "Default": "MUTABLE", "NoEcho": True, "value": "****"}}
    tags = [{"Key": "team", "Value": {"Fn::ImportValue": "team"}}]
    declare(stacks, masked, ImageTagMutability={"Ref": "Secret"}, Tags=tags, ImageScanOnPush="true")
    code, shown, not_compared = differences()
    assert (code, shown) == (2, {"ImageScanOnPush": ("true", "false")})
    assert [each.partition(":")[0] for each in not_compared] == ["ImageTagMutability", "Tags[0].Value"]
    declare(stacks, Tags=tags)
    assert differences()[0] == 3
    assert "  Not compared: Tags[0].Value: Fn::ImportValue cannot be resolved offline" in run().stdout


def test_a_stack_or_a_resource_that_is_gone_is_named(stacks: FakeCloudFormation, client: ECRClient) -> None:
    assert client
    assert differences() == (3, {}, ["The stack no longer exists."])
    declare(stacks)
    template, _ = stacks.stacks["shop"]
    template["Resources"] = {"Other": template["Resources"]["Images"]}
    assert differences() == (3, {}, ["The template of the stack has no resource Images."])


def test_a_template_in_yaml_is_read_with_its_short_forms(stacks: FakeCloudFormation, client: ECRClient) -> None:
    assert client
    stacks.stacks["shop"] = (
        """
Resources:
  Images:
    Type: Custom::ECRRepository
    Properties:
      RepositoryName: team/app
      Tags: [{Key: team, Value: !Sub "${AWS::StackName}-${AWS::Region}"}]
""",
        {},
    )
    assert differences() == (2, {"Tags": ("team=shop-eu-west-1", "team=shop")}, [])


def test_the_prefix_bounds_what_is_compared(stacks: FakeCloudFormation, client: ECRClient) -> None:
    assert client
    assert run("--prefix", "nobody").stdout == "0 declared repositories, no drift\n"
    assert stacks.templates_read == 0


def test_a_lifecycle_policy_of_another_stack_is_compared_with_that_stack(
    stacks: FakeCloudFormation, client: ECRClient
) -> None:
    declare(stacks, ImageTagMutability="IMMUTABLE")
    declared = {"RepositoryName": {"Fn::ImportValue": "name"}, "LifecycleRules": [{"MaxImageCount": 3}]}
    resources = {"Policy": {"Type": "Custom::ECRLifecyclePolicy", "Properties": declared}}
    stacks.stacks["rules"] = ({"Resources": resources}, {})
    tag: Any = {"Key": "ecr-controller:lifecycle-policy", "Value": "rules/1-2 Policy"}
    for name in ("team/app", "nobodys"):
        arn = f"arn:aws:ecr:eu-west-1:123456789012:repository/{name}"
        client.tag_resource(resourceArn=arn, tags=[tag])
    done = run("--output", "json")
    found = {(each["repositoryName"], each["resource"]): each for each in json.loads(done.stdout)["repositories"]}
    assert found.keys() == {("team/app", "Images"), ("team/app", "Policy"), ("nobodys", "Policy")}
    assert found["team/app", "Images"]["differences"] == []
    assert found["team/app", "Policy"]["stackId"] == STACK.format("rules")
    assert [each["actual"] for each in found["nobodys", "Policy"]["differences"]] == ["none"]
    assert all(each["notCompared"] == [] for each in found.values())
    assert run().stdout.startswith("2 declared repositories, 2 differ\n")


def test_a_resource_whose_condition_is_false_is_not_compared(client: ECRClient, stacks: FakeCloudFormation) -> None:
    declare(stacks, ImageScanOnPush=True)
    assert client
    template = stacks.stacks["shop"][0]
    template["Resources"]["Images"]["Condition"] = "Never"
    template["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    result = run()
    assert result.exit_code == 3
    assert "The condition of Images is false" in " ".join(result.output.split())
