"""Inputs that once met a defect, held up others, or were not answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fuzz.documents import ON_FAILURE, POLICY_TEXT, SCAN_EVENTS, request
from tests.fuzz.harness import Harness, answer_of, record

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")
BASIC = SCAN_EVENTS[0]
SURROGATE = "\ud800"


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    with Harness() as made:
        yield made


def with_detail(**changes: Any) -> str:
    return json.dumps(
        BASIC | {"detail": BASIC["detail"] | {key.replace("_", "-"): each for key, each in changes.items()}}
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (json.dumps(BASIC | {"time": "9999-12-31T23:59:59-14:00"}), None),
        (with_detail(finding_severity_counts={"CRITICAL": 10.0, "HIGH": 2.0}), None),
        ("[" * 100_000, "it is not JSON"),
        (json.dumps(BASIC)[:-1] + ', "deep": ' + "[" * 300 + "]" * 300 + "}", "nested too deeply"),
        (json.dumps(BASIC | {"resources": 7}), "The resources of the event must be a list of strings"),
        (with_detail(image_tags=1.0), "The image-tags of the event must be a list of strings"),
        (with_detail(image_tags="prod-1"), "The image-tags of the event must be a list of strings"),
        (with_detail(repository_name="a/" * 25_000 + "a"), "is neither the name nor the ARN of a repository"),
        ("x" * 261_000, "it is not JSON"),
    ],
)
def test_a_message_is_delivered_or_kept_with_a_reason_at_once_and_its_neighbour_is_delivered(
    harness: Harness, body: str, reason: str | None
) -> None:
    good = json.dumps(BASIC | {"id": "good"})
    outcome = harness.run("route_scan", {"Records": [record(body, 1), record(good, 2)]})
    assert (outcome.raised, outcome.returned) == (None, {"batchItemFailures": []})
    assert "good" in harness.delivered()
    if reason is None:
        assert harness.dead_letters == []
    else:
        [(kept, why)] = harness.dead_letters
        assert (kept, reason in why) == (body, True)


@pytest.mark.parametrize("body", [" ", "a", "a/" * 300_000])
def test_a_rescan_of_what_is_no_repository_is_rejected_at_once(harness: Harness, body: str) -> None:
    outcome = harness.run("rescan", {"Records": [record(body[:200_000], 1)]})
    assert (outcome.raised, outcome.returned) == (None, {"batchItemFailures": []})
    [(_, reason)] = harness.dead_letters
    assert "is not the name of a repository" in reason


@pytest.mark.parametrize(
    "changes",
    [
        {"requestContext": None},
        {"requestContext": "none", "responsePayload": "\ufeff"},
        {"requestContext": {"condition": "RetriesExhausted"}, "responsePayload": {}},
        {"requestContext": [], "responsePayload": [], "responseContext": 1, "version": None},
        {"responsePayload": {"errorMessage": SURROGATE}},
    ],
)
def test_the_on_failure_function_needs_the_request_alone(harness: Harness, changes: dict[str, Any]) -> None:
    asked = request("Create", "Custom::ECRRepository", "", {"RepositoryName": None}, None)
    failed = {key: each for key, each in (ON_FAILURE | changes).items() if each is not None}
    outcome = harness.run("on_failure", failed | {"requestPayload": asked}, respond_at=asked)
    assert answer_of(asked, outcome).status == "FAILED"


@pytest.mark.parametrize(
    ("folder", "type_", "physical_id"),
    [
        ("grant", "Custom::ECRRepositoryGrant", "x|R"),
        ("grant", "Custom::ECRPublicGalleryAuthorizationTokenGrant", "arn:|R"),
        ("grant", "Custom::ECRAuthorizationTokenGrant", "arn:aws:iam::123456789012:role/x y|R"),
        ("repository", "Custom::ECRRepository", ":"),
        ("lifecycle_policy", "Custom::ECRLifecyclePolicy", ":"),
        ("image_scan_route", "Custom::ECREventRoute", "|"),
        ("image_scan_route", "Custom::ECRImageScanRoute", "|"),
        ("image_scan", "Custom::ECRImageScan", "@"),
        ("image_scan", "Custom::ECRImage", "@"),
    ],
)
def test_a_delete_of_an_id_that_is_not_ours_does_nothing(
    harness: Harness, folder: str, type_: str, physical_id: str
) -> None:
    asked = request("Delete", type_, physical_id, {"Grantee": "-0"}, None)
    outcome = harness.run(folder, asked, respond_at=asked)
    assert (answer_of(asked, outcome).status, outcome.writes) == ("SUCCESS", [])


@pytest.mark.parametrize("physical_id", [":", "x", "shop-R-1A2B3C4D5E6F"])
def test_an_update_of_an_id_that_is_no_repository_is_refused(harness: Harness, physical_id: str) -> None:
    asked = request("Update", "Custom::ECRRepository", physical_id, {}, {"RepositoryName": "team/app"})
    outcome = harness.run("repository", asked, respond_at=asked)
    assert "is not the name of a repository, so it is none of this controller" in answer_of(asked, outcome).reason
    assert outcome.calls == []


@pytest.mark.parametrize(
    ("folder", "changes", "words"),
    [
        ("image_scan_route", {"StackId": "a:b"}, "StackId a:b is not the ARN of a stack"),
        ("grant", {"StackId": "${AWS::Region}", "ResourceProperties": SURROGATE}, "ResourceProperties"),
        ("grant", {"StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/a"}, "is not the ARN of a stack"),
        ("grant", {"ResourceType": {}, "ResourceProperties": []}, "ResourceType"),
        ("repository", {"ResourceProperties": "*"}, "ResourceProperties"),
        ("image_scan", {"ResourceProperties": "*"}, "ResourceProperties"),
        ("repository", {"PhysicalResourceId": 7, "RequestType": []}, "RequestType, PhysicalResourceId"),
        ("repository", {"LogicalResourceId": SURROGATE, "RequestId": 7}, "RequestId, LogicalResourceId"),
    ],
)
def test_an_event_of_another_form_is_failed_in_words(
    harness: Harness, folder: str, changes: dict[str, Any], words: str
) -> None:
    asked = request("Create", "Custom::ECRRepository", "", {}, None) | changes
    outcome = harness.run(folder, asked, respond_at=asked)
    [body] = outcome.bodies
    answer = json.loads(body)
    assert (answer["Status"], outcome.calls) == ("FAILED", [])
    assert words in answer["Reason"]
    assert "defect" not in answer["Reason"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (POLICY_TEXT.replace('"old"', '"\\ud800"'), "rules[0].description: must not contain surrogates"),
        (POLICY_TEXT.replace("30}", '30, "countNumber": 1}'), "has the member countNumber more than once"),
        (POLICY_TEXT.replace("30}", f'30, "{SURROGATE}": 1}}'), "must not contain surrogates"),
    ],
)
def test_a_policy_text_that_readers_would_take_differently_is_refused(harness: Harness, text: str, words: str) -> None:
    declared = {"RepositoryName": "adopt/app", "OnExisting": "Adopt", "LifecyclePolicyText": text}
    asked = request("Create", "Custom::ECRRepository", "", declared, None)
    outcome = harness.run("repository", asked, respond_at=asked)
    assert words in answer_of(asked, outcome).reason
    assert outcome.calls == []


@pytest.mark.parametrize(
    "declared",
    [
        {"RepositoryName": SURROGATE},
        {"Tags": [{"Key": "team", "Value": f"a{SURROGATE}"}]},
        {"PolicyStatements": [{"Principal": "*", "Action": "ecr:*", "Condition": {"StringEquals": {SURROGATE: "x"}}}]},
        {"PolicyStatements": [{"Principal": {"AWS": [[[SURROGATE]]]}, "Action": "ecr:*"}]},
    ],
)
def test_a_surrogate_anywhere_in_the_properties_is_refused(harness: Harness, declared: dict[str, Any]) -> None:
    asked = request("Create", "Custom::ECRRepository", "", declared, None)
    outcome = harness.run("repository", asked, respond_at=asked)
    assert "must not contain surrogates" in answer_of(asked, outcome).reason
    assert outcome.calls == []
