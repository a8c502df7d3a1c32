"""Which images containers name, and what is stored of them."""

from __future__ import annotations

import pytest

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use.usage import Usage, Use, distinct, from_rows, to_rows, use_of_arn, use_of_uri
from tests.unit.in_use.conftest import HOME

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("uri", "resolved", "image"),
    [
        (f"{REGISTRY}/team/app", None, "latest"),
        (f"{REGISTRY}/team/app:v1", None, "v1"),
        (f"{REGISTRY}/team/app:v1", DIGEST, DIGEST),
        (f"{REGISTRY}/team/app@{DIGEST}", None, DIGEST),
        (f"{REGISTRY}/team/app:v1@{DIGEST}", None, DIGEST),
        ("123456789012.dkr-ecr.eu-west-1.on.aws/team/app:v1", None, "v1"),
        ("123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com/team/app:v1", None, "v1"),
    ],
)
def test_an_image_of_this_registry_is_used(uri: str, resolved: str | None, image: str) -> None:
    assert use_of_uri(uri, resolved, "ECS", "a task", HOME) == Use("team/app", image, "ECS", "a task")


@pytest.mark.parametrize(
    "uri",
    [
        "nginx",
        "public.ecr.aws/nginx/nginx:latest",
        "210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:v1",
        "ghcr.io/123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1",
        "",
    ],
)
def test_an_image_of_another_registry_is_not(uri: str) -> None:
    assert use_of_uri(uri, DIGEST, "ECS", "a task", HOME) is None


def test_the_arn_of_an_image_has_its_repository_and_its_digest() -> None:
    arn = f"arn:aws:ecr:eu-west-1:123456789012:repository/team/app/{DIGEST}"
    assert use_of_arn(arn, "Inspector", "a pod", HOME) == Use("team/app", DIGEST, "Inspector", "a pod")
    assert use_of_arn(arn.replace("eu-west-1", "us-east-1"), "Inspector", "a pod", HOME) is None
    assert use_of_arn("arn:aws:ec2:eu-west-1:123456789012:instance/i-1", "Inspector", "a pod", HOME) is None


def test_uses_of_one_image_are_one_and_survive_being_stored() -> None:
    uses = [Use("team/app", DIGEST, "ECS", f"task {n}") for n in (3, 1, 2)] + [Use("team/app", OTHER, "ECS", "task 1")]
    found = distinct(uses)
    assert [use.user for use in found] == ["task 1 and 2 more", "task 1"]
    assert from_rows(to_rows(found), "ECS") == found


def test_a_repository_has_the_uses_of_its_sources_and_the_faults_of_these() -> None:
    uses = (Use("team/app", "v1", "ECS", "a task"), Use("team/app", "v2", "Lambda", "f"), Use("a", "v1", "ECS", "t"))
    usage = Usage(
        uses, frozenset({"ECS"}), {"Lambda": RetryableError("A throttle."), "Inspector": UserError("It is off.")}
    )
    assert usage.of("team/app", ["ECS"]) == uses[:1]
    [throttle], [refusal] = usage.faults(["ECS", "Lambda"]), usage.faults(["Inspector"])
    assert (type(throttle), str(throttle)) == (RetryableError, "Lambda cannot be read. A throttle.")
    assert (type(refusal), str(refusal)) == (UserError, "Inspector cannot be read. It is off.")
    assert [usage.is_complete(each) for each in ((), ["ECS"], ["ECS", "Lambda"])] == [True, True, False]
