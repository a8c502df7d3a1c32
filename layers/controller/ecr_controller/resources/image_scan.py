"""``Custom::ECRImageScan``: an image is scanned, and what is found may stop the deployment.

A scan cannot be undone, so nothing is ever deleted, and nothing is remembered but the image, which is the physical id.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.protocol import Result
from ecr_controller.errors import ControllerError, UserError
from ecr_controller.image_scans.gate import Scan, attributes
from ecr_controller.image_scans.spec import read
from ecr_controller.image_scans.ecr import Scans
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.scanning.images import Image

logger = logging.getLogger(__name__)

NOT_SCANNED = Scan("NOT_SCANNED")


class ImageScanResource:
    """The scan of one image. The physical id is ``<repository>@<digest>``. Raises UserError and RetryableError."""

    def __init__(self) -> None:
        self._scans = Scans()
        self._stacks = Stacks()

    def create(self, request: Request) -> Result:
        """Scan the image, and refuse it where it has more findings than are tolerated."""
        return self._judge(request)

    def update(self, request: Request) -> Result:
        """The same of another image; what is known of the same image is judged anew. A rollback only looks."""
        if self._stacks.is_rolling_back(request.stack_id):
            return self._look(request)
        return self._judge(request)

    def delete(self, request: Request) -> None:
        """Nothing: a scan cannot be undone."""

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """Nothing, as well."""

    def _judge(self, request: Request) -> Result:
        declared = read(request.properties)
        image = self._scans.image(declared.repository, declared.image_id)
        known = request.physical_id == str(image) and self._scans.present(image) is not None
        scan = (self._scans.result if known else self._scans.scan)(image, request.deadline)
        reason = declared.gate.refusal(declared.name, scan)
        if reason:
            raise UserError(reason)
        logger.info("%s passes with %s: %s", image, scan.status, dict(scan.counts))
        return _result(image, scan)

    def _look(self, request: Request) -> Result:
        """What is known of the image now. A rollback must never be held up: nothing is awaited, and nothing fails."""
        try:
            declared = read(request.properties)
            image = self._scans.image(declared.repository, declared.image_id)
            return _result(image, self._scans.present(image) or NOT_SCANNED)
        except ControllerError as error:
            logger.warning("Let through, because the stack is rolling back: %s", error)
            digest = request.physical_id.rpartition("@")[2]
            return Result(request.physical_id, attributes(digest, NOT_SCANNED))


def _result(image: Image, scan: Scan) -> Result:
    return Result(str(image), attributes(image.digest, scan))
