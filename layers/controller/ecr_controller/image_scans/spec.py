"""What the properties of ``Custom::ECRImageScan`` declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.image_scans.gate import Gate

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.errors import Faults


@dataclass(frozen=True, slots=True)
class ImageScanSpec:
    """An image of a repository, by a tag or by its digest, and the findings that are allowed."""

    repository: str
    image_id: ImageIdentifierTypeDef
    gate: Gate

    @property
    def name(self) -> str:
        """``team/app:v1`` or ``team/app@sha256:…``: the image as the template names it."""
        tag = self.image_id.get("imageTag")
        return f"{self.repository}:{tag}" if tag else f"{self.repository}@{self.image_id['imageDigest']}"


def parse_image_scan(values: Values, faults: Faults) -> ImageScanSpec | None:
    """The scan that the properties declare."""
    _validate_combinations(values, faults)
    image_id: ImageIdentifierTypeDef = {}
    if "ImageTag" in values:
        image_id = {"imageTag": values["ImageTag"]}
    elif "ImageDigest" in values:
        image_id = {"imageDigest": values["ImageDigest"]}
    if not image_id or "RepositoryName" not in values:
        return None
    gate = Gate(
        fail_on=values.get("FailOnSeverity"),
        max_findings=values.get("MaxFindings", 0),
        passes_unscannable=values.get("OnUnscannable") == "Pass",
    )
    return ImageScanSpec(values["RepositoryName"], image_id, gate)


def _validate_combinations(values: Values, faults: Faults) -> None:
    if values.declares("ImageTag") and values.declares("ImageDigest"):
        faults.add("ImageDigest", "cannot be combined with ImageTag; remove one of them")
    if not values.declares("ImageTag") and not values.declares("ImageDigest"):
        faults.add("ImageTag", "is required unless ImageDigest is declared")
    if values.declares("MaxFindings") and not values.declares("FailOnSeverity"):
        faults.add("MaxFindings", "is only supported with FailOnSeverity")
