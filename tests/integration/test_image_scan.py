"""``Custom::ECRImageScan`` as a user meets it: an image is scanned, and a stack goes on or stops."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.image_scans.gate import Gate, Scan, attributes
from local import ROOT
from local.images import push_as_buildx, push_image, push_index, push_referrer
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator
    from local.stack import Stack

    Template = Callable[..., str]

ATTRIBUTES = tuple(attributes("", [Scan("")], Gate(), date.min))


@pytest.fixture
def scan_template(controller_stack: str) -> Template:
    """Makes a template with one Custom::ECRImageScan with the given properties, and other resources."""

    def make(properties: dict[str, Any], **more: Any) -> str:
        token = {"Fn::ImportValue": f"{controller_stack}-ECRImageScan"}
        scan = {"Type": "Custom::ECRImageScan", "Properties": {"ServiceToken": token, **properties}}
        outputs: dict[str, Any] = {name: {"Value": {"Fn::GetAtt": ["Scan", name]}} for name in ATTRIBUTES}
        outputs["Ref"] = {"Value": {"Ref": "Scan"}}
        return json.dumps({"Resources": {"Scan": scan} | more, "Outputs": outputs})

    return make


@pytest.fixture
def repository(ecr: ECRClient, name: str) -> str:
    ecr.create_repository(repositoryName=name)
    return name


def test_a_clean_image_passes_and_its_digest_and_counts_are_given(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    digest = push_image(ecr, repository, "v1", findings="LOW=2")
    declared = {"RepositoryName": repository, "ImageTag": "v1", "FailOnSeverity": "MEDIUM"}
    deployed = stack.deploy(scan_template(declared))
    assert deployed.succeeded, deployed
    assert deployed.outputs == {
        "Ref": f"{repository}@{digest}",
        "ImageDigest": digest,
        "ScanStatus": "COMPLETE",
        "CriticalFindings": "0",
        "HighFindings": "0",
        "MediumFindings": "0",
        "LowFindings": "2",
        "InformationalFindings": "0",
        "UndefinedFindings": "0",
        "CriticalFindingsBeforeExceptions": "0",
        "HighFindingsBeforeExceptions": "0",
        "MediumFindingsBeforeExceptions": "0",
        "LowFindingsBeforeExceptions": "2",
        "InformationalFindingsBeforeExceptions": "0",
        "UndefinedFindingsBeforeExceptions": "0",
    }
    assert stack.delete().succeeded


def test_a_bad_image_stops_the_stack_with_the_worst_findings_by_name(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    digest = push_image(ecr, repository, "v1", findings="LOW=40,HIGH=2,CRITICAL=1")
    stopped = stack.deploy(
        scan_template({"RepositoryName": repository, "ImageDigest": digest, "FailOnSeverity": "HIGH"})
    )
    assert stopped.status == "ROLLBACK_COMPLETE"
    [reason] = stopped.reasons
    assert f"{repository}@{digest} has 3 findings of severity HIGH or higher (1 CRITICAL, 2 HIGH)" in reason
    assert "MaxFindings allows 0. Findings: CVE-2026-" in reason
    assert "(CRITICAL, package-42 1.0.0), CVE-2026-" in reason


def test_as_many_findings_as_are_tolerated_pass_and_one_more_stops(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    push_image(ecr, repository, "v1", findings="CRITICAL=1,HIGH=2")
    declared = {"RepositoryName": repository, "ImageTag": "v1", "FailOnSeverity": "HIGH"}
    assert stack.deploy(scan_template(declared | {"MaxFindings": 3})).succeeded
    # The same image again: what is known of it is judged anew.
    stopped = stack.deploy(scan_template(declared | {"MaxFindings": 2}))
    assert stopped.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "MaxFindings allows 2" in stopped.reasons[0]


@pytest.mark.parametrize("status", ["UNSUPPORTED_IMAGE", "FAILED"])
def test_an_image_whose_scan_finds_nothing_out_fails_unless_it_is_to_pass(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str, status: str
) -> None:
    push_image(ecr, repository, "v1", scan_status=status)
    declared = {"RepositoryName": repository, "ImageTag": "v1"}
    stopped = stack.deploy(scan_template(declared))
    assert f"has no scan findings ({status}" in stopped.reasons[0]
    stack.delete()

    stack.id = ""
    passed = stack.deploy(scan_template(declared | {"OnUnscannable": "Pass"}))
    assert passed.succeeded, passed
    assert (passed.outputs["ScanStatus"], passed.outputs["CriticalFindings"]) == (status, "unknown")


# Indexes, as buildx pushes them

TOMORROW = datetime.now(UTC).date() + timedelta(days=1)
BUILT = {"linux/amd64": "LOW=1", "linux/arm64": "LOW=2,CRITICAL=1"}


def test_an_index_is_stopped_by_a_finding_of_one_platform_and_passes_with_an_exception(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    pushed = push_as_buildx(ecr, repository, "v1", BUILT)
    declared = {"RepositoryName": repository, "ImageTag": "v1", "FailOnSeverity": "HIGH"}
    stopped = stack.deploy(scan_template(declared))
    assert stopped.status == "ROLLBACK_COMPLETE"
    found = re.search(r"Findings: (CVE-\S+) \(CRITICAL, package-\d+ 1.0.0\) in linux/arm64\.", stopped.reasons[0])
    assert found is not None, stopped.reasons
    assert stack.delete().succeeded

    stack.id = ""
    accepted = [{"Finding": found[1], "Until": str(TOMORROW), "Reason": "not reachable"}]
    passed = stack.deploy(scan_template(declared | {"Accepted": accepted}))
    assert passed.succeeded, passed
    assert (passed.outputs["Ref"], passed.outputs["ImageDigest"]) == (f"{repository}@{pushed.index}", pushed.index)
    assert (passed.outputs["LowFindings"], passed.outputs["CriticalFindings"]) == ("3", "0")
    assert passed.outputs["CriticalFindingsBeforeExceptions"] == "1"
    for attestation in pushed.attestations.values():
        with pytest.raises(ecr.exceptions.ScanNotFoundException):
            ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageDigest": attestation})


def test_a_pipeline_judges_an_index_by_the_command_line(aws: Emulator, ecr: ECRClient, repository: str) -> None:
    push_as_buildx(ecr, repository, "v1", BUILT)
    command = ["ecrctl", "findings", f"{repository}:v1", "--fail-on-severity", "HIGH"]
    done = subprocess.run(command, env=aws.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "(CRITICAL, package-2 1.0.0) in linux/arm64." in done.stdout


def test_one_image_of_an_index_can_be_scanned_by_its_digest(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    pushed = push_as_buildx(ecr, repository, "v1", BUILT)
    image = {"RepositoryName": repository, "ImageDigest": pushed.images["linux/amd64"], "FailOnSeverity": "HIGH"}
    deployed = stack.deploy(scan_template(image))
    assert deployed.succeeded, deployed
    assert (deployed.outputs["LowFindings"], deployed.outputs["CriticalFindings"]) == ("1", "0")


def test_an_index_of_attestations_alone_cannot_be_scanned(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    push_index(ecr, repository, "v1", [])
    stopped = stack.deploy(scan_template({"RepositoryName": repository, "ImageTag": "v1"}))
    assert "(NO_IMAGES: The image index contains no image of a platform)" in stopped.reasons[0]


def test_a_single_severity_may_have_a_limit(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    push_as_buildx(ecr, repository, "v1", BUILT)
    declared = {"RepositoryName": repository, "ImageTag": "v1"}
    assert stack.deploy(scan_template(declared | {"MaxFindingsBySeverity": {"CRITICAL": 1}})).succeeded
    stopped = stack.deploy(scan_template(declared | {"MaxFindingsBySeverity": {"CRITICAL": 1, "LOW": 2}}))
    assert "has 3 findings of severity LOW. MaxFindingsBySeverity allows 2." in stopped.reasons[0]


def test_a_signature_may_be_required(stack: Stack, scan_template: Template, ecr: ECRClient, repository: str) -> None:
    pushed = push_as_buildx(ecr, repository, "v1", {"linux/amd64": None})
    declared = {"RepositoryName": repository, "ImageTag": "v1", "RequireSignature": True}
    stopped = stack.deploy(scan_template(declared))
    assert f"Sign the image {pushed.index}" in stopped.reasons[0]
    stack.delete()

    stack.id = ""
    push_referrer(ecr, repository, pushed.index)
    assert stack.deploy(scan_template(declared)).succeeded
    push_image(ecr, repository, "v2", signing_status="COMPLETE")
    assert stack.deploy(scan_template(declared | {"ImageTag": "v2"})).succeeded


# Enhanced scanning


@pytest.fixture
def enhanced(ecr: ECRClient, repository: str) -> Iterator[Callable[..., None]]:
    """Turns on enhanced scanning, by default of the repository of the test; it is off again after the test."""

    def turn_on(frequency: str, pattern: str = "") -> None:
        filters = [{"filter": pattern or repository, "filterType": "WILDCARD"}]
        rules: Any = [{"scanFrequency": frequency, "repositoryFilters": filters}]
        ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=rules)

    before = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    yield turn_on
    ecr.put_registry_scanning_configuration(scanType=before["scanType"], rules=before["rules"])


ON_EMULATOR = pytest.mark.skipif(ON_REAL_AWS, reason="enhanced scanning is of the registry, and costs")


@ON_EMULATOR
@pytest.mark.parametrize("frequency", ["SCAN_ON_PUSH", "CONTINUOUS_SCAN"])
def test_the_first_scan_of_inspector_is_awaited(
    stack: Stack,
    scan_template: Template,
    ecr: ECRClient,
    repository: str,
    enhanced: Callable[..., None],
    frequency: str,
) -> None:
    enhanced(frequency)
    push_image(ecr, repository, "v1", findings="CRITICAL=1")
    stopped = stack.deploy(scan_template({"RepositoryName": repository, "ImageTag": "v1", "FailOnSeverity": "HIGH"}))
    assert "has 1 finding of severity HIGH or higher (1 CRITICAL)" in stopped.reasons[0]


@ON_EMULATOR
def test_a_repository_that_inspector_does_not_scan_is_reported_at_once(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str, enhanced: Callable[..., None]
) -> None:
    enhanced("CONTINUOUS_SCAN", "others/*")
    push_image(ecr, repository, "v1")
    stopped = stack.deploy(scan_template({"RepositoryName": repository, "ImageTag": "v1"}))
    assert f"NOT_COVERED: Amazon Inspector does not scan the repository {repository}" in stopped.reasons[0]


@ON_EMULATOR
def test_only_findings_with_a_fix_may_count(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str, enhanced: Callable[..., None]
) -> None:
    declared = {"RepositoryName": repository, "FailOnSeverity": "HIGH", "OnlyFixable": True}
    push_image(ecr, repository, "basic")
    stopped = stack.deploy(scan_template(declared | {"ImageTag": "basic"}))
    assert "OnlyFixable requires enhanced scanning" in stopped.reasons[0]
    stack.delete()

    stack.id = ""
    enhanced("CONTINUOUS_SCAN")
    push_image(ecr, repository, "v1", content="v1", findings="HIGH=2", fix="NO")
    passed = stack.deploy(scan_template(declared | {"ImageTag": "v1"}))
    assert passed.succeeded, passed
    assert (passed.outputs["HighFindings"], passed.outputs["HighFindingsBeforeExceptions"]) == ("0", "2")
    push_image(ecr, repository, "v2", content="v2", findings="HIGH=1", fix="PARTIAL")
    stopped = stack.deploy(scan_template(declared | {"ImageTag": "v2"}))
    assert "has 1 finding with a fix of severity HIGH or higher" in stopped.reasons[0]


def test_a_second_deployment_within_a_day_takes_the_fresh_result(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    digest = push_image(ecr, repository, "v1", findings="MEDIUM=4")
    ecr.start_image_scan(repositoryName=repository, imageId={"imageDigest": digest})
    deployed = stack.deploy(scan_template({"RepositoryName": repository, "ImageTag": "v1", "FailOnSeverity": "HIGH"}))
    assert deployed.succeeded, deployed
    assert deployed.outputs["MediumFindings"] == "4"


def test_another_image_takes_the_place_of_the_first(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    digests = [push_image(ecr, repository, tag, content=tag) for tag in ("v1", "v2")]
    for tag, digest in zip(("v1", "v2"), digests, strict=True):
        deployed = stack.deploy(scan_template({"RepositoryName": repository, "ImageTag": tag}))
        assert deployed.succeeded, deployed
        assert deployed.outputs["Ref"] == f"{repository}@{digest}"


def test_a_rollback_is_never_stopped_by_a_scan(
    stack: Stack, scan_template: Template, ecr: ECRClient, repository: str
) -> None:
    push_image(ecr, repository, "stable", content="good")
    push_image(ecr, repository, "v2", content="good too")
    declared = {"RepositoryName": repository, "FailOnSeverity": "LOW"}
    assert stack.deploy(scan_template(declared | {"ImageTag": "stable"})).succeeded
    push_image(ecr, repository, "stable", content="bad", findings="CRITICAL=1")
    failing = json.loads(scan_template({"RepositoryName": repository, "ImageTag": "nope"}))["Resources"]["Scan"]

    rolled_back = stack.deploy(scan_template(declared | {"ImageTag": "v2"}, Failing=failing | {"DependsOn": "Scan"}))

    assert any("nope" in reason for reason in rolled_back.reasons)
    assert rolled_back.status == "UPDATE_ROLLBACK_COMPLETE", rolled_back


def test_an_image_outside_the_bounds_of_the_controller_cannot_be_scanned(
    stack: Stack, scan_template: Template, ecr: ECRClient, prefix: str
) -> None:
    foreign = f"foreign-{prefix}"
    ecr.create_repository(repositoryName=foreign)
    try:
        push_image(ecr, foreign, "v1")
        stopped = stack.deploy(scan_template({"RepositoryName": foreign, "ImageTag": "v1"}))
    finally:
        ecr.delete_repository(repositoryName=foreign, force=True)
    assert f"may not manage {foreign}" in stopped.reasons[0]


def test_the_example_releases_what_was_scanned_and_keeps_it_when_the_next_image_is_bad(
    stack: Stack, controller_stack: str, ecr: ECRClient, repository: str
) -> None:
    example = (ROOT / "examples" / "scan-gate.yaml").read_text(encoding="utf-8")
    given = {"Controller": controller_stack, "RepositoryName": repository}
    digest = push_image(ecr, repository, "v1", findings="LOW=1")
    push_image(ecr, repository, "v2", findings="HIGH=1")

    released = stack.deploy(example, **given, ImageTag="v1")
    assert released.succeeded, released
    assert released.outputs["Image"].endswith(f"/{repository}@{digest}")
    assert released.outputs["LowFindings"] == "1"

    stopped = stack.deploy(example, **given, ImageTag="v2")
    assert stopped.status == "UPDATE_ROLLBACK_COMPLETE"
    assert f"{repository}:v2 has 1 finding of severity HIGH or higher" in stopped.reasons[0]
    assert stopped.outputs["Image"] == released.outputs["Image"]
