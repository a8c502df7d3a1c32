"""What a lifecycle policy does to the images of a repository: a pure function, without AWS calls.

Source: "Lifecycle policy evaluation rules" in the Amazon ECR user guide. Where the guide is silent:

- Of images with equal times, the later in the input is the newer.
- A manifest list protects the images that it refers to, if they are known, while it is kept in standard storage.
  A protected image still counts among those that a rule matches and marks.
- ECR reports the size of its largest image for a manifest list. Expiring the list itself counts as freeing nothing.

`Reading` has what is silent, too, and matters for most repositories.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from ecr_controller.lifecycle.selection import ImageIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.policy import CountType, LifecyclePolicy, Rule

Action = Literal["expire", "archive", "keep"]

_CLOCKS: dict[CountType, Callable[[Image], datetime | None]] = {
    "sinceImagePushed": attrgetter("available_since"),
    "sinceImagePulled": attrgetter("last_used_at"),
    "sinceImageTransitioned": attrgetter("last_archived_at"),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How the guide is read where it does not say what ECR does.

    ``ranks_children``: the images that a manifest list refers to take places among the N of ``imageCountMoreThan``,
    and are past it like others. ``untagged_takes_referrers``: an ``untagged`` rule matches the untagged reference
    artifact of an image, such as its signature, and not only with its subject.
    """

    ranks_children: bool = True
    untagged_takes_referrers: bool = True


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one image. ``rule_priority`` is the rule that expires or archives it. ``claimed_by`` is the
    first rule that matches it, which no later rule can override; None if no rule does. ``subject`` is the digest of
    the image with which a reference artifact is expired or archived, within 24 hours, by no rule of its own."""

    image: Image
    action: Action
    rule_priority: int | None
    claimed_by: int | None
    subject: str | None = None

    @property
    def bytes_freed(self) -> int:
        """An upper bound, because images share layers. Archiving frees nothing."""
        return self.image.size_in_bytes if self.action == "expire" and not self.image.is_manifest_list else 0


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """How many images a rule matches; claims, as no rule before it did; marks, as they are past its count or age;
    and acts on, as no manifest list holds them. Each number is at most the one before."""

    priority: int
    matched: int
    claimed: int
    marked: int
    acted: int

    @property
    def shadowed(self) -> bool:
        """Whether rules of higher priority claim all that it matches, so that it can never act."""
        return self.matched > 0 and self.claimed == 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One fate an image, in the order of the images, and one outcome a rule, by priority."""

    fates: tuple[Fate, ...]
    rules: tuple[RuleOutcome, ...]

    @property
    def counts(self) -> dict[Action, int]:
        """Images by action, without the reference artifacts that go with their subject."""
        counted = Counter(fate.action for fate in self.fates if fate.subject is None)
        return {"expire": counted["expire"], "archive": counted["archive"], "keep": counted["keep"]}

    @property
    def referrers(self) -> dict[Action, int]:
        """The reference artifacts that go with their subject, by action."""
        counted = Counter(fate.action for fate in self.fates if fate.subject is not None)
        return {"expire": counted["expire"], "archive": counted["archive"]}

    @property
    def affected(self) -> int:
        """How many images are expired or archived, with their reference artifacts."""
        return sum(fate.action != "keep" for fate in self.fates)

    @property
    def bytes_freed(self) -> int:
        """The sum over all images."""
        return sum(fate.bytes_freed for fate in self.fates)

    @property
    def unmatched_rules(self) -> tuple[int, ...]:
        """Priorities of the rules that match no image."""
        return tuple(rule.priority for rule in self.rules if not rule.matched)

    @property
    def shadowed_rules(self) -> tuple[int, ...]:
        """Priorities of the rules whose every image is claimed by a rule of higher priority."""
        return tuple(rule.priority for rule in self.rules if rule.shadowed)


def evaluate(
    policy: LifecyclePolicy, images: Sequence[Image], now: datetime, reading: Reading = Reading()
) -> Evaluation:
    """Apply the rules to all images at the time ``now``, which is aware. Images are known below by position."""
    oldest_first = sorted(range(len(images)), key=[image.available_since for image in images].__getitem__)
    youngest_first = oldest_first[::-1]
    index = ImageIndex(images)
    unranked = set() if reading.ranks_children else _children(images)
    artifacts = set() if reading.untagged_takes_referrers else _referrers(images)
    claims: dict[int, int] = {}
    marks: dict[int, Rule] = {}
    tallies: list[tuple[int, int, int, int]] = []
    for rule in sorted(policy.rules, key=lambda rule: rule.priority):
        matched = index.selected_by(rule)
        if rule.tag_status == "untagged":
            matched -= artifacts
        claimed = matched.difference(claims)
        if rule.count_type == "imageCountMoreThan":
            # Images that another rule claimed still count among the N that are kept.
            ranked = matched - unranked if unranked else matched
            kept = islice(filter(ranked.__contains__, youngest_first), rule.count_number)
            marked = claimed.difference(unranked, kept)
        else:
            marked = _older(images, claimed, rule, now)
        # The whole pool is claimed, not only what is marked.
        claims |= dict.fromkeys(claimed, rule.priority)
        marks |= dict.fromkeys(marked, rule)
        tallies.append((rule.priority, len(matched), len(claimed), len(marked)))

    held = _held_by_manifest_lists(images, marks)
    acting = {position: rule for position, rule in marks.items() if images[position].digest not in held}
    acted = Counter(rule.priority for rule in acting.values())
    fates = [_fate(image, acting.get(i), claims.get(i)) for i, image in enumerate(images)]
    _follow_subjects(fates, held)
    return Evaluation(
        fates=tuple(fates),
        rules=tuple(RuleOutcome(*tally, acted=acted[tally[0]]) for tally in tallies),
    )


def _older(images: Sequence[Image], positions: set[int], rule: Rule, now: datetime) -> set[int]:
    """Those strictly older than the rule's days of 24 hours. What has no time is not older."""
    clock, limit = _CLOCKS[rule.count_type], timedelta(days=min(rule.count_number, timedelta.max.days))
    return {i for i in positions if (since := clock(images[i])) is not None and now - since > limit}


def _held_by_manifest_lists(images: Sequence[Image], marked: Collection[int]) -> set[str]:
    """Digests that manifest lists refer to which stay in standard storage. A list that is held stays, too."""
    lists = {
        image.digest: position
        for position, image in enumerate(images)
        if image.children and image.storage_class == "standard"
    }
    staying = [position for position in lists.values() if position not in marked]
    held: set[str] = set()
    while staying:
        found = set(images[staying.pop()].children) - held
        held |= found
        staying += [lists[digest] for digest in found & lists.keys()]
    return held


def _children(images: Sequence[Image]) -> set[int]:
    """The positions of images that a manifest list in standard storage refers to."""
    digests = {digest for image in images if image.storage_class == "standard" for digest in image.children}
    return {position for position, image in enumerate(images) if image.digest in digests}


def _referrers(images: Sequence[Image]) -> set[int]:
    """The positions of reference artifacts whose subject is in the repository."""
    digests = {image.digest for image in images}
    return {position for position, image in enumerate(images) if image.subject in digests}


def _follow_subjects(fates: list[Fate], held: Collection[str]) -> None:
    """Have reference artifacts share the fate of their subject, and those of artifacts likewise."""
    gone: dict[str, Action] = {fate.image.digest: fate.action for fate in fates if fate.action != "keep"}
    waiting = {
        position
        for position, fate in enumerate(fates)
        if fate.action == "keep" and fate.image.subject and fate.image.digest not in held
    }
    while gone:
        following = {position for position in waiting if fates[position].image.subject in gone}
        waiting -= following
        next_gone: dict[str, Action] = {}
        for position in following:
            image, subject = fates[position].image, fates[position].image.subject
            action = gone[str(subject)]
            if action == "expire" or image.storage_class == "standard":
                fates[position] = replace(fates[position], action=action, subject=subject)
                next_gone[image.digest] = action  # a signature may sign an SBOM
        gone = next_gone


def _fate(image: Image, acting: Rule | None, claimed_by: int | None) -> Fate:
    if acting is None:
        return Fate(image, "keep", None, claimed_by)
    return Fate(image, "expire" if acting.action == "expire" else "archive", acting.priority, claimed_by)
