"""The evaluation of a lifecycle policy once more, as literally as the user guide's rules can be written down.

Slow and plain on purpose: the controller's evaluation is tested against it, it is the preview of the embedded AWS, and
it shares no code with the controller's. The rules:

1. Rules are applied in the order of their priority, the lowest number first.
2. An image is expired or archived by exactly one rule, or by none.
3. An image that matches the tagging requirements of a rule cannot be expired or archived by a rule of lower priority.
4. Rules never mark images that rules of higher priority marked, but still identify them as if they were there.
5. (Which selections a policy may repeat. Not about evaluation.)
6. An image that a manifest list refers to cannot be expired or archived until the manifest list is.
7. The oldest go first, by the time of push, or of the last restore from the archive if there was one.
8. Every entry of a list must match some tag. ``*`` is any run of characters, and a pattern is about the whole tag.
9. Past a count: all but the N youngest. Past an age: strictly older than N days.
10. A reference artifact is expired or archived with its subject. (`slow_followers`, as a preview may not show it.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.policy import LifecyclePolicy, Rule


@dataclass
class SlowFate:
    """What is known so far about one image."""

    action: str = "keep"
    rule_priority: int | None = None
    claimed_by: int | None = None


def slow_fates(
    policy: LifecyclePolicy,
    images: Sequence[Image],
    now: datetime,
    *,
    ranks_children: bool = True,
    untagged_takes_referrers: bool = True,
) -> list[SlowFate]:
    """One fate an image, in the order of the images. The last two say how the silence of the user guide is read."""
    fates = [SlowFate() for _ in images]
    for rule in in_order(policy):  # rule 1
        candidates = [
            image
            for image in images
            if untagged_takes_referrers or rule.tag_status != "untagged" or not is_referrer(image, images)
        ]
        ranked = [
            image
            for image in candidates
            if ranks_children or rule.count_type != "imageCountMoreThan" or not is_child(image, images)
        ]
        identified = past_the_limit(rule, ranked, now)  # rule 4: as if nothing had been marked yet
        for image, fate in zip(images, fates, strict=True):
            is_candidate = any(image is other for other in candidates)
            if is_candidate and matches(rule, image) and fate.claimed_by is None:  # rules 2 and 3
                fate.claimed_by = rule.priority
                if any(image is other for other in identified):
                    fate.action = {"expire": "expire", "transition": "archive"}[rule.action]
                    fate.rule_priority = rule.priority
    while (held := first_held(images, fates)) is not None:  # rule 6
        held.action, held.rule_priority = "keep", None
    return fates


def is_child(image: Image, images: Sequence[Image]) -> bool:
    """Whether a manifest list in standard storage refers to it."""
    return any(other.storage_class == "standard" and image.digest in other.children for other in images)


def is_referrer(image: Image, images: Sequence[Image]) -> bool:
    """Whether it is a reference artifact of another image in the repository."""
    return any(image.subject == other.digest for other in images)


def slow_followers(images: Sequence[Image], fates: Sequence[SlowFate]) -> list[str | None]:
    """Rule 10: what happens to each image because of its subject, or None."""
    held = [
        any(
            fate.action == "keep" and other.storage_class == "standard" and image.digest in other.children
            for other, fate in zip(images, fates, strict=True)
        )
        for image in images
    ]
    followers: list[str | None] = [None] * len(images)
    for _ in images:  # a chain is no longer than this
        for position, image in enumerate(images):
            for other, fate, follows in zip(images, fates, list(followers), strict=True):
                action = follows or fate.action
                goes = action == "expire" or (action == "archive" and image.storage_class == "standard")
                is_kept = fates[position].action == "keep" and followers[position] is None and not held[position]
                if goes and is_kept and image.subject == other.digest:
                    followers[position] = action
    return followers


def in_order(policy: LifecyclePolicy) -> list[Rule]:
    """The rules, the highest priority first."""
    return sorted(policy.rules, key=lambda rule: rule.priority)


def matched_images(rule: Rule, images: Sequence[Image]) -> list[Image]:
    """All images that the rule's selection is about."""
    return [image for image in images if matches(rule, image)]


def past_the_limit(rule: Rule, images: Sequence[Image], now: datetime) -> list[Image]:
    """Rules 7 and 9."""
    matched = matched_images(rule, images)
    if rule.count_type == "imageCountMoreThan":
        oldest_first = sorted(matched, key=pushed_or_restored)  # stable: of equals, the later in the input is newer
        kept = 0 if rule.count_number > len(matched) else len(matched) - rule.count_number
        return oldest_first[:kept]
    past = []
    for image in matched:
        time = clock(rule, image)
        if time is not None and now - time > timedelta(days=rule.count_number):
            past.append(image)
    return past


def clock(rule: Rule, image: Image) -> datetime | None:
    """The time that a rule about age counts from."""
    if rule.count_type == "sinceImageTransitioned":
        return image.last_archived_at
    if rule.count_type == "sinceImagePushed":
        return pushed_or_restored(image)
    if image.last_pulled_at is None:  # never pulled
        return pushed_or_restored(image)
    if image.last_activated_at is not None and image.last_pulled_at < image.last_activated_at:
        return image.last_activated_at  # not pulled since it was restored
    return image.last_pulled_at


def pushed_or_restored(image: Image) -> datetime:
    """Rule 7."""
    if image.last_activated_at is None:
        return image.pushed_at
    return image.last_activated_at


def matches(rule: Rule, image: Image) -> bool:
    """Rule 8, and the rest of the selection."""
    if rule.storage_class != image.storage_class:
        return False
    if rule.tag_status == "any":
        return True
    if rule.tag_status == "untagged":
        return len(image.tags) == 0
    prefixes_match = [any(tag[: len(prefix)] == prefix for tag in image.tags) for prefix in rule.tag_prefixes]
    patterns_match = [any(tag_matches(pattern, tag) for tag in image.tags) for pattern in rule.tag_patterns]
    return len(image.tags) > 0 and all(prefixes_match) and all(patterns_match)


def tag_matches(pattern: str, tag: str) -> bool:
    """Letter by letter."""
    if pattern == "":
        return tag == ""
    if pattern[0] == "*":
        return any(tag_matches(pattern[1:], tag[skipped:]) for skipped in range(len(tag) + 1))
    return tag != "" and tag[0] == pattern[0] and tag_matches(pattern[1:], tag[1:])


def first_held(images: Sequence[Image], fates: Sequence[SlowFate]) -> SlowFate | None:
    """An image that would go although a manifest list refers to it that is neither expired nor archived."""
    for image, fate in zip(images, fates, strict=True):
        for manifest_list, its_fate in zip(images, fates, strict=True):
            stays = its_fate.action == "keep" and manifest_list.storage_class == "standard"
            if fate.action != "keep" and stays and image.digest in manifest_list.children:
                return fate
    return None
