"""``Custom::ECRImage``: the digest that a tag names when the stack is deployed.

Nothing is made, so nothing is ever deleted. The physical ID is the URI of the image by its digest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import ControllerError
from ecr_controller.image_scans.ecr import ImageScans
from ecr_controller.image_scans.spec import parse_image_id
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults

logger = logging.getLogger(__name__)

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """An image of a repository, by a tag or by its digest."""

    repository: str
    image_id: ImageIdentifierTypeDef


class ImageResource:
    """The image that a tag or a digest names. The physical ID is ``<repository URI>@<digest>``."""

    type_name = "ECRImage"

    def __init__(self) -> None:
        self._images = ImageScans()
        self._stacks = Stacks()

    def parse(self, values: Values, faults: Faults, _home: Home) -> ImageSpec | None:
        """The image that the properties declare."""
        image_id = parse_image_id(values, faults)
        return ImageSpec(values["RepositoryName"], image_id) if image_id and "RepositoryName" in values else None

    def repositories(self, request: Request[ImageSpec]) -> Iterable[str]:
        """The declared repository. A Delete concerns none."""
        return [] if request.type == "Delete" else [request.spec.repository]

    def create(self, request: Request[ImageSpec]) -> Result:
        """Resolve the tag."""
        return self._resolve(request)

    def update(self, request: Request[ImageSpec]) -> Result:
        """Resolve the tag again. In a rollback, an image that does not exist any more stays as it is."""
        if not self._stacks.is_rolling_back(request.stack_id):
            return self._resolve(request)
        try:
            return self._resolve(request)
        except ControllerError as error:
            logger.warning("The image is not resolved during a rollback: %s", error)
            uri = request.physical_id
            return Result(uri, _attributes(uri, uri.rpartition("@")[2], UNKNOWN, UNKNOWN, UNKNOWN))

    def delete(self, request: Request[ImageSpec]) -> None:
        """Do nothing: the resource made nothing."""

    def delete_failed_create(self, request: Request[ImageSpec], create_request_id: str) -> None:
        """Do nothing: the resource made nothing."""

    def _resolve(self, request: Request[ImageSpec]) -> Result:
        spec = request.spec
        detail = self._images.describe_image_detail(spec.repository, spec.image_id)
        digest = detail["imageDigest"]
        uri = f"{self._images.describe_repository_uri(spec.repository)}@{digest}"
        pushed_at = detail["imagePushedAt"].isoformat() if "imagePushedAt" in detail else UNKNOWN
        size, media_type = detail.get("imageSizeInBytes", UNKNOWN), detail.get("imageManifestMediaType", UNKNOWN)
        return Result(uri, _attributes(uri, digest, pushed_at, str(size), media_type))


def _attributes(uri: str, digest: str, pushed_at: str, size: str, media_type: str) -> dict[str, str]:
    return {
        "ImageUri": uri,
        "ImageDigest": digest,
        "ImagePushedAt": pushed_at,
        "ImageSizeInBytes": size,
        "MediaType": media_type,
    }
