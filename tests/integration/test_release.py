"""A release: its flat template makes what the SAM template makes, its application can be packaged, and `ecrctl` runs
with the lowest versions of what it needs. `make publish` uploads it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from samcli.yamlhelper import yaml_parse

from ecr_controller import __version__
from local import ROOT, deploy
from local.emulator.process import Emulator
from tests.integration.conftest import ON_REAL_AWS
from tests.integration.everything import outputs_of
from tools.release import PREFIX, Release, publish
from tools.release.flat_template import MOST_BYTES, MOST_PARAMETERS, MOST_RESOURCES
from tools.release.package import package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="it makes buckets and further controllers")

REGIONS = ["eu-west-1", "us-east-1"]
BUCKET_PREFIX = "acme-artifacts"
PARAMETERS = deploy.EVERYTHING | {"OrganizationBus": "arn:aws:events:eu-west-1:111122223333:event-bus/hub"}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """It, built once."""
    made = Release(tmp_path_factory.mktemp("release") / "dist")
    package(made)
    return made


@pytest.fixture(scope="module")
def account() -> Iterator[Emulator]:
    """An AWS with a bucket in each Region."""
    with Emulator.start() as emulator:
        for region in REGIONS:
            where: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            s3 = emulator.client("s3", region_name=region)
            s3.create_bucket(Bucket=f"{BUCKET_PREFIX}-{region}", **where)
        yield emulator


@pytest.fixture
def _in_account(account: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def template(release: Release) -> dict[str, Any]:
    """The flat template."""
    loaded: dict[str, Any] = json.loads(release.template.read_text(encoding="utf-8"))
    return loaded


# What is built


def test_the_template_has_no_transform_and_is_within_the_quotas(release: Release, template: dict[str, Any]) -> None:
    assert "Transform" not in template
    assert not any(each["Type"].startswith("AWS::Serverless::") for each in template["Resources"].values())
    assert len(template["Resources"]) <= MOST_RESOURCES
    assert len(template["Parameters"]) <= MOST_PARAMETERS
    assert release.template.stat().st_size <= MOST_BYTES
    assert template["Description"].startswith(f"ecr-controller {__version__}: ")


def test_the_template_names_no_partition_and_no_region(template: dict[str, Any]) -> None:
    text = json.dumps([template["Resources"], template["Outputs"], template["Conditions"]])
    assert re.findall(r"arn:aws[a-z-]*:[a-z]+:|[a-z]{2}-[a-z]+-[0-9]\b", text) == []
    assert {"Fn::Sub": "${ArtifactBucketPrefix}-${AWS::Region}"} in [
        each["Properties"].get("Code", each["Properties"].get("Content"))["S3Bucket"]
        for each in template["Resources"].values()
        if each["Type"] in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
    ]


def test_every_archive_of_the_template_is_built_and_no_other(release: Release, template: dict[str, Any]) -> None:
    keys = set(re.findall(r'"S3Key": "([^"]+)"', json.dumps(template)))
    archives = {path.relative_to(release.uploads).as_posix() for path in release.uploads.rglob("*.zip")}
    assert keys == archives
    for path in release.uploads.rglob("*Function-*.zip"):
        names = zipfile.ZipFile(path).namelist()
        assert "app.py" in names
        assert not any("__pycache__" in name for name in names)


def test_the_same_tree_gives_the_same_release(release: Release, tmp_path: Path) -> None:
    again = Release(tmp_path / "dist")
    package(again)
    assert again.checksums.read_text(encoding="utf-8") == release.checksums.read_text(encoding="utf-8")


# The flat template, deployed


def made_by(aws: Emulator, stack: str) -> dict[str, tuple[str, Any]]:
    """The resources of a stack by logical ID: the type, and of roles and policies what they allow."""
    cloudformation, iam = aws.client("cloudformation"), aws.client("iam")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    made = dict[str, tuple[str, Any]]()
    for each in (each for page in pages for each in page["StackResourceSummaries"]):
        kind, physical_id = each["ResourceType"], each["PhysicalResourceId"]
        # SAM ends the logical ID of a layer with a hash of where its code is.
        logical_id = each["LogicalResourceId"][: -10 if kind == "AWS::Lambda::LayerVersion" else None]
        made[logical_id] = kind, (role(iam, physical_id) if kind == "AWS::IAM::Role" else None)
    return made


def role(iam: Any, name: str) -> Any:
    """The documents of a role."""
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names}
    return iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"], documents


def without_names(made: dict[str, tuple[str, Any]], stack: str) -> Any:
    """The same without the stack's name, and without the random ends of generated names."""
    text = json.dumps(made, sort_keys=True, default=str)
    return json.loads(re.sub(rf"\b{stack}((-[A-Za-z]+)-[A-Za-z0-9]{{6,}})?\b", r"STACK\2", text))


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_in_account")
def test_the_flat_template_makes_what_the_sam_template_makes(
    account: Emulator, release: Release, built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish.publish(release, REGIONS, BUCKET_PREFIX, apply=True)
    deploy.deploy(built, account.environment(), "of-sam", PARAMETERS)
    cloudformation = account.client("cloudformation")
    parameters = {name: value.strip('"') for name, value in PARAMETERS.items()} | {
        "ArtifactBucketPrefix": BUCKET_PREFIX
    }
    cloudformation.create_stack(
        StackName="flat",
        TemplateURL=f"{account.endpoint}/{BUCKET_PREFIX}-eu-west-1/{PREFIX}/template.json",
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="flat", WaiterConfig={"Delay": 1})

    flat, sam = made_by(account, "flat"), made_by(account, "of-sam")
    assert {"RepositoryRole", "AuthorizationTokenPolicy", "ECRRepositoryToken", "RescanQueue"} <= set(flat)
    assert without_names(flat, "flat") == without_names(sam, "of-sam")
    outputs_of_flat, outputs_of_sam = outputs_of(account, "flat"), outputs_of(account, "of-sam")
    assert outputs_of_flat.keys() == outputs_of_sam.keys()
    assert outputs_of_flat["ECRRepository"].endswith(":flat-repository")


# Publishing


@pytest.mark.usefixtures("_in_account")
def test_without_apply_nothing_is_uploaded(
    account: Emulator, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    s3 = account.client("s3", region_name="eu-central-1")
    s3.create_bucket(Bucket="dry-eu-central-1", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    publish.publish(release, ["eu-central-1"], "dry", apply=False)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len([path for path in release.files() if release.uploads in path.parents]) + 1
    assert printed[-2].startswith(f"  upload  s3://dry-eu-central-1/{PREFIX}/template.json  ")
    assert printed[-1] == "Nothing was uploaded. To upload, add APPLY=yes."
    assert s3.list_objects_v2(Bucket="dry-eu-central-1")["KeyCount"] == 0


@pytest.mark.usefixtures("_in_account")
def test_a_version_is_uploaded_to_each_region_once_and_never_replaced(
    account: Emulator, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    publish.publish(release, REGIONS, BUCKET_PREFIX, apply=True)
    for region in REGIONS:
        listed = account.client("s3", region_name=region).list_objects_v2(Bucket=f"{BUCKET_PREFIX}-{region}")[
            "Contents"
        ]
        uploads = {
            path.relative_to(release.uploads).as_posix() for path in release.uploads.rglob("*") if path.is_file()
        }
        assert {each["Key"] for each in listed} == uploads
    capsys.readouterr()
    publish.publish(release, REGIONS, BUCKET_PREFIX, apply=True)
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"is"}

    key, s3 = f"{PREFIX}/template.json", account.client("s3")
    body = s3.get_object(Bucket=f"{BUCKET_PREFIX}-eu-west-1", Key=key)["Body"].read()
    s3.put_object(Bucket=f"{BUCKET_PREFIX}-eu-west-1", Key=key, Body=b"{}", Metadata={"sha256": "another"})
    with pytest.raises(publish.PublishError, match=rf"{key}: another build of version {__version__} is there"):
        publish.publish(release, REGIONS, BUCKET_PREFIX, apply=True)
    s3.delete_object(Bucket=f"{BUCKET_PREFIX}-eu-west-1", Key=key)
    publish.publish(release, REGIONS, BUCKET_PREFIX, apply=True)
    assert s3.get_object(Bucket=f"{BUCKET_PREFIX}-eu-west-1", Key=key)["Body"].read() == body


@pytest.mark.usefixtures("_in_account")
def test_a_bucket_that_is_missing_is_named_with_what_to_do(release: Release) -> None:
    message = r"The bucket none-eu-west-1 can't be used \(404\): .* Deploy examples/organization/artifact-bucket.yaml"
    with pytest.raises(publish.PublishError, match=message):
        publish.publish(release, ["eu-west-1"], "none", apply=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "REGIONS must name Regions, separated by commas, such as eu-west-1,us-east-1.\n"),
        (
            ["--regions", "eu-west-1"],
            "BUCKET_PREFIX must be the name of the buckets without the Region, such as acme-artifacts.\n",
        ),
        (["--regions", "eu-west-1", "--bucket-prefix", "acme", "--apply", "maybe"], "APPLY must be yes or no.\n"),
    ],
)
def test_what_is_not_given_is_said_in_a_line(options: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.release.publish", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_the_application_is_packaged_for_the_repository(account: Emulator, release: Release, tmp_path: Path) -> None:
    packaged = tmp_path / "packaged.yaml"
    subprocess.run(
        [
            *(sys.executable, "-m", "samcli", "package", "--template-file", release.application / "template.yaml"),
            *("--s3-bucket", f"{BUCKET_PREFIX}-us-east-1", "--region", "us-east-1"),
            *("--s3-prefix", "application", "--output-template-file", packaged),
        ],
        env=account.environment() | {"SAM_CLI_TELEMETRY": "0"},
        check=True,
        capture_output=True,
    )
    template = yaml_parse(packaged.read_text(encoding="utf-8"))
    metadata = template["Metadata"]["AWS::ServerlessRepo::Application"]
    assert metadata["SemanticVersion"] == __version__
    assert metadata["LicenseUrl"].startswith("s3://")
    assert metadata["ReadmeUrl"].startswith("s3://")
    assert len(metadata["Description"]) <= 256
    assert len(metadata["Labels"]) <= 10
    assert template["Resources"]["RepositoryFunction"]["Properties"]["CodeUri"].startswith("s3://")


# ecrctl


def requirements() -> list[str]:
    """The lowest version of each package that `ecrctl` needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["cfn-lint"]]
    return [each.replace(">=", "==") for each in declared]


@pytest.fixture(scope="module")
def installed(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a virtual environment with the wheel and the lowest versions of what it needs."""
    [wheel] = release.folder.glob("*.whl")
    folder = tmp_path_factory.mktemp("lowest")
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    subprocess.run([*install, str(wheel), *requirements()], check=True)
    return folder / "bin"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("command", "code", "shown"),
    [
        ("--version", 0, f"ecrctl {__version__}"),
        ("--help", 0, "lifecycle"),
        ("validate examples/quickstart.yaml", 0, "1 resource, 0 faults"),
        ("validate --output sarif examples/quickstart.yaml", 0, '"version": "2.1.0"'),
        ("lifecycle plan --template examples/quickstart.yaml --images-file examples/images.json", 2, "Evaluated at"),
        ("lifecycle plan --policy-file examples/lifecycle-policy.json --images-file missing.json", 1, "error: "),
        ("export --help", 0, "Usage"),
        ("findings --help", 0, "Usage"),
        ("status --help", 0, "Usage"),
        ("drift --help", 0, "Usage"),
        ("baseline plan --help", 0, "Usage"),
    ],
)
def test_ecrctl_runs_with_the_lowest_versions(installed: Path, command: str, code: int, shown: str) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(
        [installed / "ecrctl", *command.split()], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert shown in done.stdout + done.stderr


def test_the_rules_for_cfn_lint_load_in_its_lowest_version(installed: Path) -> None:
    command = [str(installed / "cfn-lint"), "examples/quickstart.yaml", "--append-rules", "ecrctl.cfn_lint_rules"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_wheel_is_typed_and_has_the_licence(release: Release) -> None:
    [wheel] = release.folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"ecrctl/py.typed", "ecr_controller/py.typed", "ecr_controller/schemas/ECRRepository.json"} <= set(names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    metadata = zipfile.ZipFile(wheel).read(f"ecr_controller-{__version__}.dist-info/METADATA").decode()
    assert f"Version: {__version__}\n" in metadata
    assert "Description-Content-Type: text/markdown" in metadata
