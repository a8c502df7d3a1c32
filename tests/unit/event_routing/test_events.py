"""Both kinds of event become one value. The traps of AWS's events, one test each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from ecr_controller.custom_resource.properties import SCHEMAS
from ecr_controller.event_routing import reading
from ecr_controller.event_routing.events import MalformedEvent
from ecr_controller.event_routing.scans import ScanCompleted
from ecr_controller.severity import SEVERITIES
from tests.unit.event_routing.samples import OTHERS, SCANS, basic, documented, scan

SCHEMA = json.loads((SCHEMAS / "messages" / "ScanCompleted.json").read_text(encoding="utf-8"))


# Times that have no equivalent in UTC.
EDGES = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")


def read(event: Any) -> ScanCompleted:
    [found] = reading.parse(event)
    assert isinstance(found, ScanCompleted)
    return found


def test_a_basic_scan_is_read_whole() -> None:
    found = read(documented("ecr-image-scan-complete"))
    assert (found.repository_name, found.account, found.region) == ("my-repository-name", "123456789012", "us-east-1")
    assert found.repository_arn == "arn:aws:ecr:us-east-1:123456789012:repository/my-repository-name"
    assert (found.scan_type, found.status, found.event_id[:8]) == ("BASIC", "COMPLETE", "85fc3613")
    assert found.time == datetime(2019, 10, 29, 2, 36, 48, tzinfo=UTC)
    assert {severity: count for severity, count in found.counts.items() if count} == {"CRITICAL": 10, "MEDIUM": 9}


def test_the_arn_in_repository_name_of_an_enhanced_scan_becomes_a_name() -> None:
    found = read(documented("inspector2-scan-initial-complete-ecr-userguide"))
    assert found.repository_name == "amazon/amazon-ecs-sample"
    assert found.repository_arn == "arn:aws:ecr:us-east-2:123456789012:repository/amazon/amazon-ecs-sample"
    assert found.scan_type == "ENHANCED"


def test_the_status_of_an_enhanced_scan_counts_as_complete_and_is_kept() -> None:
    found = read(documented("inspector2-scan-initial-complete"))
    assert (found.status, found.original_status) == ("COMPLETE", "INITIAL_SCAN_COMPLETE")


@pytest.mark.parametrize("name", SCANS)
def test_a_severity_that_is_absent_is_zero(name: str) -> None:
    assert set(read(documented(name)).counts) == set(SEVERITIES)


def test_findings_that_inspector_only_adds_up_are_not_lost() -> None:
    found = read(documented("inspector2-scan-initial-complete-ecr-userguide"))
    assert (sum(found.counts.values()), found.total) == (130, 158)


def test_findings_that_are_only_in_the_total_may_be_low_but_no_higher() -> None:
    found = scan(finding_severity_counts={"TOTAL": 3})
    assert (found.worst, found.reaches("LOW"), found.reaches("MEDIUM")) == ("LOW", True, False)


def test_a_whole_number_with_a_fraction_is_a_count() -> None:
    found = scan(finding_severity_counts={"CRITICAL": 10.0, "HIGH": 2.0, "TOTAL": 13.0})
    assert json.dumps([found.counts["CRITICAL"], found.counts["HIGH"], found.total]) == "[10, 2, 13]"


def test_an_unknown_severity_counts_as_undefined() -> None:
    found = scan(finding_severity_counts={"NEGLIGIBLE": 2, "UNDEFINED": 1})
    assert (found.counts["UNDEFINED"], found.total) == (3, 3)


def test_a_failed_scan_without_counts_found_nothing() -> None:
    found = read(documented("ecr-image-scan-failed"))
    assert (found.status, found.total, found.worst) == ("FAILED", 0, None)


@pytest.mark.parametrize("tags", [None, []])
def test_tags_may_be_missing(tags: list[str] | None) -> None:
    assert scan(image_tags=tags).image_tags == ()


def test_an_unknown_status_is_kept() -> None:
    assert scan(scan_status="ABANDONED").status == "ABANDONED"


@pytest.mark.parametrize("time", ["2023-02-29T12:34:56Z", "Dec 3, 2021, 6:02:30 PM", "", None, 5, *EDGES])
def test_a_malformed_time_does_not_lose_the_scan(time: Any) -> None:
    found = read(documented("ecr-image-scan-complete") | {"time": time})
    assert found.time is None
    assert found.scan_document()["time"] is None


def test_a_digest_of_any_length_is_taken() -> None:
    assert scan(image_digest="sha256:7f5bEXAMPLE").image_digest == "sha256:7f5bEXAMPLE"


@pytest.mark.parametrize("name", OTHERS)
def test_another_event_is_no_scan(name: str) -> None:
    assert not any(isinstance(each, ScanCompleted) for each in reading.parse(documented(name)))


def test_a_scan_by_inspector_of_something_else_than_an_image_is_nothing() -> None:
    instance = documented("inspector2-scan-initial-complete")
    instance["detail"] = {"scan-status": "INITIAL_SCAN_COMPLETE", "instance-id": "i-087d63509b8c97098"}
    assert reading.parse(instance) == ()


def test_an_event_without_resources_is_placed_by_its_account_and_region() -> None:
    elsewhere = {"resources": [], "region": "us-iso-east-1"}
    [found] = reading.parse(documented("ecr-image-scan-complete") | elsewhere, "aws-iso")
    assert found.repository_arn == "arn:aws-iso:ecr:us-iso-east-1:123456789012:repository/my-repository-name"


@pytest.mark.parametrize(
    "event",
    [
        "text",
        [],
        {},
        basic(repository_name=None),
        basic(image_digest=None),
        basic(scan_status=None),
        basic(repository_name="arn:aws:ecr:eu-west-1:1:nothing"),
        basic(finding_severity_counts={"HIGH": "many"}),
        basic(finding_severity_counts={"HIGH": -1}),
        basic(finding_severity_counts=[1]),
        basic(finding_severity_counts={"HIGH": 1.5}),
        basic(finding_severity_counts={"HIGH": float("inf")}),
        basic(finding_severity_counts={"HIGH": True}),
        basic(finding_severity_counts={"HIGH": 10**4000}),
        basic(image_tags="prod-1"),
        basic(image_tags=1.0),
        basic(image_tags={"prod": 1}),
        basic(image_tags=["prod", 1]),
        basic(image_tags=["x" * 301]),
        basic(repository_name="a/" * 200 + "a"),
        basic(repository_name="Team/App"),
        basic(repository_name="team/app\n"),
        basic(repository_name="arn:aws:ecr:eu-west-1:123456789012:repository/" + "a" * 257),
        documented("ecr-image-scan-complete") | {"resources": float("inf")},
        documented("ecr-image-scan-complete") | {"resources": "arn:aws:ecr:::"},
        documented("ecr-image-scan-complete") | {"more": json.loads("[" * 60 + "]" * 60)},
        documented("ecr-image-scan-complete") | {"detail": None},
        documented("ecr-image-scan-complete") | {"id": ""},
        documented("ecr-image-scan-complete") | {"id": "\ud800"},
        documented("ecr-image-scan-complete") | {"account": "\ud800", "resources": []},
        basic(image_digest="sha256:\udfff"),
        basic(image_tags=["\ud800"]),
    ],
)
def test_a_scan_that_lacks_what_every_scan_has_is_malformed(event: Any) -> None:
    with pytest.raises(MalformedEvent):
        reading.parse(event)


@pytest.mark.parametrize("name", SCANS)
def test_what_targets_receive_is_what_the_schema_says(name: str) -> None:
    event = documented(name)
    document = json.loads(json.dumps(read(event).scan_document()))
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert document["originalEvent"] == event
    assert set(document) == set(SCHEMA["properties"])


def test_the_schema_rejects_invalid_documents() -> None:
    for broken in ({"time": "yesterday"}, {"findingSeverityCounts": {"HIGH": 1}}, {"scanType": "OTHER"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(scan().scan_document() | broken, SCHEMA)
