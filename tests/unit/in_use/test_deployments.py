"""Events of deployments, and the images that they say are used."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_controller.errors import UserError
from ecr_controller.in_use.deployments import uses_of_event
from ecr_controller.in_use.ecs import Clusters, Container
from ecr_controller.in_use.functions import ImageFunctions
from ecr_controller.in_use.usage import Use
from local.invoke.invocation import load
from tests.unit.in_use.conftest import HOME, NAME

DIGEST = "sha256:b234e1cbc185bf6ca9507cd94fbc94c4bf36f8d65ed94aea1d03485a93cd4418"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{NAME}"


def test_a_task_that_runs_uses_the_digests_of_its_containers() -> None:
    assert uses_of_event(load("in_use/task-runs"), HOME) == (
        Use(NAME, DIGEST, "ECS", "service:web in the cluster shop"),
    )


def test_a_deployment_of_a_service_uses_what_the_service_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def describe(_self: Clusters, service: str) -> list[Container]:
        asked.append(service)
        return [Container(f"{IMAGE}:v1", DIGEST, "service:web")]

    monkeypatch.setattr(Clusters, "describe_service", describe)
    assert uses_of_event(load("in_use/service-deployed"), HOME) == (Use(NAME, DIGEST, "ECS", "service:web"),)
    assert asked == ["arn:aws:ecs:eu-west-1:123456789012:service/shop/web"]


def test_a_function_that_is_updated_uses_its_image(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def get(_self: ImageFunctions, *function: str) -> list[Container]:
        asked.append((function[0], function[1]))
        return [Container(f"{IMAGE}@{DIGEST}", None, "function:api")]

    monkeypatch.setattr(ImageFunctions, "get_function", get)
    event = load("in_use/function-updated")
    assert uses_of_event(event, HOME) == (Use(NAME, DIGEST, "Lambda", "function:api"),)
    assert asked == [("api", "$LATEST")]
    for other in ({"errorCode": "AccessDenied"}, {"eventName": "Invoke"}, {"responseElements": None}):
        assert uses_of_event(event | {"detail": event["detail"] | other}, HOME) == ()
    zipped = event["detail"] | {"responseElements": event["detail"]["responseElements"] | {"packageType": "Zip"}}
    assert uses_of_event(event | {"detail": zipped}, HOME) == ()
    assert asked == [("api", "$LATEST")]


def test_another_event_uses_nothing() -> None:
    assert uses_of_event({"detail-type": "ECS Container Instance State Change", "detail": {}}, HOME) == ()


@pytest.mark.parametrize(
    "event",
    [
        {"detail-type": "ECS Task State Change"},
        {"detail-type": "ECS Task State Change", "detail": {"containers": [3], "lastStatus": "RUNNING"}},
        {"detail-type": "ECS Deployment State Change", "detail": {}, "resources": [7]},
        {"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": None}},
    ],
)
def test_a_malformed_event_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="does not have the form"):
        uses_of_event(event, HOME)
