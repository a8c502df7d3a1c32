"""Events that are no scans: what each documented one becomes, and what targets receive of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from ecr_controller.controller_events import DETAIL_TYPES, ControllerEvent
from ecr_controller.custom_resource.properties import SCHEMAS, load
from ecr_controller.event_routing import messages, reading
from ecr_controller.event_routing.events import MalformedEvent
from ecr_controller.event_routing.messages import console_link, message, title
from ecr_controller.event_routing.routes import Route, deliveries_of, selecting
from ecr_controller.event_routing.spec import DEFAULT_EVENTS
from tests.unit.event_routing.samples import OTHERS, SCANS, documented, event, scan

if TYPE_CHECKING:
    from ecr_controller.event_routing.events import EcrEvent

SCHEMA = json.loads((SCHEMAS / "messages" / "EcrEvent.json").read_text(encoding="utf-8"))
NAMES = {
    "ecr-image-action-push": ("Pushed", "my-repository-name:latest was pushed"),
    "ecr-image-action-delete": ("Deleted", "my-repository-name:latest was deleted"),
    "ecr-image-action-archive": ("Archived", "ubuntu@sha256:f98d67af8e53 was archived"),
    "ecr-image-action-restore": ("Restored", "ubuntu@sha256:f98d67af8e53 was restored from the archive"),
    "ecr-pull-through-cache-action-success": (
        "PulledThrough",
        "docker-hub/alpine:3.17.2 was pulled from the upstream registry",
    ),
    "ecr-referrer-action-restore": (
        "ReferrerRestored",
        "sbom@sha256:f98d67af8e53 was restored from the archive, as a reference artifact",
    ),
    "ecr-replication-action-failed": ("ReplicationFailed", "my-app:latest could not be replicated"),
    "ecr-replication-action-success": ("Replicated", "docker-hub/alpine:3.17.2 was replicated"),
    "eventbridge-cloudtrail-create-repository": ("Called", "CreateRepository was called for testrepo"),
    "cloudtrail-put-image": ("Called", "PutImage was called for testrepo:latest"),
    "cloudtrail-policy-execution-event": ("Called", "PolicyExecutionEvent was called for testrepo"),
    "inspector2-finding-ecr": ("Finding", "MEDIUM in inspector2:ubuntu_latest: CVE-2024-6119 - libssl3t64, openssl"),
    "inspector2-finding-ecr-userguide": ("Finding", None),
}
# About many repositories, and about none.
SEVERAL, NONE = "ecr-scan-resource-change-frequency", "inspector2-coverage-ec2"


def test_every_documented_event_is_here() -> None:
    assert {*NAMES, SEVERAL, NONE} == set(OTHERS)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_has_a_name_and_a_title(name: str) -> None:
    found, (expected, line) = event(name), NAMES[name]
    assert found.name == expected
    assert line is None or title(found) == line


def test_every_name_that_a_route_can_have_is_reported_by_an_event() -> None:
    declared = set(load("ECREventRoute")["properties"]["Events"]["items"]["enum"])
    reported = {expected for expected, _ in NAMES.values()} | {"ScanCompleted", "ScanFrequencyChanged"}
    assert reported | {"PullThroughFailed", *DETAIL_TYPES} == declared
    assert declared | {"Findings"} == set(SCHEMA["properties"]["event"]["enum"])
    assert declared - {*DEFAULT_EVENTS} - {*DETAIL_TYPES} == {"Called", "Finding", "ScanFrequencyChanged"}


@pytest.mark.parametrize("name", [*NAMES, *SCANS, SEVERAL])
def test_what_targets_receive_is_what_the_schema_says(name: str) -> None:
    for found in reading.parse(documented(name)):
        document = json.loads(message(found, "Json").text)
        jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())
        assert document["originalEvent"] == documented(name)
        assert set(document) == set(SCHEMA["properties"])
        assert set(document["details"]) <= set(SCHEMA["properties"]["details"]["properties"])


def test_the_change_of_scan_frequencies_is_an_event_of_each_repository() -> None:
    found = reading.parse(documented(SEVERAL))
    assert [each.repository_name for each in found] == ["repository-1", "repository-2", "repository-3"]
    assert len({each.event_id for each in found}) == 3
    assert found[1].details == {"scanFrequency": "CONTINUOUS_SCAN", "previousScanFrequency": "SCAN_ON_PUSH"}


def test_what_is_about_no_repository_is_nothing() -> None:
    assert reading.parse(documented(NONE)) == ()
    assert reading.parse({"detail-type": "ECR Artifact Action", "detail": {}}) == ()


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("ecr-image-action-push", {"result": "FAILURE"}),
        ("ecr-image-action-push", {"action_type": "UNKNOWN"}),
        ("ecr-referrer-action-restore", {"target_storage_class": "ARCHIVE"}),
        ("ecr-replication-action-success", {"action_type": "OTHER"}),
        ("eventbridge-cloudtrail-create-repository", {"requestParameters": None}),
        ("eventbridge-cloudtrail-create-repository", {"eventSource": "s3.amazonaws.com"}),
        ("inspector2-finding-ecr", {"resources": [{"type": "AWS_EC2_INSTANCE", "details": {}}]}),
        ("inspector2-finding-ecr", {"resources": "none"}),
    ],
)
def test_what_has_no_name_is_nothing(name: str, detail: dict[str, Any]) -> None:
    document = documented(name)
    changed = {key.replace("_", "-"): value for key, value in detail.items()}
    assert reading.parse(document | {"detail": document["detail"] | changed}) == ()


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("ecr-image-action-push", {"repository_name": None}),
        ("ecr-image-action-push", {"image_tag": "x" * 301}),
        (SEVERAL, {"repositories": "x"}),
        (SEVERAL, {"repositories": [{}]}),
        ("eventbridge-cloudtrail-create-repository", {"eventName": None}),
    ],
)
def test_an_event_that_lacks_what_every_one_has_is_malformed(name: str, detail: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        event(name, **detail)


def test_a_pull_through_that_failed_has_the_reason() -> None:
    found = event("ecr-pull-through-cache-action-success", sync_status="FAILURE", failure_reason="not found")
    assert (found.name, found.details["failureReason"]) == ("PullThroughFailed", "not found")


def test_the_role_of_a_caller_tells_the_calls_of_the_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    created = event("eventbridge-cloudtrail-create-repository")
    assert (created.details["caller"], created.by_controller) == ("arn:aws:iam::123456789012:role/Admin", False)
    monkeypatch.setenv("CONTROLLER_ROLES", "arn:aws:iam::123456789012:role/x,arn:aws:iam::123456789012:role/Admin")
    assert event("eventbridge-cloudtrail-create-repository").by_controller
    # Anybody can choose a user agent.
    monkeypatch.setenv("CONTROLLER_ROLES", "")
    assert not event("eventbridge-cloudtrail-create-repository", userAgent="ecr-controller/1").by_controller


# For people


@pytest.mark.parametrize("name", [*NAMES, *SCANS])
def test_text_begins_with_the_title_and_ends_with_a_link(name: str) -> None:
    [found] = reading.parse(documented(name))
    mail = message(found, "Text")
    assert mail.subject == title(found)[:99]
    lines = mail.text.splitlines()
    assert lines[0] == title(found)
    assert lines[-1].startswith(f"https://{found.region}.console.aws.amazon.com/ecr/repositories/private/")
    assert not any("{" in line for line in lines)


def test_a_chat_message_has_the_form_of_custom_notifications() -> None:
    document = json.loads(message(scan(image_tags=["v1"]), "Chatbot").text)
    assert (document["version"], document["source"]) == ("1.0", "custom")
    content = document["content"]
    assert content["textType"] == "client-markdown"
    assert content["title"] == "my-repository-name:v1 has 10 CRITICAL, 9 MEDIUM"
    assert "- *findingSeverityCounts*: 10 CRITICAL, 9 MEDIUM" in content["description"]
    assert "|Open in the console>" in content["description"]
    assert len(document["metadata"]["threadId"]) <= 64


def test_the_subject_of_a_mail_has_what_amazon_sns_takes() -> None:
    document = documented("inspector2-finding-ecr")
    changed = document["detail"] | {"title": "CVE-2026-1 \u2013 glibc\n" + "x" * 200}
    [found] = reading.parse(document | {"detail": changed})
    subject = message(found, "Text").subject
    assert subject is not None
    assert subject.startswith("MEDIUM in inspector2:ubuntu_latest: CVE-2026-1 ? glibc?xx")
    assert len(subject) == 99


def test_titles_of_scans() -> None:
    assert title(scan(finding_severity_counts={}, image_tags=["v1"])) == "my-repository-name:v1 has no findings"
    assert title(scan(scan_status="FAILED", image_tags=["v1"])) == "The scan of my-repository-name:v1 ended with FAILED"
    assert title(scan(finding_severity_counts={"TOTAL": 3}, image_tags=["v1"])).endswith("has 3 of other severities")


def test_a_partition_whose_console_is_not_known_has_no_link() -> None:
    elsewhere = documented("ecr-image-action-push") | {"region": "us-iso-east-1"}
    [found] = reading.parse(elsewhere, "aws-iso")
    assert console_link(found) is None
    assert "https" not in messages.message(found, "Text").text
    assert "<" not in json.loads(messages.message(found, "Chatbot").text)["content"]["description"]


# Of the controller itself


def own(name: str, repository: str | None) -> EcrEvent:
    """What the router makes of an event of the controller."""
    sent = ControllerEvent(name, repository, "arn:stack", "Policy", "Custom::ECRLifecyclePolicy", "too many")
    envelope = {"id": "1", "region": "eu-west-1", "account": "123456789012", "time": "2026-11-01T12:00:00Z"}
    [found] = reading.parse({**envelope, "detail-type": DETAIL_TYPES[name], "detail": sent.detail()})
    return found


@pytest.mark.parametrize("name", DETAIL_TYPES)
@pytest.mark.parametrize("repository", ["team/app", None])
def test_an_event_of_the_controller_has_the_name_that_routes_use(name: str, repository: str | None) -> None:
    found = own(name, repository)
    assert (found.name, found.repository_name) == (name, repository or "")
    document = json.loads(message(found, "Json").text)
    jsonschema.validate(document, SCHEMA)
    assert document["details"]["message"] == "too many"
    assert set(document["details"]) <= set(SCHEMA["properties"]["details"]["properties"])
    assert "None" not in message(found, "Text").text
    assert json.loads(message(found, "Chatbot").text)["metadata"]["relatedResources"] == (
        ["arn:aws:ecr:eu-west-1:123456789012:repository/team/app"] if repository else []
    )


def test_what_is_about_no_repository_is_for_routes_of_all() -> None:
    routes = {"*": (Route("*", ("t",), events=("RequestNotBelieved",), form="Json"),)}
    found = deliveries_of(selecting(own("RequestNotBelieved", None), lambda key: routes.get(key, ())))
    assert [each.target for each in found] == ["t"]


def test_a_call_to_the_registry_of_another_account_is_no_event_of_a_repository_here() -> None:
    call = documented("cloudtrail-put-image")
    given = call["detail"]["requestParameters"]
    assert reading.parse(
        call | {"detail": call["detail"] | {"requestParameters": given | {"registryId": call["account"]}}}
    )
    other = given | {"registryId": "111122223333"}
    assert reading.parse(call | {"detail": call["detail"] | {"requestParameters": other}}) == ()
