"""The commands of the pages that lead through a task, in the order of the page, on an embedded AWS."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local import ROOT, deploy
from local.emulator.process import Emulator
from local.images import push_image
from local.stack import Stack
from tests.integration import pages
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="the pages name a controller and repositories that may be there")

CONTROLLER = "ecr-controller"
ACCOUNT = "123456789012"
KEPT = {CONTROLLER, "aws-sam-cli-managed-default"}


def read(page: str) -> str:
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def account(built: Path) -> Iterator[Emulator]:
    """An AWS with a controller, in which the names of the pages are free."""
    with Emulator.start() as emulator:
        deploy.deploy(built, emulator.environment(), CONTROLLER, {"RepositoryNames": "*"})
        yield emulator


@pytest.fixture
def shell(account: Emulator, built: Path, tmp_path: Path) -> Iterator[pages.Shell]:
    """A shell in a folder with the examples. What its commands made is deleted."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with pages.shell(account, built, tmp_path) as opened:
        yield opened
    cloudformation, ecr = account.client("cloudformation"), account.client("ecr")
    for each in cloudformation.describe_stacks()["Stacks"]:
        if each["StackName"] not in KEPT:
            Stack(cloudformation, each["StackName"]).delete()
    for each in ecr.describe_repositories()["repositories"]:
        ecr.delete_repository(repositoryName=each["repositoryName"], force=True)


def nothing(_aws: Emulator) -> None:
    """The page begins with an account in which only the controller is."""


def repository(aws: Emulator) -> None:
    """The repository, with an image without findings and one with a finding that fails a gate."""
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="team/app")
    push_image(ecr, "team/app", "v1", content="v1")
    push_image(ecr, "team/app", "v2", content="v2", findings="HIGH=1")


def three_repositories(aws: Emulator) -> None:
    """Repositories that people made, with settings that an adoption keeps."""
    ecr = aws.client("ecr")
    for name, mutability in (("app", "IMMUTABLE"), ("web", "MUTABLE"), ("jobs", "MUTABLE")):
        ecr.create_repository(repositoryName=f"team/{name}", imageTagMutability=mutability)


def old_images(aws: Emulator) -> None:
    """Images of which the rules of the page expire some."""
    ecr = aws.client("ecr")
    policy = {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
                "action": {"type": "expire"},
            }
        ]
    }
    for name in ("team/app", "team/web"):
        ecr.create_repository(repositoryName=name)
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(policy))
    for number in range(7):
        push_image(ecr, "team/app", f"prod-{number}", content=f"prod {number}")


WORLDS: dict[str, Callable[[Emulator], None]] = {
    "getting-started.md": nothing,
    "task-cross-account-pull.md": repository,
    "task-adopt-repositories.md": three_repositories,
    "task-release-gate.md": repository,
    "task-scans-to-slack.md": repository,
    "task-preview-deletions.md": old_images,
}
# A command that the page says fails.
FAILS = ("--stack-name release --parameter-overrides ImageTag=v2",)
# It asks; another test answers it.
ASKS = "sam deploy --guided"


def adapted(page: str) -> str:
    """A page with the finding that the emulator finds, and with a date that hasn't passed."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    return re.sub(r"Until: \d{4}-\d\d-\d\d", f"Until: {tomorrow}", page).replace("CVE-2026-0001", "CVE-2026-0")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", WORLDS)
def test_every_command_prints_what_the_page_shows(
    page: str, account: Emulator, shell: pages.Shell, tmp_path: Path
) -> None:
    pages.save_files(adapted(read(page)), tmp_path)
    WORLDS[page](account)
    for each in pages.commands(read(page)):
        if each.command == ASKS:
            continue
        output = shell.run(each.command, fails=any(each.command.endswith(words) for words in FAILS)).strip() + "\n"
        if each.output:
            assert re.fullmatch(each.pattern, output), f"{each.command}\nprinted\n{output}"


def test_every_page_of_a_task_is_run() -> None:
    tasks = {path.name for path in (ROOT / "docs").glob("task-*.md")}
    assert tasks == {each for each in WORLDS if each.startswith("task-")}


def policies() -> list[Any]:
    """The policy documents of docs/permissions.md: that of the deployer, and that of a stack author."""
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", read("permissions.md"), re.DOTALL)]


def environment_of_a_role(aws: Emulator, name: str, policy: Any) -> dict[str, str]:
    """The environment of somebody who has the policy alone."""
    iam, sts = aws.client("iam"), aws.client("sts")
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="page", PolicyDocument=json.dumps(policy))
    given = sts.assume_role(RoleArn=arn, RoleSessionName="page")["Credentials"]
    return aws.environment() | {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


def sam(
    environment: dict[str, str], folder: Path, *arguments: str, answers: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "samcli", *arguments],
        cwd=folder,
        env=environment | {"SAM_CLI_TELEMETRY": "0", "PYTHONWARNINGS": "ignore"},
        input=answers,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def make_the_bucket_of_sam(aws: Emulator, folder: Path) -> None:
    """Its policy denies HTTP, which is how the emulator is reached, to everyone but the administrator of it."""
    topic = folder / "topic.yaml"
    topic.write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}\n", encoding="utf-8")
    deploy.deploy(topic, aws.environment(), "topic")
    s3 = aws.client("s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.mark.timeout(600)
def test_the_guided_deployment_is_that_of_the_page_with_the_permissions_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_bytes((ROOT / "samconfig.toml").read_bytes())
    (tmp_path / "template.yaml").write_bytes((ROOT / "template.yaml").read_bytes())
    deployer, author = policies()
    with Emulator.start() as aws:
        deploy.build(tmp_path / ".aws-sam", aws.environment())
        make_the_bucket_of_sam(aws, tmp_path)
        environment = environment_of_a_role(aws, "deployer", deployer)
        [shown] = re.findall(r"```text\n(Stack Name.*?)```", read("getting-started.md"), re.DOTALL)
        template = (ROOT / "template.yaml").read_text(encoding="utf-8").partition("\nConditions:")[0]
        parameters = re.findall(r"^  (\w+):\n    Type:", template, re.MULTILINE)
        answers = ["", "", "team/*", *[""] * (len(parameters) - 1), *[""] * 6, "y"]
        done = sam(environment, tmp_path, "deploy", "--guided", answers="\n".join(answers) + "\n")
        assert done.returncode == 0, done.stdout + done.stderr
        prompts = re.findall(r"\t((?:Stack|AWS|Parameter|Confirm|Allow|Disable|Save|SAM)[^\t\n]*?\]:)", done.stdout)
        first, last = (part.split("\n") for part in shown.replace("]: team/*", "]:").strip().split("\n…\n"))
        assert prompts[: len(first)] == first
        assert prompts[-len(last) :] == last
        assert len(prompts) == 2 + len(parameters) + len(last)
        assert 'RepositoryNames=\\"team/*\\"' in (tmp_path / "samconfig.toml").read_text(encoding="utf-8")

        uses = environment_of_a_role(aws, "author", author)
        quickstart = ("deploy", "--template-file", str(ROOT / "examples" / "quickstart.yaml"), "--no-confirm-changeset")
        done = sam(uses, ROOT.parent, *quickstart, "--stack-name", "team-shop", "--region", aws.region)
        assert done.returncode == 0, done.stdout + done.stderr
        assert aws.client("ecr").describe_repositories(repositoryNames=["team/app"])["repositories"]
