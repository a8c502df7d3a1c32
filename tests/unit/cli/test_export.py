"""`ecrctl export` and `ecrctl adopt --dry-run`."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from moto import mock_aws
from typer.testing import CliRunner

from ecr_controller.config import config
from ecr_controller.errors import Faults
from ecr_controller.lifecycle.rules import parse_policy, policy_from_rules
from ecrctl import exporting
from ecrctl.controller import Controller
from ecrctl.exporting import Exported, logical_ids, templates
from ecrctl.inputs import ecr
from ecrctl.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient
    from typer.testing import Result

    from tests.unit.cli.conftest import File

ACCOUNT, KEY = "123456789012", "arn:aws:kms:eu-west-1:123456789012:key/9d7a8f0e-0000-0000-0000-000000000000"

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def run(*options: str) -> Result:
    return CliRunner().invoke(app, list(options))


def policy(count: int, **selection: Any) -> str:
    chosen = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count} | selection
    return json.dumps({"rules": [{"rulePriority": 7, "selection": chosen, "action": {"type": "expire"}}]})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[ECRClient]:
    """A registry with one repository, `team/app`, which has everything."""
    with mock_aws():
        client: ECRClient = boto3.client("ecr", region_name="eu-west-1")
        monkeypatch.setattr(ecr, "client", lambda *_given, **_options: client)
        arn = client.create_repository(
            repositoryName="team/app",
            imageScanningConfiguration={"scanOnPush": True},
            imageTagMutability="IMMUTABLE",
            encryptionConfiguration={"encryptionType": "KMS", "kmsKey": KEY},
            tags=[{"Key": "team", "Value": "platform"}, {"Key": "ecr-controller:note", "Value": "x"}],
        )["repository"]["repositoryArn"]
        assert ACCOUNT in arn
        client.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=policy(10))
        statements = [
            {
                "Sid": "Pull",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": ["ecr:*"],
            },
            {"Sid": "not-ours", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"},
            {"Sid": "EcrControllerPull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"},
            {"Effect": "Deny", "NotPrincipal": {"AWS": "*"}, "Action": "ecr:BatchGetImage"},
        ]
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client.set_repository_policy(repositoryName="team/app", policyText=text)
        yield client


def exported_properties(*options: str) -> dict[str, Any]:
    """The properties of the exported resources, by logical ID."""
    document = yaml.safe_load(run("export", *options).stdout)
    return {name: each["Properties"] for name, each in document["Resources"].items()}


def test_a_repository_is_exported_with_everything_that_the_type_takes(registry: ECRClient) -> None:
    assert registry
    done = run("export")
    resource = yaml.safe_load(done.stdout)["Resources"]["TeamApp"]
    assert resource == {
        "Type": "Custom::ECRRepository",
        "Properties": {
            "ServiceToken": {"Fn::ImportValue": {"Fn::Sub": "${Controller}-ECRRepository"}},
            "RepositoryName": "team/app",
            "OnExisting": "Adopt",
            "ImageScanOnPush": True,
            "ImageTagMutability": "IMMUTABLE",
            "Encryption": "KMS",
            "EncryptionKey": KEY,
            "LifecycleRules": [{"RulePriority": 7, "TagStatus": "any", "MaxImageCount": 10}],
            "PolicyStatements": [
                {
                    "Sid": "Pull",
                    "Effect": "Allow",
                    "Principal": {"AWS": ROOT},
                    "Action": ["ecr:*"],
                }
            ],
            "Tags": [{"Key": "team", "Value": "platform"}],
        },
    }
    notes = " ".join(done.stderr.split())
    assert "team/app: The controller must allow the policy statement Pull: Action: ecr:* includes" in notes
    assert "The policy statement not-ours is not declared, and stays as it is: Sid: must consist of letters" in notes
    assert "The policy statement number 4 is not declared" in notes
    assert "  # The policy statement number 4 is not declared" in done.stdout
    assert "EcrController" not in done.stdout


@pytest.mark.parametrize(
    "rules",
    [
        [{"TagPatternList": ["v*"], "MaxImageAge": 5, "Description": "old"}],
        [{"MaxDaysSincePull": 9}],
        [{"TagStatus": "untagged", "MaxImageCount": 1, "Action": "archive"}],
        [{"TagStatus": "untagged", "MaxDaysSinceArchived": 90}, {"MaxImageAge": 5, "StorageClass": "standard"}],
    ],
)
def test_rules_are_exported_so_that_they_have_the_same_effect(
    registry: ECRClient, monkeypatch: pytest.MonkeyPatch, rules: Any
) -> None:
    faults = Faults()
    before = policy_from_rules(rules, faults)
    assert before is not None, faults
    # Moto knows no archive.
    monkeypatch.setattr(registry, "get_lifecycle_policy", lambda **_given: {"lifecyclePolicyText": before.text()})
    after = policy_from_rules(exported_properties()["TeamApp"]["LifecycleRules"], faults)
    assert after is not None
    assert after.is_equivalent_to(before)


def test_a_policy_that_cannot_be_read_is_left_out_and_named(
    registry: ECRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Amazon ECR may know rules that this version doesn't.
    text = policy(1).replace("imageCountMoreThan", "sinceImageLiked")
    monkeypatch.setattr(registry, "get_lifecycle_policy", lambda **_given: {"lifecyclePolicyText": text})
    done = run("export")
    assert "LifecycleRules" not in done.stdout
    assert "team/app: The lifecycle policy is not declared, and stays as it is:" in " ".join(done.stderr.split())


def test_the_rule_that_keeps_images_in_use_is_exported_and_named(
    registry: ECRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults()
    kept = parse_policy({"LifecycleRules": [{"MaxImageCount": 5}], "KeepInUse": {"Sources": ["ECS"]}}, faults)
    assert kept is not None, faults
    monkeypatch.setattr(registry, "get_lifecycle_policy", lambda **_given: {"lifecyclePolicyText": kept.text()})
    done = run("export")
    assert "TagPatternList:\n            - ecr-controller-in-use-*" in done.stdout
    assert "declare KeepInUse instead of the rule." in " ".join(done.stderr.split())


def test_repositories_of_stacks_are_left_out_and_named(registry: ECRClient) -> None:
    stack = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/shop/1-2"
    for name, key in (("aa", "ecr-controller:stack-id"), ("bb", "team")):
        registry.create_repository(repositoryName=name, tags=[{"Key": key, "Value": stack}])
    done = run("export", "--prefix", "")
    assert sorted(yaml.safe_load(done.stdout)["Resources"]) == ["Bb", "TeamApp"]
    assert "note: 1 repository of the stack shop left out: aa. To export them, use" in " ".join(done.stderr.split())
    assert sorted(exported_properties("--include-managed")) == ["Aa", "Bb", "TeamApp"]
    assert sorted(exported_properties("--prefix", "team/")) == ["TeamApp"]


def test_more_tags_than_a_resource_can_declare_are_left_out(registry: ECRClient) -> None:
    registry.create_repository(repositoryName="aa", tags=[{"Key": f"k{i:02}", "Value": "v"} for i in range(50)])
    done = run("export", "--prefix", "aa")
    assert len(yaml.safe_load(done.stdout)["Resources"]["Aa"]["Properties"]["Tags"]) == 46
    assert "aa: 4 tags more than 46 are not declared" in done.stderr


def test_logical_ids_are_readable_and_each_is_of_one_repository() -> None:
    assert logical_ids(["team/app", "a.b_c-d", "1/2"]) == {"team/app": "TeamApp", "a.b_c-d": "ABCD", "1/2": "12"}
    same = logical_ids(["a/b", "a-b", "ab"])
    assert len(set(same.values())) == 3
    assert same["ab"] == "Ab"
    assert all(each.isalnum() for each in same.values())


def test_templates_are_within_the_quotas(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = [Exported(f"r{i:04}", {"RepositoryName": f"r{i:04}"}, []) for i in range(1001)]
    files = templates(resources, "ecr-controller")
    assert [len(yaml.safe_load(each)["Resources"]) for each in files] == [500, 500, 1]
    monkeypatch.setattr(exporting, "MAX_BYTES", 2000)
    assert all(len(each.encode()) < 2100 for each in templates(resources[:20], "ecr-controller"))


def test_more_than_one_template_needs_a_directory(
    registry: ECRClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry.create_repository(repositoryName="other")
    monkeypatch.setattr(exporting, "MAX_RESOURCES", 1)
    done = run("export")
    assert done.exit_code == 1
    assert "2 repositories need 2 templates: specify --output-directory" in done.stderr
    assert run("export", "--output-directory", str(tmp_path / "new")).exit_code == 0
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == ["repositories-1.yaml", "repositories-2.yaml"]
    again = run("export", "--output-directory", str(tmp_path / "new"))
    assert again.exit_code == 1
    assert "exists already: choose another directory" in " ".join(again.stderr.split())


def test_what_cannot_be_exported_is_an_error(registry: ECRClient, tmp_path: Path) -> None:
    assert registry
    (tmp_path / "file").write_text("", encoding="utf-8")
    for options, message in (
        (("--prefix", "none"), "there is no repository to export"),
        (("--output-file", "x", "--output-directory", "y"), "--output-file cannot be used with --output-directory"),
        (("--output-directory", str(tmp_path / "file" / "x")), "cannot be written: Not a directory"),
    ):
        done = run("export", *options)
        assert done.exit_code == 1
        assert message in " ".join(done.stderr.split())


# What an adoption would change


@pytest.fixture
def template(registry: ECRClient, tmp_path: Path) -> Path:
    """The exported template."""
    assert registry
    path = tmp_path / "t.yaml"
    assert run("export", "--output-file", str(path)).exit_code == 0
    return path


def adopt(template: Path | str, *options: str) -> Result:
    return run("adopt", "--dry-run", str(template), "--controller-parameter", "DeniedGrantActions=none", *options)


def test_the_adoption_of_what_was_exported_changes_nothing(template: Path) -> None:
    done = adopt(template)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("1 repository, nothing to change\n")


def test_each_change_is_shown_and_a_policy_image_by_image(template: Path, registry: ECRClient) -> None:
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    for i in range(3):
        registry.put_image(repositoryName="team/app", imageTag=f"v{i}", imageManifest=json.dumps(manifest | {"n": i}))
    text = template.read_text(encoding="utf-8")
    text = text.replace("ImageScanOnPush: true", "ImageScanOnPush: false").replace("Count: 10", "Count: 1")
    template.write_text(
        text.replace("platform", "shop").replace("Sid: Pull", "Sid: More") + "          \n", encoding="utf-8"
    )
    document = json.loads(adopt(template, "--output", "json").stdout)
    [found] = document["adoptions"]
    assert found["changes"] == [
        {"setting": "ImageScanOnPush", "from": "true", "to": "false"},
        {"setting": "Tags", "from": "team=platform", "to": "team=shop"},
        {
            "setting": "LifecyclePolicy",
            "from": "expire all images, keeping the 10 most recent",
            "to": "expire all images, keeping the most recent",
        },
    ]
    assert found["plan"]["summary"]["expire"] == 2
    done = adopt(template, "--limit", "1")
    assert done.exit_code == 2
    assert "1 repository, 1 to change" in done.stdout
    assert "  ImageScanOnPush: true -> false" in done.stdout
    assert "TeamApp (team/app): 3 images, 2 to expire, 1 to keep" in done.stdout
    assert "... and 1 more" in done.stdout


def test_a_statement_that_the_policy_lacks_is_a_change(template: Path) -> None:
    text = template.read_text(encoding="utf-8").replace("ecr:*", "ecr:BatchGetImage")
    template.write_text(text, encoding="utf-8")
    done = adopt(template)
    assert done.exit_code == 2
    assert "  PolicyStatements: 0 statements -> 1 statement" in done.stdout
    assert "put beside those that the policy has" in " ".join(done.stdout.split())


def test_a_refusal_ends_with_1_and_a_repository_that_is_missing_is_created(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("Encryption: KMS\n", "Encryption: KMS_DSSE\n"), encoding="utf-8")
    done = adopt(template)
    assert done.exit_code == 1
    assert "1 refused" in done.stdout
    assert "Refused: The repository team/app has Encryption KMS with" in " ".join(done.stdout.split())
    template.write_text(text.replace("RepositoryName: team/app", "RepositoryName: team/new"), encoding="utf-8")
    done = adopt(template)
    assert done.exit_code == 2
    assert "The repository doesn't exist, and is created." in done.stdout


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (
            {"ecr-controller:stack-id": "arn:x:stack/shop/1", "ecr-controller:logical-id": "It"},
            "It in the stack arn:x:stack/shop/1. Another stack adopts it only if that stack no longer has it.",
        ),
        ({"ecr-controller:lifecycle-policy": "shop/1 It"}, "Its lifecycle policy is declared by shop/1 It, unless"),
    ],
)
def test_what_to_check_before_is_a_warning(
    template: Path, registry: ECRClient, tags: dict[str, str], message: str
) -> None:
    arn = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"
    registry.tag_resource(resourceArn=arn, tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    assert message in " ".join(adopt(template).stdout.split())


def test_a_plan_that_does_not_know_what_is_in_use_says_so(template: Path) -> None:
    text = template.read_text(encoding="utf-8").replace("Count: 10", "Count: 1")
    template.write_text(text.rstrip() + "\n      KeepInUse: {Sources: [ECS]}\n", encoding="utf-8")
    assert "To see them, run ecrctl in-use." in " ".join(adopt(template).stdout.split())


def test_what_a_deployment_would_refuse_by_its_bounds_is_refused(template: Path, registry: ECRClient) -> None:
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    for i in range(5):
        registry.put_image(repositoryName="team/app", imageTag=f"v{i}", imageManifest=json.dumps(manifest | {"n": i}))
    text = template.read_text(encoding="utf-8").replace("Count: 10", "Count: 1")
    template.write_text(text, encoding="utf-8")
    assert adopt(template).exit_code == 2
    done = adopt(template, "--controller-parameter", "LifecycleMaxImages=3")
    assert done.exit_code == 1
    said = " ".join(done.stdout.split())
    assert "Refused: The lifecycle policy would expire or archive 4 of 5 images in team/app" in said
    assert "(LifecycleMaxImages 3)" in said
    template.write_text(text.rstrip() + "\n      LifecycleGuard: {MaxPercent: 50}\n", encoding="utf-8")
    done = adopt(template)
    assert done.exit_code == 1
    assert "exceeds LifecycleGuard (MaxPercent 50)" in " ".join(done.stdout.split())
    template.write_text(text, encoding="utf-8")
    done = adopt(template, "--controller-parameter", "RepositoryNames=other/*")
    assert done.exit_code == 1
    assert "Refused: the stack of this template may not manage team/app" in " ".join(done.stdout.split())


def test_statements_beside_those_that_are_there_can_be_too_many(registry: ECRClient, tmp_path: Path) -> None:
    many = [
        {"Sid": f"Pull{i}", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
        | {"Condition": {"StringEquals": {"aws:PrincipalOrgID": f"o-{i:010}", "aws:PrincipalTag/team": "x" * 100}}}
        for i in range(25)
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": many})
    assert len(text) < 10_240 < 2 * len(text)
    registry.set_repository_policy(repositoryName="team/app", policyText=text)
    path = tmp_path / "long.yaml"
    assert run("export", "--output-file", str(path)).exit_code == 0
    done = adopt(path, "--controller-parameter", "PublicGrants=true")
    assert done.exit_code == 1
    said = " ".join(done.stdout.split())
    assert "Refused: The policy of the repository team/app would have" in said
    assert "ECR accepts 10,240. Largest grants: TeamApp in the stack of this template" in said


def test_a_repository_that_two_files_declare_is_an_error(template: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(template.read_text(encoding="utf-8").replace("  TeamApp:", "  Other:"), encoding="utf-8")
    done = run("adopt", "--dry-run", str(template), str(other))
    assert done.exit_code == 1
    said = " ".join(done.stderr.split())
    assert "other.yaml: Other.RepositoryName: TeamApp declares team/app as well; keep one of them" in said


def test_bounds_hold_in_each_of_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTEE_ACCOUNTS", "before")
    controller = Controller({"GranteeAccounts": "111122223333"})

    def seen(_number: int) -> str:
        with controller.configured():
            time.sleep(0.0001)
            return config().grantee_accounts

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(seen, range(300))) == {"111122223333"}
    assert config().grantee_accounts == "before"


def test_what_is_exported_is_read_back_as_it_is() -> None:
    tags = [{"Key": "note", "Value": "a\u2028b\x85c"}]
    [text] = templates([Exported("team/app", {"RepositoryName": "team/app", "Tags": tags}, ())], "yes")
    read = yaml.safe_load(text)
    assert read["Parameters"]["Controller"]["Default"] == "yes"
    assert read["Resources"]["TeamApp"]["Properties"]["Tags"] == tags


def test_errors_of_adopt(file: File, registry: ECRClient) -> None:
    assert registry
    properties = {"OnExisting": "Adopt", "RepositoryName": "team/app"}
    resource = {"Type": "Custom::ECRRepository", "Properties": properties}
    for changed, message in (
        ({"OnExisting": "Fail"}, "no template has a Custom::ECRRepository with OnExisting: Adopt and a RepositoryName"),
        ({"RepositoryName": {"Ref": "Unknown"}}, "It.RepositoryName: Unknown is neither a parameter nor a resource"),
        ({"Tags": "x"}, "It.Tags: must be a list"),
        ({"Tags": {"Fn::ImportValue": "x"}}, "It.Tags: Fn::ImportValue cannot be resolved offline"),
    ):
        template = {"Resources": {"It": resource | {"Properties": properties | changed}}}
        done = adopt(file("t.json", template))
        assert done.exit_code == 1
        assert message in " ".join(done.stderr.split())
    assert "specify --dry-run; to adopt the repositories, deploy" in " ".join(run("adopt", "t.json").stderr.split())
