"""Images from a file: the response of DescribeImages, extended by the `children` of manifest lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.images import parse_images
from ecrctl.inputs import files

if TYPE_CHECKING:
    from ecr_controller.lifecycle.images import Image


def read_file(path: str) -> tuple[Image, ...]:
    """The images in a JSON file. Raises UserError, which names the file and the entry."""
    with files.errors_in(path):
        document = files.read_json(path)
        if not isinstance(document, Mapping):
            raise UserError("must be a JSON object with imageDetails, as returned by DescribeImages")
        return parse_images(document, _children(document.get("imageDetails")))


def _children(details: Any) -> dict[str, list[str]]:
    """By digest of each manifest list, the digests of its images."""
    children: dict[str, list[str]] = {}
    for position, detail in enumerate(details if isinstance(details, list) else ()):
        if not isinstance(detail, Mapping) or "children" not in detail:
            continue
        digests = detail["children"]
        if not isinstance(digests, list) or not all(isinstance(each, str) for each in digests):
            raise UserError(f"imageDetails[{position}].children: must be a list of digests")
        children[str(detail.get("imageDigest"))] = digests
    return children
