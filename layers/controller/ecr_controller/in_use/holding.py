"""A plan carried out on one repository: tags put on images in use, and removed from those that are not."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ecr_controller.config import is_sam_local
from ecr_controller.controller_events import ControllerEvent, emit
from ecr_controller.errors import ControllerError, TooLateError, UserError
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.ecr import HeldImages
from ecr_controller.in_use.planning import own_tags
from ecr_controller.in_use.removal import Removal
from ecr_controller.lifecycle.holds import is_held, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ecr_controller.in_use.held import Holds
    from ecr_controller.in_use.planning import Plan
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.keep_in_use import KeepInUse

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Holding:
    """The images of one repository, and its holds. ``keep`` is what the plan was made for.

    What fails at one image is added to ``faults``, and does not stop the others.
    """

    repository: str
    images: Sequence[Image]
    keep: KeepInUse | None
    holds: Holds
    tally: Counter[str] = field(default_factory=Counter)
    faults: list[ControllerError] = field(default_factory=list)

    def carry_out(self, plan: Plan) -> bool:
        """Store what is about to change, then change the tags; whether all holds of the plan that end have ended.

        Raises UserError and RetryableError.
        """
        for hold in plan.write:
            self.holds.put(hold)
        staying = plan.in_use.keys() - self._hold(plan)
        has_ended = True
        left: set[str] = set()
        if plan.release or plan.stray:
            removal = Removal(self.images, staying, self._held.describe_repository(), self.keep, self._held)
            left = self._remove_stray(plan, removal)
            has_ended = self._release_all(plan, removal, left) and not left and not removal.lost
            self.faults.extend(removal.lost)
        for digest in plan.forget:
            if tag_of(digest) not in left:
                self.holds.forget(digest)
        return has_ended

    @property
    def _held(self) -> HeldImages:
        return HeldImages(self.repository)

    def _hold(self, plan: Plan) -> set[str]:
        """Put the tags. Returns the digests of the images that could not get theirs."""
        wanted = {image.digest: image for image in plan.hold}
        manifests, refused = self._held.batch_get_image(list(wanted)) if wanted else ({}, {})
        self.faults.extend(refused.values())
        failed = set(wanted) - manifests.keys()
        for digest, manifest in manifests.items():
            if not self._attempt(partial(self._put, wanted[digest], manifest, plan.in_use[digest])):
                failed.add(digest)
        return failed

    def _put(self, image: Image, manifest: Any, user: str) -> None:
        self._held.put_image(manifest, tag_of(image.digest))
        self._send("ImageHeld", image, f"It is in use by {user}.")

    def _remove_stray(self, plan: Plan, removal: Removal) -> set[str]:
        """Remove stray tags. Returns those that are left, each of which only a hold knows."""
        return {tag for image, tag in plan.stray if not self._attempt(partial(removal.remove_from, image, tag))}

    def _release_all(self, plan: Plan, removal: Removal, left: Collection[str]) -> bool:
        has_ended = True
        released = [image for image in plan.release if tag_of(image.digest) not in left]
        # The one with most tags last, because no other one may be left that can take its tag.
        for image in sorted(released, key=lambda each: len(own_tags(each))):
            if Declarations().of(self.repository).keep != self.keep:
                logger.info("What keeps the images of %s changed, so nothing more is released", self.repository)
                return False
            has_ended = self._attempt(partial(self._release, image, removal)) and has_ended
        return has_ended

    def _release(self, image: Image, removal: Removal) -> None:
        """Remove the tag, so that the lifecycle policy applies to the image again, and forget the hold."""
        fresh = self._held.describe_image(image.digest)
        if fresh is not None and is_held(fresh.digest, fresh.tags):
            why_not = removal.remove(fresh)
            if why_not:
                self._leave(image, why_not)
                return
            self._send("ImageReleased", image, "It is no longer in use.")
        self.holds.forget(image.digest)

    def _leave(self, image: Image, reason: str) -> None:
        """Leave the tag on an image of which it is the only one: until the next look, or for good."""
        message = (
            f"The image {image.digest} in {self.repository} keeps the tag {tag_of(image.digest)}, because it is its "
            f"only tag, and Amazon ECR deletes an image with its last tag. {reason}"
        )
        if self.keep is not None:
            logger.info(message)
            return
        logger.warning(message)
        self.faults.append(UserError(message))
        self.holds.forget(image.digest)

    def _attempt(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except TooLateError:
            raise
        except ControllerError as error:
            logger.warning("%s: %s", self.repository, error)
            self.faults.append(error)
            return False
        return True

    def _send(self, event: str, image: Image, message: str) -> None:
        self.tally["ImagesHeld" if event == "ImageHeld" else "ImagesReleased"] += 1
        logger.info("%s: %s in %s. %s", event, image.digest, self.repository, message)
        if not is_sam_local():
            emit([ControllerEvent(event, self.repository, "", "", "", message, image_digest=image.digest)])
