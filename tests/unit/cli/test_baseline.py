# ruff: noqa: F811 - pytest finds fixtures by their names
"""`ecrctl baseline plan`: what baselines would change of the repositories that no stack declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from typer.testing import CliRunner

from ecrctl.inputs import ecr
from ecrctl.main import app
from tests.unit.cli.test_drift import STACK, client, stacks  # noqa: F401
from tests.unit.deployed import create_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient
    from typer.testing import Result

    from tests.unit.cli.test_drift import FakeCloudFormation

TEMPLATE: dict[str, Any] = {
    "RepositoryName": "*",
    "Except": ["kept*"],
    "ImageScanOnPush": True,
    "LifecycleRules": [{"MaxImageCount": 10}],
}


@pytest.fixture
def plan(tmp_path: Path) -> Any:
    def run(*options: str, **properties: Any) -> Result:
        declared = {"ServiceToken": "token", **TEMPLATE, **properties}
        resources = {"Defaults": {"Type": "Custom::ECRRepositoryBaseline", "Properties": declared}}
        path = tmp_path / "baselines.json"
        path.write_text(json.dumps({"Resources": resources}), encoding="utf-8")
        return CliRunner().invoke(app, ["baseline", "plan", "--template", str(path), *options])

    return run


def test_what_would_be_filled_is_shown(
    client: ECRClient,
    stacks: FakeCloudFormation,
    plan: Any,
) -> None:
    stacks.stacks["shop"] = ({}, {})
    client.create_repository(repositoryName="kept")
    result = plan("--output", "json")
    assert result.exit_code == 2, result.output
    [planned] = json.loads(result.stdout)["repositories"]
    assert (planned["repositoryName"], planned["resource"], planned["mode"]) == ("nobodys", "Defaults", "FillMissing")
    assert [each["setting"] for each in planned["changes"]] == ["ImageScanOnPush", "LifecyclePolicy"]
    assert "nobodys (Defaults, FillMissing)" in plan().stdout


def test_a_repository_of_a_gone_stack_is_planned(client: ECRClient, plan: Any) -> None:
    assert client
    planned = json.loads(plan("--output", "json", Mode="Enforce").stdout)["repositories"]
    assert [each["repositoryName"] for each in planned] == ["nobodys", "team/app"]


def test_a_repository_whose_stack_no_longer_has_the_resource_is_planned(
    client: ECRClient, stacks: FakeCloudFormation, plan: Any
) -> None:
    stacks.stacks["shop"] = ({"Resources": {"Other": {}}}, {})
    assert client
    planned = json.loads(plan("--output", "json", Mode="Enforce").stdout)["repositories"]
    assert [each["repositoryName"] for each in planned] == ["nobodys", "team/app"]


@pytest.mark.parametrize("owner", ["Images", "Removed"])
def test_the_policy_of_a_resource_that_is_gone_is_planned(
    client: ECRClient, stacks: FakeCloudFormation, plan: Any, owner: str
) -> None:
    stacks.stacks["shop"] = ({}, {})
    arn = client.describe_repositories(repositoryNames=["nobodys"])["repositories"][0]["repositoryArn"]
    client.tag_resource(
        resourceArn=arn, tags=[{"Key": "ecr-controller:lifecycle-policy", "Value": f"shop/1-2 {owner}"}]
    )
    [planned] = json.loads(plan("--output", "json").stdout)["repositories"]
    settings = [each["setting"] for each in planned["changes"]]
    assert ("LifecyclePolicy" in settings) is (owner == "Removed")


def test_nothing_changes_if_all_is_there(client: ECRClient, stacks: FakeCloudFormation, plan: Any) -> None:
    stacks.stacks["shop"] = ({}, {})
    assert client
    result = plan("--prefix", "team/")
    assert (result.exit_code, "0 repositories with a baseline, 0 would change" in result.stdout) == (0, True)


def test_faults_are_named_with_their_resource(plan: Any) -> None:
    result = plan(Mode="Apply", ImageScanOnPush="perhaps")
    assert result.exit_code == 1
    assert "Defaults.Mode: must be one of" in " ".join(result.output.split())
    assert "Defaults.ImageScanOnPush" in " ".join(result.output.split())


# The baselines of a controller


OWNER = f"{STACK.format('shop')}|Defaults"


@pytest.fixture
def controller(client: ECRClient, stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a row into the table of the controller, which has a baseline for all repositories."""
    monkeypatch.setenv("PARTS_TABLE", "parts")
    dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
    create_table(dynamodb, "PartsTable", "parts")
    stacks.stacks["shop"] = ({}, {})
    described = {"StackId": STACK.format("controller"), "StackName": "controller", "StackStatus": "UPDATE_COMPLETE"}
    outputs = [{"OutputKey": "PartsTable", "OutputValue": "parts"}]
    real = stacks.describe_stacks

    def describe(StackName: str) -> Any:  # noqa: N803
        return {"Stacks": [{**described, "Outputs": outputs}]} if StackName == "controller" else real(StackName)

    monkeypatch.setattr(stacks, "describe_stacks", describe)
    services: dict[str, Any] = {"dynamodb": dynamodb, "cloudformation": stacks}
    monkeypatch.setattr(ecr, "client_of", lambda service, *_given, **_options: services[service])

    def put(target: str, content: Any, owner: str = OWNER) -> None:
        item: Any = {"target": {"S": target}, "owner": {"S": owner}, "content": {"S": json.dumps(content)}}
        dynamodb.put_item(TableName="parts", Item=item)

    put("baseline/*", {"properties": {"RepositoryName": "*", "ImageScanOnPush": True}})
    return put


def status_of_nobodys() -> tuple[str, str | None, list[str]]:
    """The kind and the name of its owner, and what the baseline would set."""
    result = CliRunner().invoke(
        app, ["status", "--prefix", "nobodys", "--controller", "controller", "--output", "json"]
    )
    assert result.exit_code == 0, result.output
    [found] = json.loads(result.stdout)["repositories"]
    return found["ownerKind"], found["owner"], found["baselineChanges"]


def put_record(controller: Callable[..., None], client: ECRClient, put: Any, age: float = 0) -> None:
    """What the baseline put on the repository, or on one that was created so many seconds before."""
    [shown] = client.describe_repositories(repositoryNames=["nobodys"])["repositories"]
    identity = f"{shown['createdAt'].timestamp() - age:.0f}"
    controller("baseline-repository/nobodys", {"request": identity, "was": {}, "put": put})


def test_the_state_of_repositories_shows_the_baselines_of_a_controller(
    client: ECRClient, controller: Callable[..., None]
) -> None:
    put_record(controller, client, {"Tags.team": ["shop"]})
    assert status_of_nobodys() == ("baseline", "shop/Defaults", ["ImageScanOnPush"])
    shown = CliRunner().invoke(app, ["status", "--unmanaged", "--controller", "controller"]).stdout
    assert "baseline shop/Defaults" in shown
    assert "would set: ImageScanOnPush" in shown
    page = CliRunner().invoke(app, ["status", "--controller", "controller", "--output", "html"]).stdout
    assert "baseline would set" in page
    assert ">ImageScanOnPush<" in page


def test_what_was_put_on_an_earlier_repository_of_the_same_name_does_not_count(
    client: ECRClient, controller: Callable[..., None]
) -> None:
    put_record(controller, client, {"ImageTagMutability": ["MUTABLE"]}, age=60)
    assert status_of_nobodys() == ("nobody", None, ["ImageScanOnPush"])


@pytest.mark.parametrize(
    ("logical_id", "status"),
    [("Images", ("controller", "shop/Images", [])), ("Removed", ("nobody", None, ["ImageScanOnPush"]))],
)
def test_a_repository_without_its_tags_is_that_of_the_resource_that_declares_it(
    controller: Callable[..., None], logical_id: str, status: Any
) -> None:
    content: Any = {"type": "ECRRepository", "values": {}, "guard": None, "restores": False}
    controller("declared-repository/nobodys", content, f"{STACK.format('shop')}|{logical_id}")
    assert status_of_nobodys() == status
