"""From the properties of ``Custom::ECRImageScan`` to what they declare, with every fault at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, InvalidProperties
from ecr_controller.image_scans.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

TYPE = "ECRImageScan"


@dataclass(frozen=True, slots=True)
class Declaration:
    """An image of a repository, named by a tag or by its digest, and what is tolerated of it."""

    repository: str
    image_id: ImageIdentifierTypeDef
    gate: Gate

    @property
    def name(self) -> str:
        """``team/app:v1`` or ``team/app@sha256:…``: the image as the template names it."""
        tag = self.image_id.get("imageTag")
        return f"{self.repository}:{tag}" if tag else f"{self.repository}@{self.image_id['imageDigest']}"


def read(declared: Mapping[str, Any]) -> Declaration:
    """What the properties declare. Raises InvalidProperties."""
    values, faults = properties.check(TYPE, declared)
    faults += _combinations(declared)
    if faults:
        raise InvalidProperties(f"Custom::{TYPE}", faults)
    tagged = "ImageTag" in values
    return Declaration(
        values["RepositoryName"],
        {"imageTag": values["ImageTag"]} if tagged else {"imageDigest": values["ImageDigest"]},
        Gate(
            fail_on=values.get("FailOnSeverity"),
            max_findings=values.get("MaxFindings", 0),
            passes_unscannable=values.get("OnUnscannable") == "Pass",
        ),
    )


def _combinations(declared: Mapping[str, Any]) -> Iterator[Fault]:
    if "ImageTag" in declared and "ImageDigest" in declared:
        yield Fault("ImageDigest", "cannot be combined with ImageTag")
    if "ImageTag" not in declared and "ImageDigest" not in declared:
        yield Fault("ImageTag", "is required, or ImageDigest in its place")
    if "MaxFindings" in declared and "FailOnSeverity" not in declared:
        yield Fault("MaxFindings", "goes only with FailOnSeverity")
