"""examples/organization: two accounts in two Regions, deployed by the StackSets of the example."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import ROOT
from local.emulator.process import Emulator
from local.organization import make_units
from local.stack import Stack
from tests.integration.conftest import ON_REAL_AWS
from tests.integration.everything import outputs_of
from tools.release import Release, publish
from tools.release.package import package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.skipif(ON_REAL_AWS, reason="it needs an organization"),
    pytest.mark.timeout(600),
]

FOLDER = ROOT / "examples" / "organization"
REGIONS = ("eu-west-1", "us-east-1")
TOKEN = "arn:aws:iam::{account}:policy/ecr-controller/ecr-controller-authorization-token"
NAME = "platform/app"


class Organization:
    """Its management account, with the accounts of its organizational units."""

    def __init__(self, aws: Emulator) -> None:
        self.aws = aws
        self.id: str = aws.client("organizations").describe_organization()["Organization"]["Id"]
        made = list(make_units(aws.client("organizations"), ["canary", "production"]))
        self.units = {name: unit for name, unit, _ in made}
        self.accounts = {name: account for name, _, account in made}
        self.stack_sets = Stack(aws.client("cloudformation"), "ecr-controllers")

    def deploy(self, **changes: str) -> Any:
        """Deploy, or update, the StackSets."""
        parameters = {
            "OrganizationId": self.id,
            "CanaryOrganizationalUnits": self.units["canary"],
            "OrganizationalUnits": self.units["production"],
            "Regions": ",".join(REGIONS),
            "HomeRegion": REGIONS[0],
            "ArtifactBucketPrefix": "acme-artifacts",
            "OrganizationBus": outputs_of(self.aws, "hub")["BusArn"],
            "Architecture": "x86_64",
            "CallAs": "SELF",
        }
        return self.stack_sets.deploy((FOLDER / "stack-sets.yaml").read_text(encoding="utf-8"), **parameters | changes)

    def client(self, service: str, member: str, region: str) -> Any:
        """A client in a member account."""
        return self.aws.client(service, account=self.accounts[member], region_name=region)

    def stacks(self, member: str, region: str) -> dict[str, str]:
        """The status of each stack of a member, by the name of its StackSet."""
        stacks = self.client("cloudformation", member, region).describe_stacks()["Stacks"]
        return {
            re.sub(r"^StackSet-(.*?)-[0-9a-f]{8}-[0-9a-f-]{27}$", r"\1", each["StackName"]): each["StackStatus"]
            for each in stacks
        }


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organization]:
    """All of the example, deployed as docs/organization.md says."""
    release = Release(tmp_path_factory.mktemp("release") / "dist")
    package(release)
    with Emulator.start() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        made = Organization(aws)
        bucket = (FOLDER / "artifact-bucket.yaml").read_text(encoding="utf-8")
        for region in REGIONS:
            stack = Stack(aws.client("cloudformation", region_name=region), "artifacts")
            assert stack.deploy(bucket, BucketPrefix="acme-artifacts", OrganizationId=made.id).succeeded
        hub = (ROOT / "examples" / "organization-hub.yaml").read_text(encoding="utf-8")
        assert Stack(aws.client("cloudformation"), "hub").deploy(hub, OrganizationId=made.id).succeeded
        publish.publish(release, list(REGIONS), "acme-artifacts", apply=True)
        deployed = made.deploy()
        assert deployed.succeeded, deployed.reasons
        yield made


@pytest.fixture(params=["canary", "production"])
def member(request: pytest.FixtureRequest) -> str:
    """The name of an organizational unit with one account."""
    return str(request.param)


@pytest.fixture
def role(organization: Organization) -> Callable[[str], str]:
    """Makes a role in a member account; its ARN."""

    def make(member: str) -> str:
        trust = {
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ]
        }
        iam = organization.client("iam", member, REGIONS[0])
        try:
            return str(iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])
        except iam.exceptions.EntityAlreadyExistsException:
            return str(iam.get_role(RoleName="app")["Role"]["Arn"])

    return make


def test_each_account_has_a_controller_and_a_baseline_in_each_region(organization: Organization, member: str) -> None:
    controller = "ecr-controller-canary" if member == "canary" else "ecr-controller"
    everywhere = {controller: "CREATE_COMPLETE", "ecr-controller-baselines": "CREATE_COMPLETE"}
    assert organization.stacks(member, "eu-west-1") == everywhere | {"ecr-controller-account": "CREATE_COMPLETE"}
    assert organization.stacks(member, "us-east-1") == everywhere


def test_there_are_two_token_policies_in_each_account(organization: Organization, member: str) -> None:
    iam = organization.client("iam", member, REGIONS[0])
    policies = iam.list_policies(Scope="Local", PathPrefix="/ecr-controller/")["Policies"]
    assert sorted(each["PolicyName"] for each in policies) == [
        "ecr-controller-authorization-token",
        "ecr-controller-public-gallery-token",
    ]


def grant_template(role: str) -> str:
    """A repository and a grant, by the service tokens that SSM has."""
    resources: Any = {
        "Repository": {"Type": "Custom::ECRRepository", "Properties": {"RepositoryName": NAME}},
        "Grant": {
            "Type": "Custom::ECRRepositoryGrant",
            "Properties": {"RepositoryName": {"Ref": "Repository"}, "Grantee": role, "Access": "Pull"},
        },
    }
    for resource in resources.values():
        kind = resource["Type"].removeprefix("Custom::")
        resource["Properties"]["ServiceToken"] = f"{{{{resolve:ssm:/ecr-controller/{kind}}}}}"
    return json.dumps({"Resources": resources})


def test_the_last_region_whose_grants_need_the_policy_detaches_it(
    organization: Organization, member: str, role: Callable[[str], str]
) -> None:
    grantee, iam = role(member), organization.client("iam", member, REGIONS[0])
    template, policy = grant_template(grantee), TOKEN.format(account=organization.accounts[member])

    def attached() -> list[str]:
        return [each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"]]

    ireland, virginia = (
        Stack(organization.client("cloudformation", member, region), f"app-{member}") for region in REGIONS
    )
    for stack in (ireland, virginia):
        deployed = stack.deploy(template)
        assert deployed.succeeded, deployed.reasons
        assert attached() == [policy]
    assert ireland.delete().succeeded
    assert attached() == [policy]
    assert virginia.delete().succeeded
    assert attached() == []


def test_the_events_of_every_controller_reach_the_bus_of_the_organization(
    organization: Organization, member: str
) -> None:
    bus = outputs_of(organization.aws, "hub")["BusArn"]
    for region in REGIONS:
        events = organization.client("events", member, region)
        rules = [each["Name"] for each in events.list_rules()["Rules"]]
        targets = [target["Arn"] for rule in rules for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
        assert bus in targets


def test_a_version_that_fails_in_the_canaries_reaches_no_other_account(organization: Organization) -> None:
    failed = organization.deploy(RepositoryNames="NOT A PATTERN")
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "RepositoryNames" in failed.reasons[0]
    assert organization.stacks("production", "us-east-1")["ecr-controller"] == "CREATE_COMPLETE"


def test_an_update_that_succeeds_in_the_canaries_reaches_the_others(organization: Organization) -> None:
    deployed = organization.deploy(RepositoryNames="platform/*")
    assert deployed.succeeded, deployed.reasons
    assert organization.stacks("canary", "us-east-1")["ecr-controller-canary"] == "UPDATE_COMPLETE"
    assert organization.stacks("production", "us-east-1")["ecr-controller"] == "UPDATE_COMPLETE"
    assert organization.stacks("production", "us-east-1")["ecr-controller-baselines"] == "CREATE_COMPLETE"
