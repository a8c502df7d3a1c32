"""Which event was delivered to which target, so that what succeeded is not repeated when a neighbour is retried.

A delivery is claimed before it is made and marked when it was made. A claim ends with the time of the function that
made it, and the queue shows the message again only later, so a crash never blocks the next try.
"""

from __future__ import annotations

import os
import time
from enum import Enum
from typing import Any

from ecr_controller import aws

# Longer than an event can stay in the queue (4 days) and then in the dead-letter queue (14).
KEPT_SECONDS = 21 * 24 * 3600


class Claim(Enum):
    """What became of the wish to deliver."""

    OURS = "ours"
    DELIVERED = "delivered"
    UNDER_WAY = "under way"


@aws.adapter
class DeliveriesTable(aws.DynamoDBAdapter):
    """The table that DELIVERIES_TABLE names: `event` (hash), `target` (range), `expires` (time to live).

    Every method may raise UserError and RetryableError. A claim also has `until` and `claimant`.
    """

    def claim(self, event: str, target: str, claimant: str, until: float) -> Claim:
        """PutItem, unless it was delivered or another claimant is at it. A claimant may claim again."""
        now = time.time()
        claim = {"claimant": {"S": claimant}, "until": _number(until), "expires": _number(now + KEPT_SECONDS)}
        try:
            self._dynamodb.put_item(
                TableName=_table(),
                Item=_key(event, target) | claim,
                ConditionExpression="attribute_not_exists(#event) OR #until < :now OR #claimant = :claimant",
                ExpressionAttributeNames={"#event": "event", "#until": "until", "#claimant": "claimant"},
                ExpressionAttributeValues={":now": _number(now), ":claimant": {"S": claimant}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            # Without the item, which may have gone meanwhile, nobody knows; so it is tried again.
            return Claim.DELIVERED if "delivered" in response.get("Item", {}) else Claim.UNDER_WAY
        return Claim.OURS

    def mark(self, event: str, target: str) -> None:
        """UpdateItem: it was delivered, and is nobody's claim any more."""
        now = time.time()
        self._dynamodb.update_item(
            TableName=_table(),
            Key=_key(event, target),
            UpdateExpression="SET #delivered = :now, #expires = :expires REMOVE #claimant, #until",
            ExpressionAttributeNames={f"#{name}": name for name in ("delivered", "expires", "claimant", "until")},
            ExpressionAttributeValues={":now": _number(now), ":expires": _number(now + KEPT_SECONDS)},
        )

    def release(self, event: str, target: str, claimant: str) -> None:
        """DeleteItem, if it is still this claimant's: the delivery failed and may be tried at once."""
        try:
            self._dynamodb.delete_item(
                TableName=_table(),
                Key=_key(event, target),
                ConditionExpression="#claimant = :claimant",
                ExpressionAttributeNames={"#claimant": "claimant"},
                ExpressionAttributeValues={":claimant": {"S": claimant}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return


def _table() -> str:
    return os.environ["DELIVERIES_TABLE"]


def _key(event: str, target: str) -> dict[str, Any]:
    return {"event": {"S": event}, "target": {"S": target}}


def _number(value: float) -> Any:
    return {"N": str(int(value))}
