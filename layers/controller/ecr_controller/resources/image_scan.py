"""``Custom::ECRImageScan``: an image, or each image of an index, is scanned, and findings may stop the deployment.

A scan cannot be undone, so nothing is ever deleted, and nothing is stored but the image, which is the physical ID.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import ControllerError, UserError, count
from ecr_controller.image_scans.ecr import ImageScans
from ecr_controller.image_scans.gate import Gate, attributes
from ecr_controller.image_scans.scanning import NOT_SCANNED, images_of, known_scans, missing_signature, scan_images
from ecr_controller.image_scans.spec import ImageScanSpec, parse_image_scan
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults
    from ecr_controller.image_scans.ecr import Image
    from ecr_controller.image_scans.gate import Scan

logger = logging.getLogger(__name__)


class ImageScanResource:
    """The scan of what a tag or a digest names. The physical ID is ``<repository>@<digest>``."""

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
        spec, today = request.spec, datetime.now(UTC).date()
        image = self._scans.describe_image(spec.repository, spec.image_id)
        images = images_of(self._scans, image)
        scans = scan_images(self._scans, images, request.deadline, is_known=request.physical_id == str(image))
        reasons = list(self._refusals(request, image, scans, today))
        if reasons:
            request.note("GateRefused", spec.repository)
            raise UserError(" ".join(reasons))
        for exemption in spec.gate.used(scans, today):
            logger.warning("The image %s has a finding that is accepted: %s", image, exemption)
        result = Result(str(image), attributes(image.digest, scans, spec.gate, today))
        logger.info("The image %s has the allowed findings of %s: %s", image, count(len(scans), "scan"), result.data)
        return result

    def _refusals(
        self, request: Request[ImageScanSpec], image: Image, scans: Sequence[Scan], today: date
    ) -> Iterator[str]:
        spec = request.spec
        yield from spec.gate.refusals(spec.name, scans, today)
        if spec.requires_signature:
            yield from missing_signature(self._scans, image, spec.name, request.deadline)

    def _read(self, request: Request[ImageScanSpec]) -> Result:
        """What is known of the image now. This does not wait and does not fail, so that a rollback always succeeds."""
        today = datetime.now(UTC).date()
        try:
            spec = request.spec
            image = self._scans.describe_image(spec.repository, spec.image_id)
            scans = known_scans(self._scans, images_of(self._scans, image))
            return Result(str(image), attributes(image.digest, scans, spec.gate, today))
        except ControllerError as error:
            logger.warning("Findings are not enforced during a rollback: %s", error)
            digest = request.physical_id.rpartition("@")[2]
            return Result(request.physical_id, attributes(digest, [NOT_SCANNED], Gate(), today))
