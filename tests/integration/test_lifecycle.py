"""``Custom::ECRLifecyclePolicy`` and LifecycleGuard as a user meets them."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.images import push_as_buildx, push_referrer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator
    from local.real_aws import RealAws
    from local.stack import Stack

    Push = Callable[[str, str], str]

KEEP_TWO = {"MaxImageCount": 2}
KEEP_NINE = {"MaxImageCount": 9}
THEIRS = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 7,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
                "action": {"type": "expire"},
            }
        ]
    }
)


@pytest.fixture
def policy_template(controller_stack: str) -> Callable[..., str]:
    """Makes a template with one Custom::ECRLifecyclePolicy for each set of properties."""

    def make(*resources: dict[str, Any], **more: Any) -> str:
        token = {"Fn::ImportValue": f"{controller_stack}-ECRLifecyclePolicy"}
        declared = {
            f"Policy{i}": {"Type": "Custom::ECRLifecyclePolicy", "Properties": {"ServiceToken": token, **properties}}
            for i, properties in enumerate(resources)
        }
        outputs = {name: {"Value": {"Fn::GetAtt": ["Policy0", name]}} for name in ("MatchedImages", "ExpiringImages")}
        return json.dumps({"Resources": declared | more, "Outputs": outputs})

    return make


@pytest.fixture
def repository(ecr: ECRClient, name: str) -> str:
    ecr.create_repository(repositoryName=name)
    return name


def policy(ecr: ECRClient, name: str) -> Any:
    try:
        return json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return None


def kept(ecr: ECRClient, name: str) -> int | None:
    found = policy(ecr, name)
    return found and int(found["rules"][0]["selection"]["countNumber"])


def test_a_policy_comes_changes_in_place_and_goes(
    stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, repository: str
) -> None:
    first = stack.deploy(policy_template({"RepositoryName": repository, "LifecycleRules": [KEEP_TWO]}))
    assert first.succeeded, first
    assert first.outputs == {"MatchedImages": "unknown", "ExpiringImages": "unknown"}
    assert kept(ecr, repository) == 2
    assert stack.deploy(policy_template({"RepositoryName": repository, "LifecycleRules": [KEEP_NINE]})).succeeded
    assert kept(ecr, repository) == 9
    assert stack.delete().succeeded
    assert policy(ecr, repository) is None
    assert ecr.list_tags_for_resource(resourceArn=_arn(ecr, repository))["tags"] == []


def _arn(ecr: ECRClient, name: str) -> str:
    return ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]


def test_a_policy_of_others_is_kept_unless_it_is_to_be_replaced_and_then_put_back(
    stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, repository: str
) -> None:
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=THEIRS)
    ours = {"RepositoryName": repository, "LifecycleRules": [KEEP_TWO]}

    refused = stack.deploy(policy_template(ours))
    assert refused.status == "ROLLBACK_COMPLETE"
    assert any("set OnExisting: Replace" in reason for reason in refused.reasons)
    assert policy(ecr, repository) == json.loads(THEIRS)
    stack.delete()

    stack.id = ""
    assert stack.deploy(policy_template(ours | {"OnExisting": "Replace"})).succeeded
    assert kept(ecr, repository) == 2
    assert stack.delete().succeeded
    assert policy(ecr, repository) == json.loads(THEIRS)


def test_a_policy_that_a_person_changed_is_left_by_the_delete(
    stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, repository: str
) -> None:
    assert stack.deploy(policy_template({"RepositoryName": repository, "LifecycleRules": [KEEP_TWO]})).succeeded
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=THEIRS)
    assert stack.delete().succeeded
    assert policy(ecr, repository) == json.loads(THEIRS)


def test_two_declarations_for_one_repository_are_refused(
    stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, repository: str
) -> None:
    one = {"RepositoryName": repository, "LifecycleRules": [KEEP_TWO]}
    deployed = stack.deploy(policy_template(one, one | {"LifecycleRules": [KEEP_NINE]}))
    assert deployed.status == "ROLLBACK_COMPLETE"
    assert any("is already declared by Policy" in reason for reason in deployed.reasons)
    assert policy(ecr, repository) is None


def test_a_repository_that_declares_its_rules_takes_no_second_policy(
    stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, name: str, controller_stack: str
) -> None:
    token = {"Fn::ImportValue": f"{controller_stack}-ECRRepository"}
    properties = {"ServiceToken": token, "RepositoryName": name, "LifecycleRules": [KEEP_NINE]}
    repository = {"Type": "Custom::ECRRepository", "Properties": properties}
    second = {"RepositoryName": {"Ref": "Repository"}, "LifecycleRules": [KEEP_TWO]}
    deployed = stack.deploy(policy_template(second, Repository=repository))
    assert deployed.status == "ROLLBACK_COMPLETE"
    assert any("is already declared by Repository in the stack" in reason for reason in deployed.reasons)


@pytest.fixture
def no_boundaries(aws: Emulator | RealAws, controller_stack: str) -> Iterator[None]:
    """The function of lifecycle policies as it is where the parameter Boundaries is empty."""
    outputs = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"][0]["Outputs"]
    tokens = {each["OutputKey"]: each["OutputValue"] for each in outputs}
    function, client = tokens["ECRLifecyclePolicy"], aws.client("lambda")
    variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]

    def put(environment: dict[str, str]) -> None:
        client.update_function_configuration(FunctionName=function, Environment={"Variables": environment})
        client.get_waiter("function_updated_v2").wait(FunctionName=function)

    put(variables | {"BOUNDARIES": ""})
    yield
    put(variables)


@pytest.mark.usefixtures("no_boundaries")
def test_a_policy_for_the_repository_of_another_stack_needs_its_permission(
    stack: Stack,
    other_stack: Stack,
    template: Callable[..., str],
    policy_template: Callable[..., str],
    ecr: ECRClient,
    name: str,
) -> None:
    ours = policy_template({"RepositoryName": name, "LifecycleRules": [KEEP_TWO]})
    assert other_stack.deploy(template(RepositoryName=name)).succeeded
    refused = stack.deploy(ours)
    assert refused.status == "ROLLBACK_COMPLETE"
    assert any("set AllowLifecyclePolicies: true for that resource" in reason for reason in refused.reasons)
    assert policy(ecr, name) is None
    stack.delete()

    stack.id = ""
    assert other_stack.deploy(template(RepositoryName=name, AllowLifecyclePolicies=True)).succeeded
    assert stack.deploy(ours).succeeded
    assert other_stack.deploy(template(RepositoryName=name, ImageScanOnPush=True)).succeeded
    assert kept(ecr, name) == 2
    assert stack.delete().succeeded
    assert policy(ecr, name) is None


def test_a_boundary_that_allows_both_stacks_is_a_permission(
    stack: Stack, other_stack: Stack, template: Callable[..., str], policy_template: Callable[..., str], name: str
) -> None:
    assert other_stack.deploy(template(RepositoryName=name)).succeeded
    assert stack.deploy(policy_template({"RepositoryName": name, "LifecycleRules": [KEEP_TWO]})).succeeded


def test_a_release_as_buildx_pushes_it_expires_whole_and_its_signature_with_it(
    aws: Emulator, stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, repository: str
) -> None:
    platforms = {"linux/amd64": None, "linux/arm64": None}
    long_ago = datetime.now(UTC) - timedelta(days=90)
    old = push_as_buildx(ecr, repository, "v1", platforms, content="v1", created=long_ago)
    push_as_buildx(ecr, repository, "v2", platforms, content="v2")
    signature = push_referrer(ecr, repository, old.index)
    rules = [{"TagPrefixList": ["v"], "MaxImageCount": 1}, {"TagStatus": "untagged", "MaxImageAge": 30}]

    command = ["ecrctl", "lifecycle", "plan", "--repository", repository, "--rules-file", "-", "--output", "json"]
    done = subprocess.run(
        command, input=json.dumps(rules), env=aws.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    plan = json.loads(done.stdout)
    gone = {image["imageDigest"]: image["subject"] for image in plan["images"] if image["action"] == "expire"}
    assert gone == {
        **dict.fromkeys([old.index, *old.images.values(), *old.attestations.values()]),
        signature: old.index,
    }
    assert (plan["summary"]["expire"], plan["summary"]["referrers"]["expire"]) == (5, 1)

    declared = {"RepositoryName": repository, "LifecycleRules": rules}
    stopped = stack.deploy(policy_template(declared | {"LifecycleGuard": {"MaxImages": 4}}))
    assert "would expire or archive 5 of 11 images" in stopped.reasons[0]
    stack.delete()

    stack.id = ""
    assert stack.deploy(policy_template(declared | {"LifecycleGuard": {"MaxImages": 5}})).succeeded


def test_the_guard_stops_a_dangerous_change_and_the_stack_rolls_back_clean(
    stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, repository: str, push: Push
) -> None:
    for number in range(12):
        push(repository, f"v{number}")
    guarded = {"RepositoryName": repository, "LifecycleGuard": {"MaxImages": 5}}
    safe = stack.deploy(policy_template(guarded | {"LifecycleRules": [KEEP_NINE]}))
    assert safe.succeeded, safe
    assert safe.outputs == {"MatchedImages": "12", "ExpiringImages": "3"}

    stopped = stack.deploy(policy_template(guarded | {"LifecycleRules": [KEEP_TWO]}))

    assert stopped.status == "UPDATE_ROLLBACK_COMPLETE"
    [reason, *_] = stopped.reasons
    assert "would expire or archive 10 of 12 images" in reason
    assert "exceeds LifecycleGuard (MaxImages 5). Nothing was changed. By rule priority: rule 1: 10." in reason
    assert "Images: v0, v1, v2, v3, v4 and 5 more." in reason
    assert kept(ecr, repository) == 9


def test_a_rollback_is_never_stopped_by_the_guard(
    stack: Stack, policy_template: Callable[..., str], ecr: ECRClient, repository: str, push: Push
) -> None:
    guarded = {"RepositoryName": repository, "LifecycleGuard": {"MaxImages": 0}}
    assert stack.deploy(policy_template(guarded | {"LifecycleRules": [KEEP_TWO]})).succeeded
    for number in range(9):
        push(repository, f"v{number}")
    harmless = guarded | {"LifecycleRules": [KEEP_NINE]}
    failing = json.loads(policy_template({"RepositoryName": f"{repository}-nope", "LifecycleRules": [KEEP_TWO]}))
    later = failing["Resources"]["Policy0"] | {"DependsOn": "Policy0"}

    rolled_back = stack.deploy(policy_template(harmless, Failing=later))

    assert any("does not exist in this account and Region" in reason for reason in rolled_back.reasons)
    assert rolled_back.status == "UPDATE_ROLLBACK_COMPLETE", rolled_back
    assert kept(ecr, repository) == 2


def test_the_guard_of_a_repository_stops_its_rules_too(
    stack: Stack, template: Callable[..., str], ecr: ECRClient, name: str, push: Push
) -> None:
    guarded = {"RepositoryName": name, "LifecycleGuard": {"MaxPercent": 50}, "EmptyOnDelete": True}
    assert stack.deploy(template(**guarded, LifecycleRules=[KEEP_NINE])).succeeded
    for number in range(12):
        push(name, f"v{number}")
    stopped = stack.deploy(template(**guarded, LifecycleRules=[KEEP_TWO], ImageScanOnPush=True))
    assert stopped.status == "UPDATE_ROLLBACK_COMPLETE"
    assert any("MaxPercent 50" in reason for reason in stopped.reasons)
    assert kept(ecr, name) == 9
    shown = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert shown["imageScanningConfiguration"] == {"scanOnPush": False}
