"""Which images an index names. Its manifest never changes, so it is read once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.in_use.ecr import HeldImages
from ecr_controller.manifests import entries_of
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.errors import ControllerError
    from ecr_controller.lifecycle.images import Image

_CHILDREN = "children"


class Indexes:
    """The indexes of one repository. Raises UserError and RetryableError."""

    def __init__(self, repository: str, faults: list[ControllerError]) -> None:
        """What cannot be read is added to ``faults``, and then ``is_complete`` is False."""
        self._held, self._table, self._target = HeldImages(repository), PartsTable(), f"image-index/{repository}"
        self._faults = faults
        self.is_complete = True

    def completed(self, images: Sequence[Image]) -> tuple[Image, ...]:
        """The images, each index with its children. Each index is read with BatchGetImage when it is first seen."""
        known = {part.owner: tuple(part.content[_CHILDREN]) for part in self._table.query_parts(self._target)}
        indexes = {image.digest for image in images if image.is_manifest_list and image.storage_class == "standard"}
        children = known | self._read(sorted(indexes - known.keys()))
        for digest in known.keys() - {image.digest for image in images}:
            self._table.delete_part(self._target, digest)
        return tuple(replace(image, children=children.get(image.digest, image.children)) for image in images)

    def forget(self) -> None:
        """Delete what is stored."""
        for part in self._table.query_parts(self._target):
            self._table.delete_part(self._target, part.owner)

    def _read(self, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found, refused = self._held.batch_get_image(digests)
        faults = list(refused.values())
        read: dict[str, tuple[str, ...]] = {}
        for digest, image in found.items():
            try:
                read[digest] = tuple(entry.digest for entry in entries_of(image["imageManifest"]))
            except UserError as error:
                faults.append(error)
            else:
                self._table.put_part(self._target, digest, {_CHILDREN: list(read[digest])})
        self._faults.extend(faults)
        self.is_complete = not faults
        return read
