"""`PartsTable` on moto: what is put shows in the next read, per target, in order, and through all pages."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from moto import mock_aws

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.shared_documents.converge import Part, Parts
from ecr_controller.shared_documents.parts import PartsTable
from tests.unit.deployed import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from mypy_boto3_dynamodb import DynamoDBClient

TARGET = "repository-policy:team/app"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBClient]:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("PARTS_TABLE", "parts")
    with mock_aws():
        aws.client.cache_clear()
        client: DynamoDBClient = aws.client("dynamodb")
        create_table(client, "PartsTable", "parts")
        yield client
        aws.client.cache_clear()


@pytest.fixture
def parts(dynamodb: DynamoDBClient) -> Parts:
    return PartsTable()


def test_a_target_without_parts_reads_as_empty(parts: Parts) -> None:
    assert parts.query_parts(TARGET) == ()


def test_parts_are_read_as_they_were_put_and_sorted_by_owner(parts: Parts) -> None:
    contents: dict[str, dict[str, Any]] = {
        "b": {"Action": ["ecr:*"], "Count": 3, "Ratio": 0.5},
        "a": {"é": None},
        "B": {},
        "é": {"": [{}]},
    }
    for owner, content in contents.items():
        parts.put_part(TARGET, owner, content)
    assert parts.query_parts(TARGET) == tuple(Part(owner, contents[owner]) for owner in sorted(contents))


def test_a_part_that_is_put_again_replaces_the_one_before(parts: Parts) -> None:
    parts.put_part(TARGET, "mine", {"version": 1, "old": True})
    parts.put_part(TARGET, "mine", {"version": 2})
    assert parts.query_parts(TARGET) == (Part("mine", {"version": 2}),)


def test_a_part_is_never_dated_in_the_future(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: 1_700_000_000.9)
        parts.put_part("one", "stack|First", {"statements": []})
    assert [part.since for part in parts.query_parts("one")] == [1_700_000_000]


def test_targets_have_nothing_to_do_with_each_other(parts: Parts) -> None:
    parts.put_part(TARGET, "mine", {})
    parts.put_part(TARGET + "2", "mine", {"other": True})
    parts.delete_part(TARGET + "2", "mine")
    assert parts.query_parts(TARGET) == (Part("mine", {}),)


def test_a_part_can_be_removed_twice(parts: Parts) -> None:
    parts.put_part(TARGET, "mine", {})
    parts.put_part(TARGET, "other", {})
    parts.delete_part(TARGET, "mine")
    parts.delete_part(TARGET, "mine")
    assert parts.query_parts(TARGET) == (Part("other", {}),)


def test_all_pages_are_read_and_each_strongly_consistent(parts: Parts, dynamodb: DynamoDBClient) -> None:
    for number in range(5):
        parts.put_part(TARGET, f"owner-{number}", {"text": "x" * 390_000})  # a page ends at 1 MB
    sent: list[dict[str, Any]] = []
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.Query", lambda params, **_event: sent.append(dict(params))
    )
    assert [part.owner for part in parts.query_parts(TARGET)] == [f"owner-{number}" for number in range(5)]
    assert len(sent) > 1
    assert all(query["ConsistentRead"] is True for query in sent)


def test_what_dynamodb_rejects_is_a_user_error(parts: Parts, dynamodb: DynamoDBClient) -> None:
    dynamodb.delete_table(TableName="parts")
    with pytest.raises(UserError, match=r"AWS rejected Query \(ResourceNotFoundException\)"):
        parts.query_parts(TARGET)


def test_a_throttle_is_worth_a_retry(parts: Parts, dynamodb: DynamoDBClient) -> None:
    def throttled(**_event: object) -> tuple[SimpleNamespace, dict[str, Any]]:
        error = {"Code": "ThrottlingException", "Message": "Too fast"}
        return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

    cast("Any", dynamodb.meta.events).register("before-call.dynamodb.PutItem", throttled)
    with pytest.raises(RetryableError, match="PutItem"):
        parts.put_part(TARGET, "mine", {})
