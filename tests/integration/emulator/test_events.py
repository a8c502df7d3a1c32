"""Each event keeps its promise on the embedded AWS too: by the deployed functions, with their own roles."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from local import deploy
from local.emulator.process import Emulator
from local.invoke import invocation, worlds
from local.invoke.controller import Controller, ControllerError
from local.invoke.listener import listening
from tests.events.promise import found
from tests.events.promises import PROMISES

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the other functions of the controller empty and fill meanwhile.
QUEUES = ("delivered", "dead letters", "to rescan", "to resync")


@pytest.fixture(scope="module")
def account() -> Iterator[Emulator]:
    """An AWS with the controller in it, for which the names in events/ are free."""
    with Emulator.start() as emulator:
        built = deploy.build(emulator.folder, emulator.environment())
        deploy.deploy(built, emulator.environment(), parameters=deploy.EVERYTHING)
        yield emulator


@pytest.fixture
def controller(account: Emulator) -> Iterator[Controller]:
    with listening() as (url, answers):
        controller = Controller(account, url, answers)
        yield controller
    clear(account, controller)


def clear(aws: Emulator, controller: Controller) -> None:
    """Delete what the worlds and the functions made, but for the controller."""
    ecr, iam, sqs, dynamodb = (aws.client(service) for service in ("ecr", "iam", "sqs", "dynamodb"))
    for repository in ecr.describe_repositories()["repositories"]:
        ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)
    with suppress(iam.exceptions.NoSuchEntityException):
        for policy in iam.list_attached_role_policies(RoleName=worlds.ROLE)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=worlds.ROLE, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=worlds.ROLE)
    with suppress(iam.exceptions.NoSuchEntityException):
        for policy in iam.list_attached_group_policies(GroupName=worlds.GROUP)["AttachedPolicies"]:
            iam.detach_group_policy(GroupName=worlds.GROUP, PolicyArn=policy["PolicyArn"])
        iam.delete_group(GroupName=worlds.GROUP)
    with suppress(sqs.exceptions.QueueDoesNotExist):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=worlds.QUEUE)["QueueUrl"])
    for table, keys in (("PartsTable", ("target", "owner")), ("DeliveriesTable", ("event", "target"))):
        for item in dynamodb.scan(TableName=controller.ids[table])["Items"]:
            dynamodb.delete_item(TableName=controller.ids[table], Key={key: item[key] for key in keys})


@pytest.mark.parametrize("name", invocation.names())
def test_an_event_keeps_its_promise(account: Emulator, controller: Controller, name: str) -> None:
    promise = PROMISES[name]
    list(worlds.prepare(account, name, controller.answer_to))
    answer, returned = controller.run(name)
    assert list(promise.broken(answer, returned)) == []
    assert without_queues(found(account, controller.ids)) == without_queues(promise.after)


def without_queues(after: Any) -> dict[str, Any]:
    return {kind: value for kind, value in after.items() if kind not in QUEUES}


def test_a_world_that_is_there_already_stays(account: Emulator, controller: Controller) -> None:
    before = []
    for _ in range(2):
        before = [
            list(worlds.prepare(account, name, controller.answer_to)) for name in ("image_scan/replace", "grant/update")
        ]
    assert "the event grant/create: SUCCESS" in before[1]


def test_the_error_names_what_the_controller_lacks(account: Emulator, controller: Controller) -> None:
    with pytest.raises(ControllerError, match="The controller's stack missing does not exist"):
        Controller(account, "", [], "missing")
    del controller.ids["RescanQueue"]
    with pytest.raises(ControllerError, match=r"has no RescanQueue\. .* with the parameter RescanSchedule"):
        controller.variables_of("plan_rescans")
