"""AWS on moto, requests to give to a resource, and a record of the AWS calls that it makes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from ecr_controller import aws
from ecr_controller.custom_resource.protocol import parsed
from ecr_controller.custom_resource.request import Request
from ecr_controller.shared_documents.parts import PartsTable
from tests.unit.deployed import create_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel
    from mypy_boto3_ecr import ECRClient

    from ecr_controller.custom_resource.protocol import Resource
    from ecr_controller.custom_resource.request import Result

STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80"
READS = ("BatchGet", "Describe", "List", "Get")


@dataclass(frozen=True)
class Event:
    """A request as CloudFormation sends it, for a resource that is not named."""

    type: str
    request_id: str = "request-1"
    stack_id: str = STACK_ID
    logical_id: str = "Images"
    resource_type: str = "Custom::ECRRepository"
    physical_id: str = ""
    properties: Any = field(default_factory=dict)
    old_properties: Any = field(default_factory=dict)
    deadline: float = 0.0

    def for_resource(self, resource: Resource[Any]) -> Request[Any]:
        """The request as the protocol gives it to the resource."""
        event = {
            "RequestType": self.type,
            "RequestId": self.request_id,
            "StackId": self.stack_id,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.resource_type,
            "PhysicalResourceId": self.physical_id,
            "ResourceProperties": self.properties,
            "OldResourceProperties": self.old_properties,
        }
        return parsed(event, Request.from_event(event, self.deadline or time.time() + 60), resource)


def request(kind: str, **changes: Any) -> Event:
    """A request of the stack `shop` for its resource `Images`."""
    return Event(kind, **changes)


def declared(resource: Resource[Any], properties: Any) -> Any:
    """What the properties declare in a Create. Raises InvalidProperties."""
    return request("Create", properties=properties).for_resource(resource).spec


def declared_before(resource: Resource[Any], properties: Any) -> Any:
    """What can be understood of properties that may be invalid, as in a Delete."""
    return request("Delete", properties=properties).for_resource(resource).old


class Served:
    """Resources that take requests as CloudFormation sends them. One alone takes requests of every type."""

    def __init__(self, *resources: Resource[Any]) -> None:
        self._first = resources[0]
        self._by_type = {f"Custom::{each.type_name}": each for each in resources}

    def _of(self, event: Event) -> Resource[Any]:
        return self._by_type.get(event.resource_type, self._first)

    def create(self, event: Event) -> Result:
        return self._of(event).create(event.for_resource(self._of(event)))

    def update(self, event: Event) -> Result:
        return self._of(event).update(event.for_resource(self._of(event)))

    def delete(self, event: Event) -> None:
        self._of(event).delete(event.for_resource(self._of(event)))

    def delete_failed_create(self, event: Event, create_request_id: str) -> None:
        self._of(event).delete_failed_create(event.for_resource(self._of(event)), create_request_id)


@dataclass
class Calls:
    """The operations called so far, and one that is to fail: with an exception, before it is sent, a number of times
    or always."""

    made: list[str] = field(default_factory=list)
    failing: dict[str, BaseException] = field(default_factory=dict)
    failures: int = -1

    @property
    def writes(self) -> list[str]:
        return [name for name in self.made if not name.startswith(READS)]

    def record(self, model: OperationModel, **_event: object) -> None:
        self.made.append(model.name)
        if model.name in self.failing and self.failures:
            self.failures -= 1
            raise self.failing[model.name]


class Died(BaseException):
    """The process of the function is gone."""


@dataclass
class Deaths:
    """Runs of a function that die after a number of calls to AWS: then every further call raises Died."""

    left: int | None = None

    def run(self, number: int, function: Callable[[], object]) -> bool:
        """Whether the function ended before it died."""
        self.left = number
        try:
            function()
        except Died:
            return False
        finally:
            self.left = None
        return True

    def count(self, **_event: object) -> None:
        if self.left is None:
            return
        if not self.left:
            raise Died
        self.left -= 1


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
def alive(moto: None) -> set[tuple[str, str]]:
    """The resources that stacks have, by the ID of the stack and the logical ID. CloudFormation knows no others."""
    resources = set[tuple[str, str]]()
    client = aws.client("cloudformation")

    def describe(params: dict[str, Any], **_event: object) -> tuple[Any, dict[str, Any]]:
        asked = params["body"]
        if (asked["StackName"], asked["LogicalResourceId"]) not in resources:
            error = {"Code": "ValidationError", "Message": f"Stack '{asked['StackName']}' does not exist"}
            return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return SimpleNamespace(status_code=200), {
            "StackResourceDetail": {"ResourceType": "Custom::ECRRepository", "ResourceStatus": "CREATE_COMPLETE"}
        }

    client.meta.events.register("before-call.cloudformation.DescribeStackResource", describe)
    return resources


@pytest.fixture
def ecr(moto: None) -> ECRClient:
    client: ECRClient = aws.client("ecr")
    return client


@pytest.fixture
def parts(moto: None, monkeypatch: pytest.MonkeyPatch) -> PartsTable:
    """The table of parts, as the template makes it."""
    monkeypatch.setenv("PARTS_TABLE", "parts")
    create_table(aws.client("dynamodb"), "PartsTable", "parts")
    return PartsTable()


@pytest.fixture
def calls(ecr: ECRClient) -> Calls:
    """The calls to ECR from here on."""
    recorded = Calls()
    ecr.meta.events.register("before-call.ecr", recorded.record)
    return recorded


@pytest.fixture
def deaths(moto: None) -> Deaths:
    """Deaths at the calls to ECR and DynamoDB."""
    counted = Deaths()
    for service in ("ecr", "dynamodb"):
        aws.client(service).meta.events.register("before-call", counted.count)
    return counted


@pytest.fixture
def tags(ecr: ECRClient) -> Callable[[str], dict[str, str]]:
    def of(name: str) -> dict[str, str]:
        arn = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]
        return {tag["Key"]: tag["Value"] for tag in ecr.list_tags_for_resource(resourceArn=arn)["tags"]}

    return of
