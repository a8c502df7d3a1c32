"""The two functions on the events for `sam local invoke`, with AWS on moto."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.deadline import DEADLINE
from ecr_controller.scanning.resource import ImageScanRouteResource
from ecr_controller.scanning.routes import Route
from ecr_controller.scanning.store import reader, target_of
from local import ROOT
from tests.unit.conftest import STACK_ID, request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from ecr_controller.parts import PartsTable

EVENTS = ROOT / "events"


class Context:
    """What Lambda gives beside the event."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def event(function: str, name: str) -> Any:
    return json.loads((EVENTS / function / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def route_scan(parts: PartsTable, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The router's module, a route of every scan to a queue, and the dead-letter queue."""
    keys = {"event": "HASH", "target": "RANGE"}
    aws.client("dynamodb").create_table(
        TableName="deliveries",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    for name in ("findings", "dead"):
        aws.client("sqs").create_queue(QueueName=name)
    monkeypatch.setenv("DELIVERIES_TABLE", "deliveries")
    monkeypatch.setenv("DEAD_LETTERS", url("dead"))
    monkeypatch.setenv("MAX_RECEIVES", "5")
    route = Route("*", ("arn:aws:sqs:eu-west-1:123456789012:findings",), scan_status="*")
    parts.put(target_of("*"), "stack|Route", route.content())
    before = DEADLINE.set(float("inf"))
    yield module("route_scan")
    DEADLINE.reset(before)


def module(function: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(function, ROOT / "functions" / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def url(queue: str) -> str:
    return str(aws.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def messages(queue: str) -> list[Any]:
    shown = aws.client("sqs").receive_message(
        QueueUrl=url(queue), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    found: list[Any] = shown.get("Messages", [])
    return found


@pytest.mark.parametrize(
    ("name", "status", "kind", "tags"),
    [
        ("basic", "COMPLETE", "BASIC", ["v1"]),
        ("enhanced", "COMPLETE", "ENHANCED", ["latest"]),
        ("failed", "FAILED", "BASIC", ["v1"]),
        ("untagged", "COMPLETE", "BASIC", []),
    ],
)
def test_a_scan_is_routed(route_scan: ModuleType, name: str, status: str, kind: str, tags: list[str]) -> None:
    assert route_scan.handler(event("route_scan", name), Context()) == {"batchItemFailures": []}
    [told] = [json.loads(message["Body"]) for message in messages("findings")]
    assert (told["repositoryName"], told["scanStatus"], told["scanType"]) == ("team/app", status, kind)
    assert told["imageTags"] == tags


def test_poison_in_a_batch_goes_to_the_dead_letters_with_its_reason_and_stops_nobody(route_scan: ModuleType) -> None:
    assert route_scan.handler(event("route_scan", "batch-with-poison"), Context()) == {"batchItemFailures": []}
    assert len(messages("findings")) == 2
    [letter] = messages("dead")
    assert letter["Body"] == "this is no event"
    assert "is not JSON" in letter["MessageAttributes"]["Reason"]["StringValue"]


def test_what_may_be_mended_by_time_is_shown_again(route_scan: ModuleType) -> None:
    aws.client("dynamodb").put_item(
        TableName="deliveries",
        Item={
            "event": {"S": json.loads(event("route_scan", "basic")["Records"][0]["body"])["id"]},
            "target": {"S": "arn:aws:sqs:eu-west-1:123456789012:findings"},
            "claimant": {"S": "another"},
            "until": {"N": "99999999999"},
        },
    )
    batch = event("route_scan", "basic")
    failed = [{"itemIdentifier": batch["Records"][0]["messageId"]}]
    assert route_scan.handler(batch, Context()) == {"batchItemFailures": failed}


def test_a_batch_is_measured(route_scan: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    route_scan.handler(event("route_scan", "batch-with-poison"), Context())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    scans = {each["Severity"]: each["Scans"] for each in told if "Severity" in each}
    [batch] = [each for each in told if "Severity" not in each]
    assert scans == {"CRITICAL": [2.0]}
    assert (batch["Deliveries"], batch["DeadLetters"], batch["DeliveryFailures"]) == ([2.0], [1.0], [0.0])
    assert batch["Retries"] == [0.0]
    assert len(batch["ScanAge"]) == 2
    assert batch["service"] == "ecr_controller"


@pytest.mark.parametrize("name", sorted(path.stem for path in (EVENTS / "image_scan_route").glob("*.json")))
def test_each_event_of_the_custom_resource_ends_as_it_says(parts: PartsTable, name: str) -> None:
    resource, told = ImageScanRouteResource(), event("image_scan_route", name)
    values = {"properties": told["ResourceProperties"], "stack_id": told["StackId"], "logical_id": "Route"}
    create = request("Create", **values)
    if name in ("bad-properties", "missing-target"):
        with pytest.raises(Exception, match="invalid propert"):
            resource.create(create)
        return
    made = resource.create(create)
    assert told.get("PhysicalResourceId", made.physical_id) == made.physical_id
    assert STACK_ID.split(":")[:5] == told["StackId"].split(":")[:5]
    if name == "delete":
        resource.delete(request("Delete", **values, physical_id=told["PhysicalResourceId"]))
    assert len(reader(parts)("team/*")) == (0 if name == "delete" else 1)
