"""The plan of a resync, its messages, and the events that ask for one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.errors import UserError
from ecr_controller.resync.messages import Wanted, parse
from ecr_controller.resync.planner import plan_resync
from tests.unit.conftest import STACK_ID

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from ecr_controller.shared_documents.parts import PartsTable
    from tests.unit.resync.conftest import KnownStacks


@pytest.fixture
def queue(parts: PartsTable, monkeypatch: pytest.MonkeyPatch) -> str:
    url: str = aws.client("sqs").create_queue(QueueName="resync")["QueueUrl"]
    monkeypatch.setenv("RESYNC_QUEUE", url)
    return url


def received(queue: str) -> list[Wanted | None]:
    messages: list[Wanted | None] = []
    while page := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        messages += [parse(each["Body"]) for each in page]
    return messages


def test_every_repository_gets_a_message_with_what_was_read_of_it(ecr: ECRClient, queue: str) -> None:
    for number in range(12):
        ecr.create_repository(repositoryName=f"team/{number}")
    ecr.create_repository(repositoryName="other")
    assert plan_resync({}) == 13
    found = received(queue)
    assert len(found) == 13
    assert all(each and each.shown and each.shown["repositoryName"] == each.repository for each in found)


def test_a_pattern_and_a_name_bound_it(ecr: ECRClient, queue: str) -> None:
    for name in ("team/app", "other"):
        ecr.create_repository(repositoryName=name)
    assert plan_resync({"RepositoryName": "team/*"}) == 1
    assert plan_resync({"RepositoryName": "other"}) == 1
    assert [each and each.repository for each in received(queue)] == ["team/app", "other"]
    with pytest.raises(UserError, match="RepositoryName must be"):
        plan_resync({"RepositoryName": 1})


def test_what_a_deleted_stack_left_goes(queue: str, parts: PartsTable, stacks: KnownStacks) -> None:
    kept = STACK_ID.replace("shop", "kept")
    for owner in (f"{STACK_ID}|Route", f"{STACK_ID}|Retained", f"{kept}|Route"):
        parts.put_part("scan-route/team/*", owner, {})
        parts.put_part(f"owner/ECREventRoute/{owner}", "scan-route/team/*", {})
    parts.put_part("baseline-repository/no/more", f"{kept}|Defaults", {})
    stacks.gone.add(STACK_ID)
    stacks.retained.add("Retained")
    plan_resync({})
    assert [each.owner for each in parts.query_parts("scan-route/team/*")] == [f"{kept}|Route", f"{STACK_ID}|Retained"]
    assert parts.query_parts(f"owner/ECREventRoute/{STACK_ID}|Route") == ()
    assert received(queue) == [Wanted("no/more")]


def call(name: str, parameters: dict[str, Any], **more: Any) -> str:
    detail = {"eventSource": "ecr.amazonaws.com", "eventName": name, "requestParameters": parameters, **more}
    return json.dumps({"detail-type": "AWS API Call via CloudTrail", "account": "123456789012", "detail": detail})


def test_a_row_that_no_resource_wrote_is_left_alone(queue: str, parts: PartsTable) -> None:
    parts.put_part("baseline/*", "odd", {})
    assert plan_resync({}) == 0
    assert [part.owner for part in parts.query_parts("baseline/*")] == ["odd"]


def test_calls_ask_for_a_resync_unless_the_controller_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLLER_ROLES", "arn:aws:iam::123456789012:role/resync")
    named = {"repositoryName": "team/app"}
    ours = {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::123456789012:role/resync"}}}
    assert parse(call("CreateRepository", named)) == Wanted("team/app")
    assert parse(call("TagResource", {"resourceArn": "arn:aws:ecr:eu-west-1:1:repository/a"})) is None
    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    assert parse(call("TagResource", {"resourceArn": arn})) == Wanted("team/app")
    assert parse(call("PutLifecyclePolicy", named, userIdentity=ours)) is None
    assert parse(call("CreateRepository", named, errorCode="AccessDenied")) is None
    assert parse(call("CreateRepository", named | {"registryId": "210987654321"})) is None


def test_events_of_images_ask_for_one_of_an_unseen_repository() -> None:
    event = {"detail-type": "ECR Image Action", "detail": {"repository-name": "team/app"}}
    assert parse(json.dumps(event)) == Wanted("team/app", only_unseen=True)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"RepositoryName": "BAD"}'])
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(UserError):
        parse(body)


def test_other_events_are_ignored() -> None:
    assert parse('{"detail": {}, "detail-type": []}') is None
