"""What a look at one repository changes: which images are held, and which holds end. Nothing here calls AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.holds import TAG_PREFIX, is_held, tag_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ecr_controller.in_use.usage import Use
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.keep_in_use import KeepInUse

PULLED = "a pull"


@dataclass(frozen=True, slots=True)
class Hold:
    """An image that is held, as it is stored: what used it when it was last seen in use, and since when, in seconds
    since 1970, it is not seen any more; None while it is in use."""

    digest: str
    user: str
    unused_since: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """``write`` is stored before any tag changes. ``stray`` are tags of holds on images that they do not belong to."""

    in_use: Mapping[str, str] = field(default_factory=dict)
    hold: tuple[Image, ...] = ()
    write: tuple[Hold, ...] = ()
    release: tuple[Image, ...] = ()
    forget: tuple[str, ...] = ()
    stray: tuple[tuple[Image, str], ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether all that is in use is held already, and nothing else is."""
        return self == Plan(self.in_use)


def used_images(images: Iterable[Image], uses: Iterable[Use], keep: KeepInUse, now: datetime) -> dict[str, str]:
    """The digests of the images in use, with what uses them. An archived image cannot be pulled, so nothing uses it.

    An index is in use if an image that it names is, as far as ``children`` of the index are known.
    """
    active = [image for image in images if image.storage_class == "standard"]
    by_name = {image.digest: image.digest for image in active}
    by_name |= {tag: image.digest for image in active for tag in image.tags}
    found: dict[str, str] = {}
    for use in uses:
        if use.image in by_name:
            found.setdefault(by_name[use.image], use.user)
    _add_indexes(found, active)
    if keep.pulled_within is not None:
        since = now - timedelta(days=keep.pulled_within)
        for image in active:
            if image.last_pulled_at is not None and image.last_pulled_at >= since:
                found.setdefault(image.digest, PULLED)
    return found


def _add_indexes(found: dict[str, str], images: Iterable[Image]) -> None:
    """Add the indexes of images that are found, and of indexes that are."""
    left = [image for image in images if image.children and image.digest not in found]
    while added := {image.digest: found[child] for image in left for child in image.children if child in found}:
        found |= added
        left = [image for image in left if image.digest not in added]


def plan(
    images: Sequence[Image],
    uses: Iterable[Use],
    keep: KeepInUse | None,
    holds: Iterable[Hold],
    now: datetime,
    *,
    is_complete: bool = True,
) -> Plan:
    """What changes. Without ``keep``, nobody keeps images in use any more, and all holds end at once.

    Unless it ``is_complete``, a source could not be read, so that no use can be known to have ended.
    """
    stored = {hold.digest: hold for hold in holds}
    in_use = {} if keep is None else used_images(images, uses, keep, now)
    used = [image for image in images if image.digest in in_use]
    tagged = {image.digest for image in images if is_held(image.digest, image.tags)}
    began = [image for image in used if image.digest not in stored or stored[image.digest].unused_since is not None]
    ending = [
        image for image in images if image.digest not in in_use and (image.digest in stored or image.digest in tagged)
    ]
    release = [image for image in ending if keep is None or (is_complete and _is_over(stored, image, keep, now))]
    ended = [image for image in ending if is_complete and _since(stored, image) is None]
    present = {image.digest for image in images}
    # Of a move that was interrupted. Other tags with the prefix are somebody's.
    of_holds = {tag_of(digest) for digest in stored}
    stray = [(image, tag) for image in images for tag in image.tags if tag in of_holds and tag != tag_of(image.digest)]
    return Plan(
        in_use,
        hold=tuple(image for image in used if image.digest not in tagged),
        write=(
            *(Hold(image.digest, in_use[image.digest]) for image in began),
            *(Hold(image.digest, _user(stored, image), int(now.timestamp())) for image in ended),
        ),
        release=tuple(release),
        forget=tuple(digest for digest in stored if digest not in present),
        stray=tuple(stray),
    )


def own_tags(image: Image) -> tuple[str, ...]:
    """The tags of an image without those of holds."""
    return tuple(tag for tag in image.tags if not tag.startswith(TAG_PREFIX))


def _since(stored: Mapping[str, Hold], image: Image) -> int | None:
    return stored[image.digest].unused_since if image.digest in stored else None


def _user(stored: Mapping[str, Hold], image: Image) -> str:
    return stored[image.digest].user if image.digest in stored else ""


def _is_over(stored: Mapping[str, Hold], image: Image, keep: KeepInUse, now: datetime) -> bool:
    since = _since(stored, image)
    return since is not None and now.timestamp() - since > timedelta(days=keep.grace).total_seconds()
