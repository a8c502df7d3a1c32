"""What operators do with a controller: run two of them, delete one and deploy it again."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local import deploy
from local.stack import Stack
from tests.integration.conftest import ON_REAL_AWS
from tests.integration.everything import Everything, imported, outputs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="it deploys further controllers, which retain tables and policies")

TYPES = (
    "ECRRepository",
    "ECRLifecyclePolicy",
    "ECRRepositoryBaseline",
    "ECRRepositoryGrant",
    "ECRAuthorizationTokenGrant",
    "ECRPublicGalleryAuthorizationTokenGrant",
    "ECREventRoute",
    "ECRImageScanRoute",
    "ECRImageScan",
    "ECRImage",
)


@pytest.fixture(scope="module")
def second_controller(aws: Emulator, prefix: str, built: Path) -> str:
    """The name of the stack of another controller in the same account and Region."""
    name = f"{prefix}-second"
    parameters = {"RepositoryNames": f"{prefix}*", "GranteeAccounts": "222222222222", "LifecycleMaxImages": "1"}
    deploy.deploy(built, aws.environment(), name, parameters)
    return name


@pytest.fixture
def stacks(aws: Emulator, prefix: str) -> Iterator[list[Stack]]:
    """Two stacks of the test's own."""
    made = [Stack(aws.client("cloudformation"), f"{prefix}-{uuid.uuid4().hex[:6]}") for _ in range(2)]
    yield made
    for stack in made:
        if stack.id:
            stack.delete()


def resource(controller: str, kind: str, **properties: Any) -> str:
    """A template with one resource of a controller."""
    declared = {"ServiceToken": imported(controller, kind)[kind], **properties}
    return json.dumps({"Resources": {"Resource": {"Type": f"Custom::{kind}", "Properties": declared}}})


def grantees(ecr: ECRClient, repository: str) -> set[str]:
    """The accounts in the policy of a repository."""
    try:
        policy = json.loads(ecr.get_repository_policy(repositoryName=repository)["policyText"])
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return set()
    return {account for account in ("111111111111", "222222222222") if account in json.dumps(policy)}


def test_the_grants_of_two_controllers_share_a_repository_policy(
    stacks: list[Stack], controller_stack: str, second_controller: str, ecr: ECRClient, name: str
) -> None:
    ecr.create_repository(repositoryName=name)
    one, two = stacks
    pull = {"RepositoryName": name, "Access": "Pull"}
    first = resource(controller_stack, "ECRRepositoryGrant", Grantee="111111111111", **pull)
    second = resource(second_controller, "ECRRepositoryGrant", Grantee="222222222222", **pull)
    assert one.deploy(first).succeeded
    assert two.deploy(second).succeeded
    assert grantees(ecr, name) == {"111111111111", "222222222222"}
    # Each converges once more, and still leaves the statement of the other.
    assert one.deploy(first.replace('"Pull"', '"PullPush"')).succeeded
    assert grantees(ecr, name) == {"111111111111", "222222222222"}
    assert one.delete().succeeded
    assert grantees(ecr, name) == {"222222222222"}
    assert two.delete().succeeded
    assert grantees(ecr, name) == set()


def test_the_repository_of_another_controller_is_neither_adopted_nor_changed(
    stacks: list[Stack], controller_stack: str, second_controller: str, ecr: ECRClient, name: str
) -> None:
    one, two = stacks
    assert one.deploy(resource(controller_stack, "ECRRepository", RepositoryName=name)).succeeded
    [before] = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    tags = ecr.list_tags_for_resource(resourceArn=before["repositoryArn"])["tags"]
    adopting = resource(
        second_controller, "ECRRepository", RepositoryName=name, OnExisting="Adopt", ImageTagMutability="IMMUTABLE"
    )
    refused = two.deploy(adopting)
    assert refused.status == "ROLLBACK_COMPLETE"
    assert any("belongs to" in reason for reason in refused.reasons), refused
    assert ecr.describe_repositories(repositoryNames=[name])["repositories"] == [before]
    assert ecr.list_tags_for_resource(resourceArn=before["repositoryArn"])["tags"] == tags


def test_a_controller_limits_every_change_of_a_lifecycle_policy(
    stacks: list[Stack], second_controller: str, ecr: ECRClient, name: str, push: Callable[[str, str], str]
) -> None:
    def keeping(number: int) -> str:
        rules = [{"MaxImageCount": number}]
        return resource(
            second_controller, "ECRRepository", RepositoryName=name, LifecycleRules=rules, EmptyOnDelete=True
        )

    assert stacks[0].deploy(keeping(3)).succeeded
    for number in range(4):
        push(name, f"v{number}")
    refused = stacks[0].deploy(keeping(2))
    assert refused.status == "UPDATE_ROLLBACK_COMPLETE"
    limit = "exceeds the parameters of the controller's stack (LifecycleMaxImages 1)"
    assert any(limit in reason for reason in refused.reasons)
    assert '"countNumber":3' in ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"].replace(" ", "")
    assert stacks[0].deploy(keeping(4)).succeeded


def test_a_controller_is_not_deleted_while_a_stack_imports_its_tokens(
    aws: Emulator, stacks: list[Stack], second_controller: str, name: str
) -> None:
    assert stacks[0].deploy(resource(second_controller, "ECRRepository", RepositoryName=name)).succeeded
    with pytest.raises(ClientError, match="is imported by stack"):
        aws.client("cloudformation").delete_stack(StackName=second_controller)


def test_a_controller_that_is_deleted_and_deployed_again_takes_up_its_data(
    aws: Emulator, prefix: str, built: Path, name: str
) -> None:
    controller = Stack(aws.client("cloudformation"), f"{prefix}-again")
    parameters = {"RepositoryNames": f"{prefix}*", "GranteeAccounts": "999999999999"}
    deploy.deploy(built, aws.environment(), controller.name, parameters)
    outputs = outputs_of(aws, controller.name)
    # By their ARNs, because a controller whose exports are imported cannot be deleted.
    tokens = {each: outputs[each] for each in TYPES}
    table = outputs["PartsTable"]
    everything = Everything(aws, name, tokens)
    before = everything.observed()
    assert everything.stack.deploy(everything.template(1)).succeeded
    made, rows = everything.observed(), everything.rows(table)
    assert rows

    assert controller.delete().succeeded
    assert (everything.observed(), everything.rows(table)) == (made, rows)

    taken_up = {
        "PartsTableName": outputs["PartsTable"],
        "AuthorizationTokenPolicyArn": outputs["AuthorizationTokenPolicy"],
        "PublicGalleryAuthorizationTokenPolicyArn": outputs["PublicGalleryAuthorizationTokenPolicy"],
    }
    deploy.deploy(built, aws.environment(), controller.name, parameters | taken_up)
    now = outputs_of(aws, controller.name)
    kept = (*TYPES, "PartsTable", "AuthorizationTokenPolicy", "PublicGalleryAuthorizationTokenPolicy")
    assert {each: now[each] for each in kept} == {each: outputs[each] for each in kept}

    everything.update_and_delete(table, made, before)
