"""What the properties of Custom::ECRImageScan mean, and which are refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ecr_controller.errors import InvalidProperties
from ecr_controller.image_scans.gate import Exemption, Gate
from ecr_controller.image_scans.spec import ImageScanSpec
from ecr_controller.resources.image_scan import ImageScanResource
from tests.unit.conftest import declared as spec_of

DIGEST = "sha256:" + "0a" * 32
TAGGED = {"RepositoryName": "team/app", "ImageTag": "v1"}
GATED = TAGGED | {"FailOnSeverity": "HIGH"}
ACCEPTED = {"Finding": "CVE-1", "Until": "2026-12-31", "Reason": "none"}


def read(properties: dict[str, Any]) -> ImageScanSpec:
    found: ImageScanSpec = spec_of(ImageScanResource(), properties)
    return found


def test_an_image_is_named_by_its_tag_and_tolerates_everything_but_being_unscannable() -> None:
    declared = read(TAGGED)
    assert declared == ImageScanSpec("team/app", {"imageTag": "v1"}, Gate())
    assert declared.name == "team/app:v1"


def test_an_image_is_named_by_its_digest() -> None:
    declared = read({"RepositoryName": "team/app", "ImageDigest": DIGEST})
    assert declared.image_id == {"imageDigest": DIGEST}
    assert declared.name == f"team/app@{DIGEST}"


def test_what_is_tolerated_comes_as_strings() -> None:
    declared = read(TAGGED | {"FailOnSeverity": "HIGH", "MaxFindings": "3", "OnUnscannable": "Pass"})
    assert declared.gate == Gate("HIGH", 3, passes_unscannable=True)


def test_limits_exceptions_and_a_signature_may_be_declared() -> None:
    declared = read(
        TAGGED
        | {
            "MaxFindingsBySeverity": {"CRITICAL": "0", "HIGH": "5"},
            "OnlyFixable": "true",
            "Accepted": [ACCEPTED],
            "RequireSignature": "true",
        }
    )
    accepted = (Exemption("CVE-1", date(2026, 12, 31), "none"),)
    assert declared.gate == Gate(by_severity={"CRITICAL": 0, "HIGH": 5}, only_fixable=True, accepted=accepted)
    assert declared.requires_signature


def test_a_tag_has_up_to_300_characters() -> None:
    assert read(TAGGED | {"ImageTag": "x" * 300}).image_id == {"imageTag": "x" * 300}


@pytest.mark.parametrize(
    ("properties", "faults"),
    [
        (TAGGED | {"ImageTag": "x" * 301}, ["ImageTag: must have at most 300 characters"]),
        (TAGGED | {"Accepted": [ACCEPTED]}, ["Accepted: is only supported with FailOnSeverity or MaxFindingsBySev"]),
        (TAGGED | {"OnlyFixable": "true"}, ["OnlyFixable: is only supported with FailOnSeverity or MaxFindingsBySev"]),
        (TAGGED | {"MaxFindingsBySeverity": {}}, ["MaxFindingsBySeverity: must have at least one severity"]),
        (
            TAGGED | {"FailOnSeverity": "HIGH", "MaxFindingsBySeverity": {"AWFUL": "1", "HIGH": "x"}},
            ["MaxFindingsBySeverity.AWFUL: is not a known", "MaxFindingsBySeverity.HIGH: must be an integer"],
        ),
        (
            GATED | {"Accepted": [None, "text", ACCEPTED | {"Until": "2026-02-30"}, ACCEPTED | {"Until": "soon"}, {}]},
            [
                *(
                    "Accepted[0]",
                    "Accepted[1]",
                    "Accepted[2].Until: 2026-02-30 is not a date",
                    "Accepted[3].Until: must",
                ),
                *("Accepted[4].Finding: is required", "Accepted[4].Until", "Accepted[4].Reason"),
            ],
        ),
        (
            GATED | {"Accepted": [ACCEPTED, ACCEPTED | {"Until": "2027-01-01"}]},
            ["Accepted: has 2 entries for CVE-1; keep one of them"],
        ),
        (GATED | {"Accepted": []}, ["Accepted"]),
        ({"RepositoryName": "team/app"}, ["ImageTag: is required unless ImageDigest is declared"]),
        (TAGGED | {"ImageDigest": DIGEST}, ["ImageDigest: cannot be combined with ImageTag"]),
        (TAGGED | {"MaxFindings": "3"}, ["MaxFindings: is only supported with FailOnSeverity"]),
        (
            {"ImageTag": "-v1", "FailOnSeverity": "AWFUL", "MaxFindings": "-1", "OnUnscannable": "Maybe"},
            ["RepositoryName", "ImageTag", "FailOnSeverity", "MaxFindings", "OnUnscannable"],
        ),
        ({"RepositoryName": "team/app", "ImageDigest": "sha256:1"}, ["ImageDigest: must be `sha256:`"]),
        (TAGGED | {"FailOnSeverty": "HIGH"}, ["FailOnSeverty: is not a known property (did you mean FailOnSeverity?)"]),
    ],
)
def test_every_fault_is_reported(properties: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(InvalidProperties) as refused:
        read(properties)
    assert len(refused.value.faults) == len(faults)
    for fault in faults:
        assert fault in str(refused.value)
