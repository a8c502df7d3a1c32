"""``Custom::ECRImageScan``: an image is scanned, and its findings may stop the deployment.

A scan cannot be undone, so nothing is ever deleted, and nothing is stored but the image, which is the physical ID.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import ControllerError, UserError
from ecr_controller.image_scans.ecr import Image, ImageScans, await_scan, scan_image
from ecr_controller.image_scans.gate import Scan, attributes
from ecr_controller.image_scans.spec import ImageScanSpec, parse_image_scan
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults

logger = logging.getLogger(__name__)

NOT_SCANNED = Scan("NOT_SCANNED")


class ImageScanResource:
    """The scan of one image. The physical ID is ``<repository>@<digest>``."""

    type_name = "ECRImageScan"

    def __init__(self) -> None:
        self._scans = ImageScans()
        self._stacks = Stacks()

    def parse(self, values: Values, faults: Faults, _home: Home) -> ImageScanSpec | None:
        """See `parse_image_scan`."""
        return parse_image_scan(values, faults)

    def repositories(self, request: Request[ImageScanSpec]) -> Iterable[str]:
        """The declared repository. A Delete, or what was declared before, concerns none: a scan cannot be undone."""
        return [] if request.type == "Delete" else [request.spec.repository]

    def create(self, request: Request[ImageScanSpec]) -> Result:
        """Scan the image, and fail if it has more findings than are allowed."""
        return self._judge(request)

    def update(self, request: Request[ImageScanSpec]) -> Result:
        """Scan another image; judge the known findings of the same one again. In a rollback, only read them."""
        if self._stacks.is_rolling_back(request.stack_id):
            return self._read(request)
        return self._judge(request)

    def delete(self, request: Request[ImageScanSpec]) -> None:
        """Do nothing: a scan cannot be undone."""

    def delete_failed_create(self, request: Request[ImageScanSpec], create_request_id: str) -> None:
        """Do nothing: a scan cannot be undone."""

    def _judge(self, request: Request[ImageScanSpec]) -> Result:
        spec = request.spec
        image = self._scans.describe_image(spec.repository, spec.image_id)
        is_known = request.physical_id == str(image) and self._scans.describe_image_scan_findings(image) is not None
        scan = (await_scan if is_known else scan_image)(self._scans, image, request.deadline)
        reason = spec.gate.refusal(spec.name, scan)
        if reason:
            raise UserError(reason)
        logger.info(
            "The image %s has scan status %s and the allowed findings %s", image, scan.status, dict(scan.counts)
        )
        return _result(image, scan)

    def _read(self, request: Request[ImageScanSpec]) -> Result:
        """What is known of the image now. This does not wait and does not fail, so that a rollback always succeeds."""
        try:
            spec = request.spec
            image = self._scans.describe_image(spec.repository, spec.image_id)
            return _result(image, self._scans.describe_image_scan_findings(image) or NOT_SCANNED)
        except ControllerError as error:
            logger.warning("Findings are not enforced during a rollback: %s", error)
            digest = request.physical_id.rpartition("@")[2]
            return Result(request.physical_id, attributes(digest, NOT_SCANNED))


def _result(image: Image, scan: Scan) -> Result:
    return Result(str(image), attributes(image.digest, scan))
