"""A plan carried out on one repository: tags put on images in use, and removed from those that are not."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_controller.config import is_sam_local
from ecr_controller.controller_events import ControllerEvent, emit
from ecr_controller.errors import UserError
from ecr_controller.in_use import planning
from ecr_controller.in_use.ecr import HeldImages
from ecr_controller.in_use.held import Holds
from ecr_controller.lifecycle.holds import is_held, tag_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.in_use.planning import Plan
    from ecr_controller.lifecycle.images import Image

logger = logging.getLogger(__name__)

_ONLY_TAG = "the tag that holds it is its only tag, and Amazon ECR deletes an image with its last tag."


@dataclass(slots=True)
class Holding:
    """The images of one repository. ``is_kept`` says whether a resource keeps those in use."""

    repository: str
    images: Sequence[Image]
    is_kept: bool
    tally: Counter[str] = field(default_factory=Counter)

    def carry_out(self, plan: Plan) -> None:
        """Store what is about to change, then change the tags. Raises UserError, after all else is done, if an image in
        use could not be held, and RetryableError."""
        holds = Holds(self.repository)
        for hold in plan.write:
            holds.put(hold)
        refused = self._hold(plan)
        for image in plan.release:
            self._release(image, plan)
        for image, tag in plan.stray:
            self._remove_from(image, tag)
        for digest in plan.forget:
            holds.delete(digest)
        if refused:
            raise UserError(f"Not every image in use is kept. {' '.join(refused)}")

    def _hold(self, plan: Plan) -> list[str]:
        """Put the tags, and return why some could not be."""
        held = HeldImages(self.repository)
        manifests = held.batch_get_image([image.digest for image in plan.hold])
        refused: list[str] = []
        for image in plan.hold:
            if image.digest in manifests:  # otherwise it was deleted a moment ago
                try:
                    held.put_image(manifests[image.digest], tag_of(image.digest))
                except UserError as error:
                    refused.append(str(error))
                    continue
                self._send("ImageHeld", image, f"It is in use by {plan.in_use[image.digest]}.")
        return refused

    def _release(self, image: Image, plan: Plan) -> None:
        """Remove the tag, so that the lifecycle policy applies to the image again, and forget the hold."""
        holds = Holds(self.repository)
        if self.is_kept and holds.is_used(image.digest):
            return  # it began to run since the plan was made
        fresh = HeldImages(self.repository).describe_image(image.digest)
        if fresh is not None and is_held(fresh.digest, fresh.tags):
            if not self._is_removed(fresh, plan):
                return
            self._send("ImageReleased", image, "It is no longer in use.")
        if self.is_kept and holds.is_used(image.digest):
            self._put(image, tag_of(image.digest))
        else:
            holds.delete(image.digest)

    def _is_removed(self, image: Image, plan: Plan) -> bool:
        """Remove the tag of a hold. A last tag is moved to another image, and removed from that one.

        False if that is not possible, and the hold stays. If nothing keeps images any more, the tag stays without a
        hold.
        """
        tag = tag_of(image.digest)
        if len(image.tags) > 1:
            HeldImages(self.repository).batch_delete_image(tag)
            return True
        carrier = planning.carrier(self.images, image, plan.in_use)
        reason = (
            "No other image of the repository can take it." if carrier is None else self._why_not_moved(carrier, tag)
        )
        if carrier is None or reason:
            logger.warning("The image %s in %s keeps its tag: %s %s", image.digest, self.repository, _ONLY_TAG, reason)
            return not self.is_kept
        self._remove_from(carrier, tag)
        return True

    def _why_not_moved(self, image: Image, tag: str) -> str:
        """Move a tag to an image; why that was not possible, or ""."""
        try:
            self._put(image, tag)
        except UserError as error:
            return str(error)
        fresh = HeldImages(self.repository).describe_image(image.digest)
        return "" if fresh is not None and tag in fresh.tags else "Amazon ECR did not move it."

    def _put(self, image: Image, tag: str) -> None:
        held = HeldImages(self.repository)
        manifest = held.batch_get_image([image.digest]).get(image.digest)
        if manifest is None:
            raise UserError(f"The image {image.digest} was deleted.")
        held.put_image(manifest, tag)

    def _remove_from(self, image: Image, tag: str) -> None:
        """Remove the tag of another image's hold, unless it is the only one."""
        fresh = HeldImages(self.repository).describe_image(image.digest)
        if fresh is not None and tag in fresh.tags and len(fresh.tags) > 1:
            HeldImages(self.repository).batch_delete_image(tag)

    def _send(self, event: str, image: Image, message: str) -> None:
        self.tally["ImagesHeld" if event == "ImageHeld" else "ImagesReleased"] += 1
        logger.info("%s: %s in %s. %s", event, image.digest, self.repository, message)
        if not is_sam_local():
            emit([ControllerEvent(event, self.repository, "", "", "", message, image_digest=image.digest)])
