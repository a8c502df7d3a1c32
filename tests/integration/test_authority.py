"""Requests that no stack makes, and stacks that ask for more than they may manage."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from local.invoke.listener import listening
from local.stack import Stack
from tests.integration.conftest import ON_REAL_AWS, repository_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

    Template = Callable[..., str]
    Forge = Callable[..., dict[str, Any]]


@pytest.fixture
def bounded_stack(aws: Emulator, prefix: str, controller_stack: str) -> Iterator[Stack]:
    """A stack that may manage `<prefix>/bounded/*` alone: see `controller_stack`."""
    made = Stack(aws.client("cloudformation"), f"bounded-{prefix}")
    yield made
    if made.id:
        made.delete()


@pytest.fixture
def forge(aws: Emulator, controller_stack: str) -> Forge:
    """Invokes the function of a type as somebody who may invoke it: the answer to a request that no stack makes."""
    if ON_REAL_AWS:
        pytest.skip("the answer goes to this machine")
    outputs = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"][0]["Outputs"]
    tokens = {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def send(kind: str, stack: Stack, logical_id: str, type_name: str, **changes: Any) -> dict[str, Any]:
        with listening() as (url, answers):
            request = {
                "RequestType": kind,
                "RequestId": uuid.uuid4().hex,
                "ResponseURL": url,
                "StackId": stack.id,
                "LogicalResourceId": logical_id,
                "ResourceType": f"Custom::{type_name}",
                **changes,
            }
            aws.client("lambda").invoke(FunctionName=tokens[type_name], Payload=json.dumps(request))
            deadline = time.monotonic() + 30
            while not answers and time.monotonic() < deadline:
                time.sleep(0.1)
            return answers[0]

    return send


def test_a_forged_delete_does_not_delete_the_repository_of_another_team(
    stack: Stack, template: Template, forge: Forge, ecr: ECRClient, name: str, push: Callable[[str, str], str]
) -> None:
    assert stack.deploy(template(RepositoryName=name)).succeeded
    push(name, "prod-1")
    answer = forge(
        "Delete",
        stack,
        "Repository",
        "ECRRepository",
        PhysicalResourceId=name,
        ResourceProperties={"RepositoryName": name, "EmptyOnDelete": "true"},
    )
    assert answer["Status"] == "FAILED"
    assert "could not verify that CloudFormation makes this request" in answer["Reason"]
    assert ecr.describe_images(repositoryName=name)["imageDetails"]
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "prod-1"}])


def test_a_forged_create_for_a_stack_that_does_not_exist_creates_nothing(
    stack: Stack, forge: Forge, ecr: ECRClient, name: str
) -> None:
    stack.id = f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{stack.name}/{uuid.uuid4()}"
    answer = forge("Create", stack, "Repository", "ECRRepository", ResourceProperties={"RepositoryName": name})
    stack.id = ""
    assert answer["Status"] == "FAILED"
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=[name])


def test_a_forged_update_does_not_lead_the_events_of_another_team_to_another_queue(
    aws: Emulator, prefix: str, controller_stack: str, stack: Stack, forge: Forge
) -> None:
    sqs, pattern = aws.client("sqs"), f"{prefix}/*"
    queues = [sqs.create_queue(QueueName=f"{prefix}-{each}")["QueueUrl"] for each in ("theirs", "mine")]
    theirs, mine = (
        sqs.get_queue_attributes(QueueUrl=each, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for each in queues
    )
    declared = {"RepositoryName": pattern, "Targets": [theirs]}
    token = {"Fn::ImportValue": f"{controller_stack}-ECRImageScanRoute"}
    route = {"Type": "Custom::ECRImageScanRoute", "Properties": {"ServiceToken": token, **declared}}
    template = json.dumps({"Resources": {"Route": route}, "Outputs": {"Id": {"Value": {"Ref": "Route"}}}})
    deployed = stack.deploy(template)
    assert deployed.succeeded, deployed
    answer = forge(
        "Update",
        stack,
        "Route",
        "ECRImageScanRoute",
        PhysicalResourceId=deployed.outputs["Id"],
        ResourceProperties={"RepositoryName": pattern, "Targets": [mine]},
        OldResourceProperties=declared,
    )
    assert answer["Status"] == "FAILED"
    assert stack.delete().succeeded
    for each in queues:
        sqs.delete_queue(QueueUrl=each)


def test_a_stack_manages_the_repositories_within_its_boundary_and_no_others(
    bounded_stack: Stack, controller_stack: str, ecr: ECRClient, prefix: str
) -> None:
    inside, outside = f"{prefix}/bounded/app", f"{prefix}/other/app"
    deployed = bounded_stack.deploy(repository_template(controller_stack, {"RepositoryName": inside}))
    assert deployed.succeeded, deployed
    moved = bounded_stack.deploy(repository_template(controller_stack, {"RepositoryName": outside}))
    assert moved.status == "UPDATE_ROLLBACK_COMPLETE"
    assert any(
        f"the stack {bounded_stack.name} may not manage {outside}. It may manage {prefix}/bounded/*" in reason
        for reason in moved.reasons
    ), moved
    assert [each["repositoryName"] for each in ecr.describe_repositories(repositoryNames=[inside])["repositories"]]
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=[outside])


def test_a_first_request_outside_of_the_boundary_rolls_the_stack_back(
    bounded_stack: Stack, controller_stack: str, prefix: str
) -> None:
    deployed = bounded_stack.deploy(repository_template(controller_stack, {"RepositoryName": f"{prefix}/other/app"}))
    assert deployed.status == "ROLLBACK_COMPLETE"
