"""What the properties of Custom::ECRImageScan mean, and which are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_controller.errors import InvalidProperties
from ecr_controller.image_scans.gate import Gate
from ecr_controller.image_scans.spec import Declaration, read

EVENTS = Path(__file__).parents[3] / "events" / "image_scan"
DIGEST = "sha256:" + "0a" * 32
TAGGED = {"RepositoryName": "team/app", "ImageTag": "v1"}


def test_an_image_is_named_by_its_tag_and_tolerates_everything_but_being_unscannable() -> None:
    declared = read(TAGGED)
    assert declared == Declaration("team/app", {"imageTag": "v1"}, Gate())
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
        ({"RepositoryName": "team/app"}, ["ImageTag: is required, or ImageDigest in its place"]),
        (TAGGED | {"ImageDigest": DIGEST}, ["ImageDigest: cannot be combined with ImageTag"]),
        (TAGGED | {"MaxFindings": "3"}, ["MaxFindings: goes only with FailOnSeverity"]),
        (
            {"ImageTag": "-v1", "FailOnSeverity": "AWFUL", "MaxFindings": "-1", "OnUnscannable": "Maybe"},
            ["RepositoryName", "ImageTag", "FailOnSeverity", "MaxFindings", "OnUnscannable"],
        ),
        ({"RepositoryName": "team/app", "ImageDigest": "sha256:1"}, ["ImageDigest: must be `sha256:`"]),
        (TAGGED | {"FailOnSeverty": "HIGH"}, ["FailOnSeverty: is not a known property (did you mean FailOnSeverity?)"]),
    ],
)
def test_every_fault_is_told(properties: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(InvalidProperties) as refused:
        read(properties)
    assert len(refused.value.faults) == len(faults)
    for fault in faults:
        assert fault in str(refused.value)


@pytest.mark.parametrize("event", sorted(path.stem for path in EVENTS.glob("*.json")))
def test_each_event_for_a_local_invocation_is_what_its_name_says(event: str) -> None:
    told = json.loads((EVENTS / f"{event}.json").read_text(encoding="utf-8"))
    assert told["RequestType"] == {"delete": "Delete", "update": "Update", "replace": "Update"}.get(event, "Create")
    if event == "bad-properties":
        with pytest.raises(InvalidProperties, match="5 invalid properties"):
            read(told["ResourceProperties"])
    else:
        assert read(told["ResourceProperties"]).repository == "team/app"
