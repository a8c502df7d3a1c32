"""What the properties of ``Custom::ECRImageScan`` declare."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ecr_controller.image_scans.gate import Exemption, Gate

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.errors import Faults


@dataclass(frozen=True, slots=True)
class ImageScanSpec:
    """An image of a repository, by a tag or by its digest, the findings that are allowed, and whether it is signed."""

    repository: str
    image_id: ImageIdentifierTypeDef
    gate: Gate
    requires_signature: bool = False

    @property
    def name(self) -> str:
        """``team/app:v1`` or ``team/app@sha256:…``: the image as the template names it."""
        tag = self.image_id.get("imageTag")
        return f"{self.repository}:{tag}" if tag else f"{self.repository}@{self.image_id['imageDigest']}"


def parse_image_scan(values: Values, faults: Faults) -> ImageScanSpec | None:
    """The scan that the properties declare."""
    image_id = parse_image_id(values, faults)
    _validate_combinations(values, faults)
    accepted = _parse_accepted(values, faults)
    if image_id is None or "RepositoryName" not in values:
        return None
    gate = Gate(
        fail_on=values.get("FailOnSeverity"),
        max_findings=values.get("MaxFindings", 0),
        by_severity=values.get("MaxFindingsBySeverity", {}),
        only_fixable=values.get("OnlyFixable", False),
        accepted=accepted,
        passes_unscannable=values.get("OnUnscannable") == "Pass",
    )
    return ImageScanSpec(values["RepositoryName"], image_id, gate, values.get("RequireSignature", False))


def parse_image_id(values: Values, faults: Faults) -> ImageIdentifierTypeDef | None:
    """The image that ImageTag or ImageDigest names, of which exactly one must be declared."""
    if values.declares("ImageTag") and values.declares("ImageDigest"):
        faults.add("ImageDigest", "cannot be combined with ImageTag; remove one of them")
    if not values.declares("ImageTag") and not values.declares("ImageDigest"):
        faults.add("ImageTag", "is required unless ImageDigest is declared")
    if "ImageTag" in values:
        return {"imageTag": values["ImageTag"]}
    return {"imageDigest": values["ImageDigest"]} if "ImageDigest" in values else None


def _validate_combinations(values: Values, faults: Faults) -> None:
    if values.declares("MaxFindings") and not values.declares("FailOnSeverity"):
        faults.add("MaxFindings", "is only supported with FailOnSeverity")
    if values.get("MaxFindingsBySeverity") == {}:
        faults.add("MaxFindingsBySeverity", "must have at least one severity")
    if values.declares("FailOnSeverity") or values.declares("MaxFindingsBySeverity"):
        return
    for name in ("Accepted", "OnlyFixable"):
        if values.declares(name):
            faults.add(name, "is only supported with FailOnSeverity or MaxFindingsBySeverity")


def _parse_accepted(values: Values, faults: Faults) -> tuple[Exemption, ...]:
    accepted = []
    for position, each in enumerate(values.get("Accepted", ())):
        if not each or not {"Finding", "Until", "Reason"} <= each.keys():
            continue  # reported already
        try:
            accepted.append(Exemption(each["Finding"], date.fromisoformat(each["Until"]), each["Reason"]))
        except ValueError:
            faults.add(f"Accepted[{position}].Until", f"{each['Until']} is not a date; use YYYY-MM-DD")
    for finding, number in Counter(each.finding for each in accepted).items():
        if number > 1:
            faults.add("Accepted", f"has {number} entries for {finding}; keep one of them")
    return tuple(accepted)
