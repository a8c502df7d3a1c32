"""The table of parts of shared documents in Amazon DynamoDB: one item a part, by its target and its owner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.config import config
from ecr_controller.shared_documents.converge import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


@aws.translates_errors
class PartsTable:
    """The table PARTS_TABLE: `target` (hash key) and `owner` (range key), both strings, and `content`, JSON."""

    _dynamodb: aws.Client[DynamoDBClient] = aws.Client("dynamodb")

    def put_part(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        """PutItem."""
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        self._dynamodb.put_item(TableName=config().parts_table, Item=_key(target, owner) | {"content": {"S": text}})

    def delete_part(self, target: str, owner: str) -> None:
        """DeleteItem, which succeeds for an item that does not exist."""
        self._dynamodb.delete_item(TableName=config().parts_table, Key=_key(target, owner))

    def query_parts(self, target: str) -> tuple[Part, ...]:
        """Query, strongly consistent, all pages. DynamoDB sorts by the bytes of the owner, as Python sorts strings."""
        pages = self._dynamodb.get_paginator("query").paginate(ConsistentRead=True, **_query(target))
        items = (item for page in pages for item in page["Items"])
        return tuple(Part(item["owner"]["S"], json.loads(item["content"]["S"])) for item in items)

    def has_parts(self, target: str) -> bool:
        """Query of one item at most, eventually consistent: whether the target has any part."""
        return self._dynamodb.query(Select="COUNT", Limit=1, **_query(target))["Count"] > 0

    def put_part_once(self, target: str, owner: str, content: Mapping[str, Any]) -> bool:
        """PutItem if the owner has no part of the target; False if it has one, which is kept."""
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        item = _key(target, owner) | {"content": {"S": text}}
        try:
            self._dynamodb.put_item(
                TableName=config().parts_table, Item=item, ConditionExpression="attribute_not_exists(target)"
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _query(target: str) -> dict[str, Any]:
    return {
        "TableName": config().parts_table,
        "KeyConditionExpression": "#target = :target",
        "ExpressionAttributeNames": {"#target": "target"},
        "ExpressionAttributeValues": {":target": {"S": target}},
    }


def _key(target: str, owner: str) -> dict[str, Any]:
    return {"target": {"S": target}, "owner": {"S": owner}}
