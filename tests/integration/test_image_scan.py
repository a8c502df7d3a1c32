"""``Custom::ECRImageScan`` as a user meets it: an image is scanned, and a stack goes on or stops."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.image_scans.gate import Gate, Scan, attributes
from local import ROOT
from local.images import push_image, push_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

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


def test_an_index_is_not_scanned_itself(stack: Stack, scan_template: Template, ecr: ECRClient, repository: str) -> None:
    push_index(ecr, repository, "v1", [push_image(ecr, repository, None)])
    stopped = stack.deploy(scan_template({"RepositoryName": repository, "ImageTag": "v1"}))
    assert "has no scan findings (UNSUPPORTED_IMAGE: The image's manifest media type" in stopped.reasons[0]


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
