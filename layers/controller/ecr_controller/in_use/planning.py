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


def used_images(images: Iterable[Image], uses: Iterable[Use], keep: KeepInUse, now: datetime) -> dict[str, str]:
    """The digests of the images in use, with what uses them. An archived image cannot be pulled, so nothing uses it."""
    active = [image for image in images if image.storage_class == "standard"]
    by_name = {image.digest: image.digest for image in active}
    by_name |= {tag: image.digest for image in active for tag in image.tags}
    found: dict[str, str] = {}
    for use in uses:
        if use.image in by_name:
            found.setdefault(by_name[use.image], use.user)
    if keep.pulled_within is not None:
        since = now - timedelta(days=keep.pulled_within)
        for image in active:
            if image.last_pulled_at is not None and image.last_pulled_at >= since:
                found.setdefault(image.digest, PULLED)
    return found


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
    to_hold, write, release = [], [], []
    for image in images:
        hold, is_tagged = stored.get(image.digest), is_held(image.digest, image.tags)
        if image.digest in in_use:
            wanted = Hold(image.digest, in_use[image.digest])
            if hold is None or hold.unused_since is not None:
                write.append(wanted)
            if not is_tagged:
                to_hold.append(image)
        elif hold is not None or is_tagged:
            since = None if hold is None else hold.unused_since
            if keep is None or (is_complete and since is not None and _is_over(since, keep, now)):
                release.append(image)
            elif since is None and is_complete:
                write.append(Hold(image.digest, hold.user if hold else "", int(now.timestamp())))
    present = {image.digest for image in images}
    # Of a move that was interrupted. Other tags with the prefix are somebody's.
    of_holds = {tag_of(digest) for digest in stored}
    stray = [(image, tag) for image in images for tag in image.tags if tag in of_holds and tag != tag_of(image.digest)]
    return Plan(
        in_use,
        tuple(to_hold),
        tuple(write),
        tuple(release),
        tuple(digest for digest in stored if digest not in present),
        tuple(stray),
    )


def carrier(images: Iterable[Image], released: Image, staying: Iterable[str]) -> Image | None:
    """An image that can take over the last tag of a released one, which would be deleted with it.

    One that stays held is preferred: it has a tag that nobody else moves. Otherwise it is the one with most tags.
    """
    kept = set(staying)
    others = [each for each in images if each.digest != released.digest and each.storage_class == "standard"]
    candidates = [each for each in others if own_tags(each) or each.digest in kept]
    return max(candidates, key=lambda each: (each.digest in kept, len(each.tags), each.pushed_at), default=None)


def own_tags(image: Image) -> tuple[str, ...]:
    """The tags of an image without those of holds."""
    return tuple(tag for tag in image.tags if not tag.startswith(TAG_PREFIX))


def _is_over(since: int, keep: KeepInUse, now: datetime) -> bool:
    return now.timestamp() - since > timedelta(days=keep.grace).total_seconds()
