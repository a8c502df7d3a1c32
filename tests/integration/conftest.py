"""The controller, deployed once for the whole run: to an embedded AWS, or to the AWS that the environment names.

`make test-aws` sets ECR_CONTROLLER_TEST_AWS; then nothing but credentials, a Region and maybe an endpoint is asked for.
Whatever a test makes has a name that begins with the random `prefix`, and is removed at the end.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from local import deploy, images
from local.emulator.process import Emulator
from local.real_aws import RealAws, remove_everything
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

ON_REAL_AWS = "ECR_CONTROLLER_TEST_AWS" in os.environ


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the emulator's own tests out on a real AWS, and give every test time for the deployment."""
    if ON_REAL_AWS:
        items[:] = [item for item in items if "emulator" not in item.path.parts]
    for item in items:
        # The first test of a process also builds and deploys the controller.
        item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def aws() -> Iterator[Emulator | RealAws]:
    if ON_REAL_AWS:
        yield RealAws()
    else:
        with Emulator.start() as emulator:
            yield emulator


@pytest.fixture(scope="session")
def ecr(aws: Emulator | RealAws) -> ECRClient:
    client: ECRClient = aws.client("ecr")
    return client


@pytest.fixture(scope="session")
def prefix() -> str:
    return f"ect{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def built(aws: Emulator | RealAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """template.yaml after `sam build`."""
    return deploy.build(tmp_path_factory.mktemp("sam"), aws.environment())


@pytest.fixture(scope="session")
def controller_stack(aws: Emulator | RealAws, prefix: str, built: Path) -> Iterator[str]:
    """The name of the controller's stack, which manages only repositories that begin with the prefix."""
    name, environment = f"{prefix}-controller", aws.environment()
    parameters = {
        "RepositoryNames": f"{prefix}*",
        "Boundaries": f"{prefix}-*={prefix}*,bounded-{prefix}={prefix}/bounded/*",
        "GranteeAccounts": "*",
        **scan_parameters(aws, prefix),
        **key_parameter(aws),
    }
    try:
        deploy.deploy(built, environment, name, parameters)
        yield name
    finally:
        if ON_REAL_AWS:
            remove_everything(aws, prefix, name)


def scan_parameters(aws: Emulator | RealAws, prefix: str) -> dict[str, str]:
    """Scan events of a source of the tests' own, and targets with the prefix."""
    home = f"{aws.region}:{aws.client('sts').get_caller_identity()['Account']}"
    return {
        "ApiCallEvents": "true",
        "ScanEventSources": f"aws.ecr,aws.inspector2,{prefix}.replay",
        "ScanTargetTopics": f"arn:aws:sns:{home}:{prefix}-*",
        "ScanTargetQueues": f"arn:aws:sqs:{home}:{prefix}-*",
        "ScanTargetFunctions": f"arn:aws:lambda:{home}:function:{prefix}-*",
        "ScanTargetStateMachines": f"arn:aws:states:{home}:stateMachine:{prefix}-*",
        "ScanTargetEventBuses": f"arn:aws:events:{home}:event-bus/{prefix}-*",
        **deploy.RESCANS,
        "RescanNewestImages": "2",
    }


def key_parameter(aws: Emulator | RealAws) -> dict[str, str]:
    """A KMS key; on a real AWS none, where a key takes a week to go."""
    if ON_REAL_AWS:
        return {}
    return {"KmsKey": aws.client("kms").create_key()["KeyMetadata"]["Arn"]}


@pytest.fixture
def stack(aws: Emulator | RealAws, prefix: str, controller_stack: str) -> Iterator[Stack]:
    """A stack of the test's own, deleted at its end whatever became of it."""
    yield from _stack(aws, prefix)


@pytest.fixture
def other_stack(aws: Emulator | RealAws, prefix: str, controller_stack: str) -> Iterator[Stack]:
    """Another stack of the test's own."""
    yield from _stack(aws, prefix)


def _stack(aws: Emulator | RealAws, prefix: str) -> Iterator[Stack]:
    made = Stack(aws.client("cloudformation"), f"{prefix}-{uuid.uuid4().hex[:6]}")
    yield made
    if made.id:
        made.delete()


@pytest.fixture
def name(prefix: str) -> str:
    """A repository name of the test's own."""
    return f"{prefix}/{uuid.uuid4().hex[:6]}"


@pytest.fixture
def template(controller_stack: str) -> Callable[..., str]:
    """Makes a template with one Custom::ECRRepository with the given properties."""

    def make(**properties: Any) -> str:
        return repository_template(controller_stack, properties)

    return make


def repository_template(controller_stack: str, properties: dict[str, Any]) -> str:
    token = {"Fn::ImportValue": f"{controller_stack}-ECRRepository"}
    repository = {"Type": "Custom::ECRRepository", "Properties": {"ServiceToken": token, **properties}}
    attributes = (
        *("RepositoryName", "RepositoryArn", "Arn", "RepositoryUri", "DualStackRepositoryUri", "RegistryUri"),
        *("RegistryId", "ScanFrequency"),
    )
    outputs: dict[str, Any] = {each: {"Value": {"Fn::GetAtt": ["Repository", each]}} for each in attributes}
    return json.dumps(
        {"Resources": {"Repository": repository}, "Outputs": outputs | {"Ref": {"Value": {"Ref": "Repository"}}}}
    )


@pytest.fixture
def push(ecr: ECRClient) -> Callable[[str, str], str]:
    """Pushes an image with a tag to a repository, layers and all."""

    def push_it(repository: str, tag: str) -> str:
        return images.push_image(ecr, repository, tag, content=tag, upload=True)

    return push_it
