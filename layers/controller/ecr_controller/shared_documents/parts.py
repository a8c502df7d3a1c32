"""The parts of shared documents in Amazon DynamoDB: one item a part, under its target and its owner."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.shared_documents.converge import Part

if TYPE_CHECKING:
    from collections.abc import Mapping


@aws.adapter
class PartsTable(aws.DynamoDBAdapter):
    """The table that PARTS_TABLE names: `target` (hash) and `owner` (range), both strings, and `content`, JSON.

    Every method may raise UserError and RetryableError.
    """

    def put(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        """PutItem."""
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        self._dynamodb.put_item(TableName=_table(), Item=_key(target, owner) | {"content": {"S": text}})

    def remove(self, target: str, owner: str) -> None:
        """DeleteItem, which takes an item that is gone as deleted."""
        self._dynamodb.delete_item(TableName=_table(), Key=_key(target, owner))

    def read(self, target: str) -> tuple[Part, ...]:
        """Query, strongly consistent, all pages. DynamoDB sorts by the bytes of the owner, which is Python's order."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=_table(),
            ConsistentRead=True,
            KeyConditionExpression="#target = :target",
            ExpressionAttributeNames={"#target": "target"},
            ExpressionAttributeValues={":target": {"S": target}},
        )
        items = (item for page in pages for item in page["Items"])
        return tuple(Part(item["owner"]["S"], json.loads(item["content"]["S"])) for item in items)


def _table() -> str:
    return os.environ["PARTS_TABLE"]


def _key(target: str, owner: str) -> dict[str, Any]:
    return {"target": {"S": target}, "owner": {"S": owner}}
