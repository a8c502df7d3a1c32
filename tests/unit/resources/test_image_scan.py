"""What `ImageScanResource` does for each request: the calls it makes, what it awaits, what stops a deployment.

ECR's answers are scripted, and checked against its model.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from ecr_controller import aws
from ecr_controller.errors import InvalidProperties, RetryableError, UserError
from ecr_controller.image_scans import ecr as scans
from ecr_controller.resources.image_scan import ImageScanResource
from tests.unit.conftest import STACK_ID, Served, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_controller.custom_resource.request import Result

NAME = "team/app"
DIGEST = "sha256:" + "0a" * 32
ID = f"{NAME}@{DIGEST}"
TAGGED = {"RepositoryName": NAME, "ImageTag": "v1", "FailOnSeverity": "HIGH"}
NOW = datetime(2026, 11, 23, tzinfo=UTC)
BY_DIGEST = {"repositoryName": NAME, "imageId": {"imageDigest": DIGEST}}


class Script:
    """What ECR and CloudFormation are to be asked, in this order, and what they answer."""

    def __init__(self) -> None:
        self.ecr = Stubber(aws.client("ecr"))
        self.cloudformation = Stubber(aws.client("cloudformation"))

    def rolling_back(self, *, is_it: bool) -> Script:
        status = "UPDATE_ROLLBACK_IN_PROGRESS" if is_it else "UPDATE_IN_PROGRESS"
        stack = {"StackName": "shop", "StackStatus": status, "CreationTime": NOW}
        self.cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK_ID})
        return self

    def named(self, digest: str = DIGEST) -> Script:
        expected = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
        self.ecr.add_response("describe_images", {"imageDetails": [{"imageDigest": digest}]}, expected)
        return self

    def starts(self) -> Script:
        self.ecr.add_response("start_image_scan", {"imageScanStatus": {"status": "IN_PROGRESS"}}, BY_DIGEST)
        return self

    def refuses(self, operation: str, code: str, message: str = "ECR says no.") -> Script:
        self.ecr.add_client_error(operation, code, message)
        return self

    def shows(self, status: str, *, description: str = "", token: str = "", after: str = "", **findings: Any) -> Script:
        answer: dict[str, Any] = {"imageScanStatus": {"status": status, "description": description}}
        if findings:
            answer["imageScanFindings"] = findings
        if token:
            answer["nextToken"] = token
        expected = BY_DIGEST | {"maxResults": 1000} | ({"nextToken": after} if after else {})
        self.ecr.add_response("describe_image_scan_findings", answer, expected)
        return self

    def done(self) -> None:
        self.ecr.assert_no_pending_responses()
        self.cloudformation.assert_no_pending_responses()


@pytest.fixture
def script(moto: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setattr(scans, "POLL_SECONDS", 0.001)
    # One client, so that the order of all calls is known.
    monkeypatch.setattr(vars(scans.ScanStarts)["_ecr"], "_options", {})
    made = Script()
    with made.ecr, made.cloudformation:
        yield made


def create(**properties: Any) -> Result:
    return Served(ImageScanResource()).create(request("Create", properties=TAGGED | properties))


def update(**changes: Any) -> Result:
    values: dict[str, Any] = {"physical_id": ID, "properties": TAGGED}
    return Served(ImageScanResource()).update(request("Update", **(values | changes)))


def test_a_scan_is_started_and_awaited_and_its_counts_are_given(script: Script) -> None:
    script.named().starts().shows("PENDING").shows("IN_PROGRESS")
    script.shows("COMPLETE", findingSeverityCounts={"LOW": 3})
    result = create()
    script.done()
    assert result.physical_id == ID
    assert result.data["ImageDigest"] == DIGEST
    assert result.data["ScanStatus"] == "COMPLETE"
    assert (result.data["HighFindings"], result.data["LowFindings"]) == ("0", "3")


def test_ecr_may_not_know_yet_of_a_scan_that_it_has_just_started(script: Script) -> None:
    script.named().starts().refuses("describe_image_scan_findings", "ScanNotFoundException").shows("COMPLETE")
    assert create().data["ScanStatus"] == "COMPLETE"
    script.done()


def test_the_worst_finding_may_be_on_a_later_page(script: Script) -> None:
    counts = {"HIGH": 1, "CRITICAL": 1}
    high = {"name": "CVE-1", "severity": "HIGH"}
    package = [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "1.0.0"}]
    critical = {"name": "CVE-2", "severity": "CRITICAL", "attributes": package}
    script.named().starts().shows("COMPLETE", findingSeverityCounts=counts, findings=[high], token="2")
    script.shows("COMPLETE", findingSeverityCounts=counts, findings=[critical], after="2")
    with pytest.raises(UserError, match=r"Findings: CVE-2 \(CRITICAL, openssl 1.0.0\), CVE-1 \(HIGH\)\."):
        create()
    script.done()


def test_an_image_that_was_scanned_within_a_day_is_judged_by_that_scan(script: Script) -> None:
    script.named().refuses("start_image_scan", "LimitExceededException").shows("COMPLETE").shows("COMPLETE")
    assert create().data["CriticalFindings"] == "0"
    script.done()


def test_where_ecr_starts_no_scan_and_has_none_nothing_is_awaited(script: Script) -> None:
    script.named().refuses("start_image_scan", "LimitExceededException", "The quota of the registry is reached.")
    script.refuses("describe_image_scan_findings", "ScanNotFoundException")
    with pytest.raises(UserError, match="The quota of the registry is reached"):
        create()


def test_enhanced_scanning_is_awaited_until_inspector_has_looked_once(script: Script) -> None:
    finding = {
        "severity": "CRITICAL",
        "title": "CVE-7 in openssl",
        "packageVulnerabilityDetails": {
            "vulnerabilityId": "CVE-7",
            "vulnerablePackages": [{"name": "openssl", "version": "1.0.0"}],
        },
    }
    script.named().refuses("start_image_scan", "ValidationException", "This feature is disabled")
    script.refuses("describe_image_scan_findings", "ScanNotFoundException").shows("PENDING").shows("ACTIVE")
    script.shows(
        "ACTIVE",
        imageScanCompletedAt=NOW,
        findingSeverityCounts={"CRITICAL": 1, "UNTRIAGED": 1},
        enhancedFindings=[finding, {"severity": "UNTRIAGED", "title": "A key in the image"}],
    )
    with pytest.raises(
        UserError, match=r"1 CRITICAL\)\. MaxFindings allows 0\. Findings: CVE-7 \(CRITICAL, openssl 1.0.0\)"
    ):
        create()
    script.done()


@pytest.mark.parametrize(
    "status",
    [
        "FAILED",
        "UNSUPPORTED_IMAGE",
        "SCAN_ELIGIBILITY_EXPIRED",
        "FINDINGS_UNAVAILABLE",
        "LIMIT_EXCEEDED",
        "IMAGE_ARCHIVED",
        "IMAGE_SIZE_EXCEEDED",
        "A_STATUS_OF_TOMORROW",
    ],
)
def test_every_end_without_findings_stops_a_deployment_at_once_unless_it_is_to_pass(
    script: Script, status: str
) -> None:
    script.named().starts().shows(status, description="No such luck.")
    with pytest.raises(UserError, match=rf"team/app:v1 has no scan findings \({status}: No such luck\)"):
        create()
    script.named().starts().shows(status)
    assert create(OnUnscannable="Pass").data["ScanStatus"] == status
    script.done()


@pytest.mark.parametrize(
    ("error", "status"),
    [("UnsupportedImageTypeException", "UNSUPPORTED_IMAGE"), ("ImageArchivedException", "IMAGE_ARCHIVED")],
)
def test_an_image_that_ecr_does_not_begin_to_scan_is_unscannable(script: Script, error: str, status: str) -> None:
    script.named().refuses("start_image_scan", error, "Not this one.")
    with pytest.raises(UserError, match=rf"no scan findings \({status}: Not this one\)"):
        create()
    script.named().refuses("start_image_scan", error)
    assert create(OnUnscannable="Pass").data["ScanStatus"] == status


def test_a_scan_that_does_not_end_in_time_is_worth_another_try(script: Script) -> None:
    script.named().starts().shows("IN_PROGRESS")
    slow = request("Create", properties=TAGGED, deadline=time.time())
    with pytest.raises(RetryableError, match=rf"The scan of {ID} has no result yet \(status IN_PROGRESS\)"):
        Served(ImageScanResource()).create(slow)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("ImageNotFoundException", "The repository team/app contains no image v1. Push the image"),
        ("RepositoryNotFoundException", "The repository team/app does not exist in this account and Region"),
    ],
)
def test_an_image_that_does_not_exist_is_an_error_that_says_what_to_do(
    script: Script, error: str, message: str
) -> None:
    script.refuses("describe_images", error, "It does not exist.")
    with pytest.raises(UserError, match=message):
        create()


def test_invalid_properties_make_no_call(script: Script) -> None:
    with pytest.raises(InvalidProperties):
        create(ImageDigest=DIGEST)


def test_an_update_of_the_same_image_takes_what_is_known_and_starts_no_scan(script: Script) -> None:
    script.rolling_back(is_it=False).named().shows("COMPLETE").shows("COMPLETE", findingSeverityCounts={"LOW": 1})
    result = update()
    script.done()
    assert (result.physical_id, result.data["LowFindings"]) == (ID, "1")


def test_an_update_scans_the_same_image_where_nothing_is_known_of_it(script: Script) -> None:
    script.rolling_back(is_it=False).named().refuses("describe_image_scan_findings", "ScanNotFoundException")
    script.starts().shows("COMPLETE")
    assert update().physical_id == ID
    script.done()


def test_an_update_to_another_image_scans_it_and_replaces_the_resource(script: Script) -> None:
    script.rolling_back(is_it=False).named().starts().shows("COMPLETE")
    assert update(physical_id=f"{NAME}@sha256:{'1b' * 32}").physical_id == ID
    script.done()


def test_a_rollback_lets_through_what_a_deployment_would_refuse(script: Script) -> None:
    script.rolling_back(is_it=True).named().shows("COMPLETE", findingSeverityCounts={"CRITICAL": 5})
    assert update().data["CriticalFindings"] == "5"
    script.done()


@pytest.mark.parametrize("status", ["IN_PROGRESS", "FAILED"])
def test_a_rollback_awaits_nothing(script: Script, status: str) -> None:
    script.rolling_back(is_it=True).named().shows(status)
    assert update().data["ScanStatus"] == status
    script.done()


def test_a_rollback_scans_nothing(script: Script) -> None:
    script.rolling_back(is_it=True).named().refuses("describe_image_scan_findings", "ScanNotFoundException")
    assert update().data["ScanStatus"] == "NOT_SCANNED"
    script.done()


@pytest.mark.parametrize("error", ["ImageNotFoundException", "ThrottlingException"])
def test_a_rollback_goes_on_whatever_ecr_says(script: Script, error: str) -> None:
    script.rolling_back(is_it=True).refuses("describe_images", error)
    result = update()
    assert result.physical_id == ID
    assert result.data["ImageDigest"] == DIGEST
    assert result.data["HighFindings"] == "unknown"


def test_a_rollback_goes_on_with_properties_that_are_invalid_by_now(script: Script) -> None:
    script.rolling_back(is_it=True)
    assert update(properties={}).physical_id == ID


@pytest.mark.parametrize("properties", [TAGGED, {}])
def test_a_delete_makes_no_call(script: Script, properties: Any) -> None:
    gone = request("Delete", physical_id=ID, properties=properties)
    Served(ImageScanResource()).delete(gone)
    Served(ImageScanResource()).delete_failed_create(gone, "request-0")
    script.done()
