"""`ecrctl status`: who owns each repository, and what is in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from ecr_controller.errors import UserError
from ecr_controller.stacks import Stacks
from ecrctl.inputs import ecr
from ecrctl.inputs.deployed import DeployedStacks
from ecrctl.inputs.template import Template
from ecrctl.main import app
from tests.unit.cli.test_export import policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient
    from typer.testing import Result

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/{}/1-2"


def run(*options: str) -> Result:
    return CliRunner().invoke(app, ["status", *options])


def refuse(_self: DeployedStacks, _stack: str) -> Template:
    raise UserError("AWS rejected GetTemplate (AccessDenied)")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[ECRClient]:
    """Four repositories: of a stack, of a stack that is gone, of CloudFormation's own type, and of nobody."""
    with mock_aws():
        client: ECRClient = boto3.client("ecr", region_name="eu-west-1")
        monkeypatch.setattr(ecr, "client", lambda *_given, **_options: client)
        monkeypatch.setattr(ecr, "client_of", lambda *_given, **_options: boto3.client("cloudformation", "eu-west-1"))
        monkeypatch.setattr(Stacks, "exists", lambda _self, stack: "gone" not in stack)
        monkeypatch.setattr(Stacks, "may_have_resource", lambda _self, stack, *_resource: "gone" not in stack)
        monkeypatch.setattr(DeployedStacks, "template", refuse)
        tags: dict[str, dict[str, str]] = {
            "team/ours": {"ecr-controller:stack-id": STACK.format("shop"), "ecr-controller:logical-id": "It"},
            "team/gone": {"ecr-controller:stack-id": STACK.format("gone"), "ecr-controller:logical-id": "It"},
            "team/native": {"cfn": "moto refuses aws: tags"},
            "other": {},
        }
        for name, values in tags.items():
            listed: Any = [{"Key": key, "Value": value} for key, value in values.items()]
            client.create_repository(repositoryName=name, tags=listed)
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
        for i in range(3):
            config = {"digest": "x", "size": 1000}
            text = json.dumps(manifest | {"config": config, "layers": [{"size": 1_000_000, "digest": str(i)}]})
            client.put_image(repositoryName="other", imageTag=f"v{i}", imageManifest=text)
        client.put_lifecycle_policy(repositoryName="other", lifecyclePolicyText=policy(1))
        yield client


def by_name(*options: str) -> dict[str, Any]:
    found = json.loads(run(*options, "--output", "json").stdout)["repositories"]
    return {each["repositoryName"]: each for each in found}


def test_each_repository_has_its_owner_and_its_content(registry: ECRClient) -> None:
    assert registry
    found = by_name()
    assert {name: (each["ownerKind"], each["owner"]) for name, each in found.items()} == {
        "other": ("nobody", None),
        "team/gone": ("gone", "gone/It"),
        "team/native": ("nobody", None),
        "team/ours": ("controller", "shop/It"),
    }
    other = found["other"]
    assert (other["lifecyclePolicy"], other["images"], other["expirableImages"]) == ("present", 3, 2)
    assert other["expirableBytes"] <= other["sizeInBytes"]
    assert other["lastPush"] is not None
    assert (found["team/ours"]["lifecyclePolicy"], found["team/ours"]["lastPush"]) == ("none", None)


def test_a_stack_with_the_native_type_is_an_owner(registry: ECRClient, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = registry.list_tags_for_resource

    def tagged(**given: Any) -> Any:
        answer = listed(**given)
        native = {"Key": "aws:cloudformation:stack-id", "Value": STACK.format("web")}
        return {"tags": [native]} if given["resourceArn"].endswith("team/native") else answer

    monkeypatch.setattr(registry, "list_tags_for_resource", tagged)
    assert by_name()["team/native"]["ownerKind"] == "cloudformation"


@pytest.mark.parametrize(
    ("declared", "state"), [(False, "none"), (True, "differs"), ({"Fn::ImportValue": "x"}, "unknown")]
)
def test_a_repository_that_differs_from_what_its_stack_declares_is_marked(
    registry: ECRClient, monkeypatch: pytest.MonkeyPatch, declared: Any, state: str
) -> None:
    assert registry
    resource = {"Type": "Custom::ECRRepository", "Properties": {"ImageScanOnPush": declared}}
    template = Template.read({"Resources": {"It": resource}}, {})
    monkeypatch.setattr(DeployedStacks, "template", lambda _self, _stack: template)
    found = by_name()
    assert {name: each["drift"] for name, each in found.items() if each["drift"]} == {"team/ours": state}
    assert ("differs: ecrctl drift" in run().stdout) is (state == "differs")
    assert ("policy, 1 with drift\n" in run().stdout) is (state == "differs")


def test_the_last_scan_is_that_of_the_newest_image(registry: ECRClient) -> None:
    assert by_name()["other"]["lastScan"] is None
    images = registry.describe_images(repositoryName="other")["imageDetails"]
    newest = max(images, key=lambda each: each["imagePushedAt"])["imageTags"][0]
    registry.start_image_scan(repositoryName="other", imageId={"imageTag": newest})
    ended = datetime.fromisoformat(by_name()["other"]["lastScan"])
    assert timedelta() <= datetime.now(UTC) - ended < timedelta(hours=1)


def test_a_template_that_may_not_be_read_hides_nothing_else(registry: ECRClient) -> None:
    assert registry
    assert by_name()["team/ours"]["drift"] == "unknown"


def test_unmanaged_leaves_out_what_a_stack_owns(registry: ECRClient) -> None:
    assert registry
    assert sorted(by_name("--unmanaged")) == ["other", "team/gone", "team/native"]
    assert sorted(by_name("--unmanaged", "--prefix", "team/")) == ["team/gone", "team/native"]


def test_the_table_says_it_in_a_line_and_marks_what_is_gone(registry: ECRClient) -> None:
    assert registry
    shown = run().stdout
    assert shown.startswith("4 repositories (3.0 kB), 3 unmanaged, 3 without a lifecycle policy\n")
    lines = shown.splitlines()
    assert lines[lines.index(next(line for line in lines if "team/gone" in line)) + 1].strip() == "gone/It (gone)"


def test_the_table_fits_60_columns_without_breaking_a_name(
    registry: ECRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry
    monkeypatch.setenv("COLUMNS", "60")
    lines = run().stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("team/native ") for line in lines)
    assert any(line.startswith("repository, owner  ") for line in lines)


def test_the_page_draws_where_the_bytes_are(registry: ECRClient) -> None:
    assert registry
    page = run("--output", "html").stdout
    assert "<h2>Where the bytes are</h2>" in page
    assert page.count('<rect class="expire"') == 4
    assert "The 4 largest repositories." in page
    assert "default-src 'none'" in page


def test_a_policy_that_cannot_be_read_is_named_so(registry: ECRClient, monkeypatch: pytest.MonkeyPatch) -> None:
    text = policy(1).replace("imageCountMoreThan", "sinceImageLiked")
    monkeypatch.setattr(registry, "get_lifecycle_policy", lambda **_given: {"lifecyclePolicyText": text})
    assert {each["lifecyclePolicy"] for each in by_name().values()} == {"unreadable"}
