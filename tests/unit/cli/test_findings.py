"""`ecrctl findings`: the gate of Custom::ECRImageScan, from a command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from ecr_controller import deadline
from ecrctl.main import app

if TYPE_CHECKING:
    from botocore.stub import Stubber
    from typer.testing import Result

    from tests.unit.cli.conftest import File

DIGEST = f"sha256:{'0a' * 32}"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "POLL_SECONDS", 0.001)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["findings", *arguments])


def scanned(answers: Stubber, image_id: dict[str, str], *findings: dict[str, str]) -> None:
    """One image, which is scanned with these findings."""
    named = {"repositoryName": "team/app", "imageIds": [image_id]}
    answers.add_response("describe_images", {"imageDetails": [{"imageDigest": DIGEST}]}, named)
    answers.add_response("start_image_scan", {"imageScanStatus": {"status": "IN_PROGRESS"}})
    counts: dict[str, int] = {}
    for each in findings:
        counts[each["severity"]] = counts.get(each["severity"], 0) + 1
    found: Any = {"imageScanCompletedAt": NOW, "findings": list(findings), "findingSeverityCounts": counts}
    answers.add_response(
        "describe_image_scan_findings", {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": found}
    )


HIGH = {"name": "CVE-1", "severity": "HIGH"}
LOW = {"name": "CVE-2", "severity": "LOW"}


@pytest.mark.parametrize(
    ("image", "image_id"),
    [
        ("team/app:v1", {"imageTag": "v1"}),
        (f"team/app@{DIGEST}", {"imageDigest": DIGEST}),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1", {"imageTag": "v1"}),
    ],
)
def test_an_image_without_severe_findings_is_allowed(answers: Stubber, image: str, image_id: dict[str, str]) -> None:
    scanned(answers, image_id, LOW)
    done = run(image, "--fail-on-severity", "HIGH")
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [f"{image.rpartition('amazonaws.com/')[2]}: COMPLETE, findings: 1 LOW"],
    )


def test_severe_findings_are_refused_with_the_reason_of_a_deployment(answers: Stubber) -> None:
    scanned(answers, {"imageTag": "v1"}, HIGH, LOW)
    done = run("team/app:v1", "--fail-on-severity", "HIGH")
    assert done.exit_code == 2
    assert done.stdout.splitlines() == [
        "team/app:v1: COMPLETE, findings: 1 HIGH, 1 LOW",
        "The image team/app:v1 has 1 finding of severity HIGH or higher (1 HIGH). MaxFindings allows 0.",
        "Findings: CVE-1 (HIGH).",
    ]


def test_all_properties_may_come_from_a_file(answers: Stubber, file: File) -> None:
    scanned(answers, {"imageTag": "v1"}, HIGH)
    accepted = [{"Finding": "CVE-1", "Until": "9999-12-31", "Reason": "none"}]
    given = file("gate.json", {"MaxFindingsBySeverity": {"HIGH": 0}, "Accepted": accepted})
    done = run("team/app:v1", "--properties-file", given, "--output", "json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert (document["allowed"], document["reasons"]) == (True, [])
    assert document["exceptions"] == ["CVE-1 until 9999-12-31 (none)"]
    assert document["attributes"]["HighFindingsBeforeExceptions"] == "1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["app"], "IMAGE: app has neither a tag nor a digest"),
        (["team/app:v1", "--max-findings", "1"], "MaxFindings: is only supported with FailOnSeverity"),
        (["team/app:v1", "--fail-on-severity", "AWFUL"], "FailOnSeverity: must be one of CRITICAL"),
        (["Team/app:v1"], "RepositoryName: must consist of lowercase letters"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_a_deployment(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr


def test_an_image_that_does_not_exist_is_an_error(answers: Stubber) -> None:
    answers.add_client_error("describe_images", "ImageNotFoundException", "There is none.", 400)
    done = run("team/app:v1")
    assert done.exit_code == 1
    assert "The repository team/app contains no image v1. Push the image" in done.stderr
