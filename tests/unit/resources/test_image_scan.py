"""What `ImageScanResource` does for each request: the calls it makes, what it awaits, what stops a deployment.

ECR's answers are scripted, and checked against its model.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.stub import Stubber

from ecr_controller import aws, deadline
from ecr_controller.errors import InvalidProperties, RetryableError, UserError
from ecr_controller.image_scans import scanning
from ecr_controller.image_scans.ecr import SIGNATURES, ScanStarts
from ecr_controller.image_scans.gate import WAITING, WITH_FINDINGS
from ecr_controller.manifests import MANIFEST_LISTS
from ecr_controller.resources.image_scan import ImageScanResource
from tests.unit.conftest import STACK_ID, Served, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_controller.custom_resource.request import Result

NAME = "team/app"
DIGEST = "sha256:" + "0a" * 32
ID = f"{NAME}@{DIGEST}"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
TAGGED = {"RepositoryName": NAME, "ImageTag": "v1", "FailOnSeverity": "HIGH"}
NOW = datetime(2026, 11, 23, tzinfo=UTC)
INDEX, AMD, ARM, NESTED = (f"sha256:{each * 64}" for each in "1234")


def by_digest(digest: str) -> dict[str, Any]:
    return {"repositoryName": NAME, "imageId": {"imageDigest": digest}}


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

    def named(self, digest: str = DIGEST, media_type: str = "") -> Script:
        expected = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
        detail = {"imageDigest": digest} | ({"imageManifestMediaType": media_type} if media_type else {})
        self.ecr.add_response("describe_images", {"imageDetails": [detail]}, expected)
        return self

    def index(self, *entries: dict[str, Any], digest: str = INDEX) -> Script:
        """The tag names an index, or an index in it is read."""
        if digest == INDEX:
            self.named(INDEX, OCI_INDEX)
        expected = {
            "repositoryName": NAME,
            "imageIds": [{"imageDigest": digest}],
            "acceptedMediaTypes": sorted(MANIFEST_LISTS),
        }
        image = {"imageManifest": json.dumps({"manifests": entries}), "imageId": {"imageDigest": digest}}
        self.ecr.add_response("batch_get_image", {"images": [image]}, expected)
        return self

    def starts(self, digest: str = DIGEST) -> Script:
        self.ecr.add_response("start_image_scan", {"imageScanStatus": {"status": "IN_PROGRESS"}}, by_digest(digest))
        return self

    def registry(self, scan_type: str, *, covered: bool = False) -> Script:
        self.ecr.add_response("get_registry_scanning_configuration", {"scanningConfiguration": {"scanType": scan_type}})
        filters = [{"filter": "*", "filterType": "WILDCARD"}] if covered else []
        found = {"repositoryName": NAME, "scanFrequency": "MANUAL", "appliedScanFilters": filters}
        self.ecr.add_response(
            "batch_get_repository_scanning_configuration",
            {"scanningConfigurations": [found]},
            {"repositoryNames": [NAME]},
        )
        return self

    def referrers(self, *digests: str, token: str = "", after: str = "") -> Script:
        answer: dict[str, Any] = {"referrers": [{"digest": each, "mediaType": "x", "size": 1} for each in digests]}
        expected = {
            "repositoryName": NAME,
            "subjectId": {"imageDigest": DIGEST},
            "filter": {"artifactTypes": list(SIGNATURES)},
        }
        self.ecr.add_response(
            "list_image_referrers",
            answer | ({"nextToken": token} if token else {}),
            expected | ({"nextToken": after} if after else {}),
        )
        return self

    def signing(self, *statuses: dict[str, Any]) -> Script:
        answer: Any = {"signingStatuses": list(statuses)}
        self.ecr.add_response("describe_image_signing_status", answer, by_digest(DIGEST))
        return self

    def refuses(self, operation: str, code: str, message: str = "ECR says no.") -> Script:
        self.ecr.add_client_error(operation, code, message)
        return self

    def shows(
        self,
        status: str,
        *,
        description: str = "",
        token: str = "",
        after: str = "",
        complete: bool = True,
        digest: str = DIGEST,
        **findings: Any,
    ) -> Script:
        answer: dict[str, Any] = {"imageScanStatus": {"status": status, "description": description}}
        if complete and status in WITH_FINDINGS:
            findings.setdefault("imageScanCompletedAt", NOW)
        if findings:
            answer["imageScanFindings"] = findings
        if token:
            answer["nextToken"] = token
        expected = by_digest(digest) | {"maxResults": 1000} | ({"nextToken": after} if after else {})
        self.ecr.add_response("describe_image_scan_findings", answer, expected)
        return self

    def done(self) -> None:
        self.ecr.assert_no_pending_responses()
        self.cloudformation.assert_no_pending_responses()


@pytest.fixture
def script(moto: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setattr(deadline, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(scanning, "PAUSES", (0.001,) * 3)
    # One client, so that the order of all calls is known.
    monkeypatch.setattr(vars(ScanStarts)["_ecr"], "_options", {})
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
    script.refuses("describe_image_scan_findings", "ScanNotFoundException").registry("ENHANCED", covered=True)
    script.refuses("describe_image_scan_findings", "ScanNotFoundException").shows("PENDING")
    script.shows("ACTIVE", complete=False)
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


def scan_statuses() -> list[str]:
    """Those of botocore's model, and one that it does not have yet."""
    shape: Any = botocore.session.get_session().get_service_model("ecr").shape_for("ScanStatus")
    return [*shape.enum, "IMAGE_SIZE_EXCEEDED", "A_STATUS_OF_TOMORROW"]


@pytest.mark.parametrize("status", scan_statuses())
def test_every_status_is_awaited_judged_or_an_end_without_findings(script: Script, status: str) -> None:
    script.named().starts().shows(status)
    if status in WITH_FINDINGS:
        assert create().data["ScanStatus"] == status
    elif status in WAITING:
        with pytest.raises(RetryableError, match=f"no result yet .status {status}."):
            Served(ImageScanResource()).create(request("Create", properties=TAGGED, deadline=time.time()))
    else:
        with pytest.raises(UserError, match=rf"no scan findings \({status}\)"):
            create()


@pytest.mark.parametrize("status", WITH_FINDINGS)
def test_without_a_time_of_completion_no_status_is_a_result(script: Script, status: str) -> None:
    script.named().starts().shows(status, complete=False, findings=[])
    script.shows(status, findingSeverityCounts={"CRITICAL": 1})
    with pytest.raises(UserError, match="1 CRITICAL"):
        create()
    script.done()


@pytest.mark.parametrize("status", [each for each in scan_statuses() if each not in (*WITH_FINDINGS, *WAITING)])
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


# What the tag names


def entry(digest: str, platform: str = "", media_type: str = OCI_IMAGE, **more: Any) -> dict[str, Any]:
    named = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False)) if platform else {}
    return {"mediaType": media_type, "digest": digest, "size": 1} | ({"platform": named} if named else {}) | more


ATTESTATION = entry(
    f"sha256:{'a' * 64}", "unknown/unknown", annotations={"vnd.docker.reference.type": "attestation-manifest"}
)
PLATFORMS = (entry(AMD, "linux/amd64"), entry(ARM, "linux/arm64/v8"), ATTESTATION)


def test_each_image_of_an_index_is_scanned_and_the_sum_is_judged(script: Script) -> None:
    script.index(*PLATFORMS).starts(AMD).starts(ARM).shows("COMPLETE", digest=AMD, findingSeverityCounts={"LOW": 1})
    critical = {"name": "CVE-2", "severity": "CRITICAL"}
    script.shows("COMPLETE", digest=ARM, findingSeverityCounts={"CRITICAL": 1}, findings=[critical])
    with pytest.raises(UserError, match=r"Findings: CVE-2 \(CRITICAL\) in linux/arm64/v8\."):
        create()
    script.done()


def test_an_index_is_the_physical_id_and_its_counts_are_summed(script: Script) -> None:
    script.index(*PLATFORMS).starts(AMD).starts(ARM)
    script.shows("COMPLETE", digest=AMD, findingSeverityCounts={"LOW": 1})
    script.shows("COMPLETE", digest=ARM, findingSeverityCounts={"LOW": 2})
    result = create()
    assert (result.physical_id, result.data["ImageDigest"]) == (f"{NAME}@{INDEX}", INDEX)
    assert result.data["LowFindings"] == "3"
    script.done()


@pytest.mark.parametrize(
    "artifact",
    [
        ATTESTATION,
        entry(NESTED, "unknown/unknown"),
        entry(NESTED, "linux/amd64", annotations={"vnd.docker.reference.type": "something-new"}),
        entry(NESTED, artifactType="application/spdx+json"),
        entry(NESTED, media_type="application/vnd.cncf.helm.config.v1+json"),
    ],
)
def test_what_is_no_image_is_left_out(script: Script, artifact: dict[str, Any]) -> None:
    script.index(artifact, entry(AMD, "linux/amd64")).starts(AMD).shows("COMPLETE", digest=AMD)
    assert create().data["ScanStatus"] == "COMPLETE"
    script.done()


def test_an_index_without_an_image_is_unscannable(script: Script) -> None:
    script.index(ATTESTATION)
    with pytest.raises(UserError, match=r"NO_IMAGES: The image index contains no image of a platform\). To deploy"):
        create()
    script.index(ATTESTATION)
    assert create(OnUnscannable="Pass").data["ScanStatus"] == "NO_IMAGES"
    script.done()


def test_the_images_of_an_index_in_an_index_are_scanned_once_each(script: Script) -> None:
    script.index(entry(AMD, "linux/amd64"), entry(NESTED, media_type=OCI_INDEX))
    script.index(entry(AMD, "linux/amd64"), entry(ARM, "linux/arm64"), digest=NESTED)
    script.starts(AMD).starts(ARM).shows("COMPLETE", digest=AMD).shows("COMPLETE", digest=ARM)
    assert create().physical_id == f"{NAME}@{INDEX}"
    script.done()


def test_an_index_without_end_is_refused(script: Script) -> None:
    script.index(entry(NESTED, media_type=OCI_INDEX))
    for _ in range(4):
        script.index(entry(NESTED, media_type=OCI_INDEX), digest=NESTED)
    with pytest.raises(UserError, match="has more than 100 images or 5 levels of indexes"):
        create()
    script.index(*(entry(f"sha256:{number:064}", "linux/amd64") for number in range(101)))
    with pytest.raises(UserError, match="has more than 100 images or 5 levels of indexes"):
        create()


def test_an_image_that_the_index_names_and_the_repository_lacks_is_an_error(script: Script) -> None:
    script.index(*PLATFORMS).refuses("start_image_scan", "ImageNotFoundException")
    with pytest.raises(UserError, match=rf"does not contain the image {AMD} \(linux/amd64\), which the image index"):
        create()


@pytest.mark.parametrize("text", ["[]", "{", '{"manifests": [{}]}', '{"manifests": {"a": 1}}'])
def test_an_index_that_cannot_be_read_is_an_error(script: Script, text: str) -> None:
    script.named(INDEX, OCI_INDEX)
    script.ecr.add_response("batch_get_image", {"images": [{"imageManifest": text}]})
    with pytest.raises(UserError, match="manifest list of an image index cannot be read"):
        create()


def test_an_index_that_is_gone_by_now_is_an_error(script: Script) -> None:
    script.named(INDEX, OCI_INDEX)
    failure: Any = {"imageId": {"imageDigest": INDEX}, "failureCode": "ImageNotFound", "failureReason": "Gone"}
    script.ecr.add_response("batch_get_image", {"images": [], "failures": [failure]})
    with pytest.raises(UserError, match=rf"image index {NAME}@{INDEX} cannot be read \(ImageNotFound: Gone\)"):
        create()


def test_a_rollback_reads_what_is_known_of_an_index(script: Script) -> None:
    script.rolling_back(is_it=True).index(*PLATFORMS).shows("COMPLETE", digest=AMD)
    script.refuses("describe_image_scan_findings", "ScanNotFoundException")
    assert update().data["ScanStatus"] == "NOT_SCANNED"
    script.done()


def test_a_throttled_start_is_retried(script: Script) -> None:
    script.named().refuses("start_image_scan", "ThrottlingException").starts().shows("COMPLETE")
    assert create().data["ScanStatus"] == "COMPLETE"
    script.done()


# Enhanced scanning


def test_a_repository_that_inspector_does_not_scan_is_reported_at_once(script: Script) -> None:
    for _ in range(2):
        script.named().refuses("start_image_scan", "ValidationException", "This feature is disabled")
        script.refuses("describe_image_scan_findings", "ScanNotFoundException").registry("ENHANCED")
    with pytest.raises(UserError, match=r"NOT_COVERED: Amazon Inspector does not scan the repository team/app"):
        create()
    assert create(OnUnscannable="Pass").data["ScanStatus"] == "NOT_COVERED"
    script.done()


def test_a_scan_that_basic_scanning_refuses_is_reported_at_once(script: Script) -> None:
    script.named().refuses("start_image_scan", "ValidationException", "Not today.")
    script.refuses("describe_image_scan_findings", "ScanNotFoundException").registry("BASIC")
    with pytest.raises(UserError, match=r"did not start a scan of .* no earlier result.*Not today"):
        create()


def test_where_the_configuration_of_the_registry_cannot_be_read_the_scan_is_awaited(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.named().refuses("start_image_scan", "ValidationException", "This feature is disabled")
    script.refuses("describe_image_scan_findings", "ScanNotFoundException")
    script.refuses("get_registry_scanning_configuration", "AccessDeniedException").shows("ACTIVE")
    assert create().data["ScanStatus"] == "ACTIVE"
    assert "Whether Amazon Inspector scans team/app is not known" in caplog.text
    script.done()


def enhanced(name: str, fix: str) -> dict[str, Any]:
    details = {"vulnerabilityId": name}
    return {"severity": "HIGH", "fixAvailable": fix, "packageVulnerabilityDetails": details}


def test_only_findings_with_a_fix_in_full_or_in_part_may_count(script: Script) -> None:
    found = [enhanced("CVE-1", "YES"), enhanced("CVE-2", "NO"), enhanced("CVE-3", "PARTIAL")]
    script.named().refuses("start_image_scan", "ValidationException", "This feature is disabled")
    for _ in range(2):
        script.shows("ACTIVE", findingSeverityCounts={"HIGH": 3}, enhancedFindings=found)
    with pytest.raises(UserError, match=r"2 findings with a fix of severity HIGH .* Findings: CVE-1 .*, CVE-3"):
        create(OnlyFixable=True)
    script.done()


def test_a_clean_image_of_basic_scanning_is_refused_where_only_fixes_count(script: Script) -> None:
    script.named().starts().shows("COMPLETE")
    with pytest.raises(UserError, match="OnlyFixable requires enhanced scanning"):
        create(OnlyFixable=True)


def test_a_clean_image_of_enhanced_scanning_passes_where_only_fixes_count(script: Script) -> None:
    script.named().refuses("start_image_scan", "ValidationException", "This feature is disabled")
    script.shows("COMPLETE").shows("COMPLETE")
    assert create(OnlyFixable=True).data["HighFindings"] == "0"


def test_an_accepted_finding_passes_and_is_logged_with_its_reason(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    script.named().starts()
    script.shows("COMPLETE", findingSeverityCounts={"HIGH": 1}, findings=[{"name": "CVE-1", "severity": "HIGH"}])
    accepted = [{"Finding": "CVE-1", "Until": "9999-12-31", "Reason": "no exploit"}]
    result = create(Accepted=accepted)
    assert (result.data["HighFindings"], result.data["HighFindingsBeforeExceptions"]) == ("0", "1")
    assert "accepted: CVE-1 until 9999-12-31 (no exploit)" in caplog.text


# Signatures


@pytest.fixture
def clean(script: Script) -> Script:
    return script.named().starts().shows("COMPLETE")


def test_a_signature_is_a_referrer(clean: Script) -> None:
    clean.referrers(token="2").referrers(AMD, after="2")
    assert create(RequireSignature=True).physical_id == ID
    clean.done()


def test_a_signature_of_managed_signing_is_awaited(clean: Script) -> None:
    clean.referrers().signing({"status": "IN_PROGRESS"}).referrers().signing({"status": "COMPLETE"})
    assert create(RequireSignature=True).physical_id == ID
    clean.done()


@pytest.mark.parametrize(
    ("statuses", "reason"),
    [
        ([], "demands. Sign the image"),
        ([{"status": "FAILED", "failureReason": "No profile"}], "Amazon ECR failed to sign it: No profile."),
        ([{"status": "FAILED", "failureCode": "Denied"}], "Amazon ECR failed to sign it: Denied."),
    ],
)
def test_an_image_without_a_signature_stops_a_deployment(
    clean: Script, statuses: list[dict[str, Any]], reason: str
) -> None:
    clean.referrers().signing(*statuses)
    with pytest.raises(UserError, match=re.escape(reason)):
        create(RequireSignature=True)


def test_findings_and_a_missing_signature_are_reported_together(script: Script) -> None:
    script.named().starts().shows("COMPLETE", findingSeverityCounts={"HIGH": 1}).referrers().signing()
    with pytest.raises(UserError, match=r"MaxFindings allows 0\. The image team/app:v1 has no signature"):
        create(RequireSignature=True)


def test_a_signature_that_is_not_made_in_time_is_worth_another_try(script: Script) -> None:
    script.named().starts().shows("COMPLETE").referrers().signing({"status": "IN_PROGRESS"})
    slow = request("Create", properties=TAGGED | {"RequireSignature": True}, deadline=time.time())
    with pytest.raises(RetryableError, match="is not signed yet"):
        Served(ImageScanResource()).create(slow)
