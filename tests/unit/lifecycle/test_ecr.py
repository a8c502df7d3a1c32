"""ECR's preview of a lifecycle policy, in every state that it can be in. Stubs check the calls against ECR's model."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from ecr_controller import deadline
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.lifecycle.ecr import PreviewedImage, Previews
from ecr_controller.lifecycle.policy import LifecyclePolicy, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient

NAME = "team/app"
TEXT = '{"rules":[' + " " * 100 + "]}"
START = {"repositoryName": NAME, "lifecyclePolicyText": TEXT}
GET = {"repositoryName": NAME, "maxResults": 100}


@pytest.fixture
def ecr() -> ECRClient:
    client: ECRClient = boto3.client("ecr", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    return client


@pytest.fixture
def stub(ecr: ECRClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setattr(deadline, "POLL_SECONDS", 0.01)
    with Stubber(ecr) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def shown(status: str, *images: int, text: str = TEXT, token: str | None = None) -> dict[str, Any]:
    results = [
        {
            "imageDigest": f"sha256:{n}",
            "imageTags": [f"v{n}"],
            "action": {"type": "EXPIRE" if n % 2 else "TRANSITION"},
            "appliedRulePriority": n,
        }
        for n in images
    ]
    more = {"nextToken": token} if token else {}
    return {"status": status, "lifecyclePolicyText": text, "previewResults": results, **more}


def go(ecr: ECRClient, seconds: float = 5) -> tuple[PreviewedImage, ...]:
    return Previews(ecr).preview(NAME, TEXT, time.time() + seconds).results


def test_it_waits_for_the_end_and_reads_every_page(ecr: ECRClient, stub: Stubber) -> None:
    stub.add_response("start_lifecycle_policy_preview", {}, START)
    stub.add_response("get_lifecycle_policy_preview", shown("IN_PROGRESS"), GET)
    stub.add_response("get_lifecycle_policy_preview", shown("COMPLETE", 1, token="next"), GET)
    stub.add_response("get_lifecycle_policy_preview", shown("COMPLETE", 2), {**GET, "nextToken": "next"})
    assert go(ecr) == (
        PreviewedImage("sha256:1", ("v1",), "expire", 1),
        PreviewedImage("sha256:2", ("v2",), "archive", 2),
    )


def test_it_waits_for_another_preview(ecr: ECRClient, stub: Stubber) -> None:
    stub.add_client_error("start_lifecycle_policy_preview", "LifecyclePolicyPreviewInProgressException")
    stub.add_response("start_lifecycle_policy_preview", {}, START)
    stub.add_response("get_lifecycle_policy_preview", shown("COMPLETE"), GET)
    assert go(ecr) == ()


def test_ecr_may_write_the_policy_of_a_preview_in_its_own_way(ecr: ECRClient, stub: Stubber) -> None:
    first, second = (
        Rule(priority, "tagged", "imageCountMoreThan", 5, tag_prefixes=("a", str(priority))) for priority in (1, 2)
    )
    text = LifecyclePolicy((second, first)).text()
    own = LifecyclePolicy((first, replace(second, tag_prefixes=("2", "a"))))
    stub.add_response("start_lifecycle_policy_preview", {}, {"repositoryName": NAME, "lifecyclePolicyText": text})
    stub.add_response(
        "get_lifecycle_policy_preview", shown("COMPLETE", 1, text=json.dumps(json.loads(own.text()))), GET
    )
    assert len(Previews(ecr).preview(NAME, text, time.time() + 5).results) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (shown("EXPIRED"), RetryableError),
        (shown("COMPLETE", text=TEXT + " "), RetryableError),
        (shown("FAILED"), UserError),
    ],
    ids=["expired", "of another policy", "failed"],
)
def test_a_preview_without_a_result_is_no_approval(
    ecr: ECRClient, stub: Stubber, answer: dict[str, Any], error: type[Exception]
) -> None:
    stub.add_response("start_lifecycle_policy_preview", {}, START)
    stub.add_response("get_lifecycle_policy_preview", answer, GET)
    with pytest.raises(error):
        go(ecr)


def test_the_deadline_ends_the_waiting(ecr: ECRClient, stub: Stubber) -> None:
    stub.add_response("start_lifecycle_policy_preview", {}, START)
    stub.add_response("get_lifecycle_policy_preview", shown("IN_PROGRESS"), GET)
    with pytest.raises(RetryableError, match="did not complete in time"):
        go(ecr, seconds=0)


def test_the_deadline_ends_the_waiting_for_another_preview(ecr: ECRClient, stub: Stubber) -> None:
    stub.add_client_error("start_lifecycle_policy_preview", "LifecyclePolicyPreviewInProgressException")
    with pytest.raises(RetryableError, match="Another lifecycle policy preview"):
        go(ecr, seconds=0)
