"""Baselines, drift and the resync, as a user meets them, with the roles of the functions enforced."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from local.images import push_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator
    from local.stack import Stack

RULES = [{"MaxImageCount": 10}]
STATEMENT = {"Sid": "Read", "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": ["ecr:BatchGetImage"]}


@pytest.fixture
def outputs(aws: Emulator, controller_stack: str) -> dict[str, str]:
    stacks = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}


@pytest.fixture
def resync(aws: Emulator, outputs: dict[str, str]) -> Callable[[str], None]:
    """Starts a resync by hand."""

    def call(name: str) -> None:
        payload = json.dumps({"RepositoryName": name} if name else {})
        answer = aws.client("lambda").invoke(FunctionName=outputs["PlanResyncFunction"], Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()

    return call


@pytest.fixture
def template(controller_stack: str) -> Callable[..., str]:
    """Makes a template of one resource."""

    def make(kind: str, **properties: Any) -> str:
        token = {"Fn::ImportValue": f"{controller_stack}-{kind}"}
        declared = {"Type": f"Custom::{kind}", "Properties": {"ServiceToken": token, **properties}}
        return json.dumps({"Resources": {"Declared": declared}})

    return make


def rules(ecr: ECRClient, name: str) -> int:
    try:
        text = ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return 0
    return int(json.loads(text)["rules"][0]["selection"]["countNumber"])


def is_scanned(ecr: ECRClient, name: str) -> bool:
    [found] = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return found["imageScanningConfiguration"]["scanOnPush"]


def has_statement(ecr: ECRClient, name: str) -> bool:
    try:
        text = ecr.get_repository_policy(repositoryName=name)["policyText"]
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return False
    return bool(json.loads(text)["Statement"])


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within 60 s"
        time.sleep(0.2)


def put_policy(ecr: ECRClient, name: str, number: int) -> None:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    text = json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)


def test_a_baseline_is_applied_kept_and_taken_back(
    stack: Stack, ecr: ECRClient, name: str, template: Callable[..., str], resync: Callable[[str], None]
) -> None:
    existing, new, excepted = f"{name}/existing", f"{name}/new", f"{name}/no"
    for each in (existing, excepted):
        ecr.create_repository(repositoryName=each)
    properties = {"RepositoryName": f"{name}/*", "Except": [excepted], "Mode": "Enforce", "ImageScanOnPush": True}
    deployed = stack.deploy(
        template(
            "ECRRepositoryBaseline",
            **properties,
            LifecycleRules=RULES,
            PolicyStatements=[STATEMENT],
            Tags=[{"Key": "team", "Value": "shop"}],
        )
    )
    assert deployed.succeeded, deployed
    wait_until(lambda: rules(ecr, existing) == 10 and has_statement(ecr, existing))
    assert is_scanned(ecr, existing)
    # A first push to a repository that no resync saw.
    ecr.create_repository(repositoryName=new)
    push_image(ecr, new, "v1", content="v1")
    wait_until(lambda: rules(ecr, new) == 10)
    put_policy(ecr, existing, 3)
    resync(existing)
    wait_until(lambda: rules(ecr, existing) == 10)
    put_policy(ecr, new, 7)
    assert stack.delete().succeeded
    wait_until(lambda: rules(ecr, existing) == 0 and not has_statement(ecr, existing) and not is_scanned(ecr, new))
    assert rules(ecr, new) == 7
    assert rules(ecr, excepted) == 0
    for each in (existing, new, excepted):
        ecr.delete_repository(repositoryName=each, force=True)


def test_drift_is_restored_where_the_stack_says_so(
    stack: Stack, ecr: ECRClient, name: str, template: Callable[..., str], resync: Callable[[str], None]
) -> None:
    properties = {"RepositoryName": name, "LifecycleRules": RULES, "PolicyStatements": [STATEMENT]}
    assert stack.deploy(template("ECRRepository", **properties, OnDrift="Restore")).succeeded
    put_policy(ecr, name, 3)
    ecr.delete_repository_policy(repositoryName=name)
    resync(name)
    wait_until(lambda: rules(ecr, name) == 10 and has_statement(ecr, name))


def test_a_resync_of_all_reads_the_table_and_every_repository(
    stack: Stack, ecr: ECRClient, name: str, template: Callable[..., str], resync: Callable[[str], None]
) -> None:
    properties = {"RepositoryName": name, "ImageScanOnPush": True}
    assert stack.deploy(template("ECRRepository", **properties, OnDrift="Restore")).succeeded
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": False})
    resync("")
    wait_until(lambda: is_scanned(ecr, name))


def test_a_call_that_a_trail_records_applies_the_baseline(
    aws: Emulator, stack: Stack, ecr: ECRClient, name: str, prefix: str, template: Callable[..., str]
) -> None:
    new = f"{name}/new"
    properties = {"RepositoryName": f"{name}/*", "LifecycleRules": RULES}
    assert stack.deploy(template("ECRRepositoryBaseline", **properties)).succeeded
    ecr.create_repository(repositoryName=new)
    called = {"eventSource": "ecr.amazonaws.com", "eventName": "CreateRepository"}
    send(aws, prefix, "AWS API Call via CloudTrail", called | {"requestParameters": {"repositoryName": new}})
    wait_until(lambda: rules(ecr, new) == 10)
    assert stack.delete().succeeded
    wait_until(lambda: rules(ecr, new) == 0)
    ecr.delete_repository(repositoryName=new)


def test_a_replica_has_the_policies_of_its_source(
    aws: Emulator, stack: Stack, ecr: ECRClient, name: str, prefix: str, template: Callable[..., str]
) -> None:
    there: ECRClient = aws.client("ecr", region_name="us-east-1")
    there.create_repository(repositoryName=name)
    put_policy(there, name, 12)
    text = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
    there.set_repository_policy(repositoryName=name, policyText=text)
    ecr.create_repository(repositoryName=name)
    assert stack.deploy(template("ECRRepositoryBaseline", RepositoryName=name, LikeSource=True)).succeeded
    account = aws.client("sts").get_caller_identity()["Account"]
    replicated = {"result": "SUCCESS", "action-type": "REPLICATE", "repository-name": name}
    send(
        aws,
        prefix,
        "ECR Replication Action",
        replicated | {"source-account": account, "source-region": "us-east-1"},
    )
    wait_until(lambda: rules(ecr, name) == 12 and has_statement(ecr, name))
    assert stack.delete().succeeded
    wait_until(lambda: rules(ecr, name) == 0 and not has_statement(ecr, name))
    ecr.delete_repository(repositoryName=name)
    there.delete_repository(repositoryName=name)


def send(aws: Emulator, prefix: str, kind: str, detail: dict[str, Any]) -> None:
    """An event as AWS would send it, from a source that anybody may use."""
    entry: Any = {"Source": f"{prefix}.replay", "DetailType": kind, "Detail": json.dumps(detail)}
    answer = aws.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
