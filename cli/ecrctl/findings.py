"""What `ecrctl findings` does: the gate of `Custom::ECRImageScan` for pipelines without CloudFormation."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Faults, InvalidProperties, UserError
from ecr_controller.image_scans.ecr import ImageScans, ScanStarts
from ecr_controller.image_scans.gate import attributes
from ecr_controller.image_scans.scanning import images_of, missing_signature, scan_images
from ecr_controller.image_scans.spec import parse_image_scan
from ecrctl import console
from ecrctl.inputs import ecr, files
from ecrctl.inputs.values import as_sent

if TYPE_CHECKING:
    from ecr_controller.image_scans.spec import ImageScanSpec

    Connection = tuple[str | None, str | None]  # the Region, and the profile

# The registry before a repository: `docker push` takes it, and ECR's API does not.
_REGISTRY = re.compile(r"[0-9]{12}\.dkr[.-]ecr[^/]*/")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The attributes of the resource, and why a deployment would fail; none if it would not."""

    attributes: dict[str, str]
    refusals: list[str]
    exceptions: list[str]


def run(
    image: str, given: dict[str, Any], properties_file: str | None, timeout: int, connection: Connection, output: str
) -> int:
    """Judge the image and write the judgement. Returns the exit code. Raises UserError and RetryableError."""
    spec = read_spec(image, {name: value for name, value in given.items() if value is not None}, properties_file)
    with ecr.translated_errors():
        judgement = judge(spec, *connection, time.time() + timeout)
    _write(spec.name, judgement, output)
    return 2 if judgement.refusals else 0


def read_spec(image: str, given: dict[str, Any], properties_file: str | None) -> ImageScanSpec:
    """What the options and the file declare, with the messages of a deployment. Raises UserError."""
    declared: Any = {}
    if properties_file is not None:
        with files.errors_in(properties_file):
            declared = files.read_yaml(properties_file)
            if not isinstance(declared, dict):
                raise UserError("must be a map of properties of Custom::ECRImageScan")
    faults = Faults()
    values = properties.check("ECRImageScan", as_sent(declared | given | _image(image)), faults)
    spec = parse_image_scan(values, faults)
    if spec is None or faults:
        raise InvalidProperties("The gate", faults)
    return spec


def _image(image: str) -> dict[str, str]:
    name = _REGISTRY.sub("", image, count=1)
    repository, separator, digest = name.partition("@")
    if separator:
        return {"RepositoryName": repository, "ImageDigest": digest}
    repository, separator, tag = name.rpartition(":")
    if not separator:
        raise UserError(f"IMAGE: {image} has neither a tag nor a digest; specify REPOSITORY:TAG or REPOSITORY@DIGEST")
    return {"RepositoryName": repository, "ImageTag": tag}


def judge(spec: ImageScanSpec, region: str | None, profile: str | None, until: float) -> Judgement:
    """Scan what the image names, and judge it. ``until`` is a ``time.time()``."""
    today = datetime.now(UTC).date()
    scans, starts = ImageScans(ecr.client(region, profile)), ScanStarts(ecr.client(region, profile, attempts=1))
    with console.progress(f"Waiting for the scan of {spec.name}"):
        image = scans.describe_image(spec.repository, spec.image_id)
        found = scan_images(scans, images_of(scans, image), until, starts=starts)
        refusals = list(spec.gate.refusals(spec.name, found, today))
        if spec.requires_signature:
            refusals += missing_signature(scans, image, spec.name, until)
    shown = attributes(image.digest, found, spec.gate, today)
    return Judgement(shown, refusals, [str(each) for each in spec.gate.used(found, today)])


def _write(name: str, judgement: Judgement, output: str) -> None:
    if output == "json":
        document = {
            "image": name,
            "allowed": not judgement.refusals,
            "reasons": judgement.refusals,
            "exceptions": judgement.exceptions,
            "attributes": judgement.attributes,
        }
        console.write(json.dumps(document, indent=2), None)
        return
    counts = ", ".join(
        f"{number} {key.removesuffix('Findings').upper()}"
        for key, number in judgement.attributes.items()
        if key.endswith("Findings") and number not in ("0", "unknown")
    )
    lines = [*judgement.refusals, *(f"Accepted: {each}." for each in judgement.exceptions)]
    verdict = f"{name}: {judgement.attributes['ScanStatus']}, findings: {counts or 'none'}"
    console.write("\n".join([verdict, *lines]), None)
