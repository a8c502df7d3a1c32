"""Basic scanning, which MiniStack lacks: StartImageScan, DescribeImageScanFindings, and the event at the end.

Annotations of the pushed manifest decide the outcome: see `local.images`.
"""

from __future__ import annotations

import asyncio
import time

from ministack.core.responses import get_account_id

from local.emulator.extension import events
from local.emulator.extension.store import Fault, Json, annotation, find_image, page
from local.images import FINDINGS, MANIFEST, STATUS

SECONDS = 0.5  # that a scan takes
DAY = 24 * 3600  # in which ECR scans an image once
SUPPORTED = {MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"}


async def start_image_scan(data: Json) -> Json:
    image = find_image(data, data["imageId"])
    if not is_supported(image):
        message = f"The image's manifest media type '{image['imageManifestMediaType']}' is not supported for scanning."
        raise Fault("UnsupportedImageTypeException", message)
    if time.time() - image.get("scan", {}).get("startedAt", 0) < DAY:
        message = "The scan quota per image has been exceeded. Wait and try again."
        raise Fault("LimitExceededException", message)
    start(image)
    return _heading(data, image)


async def describe_image_scan_findings(data: Json) -> Json:
    image = find_image(data, data["imageId"])
    if "scan" not in image:
        message = f"Image scan does not exist for the image with '{image['imageDigest']}' in '{data['repositoryName']}'"
        raise Fault("ScanNotFoundException", message)
    if image["scan"]["status"] != "COMPLETE":
        return _heading(data, image)
    shown, following = page(_findings(image), data)
    findings = {
        "imageScanCompletedAt": image["scan"]["completedAt"],
        "vulnerabilitySourceUpdatedAt": image["scan"]["completedAt"],
        "findingSeverityCounts": _counts(image),
        "findings": shown,
    }
    return _heading(data, image) | {"imageScanFindings": findings, **following}


def is_supported(image: Json) -> bool:
    """Whether basic scanning takes images of this type: an index is scanned through its children."""
    return image["imageManifestMediaType"] in SUPPORTED


def start(image: Json) -> None:
    """Scan an image in the background of the running event loop, in the account and Region of this call."""
    image["scan"] = {"status": "IN_PROGRESS", "startedAt": time.time()}
    asyncio.get_running_loop().call_later(SECONDS, _finish, image)


def _finish(image: Json) -> None:
    status = annotation(image, STATUS) or "COMPLETE"
    image["scan"] |= {"status": status, "completedAt": int(time.time())}
    events.image_scanned(image, status, _counts(image) if status == "COMPLETE" else {})


def _heading(data: Json, image: Json) -> Json:
    status = image["scan"]["status"]
    return {
        "registryId": get_account_id(),
        "repositoryName": data["repositoryName"],
        "imageId": data["imageId"] | {"imageDigest": image["imageDigest"]},
        "imageScanStatus": {"status": status, "description": f"The scan is {status}."},
    }


def _counts(image: Json) -> dict[str, int]:
    pairs = [pair.split("=") for pair in annotation(image, FINDINGS).split(",") if pair]
    return {severity.strip(): int(count) for severity, count in pairs}


def _findings(image: Json) -> list[Json]:
    """One finding for each that is counted, with names drawn from the digest."""
    severities = [severity for severity, count in _counts(image).items() for _ in range(count)]
    first = int(image["imageDigest"][-4:], 16)
    return [
        {
            "name": f"CVE-2026-{first + number}",
            "description": f"A {severity} fault in package-{number}",
            "uri": f"https://nvd.nist.gov/vuln/detail/CVE-2026-{first + number}",
            "severity": severity,
            "attributes": [
                {"key": "package_name", "value": f"package-{number}"},
                {"key": "package_version", "value": "1.0.0"},
            ],
        }
        for number, severity in enumerate(severities)
    ]
