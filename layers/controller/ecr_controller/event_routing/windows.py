"""Findings that come within minutes of each other, summed for a route, so that a new vulnerability in 500 images is one
message.

A finding is added to the row of its route and period, before its event is done with. The first one of a period also
sends a message that the queue delivers after the period. A finding that comes after the row is closed opens the next.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.config import config
from ecr_controller.event_routing.deliveries import KEPT_SECONDS
from ecr_controller.event_routing.events import EcrEvent
from ecr_controller.event_routing.routes import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

ENDED = "window"
FINDINGS = "Findings"
# Of a row, which can have 400 KB: so many findings of the longest kind. And of a message.
MAX_FINDINGS, MAX_SHOWN = 350, 100
# Between the end of a period and its message, so that what began before is in the row.
GRACE_SECONDS = 5
# Of Amazon SQS.
MAX_DELAY = 900


@dataclass(frozen=True, slots=True)
class Window:
    """The period of a route: its start in seconds since 1970."""

    route: str
    start: int

    @property
    def key(self) -> str:
        """The key of its row, and the ID of its event."""
        return f"{ENDED}/{self.route}/{self.start}"

    @property
    def message(self) -> str:
        """What the queue delivers after it."""
        return json.dumps({"detail-type": ENDED, "detail": {"route": self.route, "start": self.start}})


def is_held(event: EcrEvent, route: Route) -> bool:
    """Whether the route sums the event with others."""
    return route.window_minutes > 0 and event.name == "Finding"


def window_of(route: Route, now: float) -> Window:
    """The period that it is."""
    text = json.dumps([route.repositories, route.content()], sort_keys=True)
    length = route.window_minutes * 60
    return Window(hashlib.sha256(text.encode()).hexdigest()[:24], int(now // length * length))


def finding(event: EcrEvent) -> dict[str, Any]:
    """What a summary has of a finding, in at most 1,100 characters of JSON: the first tag, and the start of a title."""
    members = {"severity": 16, "title": 120, "vulnerabilityId": 60, "fixAvailable": 16, "status": 16, "findingArn": 160}
    return {
        "repositoryName": _cut(event.repository_name, 256),
        "imageDigest": None if event.image_digest is None else _cut(event.image_digest, 71),
        "imageTags": [_cut(tag, 128) for tag in event.image_tags[:1]],
        **{name: _cut(str(event.details[name]), size) for name, size in members.items() if name in event.details},
        "account": _cut(event.account, 12),
        "region": _cut(event.region, 25),
    }


def _cut(text: str, size: int) -> str:
    """The start of the text that has ``size`` characters in JSON, where other than ASCII has six."""
    text = text[:size]
    while len(json.dumps(text)) > size + len('""'):
        text = text[:-1]
    return text


def summary(window: Window, route: Route, findings: list[dict[str, Any]], more: int) -> EcrEvent:
    """The event of all findings of a period. ``more`` are those for which the row had no room."""
    images = {(each["repositoryName"], each["imageDigest"]) for each in findings}
    end = window.start + route.window_minutes * 60
    shown = [{name: each[name] for name in each if name not in ("account", "region")} for each in findings[:MAX_SHOWN]]
    return EcrEvent(
        name=FINDINGS,
        event_id=window.key,
        time=datetime.fromtimestamp(end, UTC),
        account=findings[0]["account"],
        region=findings[0]["region"],
        repository_name="",
        repository_arn="",
        details={
            "repositories": route.repositories,
            "from": datetime.fromtimestamp(window.start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "findingTotal": len(findings) + more,
            "imageTotal": len(images),
            "findingSeverityCounts": dict(Counter(each.get("severity", "UNTRIAGED") for each in findings)),
            "findings": shown,
        },
        original={},
    )


@aws.translates_errors
class FindingWindows:
    """The rows in the table DELIVERIES_TABLE, and the queue FINDING_WINDOWS."""

    _dynamodb: aws.Client[DynamoDBClient] = aws.Client("dynamodb")
    _sqs: aws.Client[SQSClient] = aws.Client("sqs")

    def hold(self, event: EcrEvent, route: Route) -> None:
        """UpdateItem; for the first finding of a period, also SendMessage and UpdateItem."""
        window = window_of(route, time.time())
        row = self._add(window, event, route)
        if row is None:  # it was closed a moment ago
            window = Window(window.route, window.start + route.window_minutes * 60)
            row = self._add(window, event, route)
        if row is None or "scheduled" in row:
            return
        left = window.start + route.window_minutes * 60 + GRACE_SECONDS - time.time()
        self._sqs.send_message(
            QueueUrl=config().finding_windows,
            MessageBody=window.message,
            DelaySeconds=max(0, min(MAX_DELAY, int(left))),
        )
        self._dynamodb.update_item(
            TableName=config().deliveries_table,
            Key=_key(window),
            UpdateExpression="SET #scheduled = :yes",
            ExpressionAttributeNames={"#scheduled": "scheduled"},
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )

    def _add(self, window: Window, event: EcrEvent, route: Route) -> Mapping[str, Any] | None:
        """The row before; None if it is closed."""
        text = json.dumps(finding(event), sort_keys=True)
        content = json.dumps({"repositories": route.repositories, **route.content()})
        values: Any = {
            ":finding": {"SS": [text]},
            ":route": {"S": content},
            ":expires": {"N": str(int(time.time()) + KEPT_SECONDS)},
            ":most": {"N": str(MAX_FINDINGS)},
        }
        names = {f"#{name}": name for name in ("findings", "route", "expires", "closed")}
        update: Any = {
            "TableName": config().deliveries_table,
            "Key": _key(window),
            "UpdateExpression": "ADD #findings :finding SET #route = :route, #expires = :expires",
            "ConditionExpression": "attribute_not_exists(#closed) AND (attribute_not_exists(#findings) "
            "OR size(#findings) < :most)",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_OLD",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            return self._dynamodb.update_item(**update).get("Attributes", {})
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            response: Any = error.response
            found: Mapping[str, Any] = response.get("Item", {})
        if "closed" in found:
            return None
        return self._count(window)

    def _count(self, window: Window) -> Mapping[str, Any]:
        """Count a finding for which there is no room."""
        answer = self._dynamodb.update_item(
            TableName=config().deliveries_table,
            Key=_key(window),
            UpdateExpression="ADD #more :one",
            ExpressionAttributeNames={"#more": "more"},
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_OLD",
        )
        return answer.get("Attributes", {})

    def close(self, window: Window) -> tuple[Route, EcrEvent] | None:
        """UpdateItem: the route and the event of the period. No finding is added any more. None if there is no row."""
        try:
            row: Any = self._dynamodb.update_item(
                TableName=config().deliveries_table,
                Key=_key(window),
                UpdateExpression="SET #closed = :yes",
                ConditionExpression="attribute_exists(#findings)",
                ExpressionAttributeNames={"#closed": "closed", "#findings": "findings"},
                ExpressionAttributeValues={":yes": {"BOOL": True}},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        content = json.loads(row["route"]["S"])
        route = Route.from_content(content["repositories"], content)
        findings = sorted(map(json.loads, row["findings"]["SS"]), key=lambda each: json.dumps(each, sort_keys=True))
        return route, summary(window, route, findings, int(row.get("more", {}).get("N", "0")))


def _key(window: Window) -> dict[str, Any]:
    return {"event": {"S": window.key}, "target": {"S": FINDINGS}}


def parse_ended(event: Any) -> Window | None:
    """The period that a message of the queue says has ended; None for any other message."""
    if not isinstance(event, dict) or event.get("detail-type") != ENDED:
        return None
    match event.get("detail"):
        case {"route": str(route), "start": int(start)}:
            return Window(route, start)
    return None
