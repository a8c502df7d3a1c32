"""AWS on moto, requests to give to a resource, and a record of the AWS calls that it makes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from ecr_controller import aws
from ecr_controller.custom_resource.protocol import Request
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel
    from mypy_boto3_ecr import ECRClient

STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80"
READS = ("Describe", "List", "Get")


def request(kind: str, **changes: Any) -> Request:
    """A request of the stack `shop` for its resource `Images`."""
    values: dict[str, Any] = {
        "type": kind,
        "request_id": "request-1",
        "stack_id": STACK_ID,
        "logical_id": "Images",
        "resource_type": "Custom::ECRRepository",
        "physical_id": "",
        "properties": {},
        "old_properties": {},
        "deadline": time.time() + 60,
    }
    return Request(**values | changes)


@dataclass
class Calls:
    """The operations called so far, and one that is to fail: with an exception, before it is sent."""

    made: list[str] = field(default_factory=list)
    failing: dict[str, BaseException] = field(default_factory=dict)

    @property
    def writes(self) -> list[str]:
        return [name for name in self.made if not name.startswith(READS)]

    def record(self, model: OperationModel, **_event: object) -> None:
        self.made.append(model.name)
        if model.name in self.failing:
            raise self.failing[model.name]


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account in this process."""
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        aws.client.cache_clear()
        yield
        aws.client.cache_clear()


@pytest.fixture
def ecr(moto: None) -> ECRClient:
    client: ECRClient = aws.client("ecr")
    return client


@pytest.fixture
def parts(moto: None, monkeypatch: pytest.MonkeyPatch) -> PartsTable:
    """The table of parts, as the template makes it."""
    monkeypatch.setenv("PARTS_TABLE", "parts")
    keys = {"target": "HASH", "owner": "RANGE"}
    aws.client("dynamodb").create_table(
        TableName="parts",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    return PartsTable()


@pytest.fixture
def calls(ecr: ECRClient) -> Calls:
    """The calls to ECR from here on."""
    recorded = Calls()
    ecr.meta.events.register("before-call.ecr", recorded.record)
    return recorded


@pytest.fixture
def tags(ecr: ECRClient) -> Callable[[str], dict[str, str]]:
    def of(name: str) -> dict[str, str]:
        arn = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]
        return {tag["Key"]: tag["Value"] for tag in ecr.list_tags_for_resource(resourceArn=arn)["tags"]}

    return of
