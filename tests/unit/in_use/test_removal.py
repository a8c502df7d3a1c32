"""The tag of a hold goes, and no image goes with it, whatever others do meanwhile."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, TooLateError, UserError
from ecr_controller.in_use.removal import Removal
from ecr_controller.lifecycle.holds import tag_of
from ecr_controller.lifecycle.images import Image
from ecr_controller.lifecycle.keep_in_use import KeepInUse
from ecr_controller.repository.model import Mutability

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DIGESTS = [f"sha256:{str(number) * 64}" for number in range(1, 5)]
FIRST, SECOND, THIRD, _ = DIGESTS
MUTABLE = Mutability()


class Registry:
    """One repository as Amazon ECR keeps it. ``others`` is what people do just before each call."""

    def __init__(self, mutability: Mutability = MUTABLE, **tags: str) -> None:
        self.images: set[str] = set(DIGESTS)
        self.tags = {tag.replace("_", "-"): digest for tag, digest in tags.items()}
        self.mutability = mutability
        self.others: Callable[[Registry], None] = lambda _self: None
        self.calls: list[str] = []

    def held(self, *digests: str) -> Registry:
        """With the tags that hold these images."""
        self.tags |= {tag_of(digest): digest for digest in digests}
        return self

    def removal(self, *staying: str, keep: KeepInUse | None = None) -> Removal:
        images = [self.image(each) for each in DIGESTS]
        return Removal(images, staying, self.mutability, keep, self)  # type: ignore[arg-type]

    def image(self, digest: str) -> Image:
        return Image(digest, NOW, tuple(sorted(tag for tag, on in self.tags.items() if on == digest)))

    def move(self, tag: str, digest: str) -> None:
        """As people do."""
        if digest in self.images and not (tag in self.tags and self.mutability.is_immutable(tag)):
            self.tags[tag] = digest

    def describe_image(self, digest: str) -> Image | None:
        self._call("DescribeImages")
        return self.image(digest) if digest in self.images else None

    def get_image(self, digest: str) -> Any:
        self._call("BatchGetImage")
        if digest not in self.images:
            raise UserError("The image was deleted.")
        return digest

    def put_image(self, manifest: Any, tag: str) -> None:
        self._call("PutImage")
        if tag in self.tags and self.mutability.is_immutable(tag):
            raise UserError("It is immutable.")
        self.images.add(manifest)
        self.tags[tag] = manifest

    def batch_delete_image(self, tag: str) -> None:
        self._call("BatchDeleteImage")
        digest = self.tags.pop(tag, None)
        if digest is not None and digest not in self.tags.values():
            self.images.discard(digest)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.others(self)


def moving(draw: Any) -> Callable[[Registry], None]:
    """Moves tags of people from image to image, as often as it is drawn, and deletes them, but no last one."""

    def move(registry: Registry) -> None:
        for tag in draw(st.sets(st.sampled_from(["v1", "v2", "latest"]))):
            digest = draw(st.none() | st.sampled_from(DIGESTS))
            if digest is not None:
                registry.move(tag, digest)
            elif tag in registry.tags and len(registry.image(registry.tags[tag]).tags) > 1:
                del registry.tags[tag]

    return move


def lost(removal: Removal) -> list[str]:
    """The images that keep a tag of the controller until the next look."""
    return [digest for digest in DIGESTS for each in removal.lost if digest in str(each)]


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    tags = {tag: draw(st.sampled_from(DIGESTS)) for tag in draw(st.sets(st.sampled_from(["v1", "v2", "latest"])))}
    return Registry(MUTABLE, **tags).held(FIRST, *draw(st.sets(st.sampled_from(DIGESTS))))


@given(registries(), st.data())
def test_no_image_goes_while_another_one_stays_held(registry: Registry, data: st.DataObject) -> None:
    registry.held(SECOND)
    removal, image = registry.removal(SECOND), registry.image(FIRST)
    registry.others = moving(data.draw)
    assert removal.remove(image) == ""
    assert registry.images == set(DIGESTS)
    assert tag_of(FIRST) not in registry.tags


@given(registries(), st.data(), st.sampled_from([None, KeepInUse(("ECS",))]))
def test_an_image_that_nobody_holds_is_put_again_if_it_goes(
    registry: Registry, data: st.DataObject, keep: KeepInUse | None
) -> None:
    for digest in DIGESTS[1:]:
        registry.tags.pop(tag_of(digest), None)
    removal, image = registry.removal(keep=keep), registry.image(FIRST)
    registry.others = moving(data.draw)
    with suppress(RetryableError):
        why = removal.remove(image)
        assert (why == "") == (tag_of(FIRST) not in registry.tags)
    assert registry.images == set(DIGESTS)
    # What nobody knows of is told.
    assert {digest for digest in DIGESTS[1:] if tag_of(digest) in registry.tags} == set(lost(removal))


def test_what_pulls_keep_is_not_read_when_it_is_released() -> None:
    registry = Registry(v1=FIRST).held(FIRST)
    assert registry.removal(keep=KeepInUse(("ECS",), pulled_within=30)).remove(registry.image(FIRST)) == ""
    assert (registry.calls, registry.tags) == (["BatchDeleteImage"], {"v1": FIRST})


@given(registries(), st.lists(st.sampled_from(DIGESTS), unique=True))
def test_while_nobody_moves_anything_every_image_stays(registry: Registry, order: list[str]) -> None:
    registry.held(*DIGESTS)
    removal = registry.removal()
    stays = {digest: removal.remove(registry.image(digest)) for digest in order}
    assert registry.images == set(DIGESTS)
    assert {digest for digest in order if tag_of(digest) in registry.tags} == {d for d, why in stays.items() if why}


def test_a_last_tag_moves_to_an_image_that_stays_held() -> None:
    registry = Registry(v2=THIRD, v3=THIRD).held(FIRST, SECOND)
    assert registry.removal(SECOND).remove(registry.image(FIRST)) == ""
    assert registry.tags == {"v2": THIRD, "v3": THIRD, tag_of(SECOND): SECOND}
    # The manifest of the image itself is not read, which may count as a pull.
    assert registry.calls == ["BatchGetImage", "PutImage", "DescribeImages", "BatchDeleteImage", "DescribeImages"]


def test_an_image_with_a_tag_that_cannot_move_keeps_it_and_loses_ours() -> None:
    registry = Registry(Mutability("IMMUTABLE"), v1=FIRST).held(FIRST, SECOND)
    assert registry.removal(SECOND).remove(registry.image(FIRST)) == ""
    assert registry.tags == {"v1": FIRST, tag_of(SECOND): SECOND}


def test_an_image_whose_tag_that_cannot_move_is_deleted_meanwhile_is_put_again() -> None:
    registry = Registry(Mutability("IMMUTABLE"), v1=FIRST).held(FIRST)

    def delete(registry: Registry) -> None:
        if registry.calls[-1] == "BatchDeleteImage":
            registry.tags.pop("v1", None)

    removal, image = registry.removal(), registry.image(FIRST)
    registry.others = delete
    with pytest.raises(RetryableError, match="lost its other tags meanwhile"):
        removal.remove(image)
    assert registry.tags == {tag_of(FIRST): FIRST}


def test_nothing_is_deleted_without_time_to_put_it_again() -> None:
    registry = Registry(v1=FIRST).held(FIRST)
    token = DEADLINE.set(time.time() + 10)
    try:
        with pytest.raises(TooLateError):
            registry.removal().remove(registry.image(FIRST))
    finally:
        DEADLINE.reset(token)
    assert "BatchDeleteImage" not in registry.calls


def test_a_last_tag_that_cannot_move_stays_and_costs_no_request() -> None:
    registry = Registry(Mutability("IMMUTABLE")).held(FIRST, SECOND)
    assert registry.removal(SECOND).remove(registry.image(FIRST)) == "Tags of the repository are immutable."
    assert registry.calls == []


def test_a_last_tag_moves_where_a_filter_excludes_it() -> None:
    filters = Mutability("IMMUTABLE_WITH_EXCLUSION", ("ecr-controller-in-use-*",))
    registry = Registry(filters, v1=THIRD).held(FIRST)
    assert registry.removal().remove(registry.image(FIRST)) == ""
    assert registry.tags == {"v1": THIRD}
    assert registry.images == set(DIGESTS)


def test_a_last_tag_stays_if_no_image_can_take_it() -> None:
    registry = Registry().held(FIRST)
    assert registry.removal().remove(registry.image(FIRST)) == "No other image of the repository can take it."
    assert tag_of(FIRST) in registry.tags


def test_an_image_that_lost_its_hold_does_not_protect_another_one() -> None:
    registry = Registry(v1=FIRST, v2=SECOND).held(FIRST, SECOND)
    removal = registry.removal()
    assert removal.remove(registry.image(FIRST)) == ""
    assert removal.remove(registry.image(SECOND)) == ""
    assert registry.tags == {"v1": FIRST, "v2": SECOND}
    assert registry.images == set(DIGESTS)


def test_a_carrier_that_was_deleted_is_not_the_only_one() -> None:
    registry = Registry(v1=SECOND, v2=SECOND, v3=THIRD).held(FIRST)
    removal = registry.removal()
    registry.images.discard(SECOND)
    assert removal.remove(registry.image(FIRST)) == ""
    assert tag_of(FIRST) not in registry.tags
    assert THIRD in registry.images


def test_an_image_that_no_other_one_can_relieve_of_its_tag_is_an_error_and_not_left_for_good() -> None:
    registry = Registry(v1=SECOND).held(FIRST)
    removal = registry.removal()
    registry.images.discard(SECOND)
    with pytest.raises(UserError, match=r"The image was deleted\."):
        removal.remove(registry.image(FIRST))
    assert tag_of(FIRST) in registry.tags


def test_an_image_that_loses_its_own_tags_when_ours_is_removed_is_put_again() -> None:
    registry = Registry(v1=FIRST).held(FIRST)

    def move(registry: Registry) -> None:
        if registry.calls[-1] == "BatchDeleteImage":
            registry.tags["v1"] = SECOND

    removal, image = registry.removal(), registry.image(FIRST)
    registry.others = move
    with pytest.raises(RetryableError, match="lost its other tags meanwhile"):
        removal.remove(image)
    assert registry.images == set(DIGESTS)
    assert registry.image(FIRST).tags == (tag_of(FIRST),)


def test_an_image_that_lost_its_own_hold_meanwhile_gets_it_back() -> None:
    registry = Registry().held(FIRST, SECOND)

    def lose(registry: Registry) -> None:
        if registry.calls.count("DescribeImages") == 1:
            registry.tags.pop(tag_of(SECOND), None)

    removal, image = registry.removal(SECOND), registry.image(FIRST)
    registry.others = lose
    assert removal.remove(image) == ""
    assert registry.images == set(DIGESTS)
    assert registry.image(SECOND).tags == (tag_of(SECOND),)
    assert lost(removal) == [SECOND]


def test_a_stray_tag_that_is_the_only_one_of_its_image_is_removed() -> None:
    registry = Registry()
    registry.tags[tag_of(FIRST)] = SECOND
    removal = registry.removal()
    removal.remove_from(registry.image(SECOND), tag_of(FIRST))
    assert registry.tags == {tag_of(SECOND): SECOND}
    assert registry.images == set(DIGESTS)
    assert lost(removal) == [SECOND]


def test_a_tag_that_another_look_took_back_stays_there() -> None:
    registry = Registry().held(FIRST, SECOND)

    def take_back(registry: Registry) -> None:
        if registry.calls[-1] == "DescribeImages":
            registry.tags[tag_of(FIRST)] = FIRST

    removal, image = registry.removal(SECOND), registry.image(FIRST)
    registry.others = take_back
    assert removal.remove(image) == ""
    assert registry.image(FIRST).tags == (tag_of(FIRST),)
    assert "BatchDeleteImage" not in registry.calls


@pytest.mark.parametrize(
    ("mutability", "immutable"),
    [
        (Mutability(), []),
        (Mutability("IMMUTABLE"), ["v1", "latest"]),
        (Mutability("IMMUTABLE_WITH_EXCLUSION", ("la*",)), ["v1"]),
        (Mutability("MUTABLE_WITH_EXCLUSION", ("v*", "x")), ["v1"]),
    ],
)
def test_which_tags_cannot_move(mutability: Mutability, immutable: list[str]) -> None:
    assert [tag for tag in ("v1", "latest") if mutability.is_immutable(tag)] == immutable
