"""docs/migration.md: existing repositories are exported, compared and adopted, as they are."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local import ROOT
from local.images import push_image
from local.stack import Stack
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
NUMBER = 300
POLICY = {
    "rules": [
        {
            "rulePriority": 3,
            "description": "keep ten",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}


def run(aws: Emulator, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=aws.environment(), capture_output=True, text=True, check=False, timeout=110
    )


def state(ecr: ECRClient, prefix: str) -> dict[str, Any]:
    """What the repositories are, without the tags of the controller."""
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1000})
    found = [each for page in pages for each in page["repositories"] if each["repositoryName"].startswith(prefix)]

    def read(each: Any) -> tuple[str, Any]:
        tags = ecr.list_tags_for_resource(resourceArn=each["repositoryArn"])["tags"]
        own = [tag for tag in tags if not tag["Key"].startswith("ecr-controller:")]
        try:
            policy = ecr.get_lifecycle_policy(repositoryName=each["repositoryName"])["lifecyclePolicyText"]
        except ecr.exceptions.LifecyclePolicyNotFoundException:
            policy = ""
        return each["repositoryName"], (each, own, policy)

    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(read, found))


@pytest.fixture
def repositories(ecr: ECRClient, prefix: str) -> Iterator[str]:
    """The prefix of 300 repositories of various settings, which no stack declares."""

    def make(number: int) -> None:
        name = f"{prefix}/m{number % 7}/app-{number:03}"
        ecr.create_repository(
            repositoryName=name,
            imageScanningConfiguration={"scanOnPush": number % 3 == 0},
            imageTagMutability="IMMUTABLE" if number % 5 == 0 else "MUTABLE",
            tags=[{"Key": "owner", "Value": f"team-{number % 7}"}],
        )
        if number % 2:
            ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(POLICY))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(NUMBER)))
    yield f"{prefix}/m"
    names = list(state(ecr, f"{prefix}/m"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: ecr.delete_repository(repositoryName=name, force=True), names))


@pytest.mark.skipif(ON_REAL_AWS, reason="an account may have no room for 300 repositories")
def test_repositories_are_adopted_with_the_commands_of_the_page_and_stay_as_they_are(
    aws: Emulator, prefix: str, controller_stack: str, repositories: str, ecr: ECRClient, tmp_path: Path
) -> None:
    stack = Stack(aws.client("cloudformation"), f"{prefix}-repositories")
    before = state(ecr, repositories)
    assert len(before) == NUMBER
    shown = [shlex.split(line.removeprefix("$ ")) for line in COMMANDS]
    assert [command[:2] for command in shown] == [
        *(["ecrctl", "export"], ["ecrctl", "validate"], ["ecrctl", "adopt"], ["sam", "deploy"]),
    ]
    export, validate, adopt, deploy = shown
    export = [repositories if word == "team/" else word for word in export]
    assert run(aws, tmp_path, *export, "--controller", controller_stack).returncode == 0
    exported = yaml.safe_load((tmp_path / "team.yaml").read_text(encoding="utf-8"))["Resources"]
    assert len(exported) == NUMBER

    validated = run(aws, tmp_path, *validate)
    assert (validated.returncode, validated.stdout) == (0, "300 resources, 0 faults\n")
    linted = run(aws, tmp_path, "cfn-lint", "--", "team.yaml")
    assert (linted.returncode, linted.stdout) == (0, "")
    compared = run(aws, tmp_path, *adopt)
    assert (compared.returncode, compared.stdout) == (0, "300 repositories, nothing to change\n"), compared.stderr

    deploy = [stack.name if word == "team-repositories" else word for word in deploy]
    deployed = run(aws, tmp_path, *deploy, "--no-confirm-changeset", "--no-progressbar", "--region", aws.region)
    try:
        assert deployed.returncode == 0, stack.failures()
        assert state(ecr, repositories) == before
        again = run(aws, tmp_path, *export[:-2])
        assert f"300 repositories of the stack {stack.name} left out" in " ".join(again.stderr.split())
        drift = ("ecrctl", "drift", "--prefix", repositories)
        compared = run(aws, tmp_path, *drift)
        assert (compared.returncode, compared.stdout) == (0, "300 declared repositories, no drift\n"), compared.stderr
        changed = f"{repositories}0/app-000"
        ecr.put_image_scanning_configuration(repositoryName=changed, imageScanningConfiguration={"scanOnPush": False})
        compared = run(aws, tmp_path, *drift)
        assert compared.returncode == 2
        assert f"\n{changed} ({stack.name}/" in compared.stdout
        assert "  ImageScanOnPush: false, declared: true\n" in compared.stdout
        ecr.put_image_scanning_configuration(repositoryName=changed, imageScanningConfiguration={"scanOnPush": True})
    finally:
        assert stack.delete().succeeded
    assert state(ecr, repositories) == before


def test_a_native_repository_moves_to_the_controller_with_its_images(
    aws: Emulator, stack: Stack, other_stack: Stack, controller_stack: str, name: str, ecr: ECRClient, tmp_path: Path
) -> None:
    native = {
        "Type": "AWS::ECR::Repository",
        "Properties": {"RepositoryName": name, "LifecyclePolicy": {"LifecyclePolicyText": json.dumps(POLICY)}},
    }
    waiting = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    retained = native | {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    assert stack.deploy(json.dumps({"Resources": {"Repository": native, "Other": waiting}})).succeeded
    digest = push_image(ecr, name, "v1", content="v1")
    assert stack.deploy(json.dumps({"Resources": {"Repository": retained, "Other": waiting}})).succeeded
    assert stack.deploy(json.dumps({"Resources": {"Other": waiting}})).succeeded
    assert ecr.describe_images(repositoryName=name)["imageDetails"][0]["imageDigest"] == digest

    options = ("--prefix", name, "--controller", controller_stack, "--include-managed", "--output-file", "t.yaml")
    assert run(aws, tmp_path, "ecrctl", "export", *options).returncode == 0
    compared = run(aws, tmp_path, "ecrctl", "adopt", "--dry-run", "t.yaml")
    assert "1 repository, nothing to change" in compared.stdout, compared.stderr
    assert other_stack.deploy((tmp_path / "t.yaml").read_text(encoding="utf-8")).succeeded
    assert ecr.describe_images(repositoryName=name)["imageDetails"][0]["imageDigest"] == digest
    assert json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]) == POLICY
    planned = run(aws, tmp_path, "ecrctl", "lifecycle", "plan", "--prefix", name, "--output", "json")
    assert planned.returncode == 0, planned.stderr
    assert [each["repositoryName"] for each in json.loads(planned.stdout)["plans"]] == [name]
