"""What holds for every lifecycle policy and every repository."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ecr_controller.lifecycle.evaluation import Evaluation, Reading, RuleOutcome, evaluate
from ecr_controller.lifecycle.images import Image
from ecr_controller.lifecycle.policy import ActionType, CountType, LifecyclePolicy, Rule, StorageClass, TagStatus
from ecr_controller.lifecycle.selection import ImageIndex
from local.emulator.slow_evaluation import (
    in_order,
    matched_images,
    matches,
    past_the_limit,
    pushed_or_restored,
    slow_fates,
    slow_followers,
    tag_matches,
)

if TYPE_CHECKING:
    from random import Random

some = settings(max_examples=100, deadline=None)
many = settings(max_examples=400, deadline=None)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
STORED: list[StorageClass] = ["standard", "standard", "archive"]

# Few values, so that times and tags collide and ages fall right on a day, with 1 microsecond on either side of it.
moments = st.builds(
    lambda days, microseconds: NOW - timedelta(days=days, microseconds=microseconds),
    st.integers(0, 6),
    st.sampled_from([0, 0, 0, 1, -1]),
)
tags = st.text("ab.", min_size=1, max_size=4)
patterns = st.lists(st.text("ab.", max_size=2), min_size=1, max_size=5).map("*".join).filter(bool)


@st.composite
def repositories(draw: st.DrawFn, *, distinct_times: bool = False) -> list[Image]:
    """Images with digests of their own, some of them archived, restored, or manifest lists of the others."""
    drawn = draw(
        st.lists(
            st.builds(
                Image,
                digest=st.just(""),
                pushed_at=moments,
                tags=st.lists(tags, max_size=3, unique=True).map(tuple),
                size_in_bytes=st.integers(0, 1000),
                storage_class=st.sampled_from(STORED),
                last_pulled_at=st.none() | moments,
                last_archived_at=st.none() | moments,
                last_activated_at=st.none() | moments,
                children=st.lists(st.integers(0, 9).map(str), max_size=2).map(tuple),
                subject=st.none() | st.none() | st.integers(0, 9).map(str),
            ),
            max_size=10,
            unique_by=pushed_or_restored if distinct_times else None,
        )
    )
    return [replace(image, digest=str(position)) for position, image in enumerate(drawn)]


KINDS: list[tuple[CountType, ActionType, StorageClass]] = [
    ("imageCountMoreThan", "expire", "standard"),
    ("imageCountMoreThan", "transition", "standard"),
    ("sinceImagePushed", "expire", "standard"),
    ("sinceImagePushed", "transition", "standard"),
    ("sinceImagePulled", "transition", "standard"),
    ("sinceImageTransitioned", "expire", "archive"),
]
TAG_STATUSES: list[TagStatus] = ["any", "untagged", "tagged", "tagged"]


@st.composite
def policies(draw: st.DrawFn) -> LifecyclePolicy:
    """Every combination of count type, storage class and action that ECR takes, with numbers small enough to matter."""
    rules = []
    for priority in draw(st.lists(st.integers(1, 99), max_size=6, unique=True)):
        count_type, action, storage_class = draw(st.sampled_from(KINDS))
        rule = Rule(priority, "any", count_type, draw(st.integers(1, 4)), action, storage_class)
        status = draw(st.sampled_from(TAG_STATUSES))
        entries = draw(st.lists(patterns, min_size=1, max_size=2).map(tuple)) if status == "tagged" else ()
        if draw(st.booleans()):
            rules.append(replace(rule, tag_status=status, tag_patterns=entries))
        else:
            rules.append(replace(rule, tag_status=status, tag_prefixes=tuple(e.replace("*", "") for e in entries)))
    return LifecyclePolicy(tuple(rules))


def outcome_by_digest(evaluation: Evaluation) -> dict[str, tuple[str, int | None, int | None]]:
    """What happens to each image, whatever its position."""
    return {fate.image.digest: (fate.action, fate.rule_priority, fate.claimed_by) for fate in evaluation.fates}


@some
@given(policies(), repositories())
def test_each_image_has_one_fate(policy: LifecyclePolicy, images: list[Image]) -> None:
    evaluation = evaluate(policy, images, NOW)
    assert [fate.image for fate in evaluation.fates] == images
    assert sum(evaluation.counts.values()) + sum(evaluation.referrers.values()) == len(images)
    for fate in evaluation.fates:
        follows = fate.subject is not None
        assert fate.rule_priority == (None if fate.action == "keep" or follows else fate.claimed_by)
        assert fate.action == "keep" or follows or fate.rule_priority is not None
        assert fate.subject in (None, fate.image.subject)


@some
@given(policies(), repositories())
def test_the_claim_of_a_higher_rule_is_never_broken(policy: LifecyclePolicy, images: list[Image]) -> None:
    for fate in evaluate(policy, images, NOW).fates:
        first = next((rule.priority for rule in in_order(policy) if matches(rule, fate.image)), None)
        assert fate.claimed_by == first
        assert fate.rule_priority in {None, first}


@some
@given(policies(), repositories(), moments, st.sampled_from(STORED), st.integers(0, 10))
def test_an_image_that_no_rule_matches_changes_nothing_for_the_others(
    policy: LifecyclePolicy, images: list[Image], pushed_at: datetime, stored: StorageClass, position: int
) -> None:
    stranger = Image("stranger", pushed_at, ("z",), storage_class=stored)
    assume(not any(matches(rule, stranger) for rule in policy.rules))
    alone = evaluate(policy, images, NOW)
    joined = evaluate(policy, [*images[:position], stranger, *images[position:]], NOW)
    assert outcome_by_digest(joined) == outcome_by_digest(alone) | {"stranger": ("keep", None, None)}
    assert joined.rules == alone.rules


@some
@given(policies(), repositories(distinct_times=True), st.randoms(use_true_random=False))
def test_the_order_of_images_of_different_times_is_of_no_matter(
    policy: LifecyclePolicy, images: list[Image], dice: Random
) -> None:
    shuffled = images.copy()
    dice.shuffle(shuffled)
    before, after = evaluate(policy, images, NOW), evaluate(policy, shuffled, NOW)
    assert outcome_by_digest(after) == outcome_by_digest(before)
    assert after.rules == before.rules


@some
@given(policies(), repositories())
def test_the_order_in_which_rules_are_declared_is_of_no_matter(policy: LifecyclePolicy, images: list[Image]) -> None:
    backwards = LifecyclePolicy(policy.rules[::-1])
    assert evaluate(backwards, images, NOW) == evaluate(policy, images, NOW)


@many
@given(policies(), repositories(), st.booleans(), st.booleans())
def test_the_fast_evaluation_is_the_slow_one_however_the_guide_is_read(
    policy: LifecyclePolicy, images: list[Image], ranks_children: bool, takes_referrers: bool
) -> None:
    evaluation = evaluate(policy, images, NOW, Reading(ranks_children, takes_referrers))
    expected = slow_fates(policy, images, NOW, ranks_children=ranks_children, untagged_takes_referrers=takes_referrers)
    followers = slow_followers(images, expected)
    assert [(fate.action, fate.rule_priority, fate.claimed_by, fate.subject) for fate in evaluation.fates] == [
        (follows or fate.action, fate.rule_priority, fate.claimed_by, image.subject if follows else None)
        for image, fate, follows in zip(images, expected, followers, strict=True)
    ]


@many
@given(policies(), repositories())
def test_the_outcome_of_each_rule_is_that_of_the_slow_evaluation(policy: LifecyclePolicy, images: list[Image]) -> None:
    evaluation, expected = evaluate(policy, images, NOW), slow_fates(policy, images, NOW)
    for rule, outcome in zip(in_order(policy), evaluation.rules, strict=True):
        claimed = [image for image, fate in zip(images, expected, strict=True) if fate.claimed_by == rule.priority]
        assert outcome == RuleOutcome(
            priority=rule.priority,
            matched=len(matched_images(rule, images)),
            claimed=len(claimed),
            marked=sum(image in claimed for image in past_the_limit(rule, images, NOW)),
            acted=sum(fate.rule_priority == rule.priority for fate in expected),
        )


@many
@given(patterns, st.lists(tags, max_size=8).map(tuple))
def test_a_pattern_selects_what_it_matches_letter_by_letter(pattern: str, tags: tuple[str, ...]) -> None:
    images = [Image(str(position), NOW, (tag,)) for position, tag in enumerate(tags)]
    rule = Rule(1, "tagged", "imageCountMoreThan", 1, tag_patterns=(pattern,))
    assert ImageIndex(images).selected_by(rule) == {i for i, tag in enumerate(tags) if tag_matches(pattern, tag)}
