"""What a look changes, for any images, uses and holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ecr_controller.in_use.planning import Hold, Plan, plan
from ecr_controller.in_use.usage import Use
from ecr_controller.lifecycle.holds import tag_of
from ecr_controller.lifecycle.images import Image
from ecr_controller.lifecycle.keep_in_use import KeepInUse

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DIGESTS = [f"sha256:{str(number) * 64}" for number in range(1, 7)]
# Each tag of an image belongs to one image; the tag of a hold may have strayed to another one.
TAGS = [f"v{number}" for number in range(4)] + [tag_of(digest) for digest in DIGESTS[:3]]


@st.composite
def repositories(draw: st.DrawFn) -> list[Image]:
    digests = draw(st.lists(st.sampled_from(DIGESTS), unique=True))
    owners = {tag: draw(st.sampled_from(digests)) for tag in draw(st.sets(st.sampled_from(TAGS)))} if digests else {}
    return [
        Image(
            digest,
            NOW,
            tuple(sorted(tag for tag, owner in owners.items() if owner == digest)),
            storage_class=draw(st.sampled_from(["standard", "standard", "archive"])),
            last_pulled_at=draw(st.none() | st.integers(0, 60).map(lambda days: NOW - timedelta(days=days))),
        )
        for digest in digests
    ]


uses = st.lists(st.builds(Use, st.just("a"), st.sampled_from(DIGESTS + TAGS[:4]), st.just("ECS"), st.just("a task")))
holds = st.lists(
    st.builds(
        Hold,
        st.sampled_from(DIGESTS),
        st.just("a task"),
        st.none() | st.integers(0, 30).map(lambda days: int((NOW - timedelta(days=days)).timestamp())),
    ),
    unique_by=lambda hold: hold.digest,
)
keeps = st.builds(KeepInUse, st.just(("ECS",)), st.none() | st.integers(2, 60), st.integers(1, 30))


@given(repositories(), uses, keeps, holds, st.booleans())
def test_what_is_in_use_is_held_and_nothing_of_it_is_released(
    images: list[Image], used: list[Use], keep: KeepInUse, stored: list[Hold], is_complete: bool
) -> None:
    planned = plan(images, used, keep, stored, NOW, is_complete=is_complete)
    by_name = {name: i for i in images if i.storage_class == "standard" for name in (i.digest, *i.tags)}
    running = {by_name[use.image].digest for use in used if use.image in by_name}
    assert running <= planned.in_use.keys()
    tagged = {image.digest for image in images if tag_of(image.digest) in image.tags}
    assert {image.digest for image in planned.hold} == planned.in_use.keys() - tagged
    assert planned.in_use.keys().isdisjoint(image.digest for image in planned.release)
    # What is about to be tagged is stored before.
    known = {hold.digest for hold in stored if hold.unused_since is None}
    assert planned.in_use.keys() <= known | {hold.digest for hold in planned.write if hold.unused_since is None}


@given(repositories(), uses, keeps, holds)
def test_nothing_is_released_before_its_days_of_grace_or_without_all_sources(
    images: list[Image], used: list[Use], keep: KeepInUse, stored: list[Hold]
) -> None:
    assert plan(images, used, keep, stored, NOW, is_complete=False).release == ()
    since = {hold.digest: hold.unused_since for hold in stored}
    for image in plan(images, used, keep, stored, NOW).release:
        began = since[image.digest]
        assert began is not None
        assert NOW.timestamp() - began > keep.grace * 24 * 3600


@given(repositories(), uses, holds)
def test_without_a_resource_that_keeps_them_all_holds_end(
    images: list[Image], used: list[Use], stored: list[Hold]
) -> None:
    planned = plan(images, used, None, stored, NOW)
    assert (planned.in_use, planned.hold) == ({}, ())
    # An event that comes meanwhile sees that they end.
    known = {hold.digest: hold for hold in (*stored, *planned.write)}
    assert all(known[image.digest].unused_since is not None for image in planned.release)
    held = {hold.digest for hold in stored} | {each.digest for each in images if tag_of(each.digest) in each.tags}
    present = {image.digest for image in images}
    assert {image.digest for image in planned.release} == held & present
    assert set(planned.forget) == {hold.digest for hold in stored} - present


@given(repositories(), uses, keeps, holds)
def test_a_second_look_changes_nothing(
    images: list[Image], used: list[Use], keep: KeepInUse, stored: list[Hold]
) -> None:
    first = plan(images, used, keep, stored, NOW)
    after = {hold.digest: hold for hold in (*stored, *first.write)}
    for digest in (*first.forget, *(image.digest for image in first.release)):
        after.pop(digest, None)
    stray = {(image.digest, tag) for image, tag in first.stray}
    # A tag that is put leaves the image on which it was.
    moved = {tag_of(image.digest) for image in first.hold}
    tagged = [
        _with_tags(
            image,
            {tag for tag in image.tags if (image.digest, tag) not in stray and tag not in moved}
            - ({tag_of(image.digest)} if image in first.release else set())
            | ({tag_of(image.digest)} if image in first.hold else set()),
        )
        for image in images
    ]
    assert plan(tagged, used, keep, after.values(), NOW) == Plan(first.in_use)


def _with_tags(image: Image, tags: set[str]) -> Image:
    from dataclasses import replace

    return replace(image, tags=tuple(sorted(tags)))
