"""What holds for every custom resource type."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.custom_resource import properties
from ecrctl import resource_types
from tests.unit.custom_resource.response_server import ResponseServer
from tests.unit.custom_resource.stand_ins import MARKER, LambdaContext, event, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_controller.custom_resource.protocol import Resource

RESOURCES: list[Resource[Any]] = list(resource_types.RESOURCES.values())
INVALID: dict[str, Any] = {"RepositoryName": ["no", "name"], "Grantee": {"no": "string"}, "Unheard": "of"}


@pytest.fixture
def server() -> Iterator[ResponseServer]:
    with ResponseServer() as running:
        yield running


@pytest.fixture
def calls(moto: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clients that are asked for."""
    made: list[str] = []
    real = aws.client

    def client(service: str, **options: Any) -> Any:
        made.append(service)
        return real(service, **options)

    monkeypatch.setattr(client, "cache_clear", real.cache_clear, raising=False)
    monkeypatch.setattr(aws, "client", client)
    return made


def of(resource: Resource[Any]) -> str:
    return resource.type_name


def test_every_type_with_a_schema_is_listed() -> None:
    assert {of(each) for each in RESOURCES} == {path.stem for path in properties.SCHEMAS.glob("ECR*.json")}


@pytest.mark.parametrize("resource", RESOURCES, ids=of)
def test_invalid_properties_are_refused_before_aws_is_called(
    server: ResponseServer, calls: list[str], resource: Resource[Any]
) -> None:
    asked = event("Create", server.url, ResourceType=f"Custom::{of(resource)}", ResourceProperties=INVALID)
    assert serve(asked, LambdaContext(), resource) == "FAILED"
    assert server.only()["Reason"].startswith(f"Custom::{of(resource)} has ")
    assert "Unheard: is not a known property" in server.only()["Reason"]
    assert calls == []


@pytest.mark.parametrize("resource", RESOURCES, ids=of)
def test_a_delete_of_what_is_not_ours_succeeds_whatever_its_id_and_its_properties(
    server: ResponseServer, parts: Any, resource: Resource[Any]
) -> None:
    ids = (f"{MARKER}r", "shop-Images-1A2B3C", "*", "|", "|Images", ":", "a|b|c", "arn:x")
    properties: tuple[Any, ...] = (INVALID, ["a", "list"], "text", None)
    for physical_id, declared in product(ids, properties):
        changes = {"ResourceType": f"Custom::{of(resource)}", "PhysicalResourceId": physical_id}
        asked = event("Delete", server.url, **changes, ResourceProperties=declared)
        assert serve(asked, LambdaContext(), resource) == "SUCCESS", server.taken[-1]
        assert server.taken[-1].answer["PhysicalResourceId"] == physical_id


VALID: dict[str, Any] = {
    "ECRRepository": {
        "RepositoryName": "team/app",
        "LifecycleRules": [{"MaxImageCount": "3"}],
        "PolicyStatements": [{"Principal": "*", "Action": "ecr:BatchGetImage"}],
    },
    "ECRLifecyclePolicy": {"RepositoryName": "team/app", "LifecycleRules": [{"MaxImageCount": "3"}]},
    "ECRRepositoryBaseline": {"RepositoryName": "*", "LifecycleRules": [{"MaxImageCount": "3"}]},
    "ECRRepositoryGrant": {"RepositoryName": "team/app", "Grantee": "*", "Access": "Pull"},
    "ECRAuthorizationTokenGrant": {"Grantee": "arn:aws:iam::123456789012:role/web"},
    "ECRPublicGalleryAuthorizationTokenGrant": {"Grantee": "arn:aws:iam::123456789012:role/web"},
    "ECREventRoute": {"RepositoryName": "*", "Targets": ["arn:aws:sqs:eu-west-1:123456789012:findings"]},
    "ECRImageScanRoute": {"RepositoryName": "*", "Targets": ["arn:aws:sqs:eu-west-1:123456789012:findings"]},
    "ECRImageScan": {"RepositoryName": "team/app", "ImageTag": "v1"},
    "ECRImage": {"RepositoryName": "team/app", "ImageTag": "v1"},
}


@pytest.mark.parametrize(("kind", "times"), [("Create", 1), ("Update", 2), ("Delete", 1)])
@pytest.mark.parametrize("resource", RESOURCES, ids=of)
def test_properties_are_parsed_once_for_each_version_of_them(
    server: ResponseServer, parts: Any, monkeypatch: pytest.MonkeyPatch, resource: Resource[Any], kind: str, times: int
) -> None:
    parsed: list[str] = []
    check = properties.check

    def count(*arguments: Any) -> Any:
        parsed.append(arguments[0])
        return check(*arguments)

    monkeypatch.setattr(properties, "check", count)
    aws.client("sqs").create_queue(QueueName="findings")
    declared = VALID[of(resource)]
    changes: dict[str, Any] = {"PhysicalResourceId": None} if kind == "Create" else {"PhysicalResourceId": "team/app"}
    old = {"OldResourceProperties": declared} if kind == "Update" else {}
    asked = event(
        kind, server.url, ResourceType=f"Custom::{of(resource)}", ResourceProperties=declared, **changes, **old
    )
    serve(asked, LambdaContext(), resource)
    assert "invalid propert" not in server.only().get("Reason", "")
    assert parsed == [of(resource)] * times
