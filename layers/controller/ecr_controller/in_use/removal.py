"""The removal of the tag that holds an image, without the image.

Amazon ECR deletes an image with its last tag, and people move the other tags of an image at any moment. So the tag of a
hold first moves to an image that has a tag of the controller, which nobody else moves, and is deleted there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use.planning import own_tags
from ecr_controller.lifecycle.holds import is_held, tag_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ecr_controller.in_use.ecr import HeldImages
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.keep_in_use import KeepInUse
    from ecr_controller.repository.model import Mutability

logger = logging.getLogger(__name__)

_NO_CARRIER = "No other image of the repository can take it."
_LOST = "It lost its other tags meanwhile."


class Removal:
    """Removes tags of holds in one repository. Raises UserError and RetryableError."""

    def __init__(
        self,
        images: Sequence[Image],
        staying: Collection[str],
        mutability: Mutability,
        keep: KeepInUse | None,
        held: HeldImages,
    ) -> None:
        """``staying`` are the digests of images that stay held because of ``keep``."""
        self._images, self._staying, self._mutability, self._held = images, staying, mutability, held
        # Amazon ECR may count the read of a manifest as a pull, which would keep the image that is released.
        self._reads_released = keep is None or keep.pulled_within is None
        self._manifests: dict[str, Any] = {}
        self._released: set[str] = set()

    def remove(self, image: Image) -> str:
        """Remove the tag that holds an image, as it is now. Why it stays on the image, or ""."""
        tag, own = tag_of(image.digest), own_tags(image)
        self._released.add(image.digest)
        carrier = self._carrier(image)
        if any(map(self._mutability.is_immutable, own)):
            self._held.batch_delete_image(tag)
            return ""
        # Without another image that is held, tags that may move in this moment have to do.
        if own and (carrier is None or not self._is_protected(carrier) or self._mutability.is_immutable(tag)):
            return self._remove_beside_own_tags(image, tag)
        if self._mutability.is_immutable(tag):
            return "Tags of the repository are immutable."
        if carrier is None:
            return _NO_CARRIER
        try:
            self._held.put_image(self._manifest(carrier), tag)
        except UserError as error:
            return str(error)
        self.remove_from(carrier, tag)
        return ""

    def remove_from(self, carrier: Image, tag: str) -> None:
        """Remove the tag of another image's hold; nothing happens if it is not there any more.

        Raises RetryableError if it is the only one now.
        """
        manifest, fresh = self._manifest(carrier), self._held.describe_image(carrier.digest)
        if fresh is None or tag not in fresh.tags:
            return
        if len(fresh.tags) == 1:
            raise RetryableError(
                f"The tag {tag} of another image is the only tag of the image {carrier.digest}, and Amazon ECR deletes "
                "an image with its last tag."
            )
        self._delete(tag, carrier, manifest)

    def _remove_beside_own_tags(self, image: Image, tag: str) -> str:
        manifest = self._manifest(image) if self._reads_released else None
        return "" if self._delete(tag, image, manifest) else _LOST

    def _delete(self, tag: str, image: Image, manifest: Any) -> bool:
        """Delete a tag; False if the image had lost its other tags, went with it, and is put again."""
        self._held.batch_delete_image(tag)
        if manifest is None or self._held.describe_image(image.digest) is not None:
            return True
        logger.warning("The image %s lost its other tags, and is put again", image.digest)
        self._held.put_image(manifest, tag_of(image.digest))
        return False

    def _carrier(self, released: Image) -> Image | None:
        """An image that can take the tag, if there is one: best of all one that stays held."""
        candidates = [
            each
            for each in self._images
            if each.digest != released.digest
            and each.storage_class == "standard"
            and (own_tags(each) or self._is_protected(each))
        ]
        return max(
            candidates,
            key=lambda each: (self._is_protected(each), each.digest in self._staying, len(each.tags), each.pushed_at),
            default=None,
        )

    def _is_protected(self, image: Image) -> bool:
        """Whether the image has a tag that nobody else moves: that of its own hold."""
        is_tagged = image.digest in self._staying or is_held(image.digest, image.tags)
        return is_tagged and image.digest not in self._released

    def _manifest(self, image: Image) -> Any:
        if image.digest not in self._manifests:
            self._manifests[image.digest] = self._held.get_image(image.digest)
        return self._manifests[image.digest]
