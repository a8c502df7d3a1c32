"""Image scans, which MiniStack lacks: StartImageScan, DescribeImageScanFindings, and the event at the end.

Basic scanning, and what is documented of enhanced scanning by Amazon Inspector: no manual scan, a scan after a push,
and until it ends a status of COMPLETE or ACTIVE without `imageScanCompletedAt`
(https://github.com/aws/aws-sdk/issues/289). Annotations of the pushed manifest decide the outcome: see `local.images`.
"""

from __future__ import annotations

import asyncio
import time

from ministack.core.responses import get_account_id

from local.emulator.extension import events, registry
from local.emulator.extension.store import Fault, Json, annotation, find_image, manifest, page
from local.images import FINDINGS, FIX, IN_TOTO, MANIFEST, STATUS

SECONDS = 0.5  # that a scan takes
DAY = 24 * 3600  # in which ECR scans an image once
SUPPORTED = {MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"}


async def start_image_scan(data: Json) -> Json:
    image = find_image(data, data["imageId"])
    if registry.is_enhanced():
        raise Fault("ValidationException", "This feature is disabled")
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
    scan = image["scan"]
    if "completedAt" not in scan:
        return _heading(data, image) | ({"imageScanFindings": {"findings": []}} if scan["enhanced"] else {})
    if scan["status"] not in ("COMPLETE", "ACTIVE"):
        return _heading(data, image)
    shown, following = page(_enhanced_findings(image) if scan["enhanced"] else _findings(image), data)
    findings = {
        "imageScanCompletedAt": scan["completedAt"],
        "vulnerabilitySourceUpdatedAt": scan["completedAt"],
        "findingSeverityCounts": _counts(image),
        "enhancedFindings" if scan["enhanced"] else "findings": shown,
    }
    return _heading(data, image) | {"imageScanFindings": findings, **following}


def is_supported(image: Json) -> bool:
    """Whether images of this media type can be scanned: an index is scanned through its images."""
    return image["imageManifestMediaType"] in SUPPORTED


def image_pushed(image: Json) -> None:
    """Scan an image that was pushed, where the registry or the repository says so."""
    if is_supported(image) and registry.frequency_of(image["repositoryName"]) != "MANUAL":
        start(image)


def start(image: Json) -> None:
    """Scan an image in the background of the running event loop, in the account and Region of this call."""
    enhanced, status = registry.is_enhanced(), "IN_PROGRESS"
    if enhanced:
        continuous = registry.frequency_of(image["repositoryName"]) == "CONTINUOUS_SCAN"
        status = "ACTIVE" if continuous else "COMPLETE"
    image["scan"] = {"status": status, "startedAt": time.time(), "enhanced": enhanced}
    asyncio.get_running_loop().call_later(SECONDS, _finish, image)


def _finish(image: Json) -> None:
    scan = image["scan"]
    final = scan["status"] if scan["enhanced"] else "COMPLETE"
    scan["status"] = annotation(image, STATUS) or ("UNSUPPORTED_IMAGE" if _is_attestation(image) else final)
    scan["completedAt"] = int(time.time())
    has_findings = scan["status"] == final
    if not scan["enhanced"]:
        events.image_scanned(image, scan["status"], _counts(image) if has_findings else {})
    elif has_findings:
        events.image_inspected(image, _counts(image))


def _is_attestation(image: Json) -> bool:
    return any(layer["mediaType"] == IN_TOTO for layer in manifest(image).get("layers", []))


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


def _severities(image: Json) -> list[tuple[int, str]]:
    """The number and the severity of each finding."""
    severities = [severity for severity, count in _counts(image).items() for _ in range(count)]
    return [*enumerate(severities)]


def _findings(image: Json) -> list[Json]:
    return [
        {
            "name": f"CVE-2026-{number}",
            "description": f"A {severity} fault in package-{number}",
            "uri": f"https://nvd.nist.gov/vuln/detail/CVE-2026-{number}",
            "severity": severity,
            "attributes": [
                {"key": "package_name", "value": f"package-{number}"},
                {"key": "package_version", "value": "1.0.0"},
            ],
        }
        for number, severity in _severities(image)
    ]


def _enhanced_findings(image: Json) -> list[Json]:
    return [
        {
            "title": f"CVE-2026-{number} - package-{number}",
            "severity": severity,
            "status": "ACTIVE",
            "fixAvailable": annotation(image, FIX) or "YES",
            "packageVulnerabilityDetails": {
                "vulnerabilityId": f"CVE-2026-{number}",
                "vulnerablePackages": [{"name": f"package-{number}", "version": "1.0.0"}],
            },
        }
        for number, severity in _severities(image)
    ]
