"""Which event was delivered to which target, so that a delivery is not repeated when another one is retried.

A delivery is claimed before it is made and marked afterwards. A claim ends with the time of the function that made it,
and the queue delivers the message again only later, so a crash never blocks the next attempt.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.config import config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Longer than an event can stay in the queue (4 days) and then in the dead-letter queue (14).
KEPT_SECONDS = 21 * 24 * 3600


class Claim(Enum):
    """The result of claiming a delivery."""

    OURS = "ours"
    DELIVERED = "delivered"
    UNDER_WAY = "under way"


@aws.translates_errors
class DeliveriesTable:
    """The table DELIVERIES_TABLE: `event` (hash key), `target` (range key), `expires` (time to live).

    A claim also has `until` and `claimant`, a delivery `delivered`.
    """

    _dynamodb: aws.Client[DynamoDBClient] = aws.Client("dynamodb")

    def claim(self, event: str, target: str, claimant: str, until: float) -> Claim:
        """PutItem, unless it was delivered or another claimant is delivering it. A claimant may claim again."""
        now = time.time()
        claim = {"claimant": {"S": claimant}, "until": _number(until), "expires": _number(now + KEPT_SECONDS)}
        try:
            self._dynamodb.put_item(
                TableName=config().deliveries_table,
                Item=_key(event, target) | claim,
                ConditionExpression="attribute_not_exists(#event) OR #until < :now OR #claimant = :claimant",
                ExpressionAttributeNames={"#event": "event", "#until": "until", "#claimant": "claimant"},
                ExpressionAttributeValues={":now": _number(now), ":claimant": {"S": claimant}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            # Without the item, which may have been deleted meanwhile, the state is unknown: a retry finds out.
            return Claim.DELIVERED if "delivered" in response.get("Item", {}) else Claim.UNDER_WAY
        return Claim.OURS

    def mark(self, event: str, target: str) -> None:
        """UpdateItem: it was delivered, and the claim ends."""
        now = time.time()
        self._dynamodb.update_item(
            TableName=config().deliveries_table,
            Key=_key(event, target),
            UpdateExpression="SET #delivered = :now, #expires = :expires REMOVE #claimant, #until",
            ExpressionAttributeNames={f"#{name}": name for name in ("delivered", "expires", "claimant", "until")},
            ExpressionAttributeValues={":now": _number(now), ":expires": _number(now + KEPT_SECONDS)},
        )

    def release(self, event: str, target: str, claimant: str) -> None:
        """DeleteItem, if it is still this claimant's: the delivery failed and may be retried at once."""
        try:
            self._dynamodb.delete_item(
                TableName=config().deliveries_table,
                Key=_key(event, target),
                ConditionExpression="#claimant = :claimant",
                ExpressionAttributeNames={"#claimant": "claimant"},
                ExpressionAttributeValues={":claimant": {"S": claimant}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return


def _key(event: str, target: str) -> dict[str, Any]:
    return {"event": {"S": event}, "target": {"S": target}}


def _number(value: float) -> Any:
    return {"N": str(int(value))}
