"""What a gate allows, and the message with which it stops a deployment."""

from __future__ import annotations

import pytest

from ecr_controller.image_scans.gate import Finding, Gate, Scan, attributes

IMAGE = "team/app:v1"
CLEAN = Scan("COMPLETE")
BAD = Scan(
    "COMPLETE",
    counts={"HIGH": 2, "CRITICAL": 1, "LOW": 9},
    findings=(
        Finding("CVE-3", "LOW", "bash 5.0"),
        Finding("CVE-2", "HIGH", "zlib 1.2"),
        Finding("CVE-1", "HIGH"),
        Finding("CVE-9", "CRITICAL", "openssl 1.0.0"),
    ),
)


def test_findings_of_the_severity_or_higher_stop_a_deployment_and_the_most_severe_are_named_first() -> None:
    assert Gate("HIGH").refusal(IMAGE, BAD) == (
        "The image team/app:v1 has 3 findings of severity HIGH or higher (1 CRITICAL, 2 HIGH). MaxFindings allows 0. "
        "Findings: CVE-9 (CRITICAL, openssl 1.0.0), CVE-1 (HIGH), CVE-2 (HIGH, zlib 1.2)."
    )


def test_of_many_findings_five_are_named() -> None:
    many = Scan("ACTIVE", counts={"LOW": 30}, findings=tuple(Finding(f"CVE-{n:02}", "LOW") for n in range(30)))
    reason = Gate("LOW").refusal(IMAGE, many)
    assert reason is not None
    assert reason.endswith(
        "Findings: CVE-00 (LOW), CVE-01 (LOW), CVE-02 (LOW), CVE-03 (LOW), CVE-04 (LOW) and 25 more."
    )


@pytest.mark.parametrize(
    ("fail_on", "tolerated"),
    [("CRITICAL", 1), ("HIGH", 3), ("MEDIUM", 3), ("LOW", 12), ("INFORMATIONAL", 12), ("UNDEFINED", 12)],
)
def test_max_findings_allows_exactly_so_many_of_the_severity_or_higher(fail_on: str, tolerated: int) -> None:
    assert Gate(fail_on, tolerated).refusal(IMAGE, BAD) is None
    assert Gate(fail_on, tolerated - 1).refusal(IMAGE, BAD) is not None


def test_findings_that_ecr_counts_and_does_not_list_stop_a_deployment_too() -> None:
    reason = Gate("HIGH").refusal(IMAGE, Scan("COMPLETE", counts={"HIGH": 1}))
    assert reason == ("The image team/app:v1 has 1 finding of severity HIGH or higher (1 HIGH). MaxFindings allows 0.")


def test_without_a_severity_nothing_that_is_found_stops_a_deployment() -> None:
    assert Gate().refusal(IMAGE, BAD) is None


@pytest.mark.parametrize("gate", [Gate(), Gate("HIGH"), Gate("HIGH", 99)])
@pytest.mark.parametrize("status", ["UNSUPPORTED_IMAGE", "FAILED", "FINDINGS_UNAVAILABLE", "SOMETHING_NEW"])
def test_an_image_without_findings_stops_a_deployment_unless_it_is_to_pass(gate: Gate, status: str) -> None:
    scan = Scan(status, "The operating system is not supported.")
    assert gate.refusal(IMAGE, scan) == (
        f"The image team/app:v1 has no scan findings ({status}: The operating system is not supported). To deploy it "
        "without findings, set OnUnscannable: Pass."
    )
    assert Gate(gate.fail_on, passes_unscannable=True).refusal(IMAGE, scan) is None


def test_to_let_unscannable_images_pass_lets_no_finding_pass() -> None:
    assert Gate("CRITICAL", passes_unscannable=True).refusal(IMAGE, BAD) is not None


def test_attributes_have_every_count_with_absent_as_zero() -> None:
    assert attributes("sha256:1", BAD) == {
        "ImageDigest": "sha256:1",
        "ScanStatus": "COMPLETE",
        "CriticalFindings": "1",
        "HighFindings": "2",
        "MediumFindings": "0",
        "LowFindings": "9",
        "InformationalFindings": "0",
        "UndefinedFindings": "0",
    }


@pytest.mark.parametrize("severity", ["UNDEFINED", "UNTRIAGED", "BRAND_NEW"])
def test_a_severity_without_a_rank_counts_as_undefined(severity: str) -> None:
    odd = Scan("ACTIVE", counts={severity: 2}, findings=(Finding("CVE-1", severity),))
    assert attributes("sha256:1", odd)["UndefinedFindings"] == "2"
    assert Gate("INFORMATIONAL").refusal(IMAGE, odd) is None
    reason = Gate("UNDEFINED").refusal(IMAGE, odd)
    assert reason is not None
    assert f"CVE-1 ({severity})" in reason


def test_what_was_not_scanned_has_no_counts() -> None:
    assert set(attributes("sha256:1", Scan("FAILED")).values()) == {"sha256:1", "FAILED", "unknown"}


def test_a_clean_image_passes() -> None:
    assert Gate("UNDEFINED").refusal(IMAGE, CLEAN) is None
