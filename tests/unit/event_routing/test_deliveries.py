"""Claims of deliveries in DynamoDB."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from ecr_controller import aws
from ecr_controller.event_routing.deliveries import KEPT_SECONDS, Claim, DeliveriesTable
from tests.unit.deployed import create_table

if TYPE_CHECKING:
    from typing import Any

EVENT, TARGET = "event-1", "arn:aws:sqs:eu-west-1:123456789012:a"


@pytest.fixture
def deliveries(moto: None, monkeypatch: pytest.MonkeyPatch) -> DeliveriesTable:
    monkeypatch.setenv("DELIVERIES_TABLE", "deliveries")
    create_table(aws.client("dynamodb"), "DeliveriesTable", "deliveries")
    return DeliveriesTable()


def item() -> dict[str, Any]:
    key = {"event": {"S": EVENT}, "target": {"S": TARGET}}
    found: dict[str, Any] = aws.client("dynamodb").get_item(TableName="deliveries", Key=key).get("Item", {})
    return found


def claim(deliveries: DeliveriesTable, claimant: str, seconds: float = 60) -> Claim:
    return deliveries.claim(EVENT, TARGET, claimant, time.time() + seconds)


def test_one_of_two_claimants_gets_the_delivery(deliveries: DeliveriesTable) -> None:
    assert [claim(deliveries, "one"), claim(deliveries, "two")] == [Claim.OURS, Claim.UNDER_WAY]


def test_a_claimant_may_claim_again_as_a_retry_of_the_sdk_does(deliveries: DeliveriesTable) -> None:
    assert [claim(deliveries, "one"), claim(deliveries, "one")] == [Claim.OURS, Claim.OURS]


def test_a_claim_that_has_ended_can_be_claimed_again(deliveries: DeliveriesTable) -> None:
    assert [claim(deliveries, "one", -2), claim(deliveries, "two")] == [Claim.OURS, Claim.OURS]


def test_what_was_delivered_is_not_delivered_again(deliveries: DeliveriesTable) -> None:
    claim(deliveries, "one")
    deliveries.mark(EVENT, TARGET)
    assert [claim(deliveries, "one"), claim(deliveries, "two")] == [Claim.DELIVERED, Claim.DELIVERED]


def test_a_released_claim_is_free_at_once(deliveries: DeliveriesTable) -> None:
    claim(deliveries, "one")
    deliveries.release(EVENT, TARGET, "one")
    assert claim(deliveries, "two") is Claim.OURS


def test_a_claimant_releases_no_claim_of_another_and_no_delivery(deliveries: DeliveriesTable) -> None:
    claim(deliveries, "one")
    deliveries.release(EVENT, TARGET, "two")
    assert claim(deliveries, "two") is Claim.UNDER_WAY
    deliveries.mark(EVENT, TARGET)
    deliveries.release(EVENT, TARGET, "one")
    assert claim(deliveries, "one") is Claim.DELIVERED


def test_a_record_outlives_both_queues_and_then_expires(deliveries: DeliveriesTable) -> None:
    claim(deliveries, "one")
    deliveries.mark(EVENT, TARGET)
    assert float(item()["expires"]["N"]) == pytest.approx(time.time() + KEPT_SECONDS, abs=5)
    assert KEPT_SECONDS > (4 + 14) * 24 * 3600
    assert set(item()) == {"event", "target", "delivered", "expires"}
