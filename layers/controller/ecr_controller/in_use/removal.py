"""The removal of the tag that holds an image, without the image.

Amazon ECR deletes an image with its last tag, and people move the other tags of an image at any moment. So the tag of a
hold first moves to an image that has a tag of the controller, which nobody else moves, and is deleted there.
"""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING, Any

from ecr_controller.deadline import refuse_after_deadline
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use.planning import own_tags
from ecr_controller.lifecycle.holds import is_held, tag_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ecr_controller.in_use.ecr import HeldImages
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.keep_in_use import KeepInUse
    from ecr_controller.repository.model import Mutability

# Images that are asked to take a tag: the first ones may have been deleted, or have as many tags as they can.
_CARRIERS = 3
# Seconds that are left after a deletion, to put an image again that went with it.
_RESTORE = 15.0


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
        self.lost: list[RetryableError] = []

    def remove(self, image: Image) -> str:
        """Remove the tag that holds an image, as it is now. Why it stays on the image for good, or ""."""
        tag, own = tag_of(image.digest), own_tags(image)
        self._released.add(image.digest)
        carriers = self._carriers(image)
        if own and (self._is_immutable(tag, *own) or not carriers or not self._is_protected(carriers[0])):
            self._remove_beside_own_tags(image, tag)
            return ""
        if self._is_immutable(tag):
            return "Tags of the repository are immutable."
        if not carriers:
            return "No other image of the repository can take it."
        self.remove_from(self._move(tag, carriers), tag)
        return ""

    def remove_from(self, carrier: Image, tag: str) -> None:
        """Remove the tag of another image's hold; nothing happens if it is not there any more.

        An image that has no other tag then keeps one of the controller, which is added to ``lost``.
        """
        manifest, fresh = self._manifest(carrier), self._held.describe_image(carrier.digest)
        if fresh is None or tag not in fresh.tags:
            return
        is_only = len(fresh.tags) == 1
        if is_only:
            self._held.put_image(manifest, tag_of(carrier.digest))
        if not self._delete(tag, carrier, manifest) or is_only:
            self.lost.append(_lost(carrier))

    def _move(self, tag: str, carriers: Iterable[Image]) -> Image:
        """Move the tag to the first image that takes it. Raises UserError if none does."""
        refused = []
        for carrier in carriers:
            try:
                self._held.put_image(self._manifest(carrier), tag)
            except UserError as error:
                refused.append(error)
            else:
                return carrier
        raise refused[0]

    def _remove_beside_own_tags(self, image: Image, tag: str) -> None:
        manifest = self._manifest(image) if self._reads_released else None
        if not self._delete(tag, image, manifest):
            raise _lost(image)

    def _delete(self, tag: str, image: Image, manifest: Any) -> bool:
        """Delete a tag; False if the image had lost its other tags, went with it, and is put again."""
        refuse_after_deadline(_RESTORE)
        self._held.batch_delete_image(tag)
        if manifest is None or self._held.describe_image(image.digest) is not None:
            return True
        self._held.put_image(manifest, tag_of(image.digest))
        return False

    def _carriers(self, released: Image) -> list[Image]:
        """Images that can take the tag, the best first: those that stay held."""
        candidates = [
            each
            for each in self._images
            if each.digest != released.digest
            and each.storage_class == "standard"
            and (own_tags(each) or self._is_protected(each))
        ]
        return nlargest(
            _CARRIERS,
            candidates,
            key=lambda each: (self._is_protected(each), each.digest in self._staying, len(each.tags), each.pushed_at),
        )

    def _is_immutable(self, *tags: str) -> bool:
        return any(map(self._mutability.is_immutable, tags))

    def _is_protected(self, image: Image) -> bool:
        """Whether the image has a tag that nobody else moves: that of its own hold."""
        is_tagged = image.digest in self._staying or is_held(image.digest, image.tags)
        return is_tagged and image.digest not in self._released

    def _manifest(self, image: Image) -> Any:
        if image.digest not in self._manifests:
            self._manifests[image.digest] = self._held.get_image(image.digest)
        return self._manifests[image.digest]


def _lost(image: Image) -> RetryableError:
    return RetryableError(
        f"The image {image.digest} lost its other tags meanwhile. It keeps the tag {tag_of(image.digest)} until the "
        "next check."
    )
