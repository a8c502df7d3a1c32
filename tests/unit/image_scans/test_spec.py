"""What the properties of Custom::ECRImageScan mean, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_controller.errors import InvalidProperties
from ecr_controller.image_scans.gate import Gate
from ecr_controller.image_scans.spec import ImageScanSpec
from ecr_controller.resources.image_scan import ImageScanResource
from tests.unit.conftest import declared as spec_of

DIGEST = "sha256:" + "0a" * 32
TAGGED = {"RepositoryName": "team/app", "ImageTag": "v1"}


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


@pytest.mark.parametrize(
    ("properties", "faults"),
    [
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
