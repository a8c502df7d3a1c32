"""The table of parts of shared documents in Amazon DynamoDB: one item a part, by its target and its owner."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.config import config
from ecr_controller.shared_documents.converge import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

_KEYS = ("target", "owner", "content")
_STATE, _WITHDRAWN = "state", "withdrawn"


@dataclass(frozen=True, slots=True)
class Row:
    """One item to write. ``marks`` are strings about the content, such as the request that stored it."""

    target: str
    owner: str
    content: Mapping[str, Any] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)


@aws.translates_errors
class PartsTable:
    """The table PARTS_TABLE: `target` (hash key) and `owner` (range key), both strings, and `content`, JSON.

    Other attributes are marks: strings that say who stored the item and when, and in which state it is. ``name`` and
    ``region`` are those of another table of the same form.
    """

    _dynamodb: aws.Client[DynamoDBClient] = aws.Client("dynamodb")

    def __init__(self, name: str = "", region: str = "") -> None:
        self._name = name
        if region:
            self._dynamodb = aws.client("dynamodb", region=region)

    def put_part(
        self, target: str, owner: str, content: Mapping[str, Any], marks: Mapping[str, str] | None = None
    ) -> None:
        """PutItem."""
        self._dynamodb.put_item(TableName=self._table(), Item=_item(Row(target, owner, content, marks or {})))

    def put_part_once(
        self, target: str, owner: str, content: Mapping[str, Any], marks: Mapping[str, str] | None = None
    ) -> bool:
        """PutItem, unless there is one; False if there is, and it stays as it is."""
        item = _item(Row(target, owner, content, marks or {}))
        try:
            self._dynamodb.put_item(
                TableName=self._table(),
                Item=item,
                ConditionExpression="attribute_not_exists(#target)",
                ExpressionAttributeNames={"#target": "target"},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def withdraw_part(self, target: str, owner: str) -> None:
        """PutItem of a tombstone: readers do not see the part any more, and its owner still finds it."""
        self.put_part(target, owner, {}, {_STATE: _WITHDRAWN})

    def delete_part(self, target: str, owner: str) -> None:
        """DeleteItem, which succeeds for an item that does not exist."""
        self._dynamodb.delete_item(TableName=self._table(), Key=_key(target, owner))

    def delete_marked(self, target: str, owner: str, marks: Mapping[str, str]) -> None:
        """DeleteItem, unless the item does not have these marks any more: it was stored again since it was read."""
        names = {f"#{number}": mark for number, mark in enumerate(marks)}
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.delete_item(
                TableName=self._table(),
                Key=_key(target, owner),
                ConditionExpression=" AND ".join(f"{name} = :{name[1:]}" for name in names),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{name[1:]}": {"S": marks[mark]} for name, mark in names.items()},
            )

    def write(self, puts: Sequence[Row] = (), deletes: Sequence[Row] = ()) -> None:
        """TransactWriteItems: all of it or nothing."""
        table = self._table()
        items: list[Any] = [{"Put": {"TableName": table, "Item": _item(row)}} for row in puts]
        items += [{"Delete": {"TableName": table, "Key": _key(row.target, row.owner)}} for row in deletes]
        self._dynamodb.transact_write_items(TransactItems=items)

    def query_parts(self, target: str, beginning: str = "") -> tuple[Part, ...]:
        """Query, strongly consistent, all pages, without tombstones; of the owners with this beginning.

        DynamoDB sorts by the bytes of the owner, as Python sorts strings.
        """
        return tuple(part for part in self._query(target, beginning) if part.marks.get(_STATE) != _WITHDRAWN)

    def query_withdrawn(self, target: str) -> tuple[Part, ...]:
        """Query, strongly consistent, all pages: the tombstones alone."""
        return tuple(part for part in self._query(target) if part.marks.get(_STATE) == _WITHDRAWN)

    def scan_page(self, start: Mapping[str, Any] | None) -> tuple[list[tuple[str, str]], Mapping[str, Any] | None]:
        """Scan: the targets and owners of one page, and the start of the next one, if there is one."""
        arguments: Any = {
            "TableName": self._table(),
            "ProjectionExpression": "#target, #owner",
            "ExpressionAttributeNames": {"#target": "target", "#owner": "owner"},
            **({"ExclusiveStartKey": start} if start else {}),
        }
        page = self._dynamodb.scan(**arguments)
        found = [(item["target"]["S"], item["owner"]["S"]) for item in page["Items"]]
        return found, page.get("LastEvaluatedKey")

    def _query(self, target: str, beginning: str = "") -> Iterator[Part]:
        condition, names, values = "#target = :target", {"#target": "target"}, {":target": {"S": target}}
        if beginning:
            condition += " AND begins_with(#owner, :owner)"
            names["#owner"], values[":owner"] = "owner", {"S": beginning}
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table(),
            ConsistentRead=True,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
        for page in pages:
            yield from map(_part, page["Items"])

    def _table(self) -> str:
        return self._name or config().parts_table


def _key(target: str, owner: str) -> dict[str, Any]:
    return {"target": {"S": target}, "owner": {"S": owner}}


def _item(row: Row) -> dict[str, Any]:
    text = json.dumps(row.content, sort_keys=True, separators=(",", ":"))
    marks = {"since": str(int(time.time())), **row.marks}
    return _key(row.target, row.owner) | {"content": {"S": text}} | {name: {"S": mark} for name, mark in marks.items()}


def _part(item: Mapping[str, Any]) -> Part:
    marks = {name: value["S"] for name, value in item.items() if name not in _KEYS}
    return Part(item["owner"]["S"], json.loads(item["content"]["S"]), marks)
