"""Images from a file: the answer of DescribeImages, and as our extension the `children` of manifest lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.images import parse_images
from ecrctl.inputs.files import read_json

if TYPE_CHECKING:
    from ecr_controller.lifecycle.images import Image


def images_of(path: str) -> tuple[Image, ...]:
    """The images in a JSON file; `-` is standard input. Raises UserError, which names the file and the entry."""
    document = read_json(path)
    if not isinstance(document, Mapping):
        raise UserError(f"{path}: must be an object with imageDetails, as DescribeImages answers")
    try:
        return parse_images(document, _children(document.get("imageDetails")))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _children(details: Any) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for position, detail in enumerate(details if isinstance(details, list) else ()):
        if not isinstance(detail, Mapping) or "children" not in detail:
            continue
        listed = detail["children"]
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise UserError(f"imageDetails[{position}].children: must be a list of digests")
        children[str(detail.get("imageDigest"))] = listed
    return children
