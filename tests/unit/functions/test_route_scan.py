"""What the router returns to the queue, and what it measures, with AWS on moto."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import pytest

from ecr_controller import aws
from ecr_controller.deadline import DEADLINE
from ecr_controller.event_routing.routes import Route, storage_key
from local import ROOT
from local.invoke.invocation import load
from tests.unit.deployed import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from ecr_controller.shared_documents.parts import PartsTable


class Context:
    """What Lambda gives beside the event."""

    function_name = memory_limit_in_mb = aws_request_id = "1"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def route_scan(parts: PartsTable, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The router's module, a route of every scan to a queue, and the dead-letter queue."""
    create_table(aws.client("dynamodb"), "DeliveriesTable", "deliveries")
    for name in ("findings", "dead"):
        aws.client("sqs").create_queue(QueueName=name)
    monkeypatch.setenv("DELIVERIES_TABLE", "deliveries")
    monkeypatch.setenv("DEAD_LETTERS", url("dead"))
    monkeypatch.setenv("MAX_RECEIVES", "5")
    route = Route("*", ("arn:aws:sqs:eu-west-1:123456789012:findings",), scan_status="*")
    parts.put_part(storage_key("*"), "stack|Route", route.content())
    before = DEADLINE.set(float("inf"))
    yield _module()
    DEADLINE.reset(before)


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("route_scan", ROOT / "functions" / "route_scan" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def url(queue: str) -> str:
    return str(aws.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def test_what_is_worth_a_retry_is_delivered_again(route_scan: ModuleType) -> None:
    aws.client("dynamodb").put_item(
        TableName="deliveries",
        Item={
            "event": {"S": json.loads(load("route_scan/basic")["Records"][0]["body"])["id"]},
            "target": {"S": "arn:aws:sqs:eu-west-1:123456789012:findings"},
            "claimant": {"S": "another"},
            "until": {"N": "99999999999"},
        },
    )
    batch = load("route_scan/basic")
    failed = [{"itemIdentifier": batch["Records"][0]["messageId"]}]
    assert route_scan.handler(batch, Context()) == {"batchItemFailures": failed}


def test_a_batch_is_measured(route_scan: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    route_scan.handler(load("route_scan/batch-with-poison"), Context())
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    scans = {each["Severity"]: each["Scans"] for each in records if "Severity" in each}
    events = {each["Event"]: each["Events"] for each in records if "Event" in each}
    [batch] = [each for each in records if "Severity" not in each and "Event" not in each]
    assert events == {"ScanCompleted": [2.0]}
    assert scans == {"CRITICAL": [2.0]}
    assert (batch["Deliveries"], batch["DeadLetters"], batch["DeliveryFailures"]) == ([2.0], [1.0], [0.0])
    assert batch["Retries"] == [0.0]
    assert len(batch["EventAge"]) == 2
    assert batch["service"] == "ecr_controller"
