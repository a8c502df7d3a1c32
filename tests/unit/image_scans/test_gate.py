"""What a gate allows, and the message with which it stops a deployment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_controller.image_scans.gate import Exemption, Finding, Gate, Scan, attributes
from ecr_controller.severity import SEVERITIES

IMAGE = "team/app:v1"
TODAY = date(2026, 11, 26)
CLEAN = Scan("COMPLETE")


def refusal(gate: Gate, *scans: Scan) -> str | None:
    """The reason with which the gate stops a deployment, if it does."""
    return " ".join(gate.refusals(IMAGE, scans, TODAY)) or None


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
    assert refusal(Gate("HIGH"), BAD) == (
        "The image team/app:v1 has 3 findings of severity HIGH or higher (1 CRITICAL, 2 HIGH). MaxFindings allows 0. "
        "Findings: CVE-9 (CRITICAL, openssl 1.0.0), CVE-1 (HIGH), CVE-2 (HIGH, zlib 1.2)."
    )


def test_of_many_findings_five_are_named() -> None:
    many = Scan("ACTIVE", counts={"LOW": 30}, findings=tuple(Finding(f"CVE-{n:02}", "LOW") for n in range(30)))
    reason = refusal(Gate("LOW"), many)
    assert reason is not None
    assert reason.endswith(
        "Findings: CVE-00 (LOW), CVE-01 (LOW), CVE-02 (LOW), CVE-03 (LOW), CVE-04 (LOW) and 25 more."
    )


@pytest.mark.parametrize(
    ("fail_on", "tolerated"),
    [("CRITICAL", 1), ("HIGH", 3), ("MEDIUM", 3), ("LOW", 12), ("INFORMATIONAL", 12), ("UNDEFINED", 12)],
)
def test_max_findings_allows_exactly_so_many_of_the_severity_or_higher(fail_on: str, tolerated: int) -> None:
    assert refusal(Gate(fail_on, tolerated), BAD) is None
    assert refusal(Gate(fail_on, tolerated - 1), BAD) is not None


def test_findings_that_ecr_counts_and_does_not_list_stop_a_deployment_too() -> None:
    reason = refusal(Gate("HIGH"), Scan("COMPLETE", counts={"HIGH": 1}))
    assert reason == ("The image team/app:v1 has 1 finding of severity HIGH or higher (1 HIGH). MaxFindings allows 0.")


def test_without_a_severity_nothing_that_is_found_stops_a_deployment() -> None:
    assert refusal(Gate(), BAD) is None


@pytest.mark.parametrize("gate", [Gate(), Gate("HIGH"), Gate("HIGH", 99)])
@pytest.mark.parametrize("status", ["UNSUPPORTED_IMAGE", "FAILED", "FINDINGS_UNAVAILABLE", "SOMETHING_NEW"])
def test_an_image_without_findings_stops_a_deployment_unless_it_is_to_pass(gate: Gate, status: str) -> None:
    scan = Scan(status, "The operating system is not supported.")
    assert refusal(gate, scan) == (
        f"The image team/app:v1 has no scan findings ({status}: The operating system is not supported). To deploy it "
        "without findings, set OnUnscannable: Pass."
    )
    assert refusal(Gate(gate.fail_on, passes_unscannable=True), scan) is None


def test_to_let_unscannable_images_pass_lets_no_finding_pass() -> None:
    assert refusal(Gate("CRITICAL", passes_unscannable=True), BAD) is not None


def test_attributes_have_every_count_with_absent_as_zero() -> None:
    assert attributes("sha256:1", [BAD], Gate(), TODAY) == {
        "ImageDigest": "sha256:1",
        "ScanStatus": "COMPLETE",
        "CriticalFindings": "1",
        "HighFindings": "2",
        "MediumFindings": "0",
        "LowFindings": "9",
        "InformationalFindings": "0",
        "UndefinedFindings": "0",
        "CriticalFindingsBeforeExceptions": "1",
        "HighFindingsBeforeExceptions": "2",
        "MediumFindingsBeforeExceptions": "0",
        "LowFindingsBeforeExceptions": "9",
        "InformationalFindingsBeforeExceptions": "0",
        "UndefinedFindingsBeforeExceptions": "0",
    }


@pytest.mark.parametrize("severity", ["UNDEFINED", "UNTRIAGED", "BRAND_NEW"])
def test_a_severity_without_a_rank_counts_as_undefined(severity: str) -> None:
    odd = Scan("ACTIVE", counts={severity: 2}, findings=(Finding("CVE-1", severity),))
    assert attributes("sha256:1", [odd], Gate(), TODAY)["UndefinedFindings"] == "2"
    assert refusal(Gate("INFORMATIONAL"), odd) is None
    reason = refusal(Gate("UNDEFINED"), odd)
    assert reason is not None
    assert f"CVE-1 ({severity})" in reason


def test_what_was_not_scanned_has_no_counts() -> None:
    assert set(attributes("sha256:1", [Scan("FAILED")], Gate(), TODAY).values()) == {"sha256:1", "FAILED", "unknown"}


def test_a_clean_image_passes() -> None:
    assert refusal(Gate("UNDEFINED"), CLEAN) is None


# Indexes

AMD = Scan("COMPLETE", counts={"CRITICAL": 1}, findings=(Finding("CVE-1", "CRITICAL"),), platform="linux/amd64")
ARM = Scan("COMPLETE", counts={"HIGH": 1}, findings=(Finding("CVE-2", "HIGH", "zlib 1.2"),), platform="linux/arm64")


def test_the_findings_of_all_images_of_an_index_count_and_each_names_its_platform() -> None:
    assert refusal(Gate("HIGH", 1), ARM, AMD) == (
        "The image team/app:v1 has 2 findings of severity HIGH or higher (1 CRITICAL, 1 HIGH). MaxFindings allows 1. "
        "Findings: CVE-1 (CRITICAL) in linux/amd64, CVE-2 (HIGH, zlib 1.2) in linux/arm64."
    )
    assert refusal(Gate("HIGH", 2), ARM, AMD) is None


def test_one_image_that_cannot_be_scanned_stops_the_index_unless_it_is_to_pass() -> None:
    odd = Scan("UNSUPPORTED_IMAGE", platform="windows/amd64")
    assert refusal(Gate(), ARM, odd) == (
        "The image team/app:v1 in windows/amd64 has no scan findings (UNSUPPORTED_IMAGE). To deploy it without "
        "findings, set OnUnscannable: Pass."
    )
    passes = Gate("CRITICAL", passes_unscannable=True)
    assert refusal(passes, ARM, odd) is None
    assert refusal(passes, AMD, odd) is not None
    shown = attributes("sha256:1", [AMD, odd], passes, TODAY)
    assert (shown["ScanStatus"], shown["CriticalFindings"]) == ("UNSUPPORTED_IMAGE", "1")


# Limits for single severities


def test_each_severity_may_have_a_limit_of_its_own() -> None:
    gate = Gate(by_severity={"CRITICAL": 0, "HIGH": 1})
    assert refusal(gate, ARM) is None
    assert refusal(gate, AMD, ARM) == (
        "The image team/app:v1 has 1 finding of severity CRITICAL. MaxFindingsBySeverity allows 0. Findings: CVE-1 "
        "(CRITICAL) in linux/amd64, CVE-2 (HIGH, zlib 1.2) in linux/arm64."
    )


def test_all_limits_that_are_exceeded_are_named() -> None:
    reason = refusal(Gate("HIGH", by_severity={"CRITICAL": 0}), AMD)
    assert reason is not None
    assert "MaxFindings allows 0." in reason
    assert "MaxFindingsBySeverity allows 0." in reason


# Exceptions


def accepted(name: str, days: int = 0) -> Exemption:
    return Exemption(name, TODAY + timedelta(days=days), "no exploit")


def test_an_accepted_finding_does_not_count_on_its_last_day_and_counts_on_the_next() -> None:
    assert refusal(Gate("HIGH", accepted=(accepted("CVE-1"), accepted("CVE-2"))), AMD, ARM) is None
    ended = Gate("HIGH", accepted=(accepted("CVE-1", -1), accepted("CVE-2"), accepted("CVE-3", -9)))
    assert refusal(ended, AMD, ARM) == (
        "The image team/app:v1 has 1 finding of severity HIGH or higher (1 CRITICAL). MaxFindings allows 0. Findings: "
        "CVE-1 (CRITICAL) in linux/amd64. Exceptions in Accepted that have ended: CVE-1 on 2026-11-25."
    )


def test_an_exception_is_for_the_whole_name() -> None:
    assert refusal(Gate("HIGH", accepted=(accepted("CVE-11"),)), AMD) is not None


def test_findings_that_are_counted_and_not_listed_are_never_accepted() -> None:
    more = replace(AMD, counts={"CRITICAL": 2})
    reason = refusal(Gate("HIGH", accepted=(accepted("CVE-1"),)), more)
    assert reason == (
        "The image team/app:v1 has 1 finding of severity HIGH or higher (1 CRITICAL). MaxFindings allows 0."
    )


def test_attributes_show_the_findings_after_exceptions_and_before() -> None:
    shown = attributes("sha256:1", [AMD, ARM], Gate("HIGH", accepted=(accepted("CVE-1"),)), TODAY)
    assert (shown["CriticalFindings"], shown["CriticalFindingsBeforeExceptions"]) == ("0", "1")
    assert (shown["HighFindings"], shown["HighFindingsBeforeExceptions"]) == ("1", "1")


def test_only_exceptions_that_are_needed_are_named() -> None:
    gate = Gate("HIGH", accepted=(accepted("CVE-1"), accepted("CVE-2", -1), accepted("CVE-9")))
    assert list(map(str, gate.used([AMD, ARM], TODAY))) == ["CVE-1 until 2026-11-26 (no exploit)"]


# Fixes


def test_findings_without_a_fix_do_not_count_where_only_those_with_one_do() -> None:
    found = (Finding("CVE-1", "HIGH", has_fix=False), Finding("CVE-2", "HIGH", has_fix=True))
    scan = Scan("ACTIVE", counts={"HIGH": 3}, findings=found, is_enhanced=True)
    assert refusal(Gate("HIGH", 1, only_fixable=True), scan) == (
        "The image team/app:v1 has 2 findings with a fix of severity HIGH or higher (2 HIGH). MaxFindings allows 1. "
        "Findings: CVE-2 (HIGH) and 1 more."
    )
    assert refusal(Gate("HIGH", 2, only_fixable=True), scan) is None


@pytest.mark.parametrize(
    ("scan", "refused"),
    [
        (Scan("COMPLETE", is_enhanced=False), True),
        (Scan("COMPLETE", counts={"LOW": 1}), True),
        (Scan("COMPLETE"), False),
        (Scan("ACTIVE", is_enhanced=True), False),
        (Scan("FAILED", is_enhanced=False), False),
    ],
)
def test_basic_scanning_does_not_know_of_fixes(scan: Scan, refused: bool) -> None:
    reason = refusal(Gate("CRITICAL", only_fixable=True, passes_unscannable=True), scan)
    assert ("OnlyFixable requires enhanced scanning" in (reason or "")) is refused


SEVERITY = st.sampled_from(SEVERITIES)
FINDINGS = st.lists(st.builds(Finding, st.sampled_from(["CVE-1", "CVE-2", "CVE-3"]), SEVERITY, has_fix=st.booleans()))


@given(FINDINGS, st.dictionaries(SEVERITY, st.integers(0, 5)), st.booleans(), st.sets(st.sampled_from(["CVE-1"])))
def test_what_ecr_counts_always_counts_but_for_what_is_listed_and_exempt(
    found: list[Finding], counts: dict[str, int], only_fixable: bool, names: set[str]
) -> None:
    scan = Scan("ACTIVE", counts=counts, findings=tuple(found), is_enhanced=True)
    gate = Gate("HIGH", only_fixable=only_fixable, accepted=tuple(map(accepted, names)))
    counted = gate.counted([scan], TODAY)
    for severity in SEVERITIES:
        listed = [each for each in found if each.severity == severity]
        exempt = [each for each in listed if each.name in names or (only_fixable and not each.has_fix)]
        assert counted[severity] == max(counts.get(severity, 0), len(listed)) - len(exempt)
