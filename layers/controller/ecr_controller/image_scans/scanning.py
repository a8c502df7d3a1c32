"""Scanning what a tag or a digest names: one image, or each image of an index; and looking for its signature."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ecr_controller.deadline import wait_before
from ecr_controller.errors import ControllerError, RetryableError, UserError
from ecr_controller.image_scans.ecr import Image, Refusal, ScanStarts
from ecr_controller.image_scans.gate import WAITING, Scan
from ecr_controller.manifests import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_controller.image_scans.ecr import ImageScans

logger = logging.getLogger(__name__)

# Seconds: the longest pauses before a throttled scan is started again.
PAUSES = (1.0, 2.0, 4.0)
# Bounds of an index and of the indexes in it.
LARGEST_INDEX, DEEPEST_INDEX = 100, 5

NOT_SCANNED = Scan("NOT_SCANNED")
NO_IMAGES = Scan("NO_IMAGES", "The image index contains no image of a platform")


def images_of(scans: ImageScans, image: Image) -> tuple[Image, ...]:
    """The image itself, or those of an index, without attestations and other artifacts.

    Raises UserError for an index of more than 100 images, or with more than 5 levels of indexes.
    """
    if not image.is_index:
        return (image,)
    found: dict[str, Image] = {}
    level = [image.digest]
    for _ in range(DEEPEST_INDEX):
        entries = [entry for text in scans.batch_get_image(image.repository, level) for entry in entries_of(text)]
        level = list(dict.fromkeys(entry.digest for entry in entries if entry.is_list and not entry.is_artifact))
        found |= {
            entry.digest: Image(image.repository, entry.digest, platform=entry.platform)
            for entry in entries
            if not entry.is_list and not entry.is_artifact
        }
        if not level:
            break
    if level or len(found) > LARGEST_INDEX:
        raise UserError(
            f"The image index {image} has more than {LARGEST_INDEX} images or {DEEPEST_INDEX} levels of indexes. Scan "
            "its images by ImageDigest."
        )
    return tuple(found.values())


def scan_images(
    scans: ImageScans,
    images: Sequence[Image],
    until: float,
    *,
    is_known: bool = False,
    starts: ScanStarts | None = None,
) -> list[Scan]:
    """Scan each image and wait for all results; one scan in place of those of no image.

    If the last scan of an image is less than 24 hours old, its result is returned. With ``is_known``, the result of an
    earlier scan is, however old. ``until`` is a ``time.time()``. Raises RetryableError if there is no result before it,
    and UserError if ECR starts no scan and there is no earlier result.
    """
    starting = starts or ScanStarts()
    begun = [_known_or_started(scans, starting, image, is_known=is_known) for image in images]
    ended = [start.ended or _await(scans, image, start, until) for image, start in zip(images, begun, strict=True)]
    return ended or [NO_IMAGES]


def known_scans(scans: ImageScans, images: Sequence[Image]) -> list[Scan]:
    """What is known of the images now, without waiting; one scan in place of those of no image."""
    known = [
        scans.describe_image_scan_findings(image) or replace(NOT_SCANNED, platform=image.platform) for image in images
    ]
    return known or [NO_IMAGES]


@dataclass(frozen=True, slots=True)
class _Start:
    """The scan, if nothing is to be awaited, and whether Amazon Inspector scans the image, if that is known."""

    ended: Scan | None = None
    is_enhanced: bool | None = None


def _known_or_started(scans: ImageScans, starts: ScanStarts, image: Image, *, is_known: bool) -> _Start:
    if is_known and scans.describe_image_scan_findings(image) is not None:
        return _Start()
    refusal = start_scan(starts, image)
    if refusal is None:
        return _Start(is_enhanced=False)
    match refusal.reason:
        case "LIMIT_EXCEEDED":
            if scans.describe_image_scan_findings(image) is None:
                raise _not_started(image, refusal)
            logger.info("ECR scanned %s within the last 24 hours, so the result of that scan is used", image)
            return _Start(is_enhanced=False)
        case "ENHANCED":
            return _Start(_uncovered(scans, image, refusal), is_enhanced=True)
        case "NOT_FOUND" if image.platform:
            raise UserError(
                f"The repository {image.repository} does not contain the image {image.digest} ({image.platform}), "
                "which the image index names. Push the image index again with all its images."
            )
        case "NOT_FOUND":
            raise UserError(f"The image {image} was deleted while this request ran. Push the image again.")
        case status:
            return _Start(Scan(status, refusal.message, platform=image.platform))


def _not_started(image: Image, refusal: Refusal) -> UserError:
    return UserError(f"ECR did not start a scan of {image}, and there is no earlier result: {refusal.message}")


def _uncovered(scans: ImageScans, image: Image, refusal: Refusal) -> Scan | None:
    """NOT_COVERED if Amazon Inspector never scans the image; None if its scan is to be awaited."""
    if scans.describe_image_scan_findings(image) is not None:
        return None
    try:
        is_enhanced = scans.get_registry_scanning_configuration() == "ENHANCED"
        is_covered = scans.batch_get_repository_scanning_configuration(image.repository)
    except ControllerError as error:
        logger.warning("Whether Amazon Inspector scans %s is not known: %s", image.repository, error)
        return None
    if not is_enhanced:
        raise _not_started(image, refusal)
    if is_covered:
        logger.info("Amazon Inspector scans %s on its own schedule: %s", image, refusal.message)
        return None
    return Scan(
        "NOT_COVERED",
        f"Amazon Inspector does not scan the repository {image.repository}, because no rule of the scanning "
        "configuration of the registry matches it",
        platform=image.platform,
    )


def _await(scans: ImageScans, image: Image, start: _Start, until: float) -> Scan:
    """The result, when the scan has a final status."""
    while True:
        scan = scans.describe_image_scan_findings(image)
        if scan is not None and scan.status not in WAITING:
            return scan if scan.is_enhanced is not None else replace(scan, is_enhanced=start.is_enhanced)
        status = f"status {scan.status}" if scan else "no scan was started"
        wait_before(until, f"The scan of {image} has no result yet ({status}).")


def start_scan(starts: ScanStarts, image: Image) -> Refusal | None:
    """Start a scan, and retry after a throttle; None if a scan started, else why ECR did not start one."""
    for pause in PAUSES:
        try:
            return starts.start_image_scan(image)
        except RetryableError as error:
            logger.info("The start of a scan of %s is retried: %s", image, error)
            time.sleep(random.uniform(0, pause))
    return starts.start_image_scan(image)


def missing_signature(scans: ImageScans, image: Image, name: str, until: float) -> Iterator[str]:
    """Why a deployment that requires a signature must stop, in sentences; none if ECR knows of one.

    A signature that ECR is about to make is awaited. Raises RetryableError if that is not done before ``until``.
    """
    while not scans.list_image_referrers(image):
        statuses = scans.describe_image_signing_status(image)
        if any(each.get("status") == "COMPLETE" for each in statuses):
            return
        if any(each.get("status") == "IN_PROGRESS" for each in statuses):
            wait_before(until, f"The image {image} is not signed yet (status IN_PROGRESS).")
            continue
        yield (
            f"The image {name} has no signature, which RequireSignature demands. Sign the image {image.digest} before "
            "you deploy the stack."
        )
        if failures := [each.get("failureReason") or each.get("failureCode", "unknown") for each in statuses]:
            yield f"Amazon ECR failed to sign it: {'; '.join(failures)}."
        return
