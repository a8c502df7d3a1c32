"""A look at one repository: what it holds, what it releases, and what it never does."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import deadline
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use import ecr as adapter
from ecr_controller.in_use import holding
from ecr_controller.in_use import look as look_module
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.ecr import HeldImages
from ecr_controller.in_use.held import Holds
from ecr_controller.in_use.look import Look
from ecr_controller.in_use.pace import Pace
from ecr_controller.in_use.planning import Hold
from ecr_controller.in_use.usage import Use
from ecr_controller.lifecycle.holds import tag_of
from ecr_controller.lifecycle.keep_in_use import KeepInUse
from ecr_controller.shared_documents.lock import lock
from ecr_controller.shared_documents.parts import PartsTable
from local.images import push_as_buildx, push_image
from tests.unit.in_use.conftest import ECS, HOME, NAME, OWNER, held, tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.controller_events import ControllerEvent
    from tests.unit.in_use.conftest import Running

    At = Callable[..., Look]
    Declare = Callable[..., None]


@pytest.fixture(autouse=True)
def without_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter._puts, "wait", lambda: None)


def said(look: Look) -> list[str]:
    return [str(each) for each in look.faults]


def raising(error: Exception) -> Callable[..., None]:
    def refuse(*_arguments: Any) -> None:
        raise error

    return refuse


def forget(digest: str) -> None:
    Holds(NAME).forget(digest)


@pytest.fixture
def images(ecr: ECRClient) -> dict[str, str]:
    """The digests of v1 and v2, by tag."""
    ecr.create_repository(repositoryName=NAME)
    return {tag: push_image(ecr, NAME, tag, content=tag) for tag in ("v1", "v2")}


def test_an_image_in_use_gets_a_tag_and_no_other_one(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, told: list[ControllerEvent]
) -> None:
    kept()
    running.images = {images["v1"]}
    look = at()
    assert tags(ecr, images["v1"]) == {"v1", tag_of(images["v1"])}
    assert tags(ecr, images["v2"]) == {"v2"}
    assert (look.tally["ImagesInUse"], look.tally["ImagesHeld"], look.faults) == (1, 1, [])
    assert [(each.name, each.image_digest) for each in told] == [("ImageHeld", images["v1"])]
    assert at().tally["ImagesHeld"] == 0


def test_a_tag_in_use_holds_the_image_that_it_names_now(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept()
    running.images = {"v2"}
    at()
    assert held(ecr) == {images["v2"]}


def test_an_image_is_released_after_the_days_of_grace_and_not_before(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, told: list[ControllerEvent]
) -> None:
    kept(KeepInUse(("ECS",), grace=3))
    running.images = {images["v1"]}
    at()
    running.images = set()
    at(days=1)
    at(days=3.9)
    assert held(ecr) == {images["v1"]}
    assert at(days=4.1).tally["ImagesReleased"] == 1
    assert tags(ecr, images["v1"]) == {"v1"}
    assert Holds(NAME).all() == ()
    assert [each.name for each in told] == ["ImageHeld", "ImageReleased"]


def test_an_image_that_runs_again_within_the_days_of_grace_begins_anew(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept()
    for day, image in enumerate(["v1", "", "v1", ""]):
        running.images = {image} - {""}
        at(days=day * 6)
    at(days=24)
    assert held(ecr) == {images["v1"]}


def test_nothing_is_released_while_a_source_cannot_be_read_and_what_another_sees_is_held(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept(KeepInUse(("ECS", "Lambda"), grace=1))
    running.images = {images["v1"]}
    at()
    running.images, running.unread = {images["v2"]}, {"Lambda": UserError("AWS rejected ListFunctions.")}
    for day in (2, 4, 8):
        assert said(at(days=day)) == ["Lambda cannot be read. AWS rejected ListFunctions."]
    assert held(ecr) == set(images.values())
    # The days of grace begin when it is known that the image is not in use.
    running.unread = {}
    at(days=9)
    assert held(ecr) == set(images.values())
    at(days=11)
    assert held(ecr) == {images["v2"]}


def test_an_image_whose_only_tag_is_ours_loses_it_to_another_one_and_is_not_deleted(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(KeepInUse(("ECS",), grace=1))
    running.images = {images["v1"], images["v2"]}
    at()
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert tags(ecr, images["v1"]) == {tag_of(images["v1"])}
    running.images = {images["v2"]}
    at(days=1)
    put = HeldImages.put_image

    def moves(self: HeldImages, image: Any, tag: str) -> None:
        # Amazon ECR leaves an image untagged that loses its last tag to another one. moto deletes it.
        assert image["imageId"]["imageDigest"] == images["v2"]
        ecr.put_image(repositoryName=NAME, imageManifest=manifest, imageTag="left")
        put(self, image, tag)

    [found] = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": images["v1"]}])["images"]
    manifest = found["imageManifest"]
    monkeypatch.setattr(HeldImages, "put_image", moves)
    at(days=3)
    assert tags(ecr, images["v1"]) == {"left"}
    assert tags(ecr, images["v2"]) == {"v2", tag_of(images["v2"])}


def test_the_only_tag_stays_if_there_is_no_image_to_move_it_to(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept(KeepInUse(("ECS",), grace=1))
    running.images = {images["v1"]}
    at()
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
    running.images = set()
    at(days=1)
    assert at(days=3).tally["ImagesReleased"] == 0
    assert tags(ecr, images["v1"]) == {tag_of(images["v1"])}
    assert [each.digest for each in Holds(NAME).all()] == [images["v1"]]


def test_an_immutable_only_tag_stays_while_images_are_kept_and_is_told_when_they_are_not(
    ecr: ECRClient,
    images: dict[str, str],
    kept: Declare,
    running: Running,
    at: At,
    monkeypatch: pytest.MonkeyPatch,
    told: list[ControllerEvent],
) -> None:
    kept(KeepInUse(("ECS",), grace=1))
    running.images = {images["v1"]}
    at()
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    running.images = set()
    at(days=1)
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    with monkeypatch.context() as patched:
        patched.setattr(HeldImages, "batch_get_image", None)  # the manifest of another image is not needed
        assert said(at(days=3)) == []
    assert tags(ecr, images["v1"]) == {tag_of(images["v1"])}
    assert [each.digest for each in Holds(NAME).all()] == [images["v1"]]
    kept(None)
    [fault] = said(at(days=4))
    assert fault == (
        f"The image {images['v1']} in {NAME} keeps the tag {tag_of(images['v1'])}, because it is its only tag, and "
        "Amazon ECR deletes an image with its last tag. Tags of the repository are immutable."
    )
    assert tags(ecr, images["v1"]) == {tag_of(images["v1"])}
    assert (Declarations().all(), Holds(NAME).all()) == ((), ())
    assert [each.name for each in told] == ["ImageHeld"]


def test_holds_end_with_the_last_resource_that_keeps_the_images(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    other = OWNER.replace("shop", "blog")
    kept()
    kept(owner=other)
    running.images = {images["v1"]}
    at()
    kept(None)
    at()
    assert held(ecr) == {images["v1"]}
    assert [each.owner for each in Declarations().of(NAME).declarations] == [other]
    kept(None, owner=other)
    at()
    assert held(ecr) == set()
    assert (Declarations().all(), Holds(NAME).all()) == ((), ())
    assert tags(ecr, images["v1"]) == {"v1"}


def test_what_two_resources_keep_is_kept_as_long_as_the_longer_one_says() -> None:
    from ecr_controller.lifecycle.keep_in_use import combined

    keeps = [KeepInUse(("Lambda",), 30, 3), KeepInUse(("ECS",), 90, 14)]
    assert combined(keeps) == KeepInUse(("ECS", "Lambda"), 90, 14)


def test_a_pull_within_the_days_is_a_use(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, monkeypatch: pytest.MonkeyPatch, at: At
) -> None:
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta

    described = HeldImages.describe_images

    def pulled(self: HeldImages) -> Any:
        days = {images["v1"]: 29, images["v2"]: 31}
        now = datetime.now(UTC)
        return [replace(i, last_pulled_at=now - timedelta(days=days[i.digest])) for i in described(self) or ()]

    monkeypatch.setattr(HeldImages, "describe_images", pulled)
    kept(KeepInUse((), 30))
    at()
    assert held(ecr) == {images["v1"]}


def test_a_repository_that_is_gone_leaves_nothing(kept: Declare, running: Running, at: At, ecr: ECRClient) -> None:
    kept()
    Holds(NAME).put(Hold("sha256:" + "0" * 64, "a task"))
    assert at().faults == []
    assert (Declarations().all(), Holds(NAME).all()) == ((), ())


def test_a_hold_whose_image_was_deleted_is_forgotten(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept()
    running.images = {images["v1"]}
    at()
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": images["v1"]}])
    at()
    assert Holds(NAME).all() == ()


def test_a_tag_without_a_hold_has_its_days_of_grace(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept(KeepInUse(("ECS",), grace=2))
    running.images = {images["v1"]}
    at()
    forget(images["v1"])  # as if the table had been restored from a backup
    running.images = set()
    at()
    assert held(ecr) == {images["v1"]}
    at(days=2.1)
    assert held(ecr) == set()


def test_an_image_that_cannot_be_held_is_named_and_the_others_are_held(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = set(images.values())
    put = HeldImages.put_image
    client = ecr.exceptions.LimitExceededException

    class Full:
        exceptions = ecr.exceptions

        def put_image(self, **_arguments: Any) -> None:
            raise client({"Error": {"Code": "LimitExceededException", "Message": "too many"}}, "PutImage")

    def refuse(self: HeldImages, image: Any, tag: str) -> None:
        put(HeldImages(NAME, Full()) if tag == tag_of(images["v1"]) else self, image, tag)  # type: ignore[arg-type]

    monkeypatch.setattr(HeldImages, "put_image", refuse)
    [fault] = said(at())
    assert f"The image {images['v1']} in {NAME} cannot get the tag {tag_of(images['v1'])}" in fault
    assert held(ecr) == {images["v2"]}


def test_a_throttle_at_one_image_does_not_stop_the_others_and_is_worth_a_retry(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = set(images.values())
    put = HeldImages.put_image

    def throttled(self: HeldImages, image: Any, tag: str) -> None:
        if tag == tag_of(images["v1"]):
            raise RetryableError("A throttle.")
        put(self, image, tag)

    monkeypatch.setattr(HeldImages, "put_image", throttled)
    look = at()
    assert (said(look), look.is_worth_a_retry) == (["A throttle."], True)
    assert held(ecr) == {images["v2"]}


def test_an_image_whose_manifest_is_not_returned_is_named(ecr: ECRClient) -> None:
    digests = [f"sha256:{letter * 64}" for letter in "abcd"]
    answer = {
        "images": [{"imageId": {"imageDigest": digests[0]}, "imageManifest": "{}"}],
        "failures": [
            {"imageId": {"imageDigest": digests[1]}, "failureCode": "KmsError", "failureReason": "The key is disabled"},
            {"imageId": {"imageDigest": digests[2]}, "failureCode": "ImageNotFound", "failureReason": "It is gone"},
        ],
    }
    client = SimpleNamespace(batch_get_image=lambda **_arguments: answer)
    found, refused = HeldImages(NAME, client).batch_get_image(digests)  # type: ignore[arg-type]
    assert list(found) == digests[:1]
    beginning = "Amazon ECR does not return the manifest of the image"
    assert {digest: str(each) for digest, each in refused.items()} == {
        digests[1]: f"{beginning} {digests[1]} in {NAME} (KmsError): The key is disabled.",
        digests[3]: f"{beginning} {digests[3]} in {NAME} (no answer): no reason.",
    }


def test_an_image_in_use_without_a_manifest_is_a_fault(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = {images["v1"]}
    monkeypatch.setattr(
        HeldImages, "batch_get_image", lambda _self, digests: ({}, dict.fromkeys(digests, UserError("KmsError.")))
    )
    look = at()
    assert (said(look), look.is_worth_a_retry) == (["KmsError."], False)


# Indexes


def test_an_index_is_held_with_an_image_of_it_that_runs_and_is_read_once(
    ecr: ECRClient, kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecr.create_repository(repositoryName=NAME)
    pushed = push_as_buildx(ecr, NAME, "v1", dict.fromkeys(["linux/amd64", "linux/arm64"]))
    other = push_as_buildx(ecr, NAME, "v2", {"linux/s390x": None}, content="other")
    arm = pushed.images["linux/arm64"]
    kept()
    running.images = {arm}
    assert said(at()) == []
    assert held(ecr) == {pushed.index, arm}
    assert other.index not in held(ecr)
    read: list[str] = []
    batch_get_image = HeldImages.batch_get_image

    def reading(self: HeldImages, digests: Any) -> Any:
        read.extend(digests)
        return batch_get_image(self, digests)

    with monkeypatch.context() as patched:
        patched.setattr(HeldImages, "batch_get_image", reading)
        at()
    assert read == []
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": other.index}])
    at()
    rows = PartsTable().query_parts(f"image-index/{NAME}")
    assert [part.owner for part in rows] == [pushed.index]
    kept(None)
    at()
    assert (held(ecr), PartsTable().query_parts(f"image-index/{NAME}")) == (set(), ())


def test_indexes_are_not_read_where_none_but_indexes_run(
    ecr: ECRClient, kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecr.create_repository(repositoryName=NAME)
    pushed, other = (
        push_as_buildx(ecr, NAME, "v1", dict.fromkeys(["linux/amd64", "linux/arm64"])),
        push_as_buildx(ecr, NAME, "v2", {"linux/s390x": None}, content="other"),
    )
    kept()
    running.images = {"v1"}
    read: list[str] = []
    batch_get_image = HeldImages.batch_get_image

    def reading(self: HeldImages, digests: Any) -> Any:
        read.extend(digests)
        return batch_get_image(self, digests)

    monkeypatch.setattr(HeldImages, "batch_get_image", reading)
    at()
    assert (held(ecr), read) == ({pushed.index}, [pushed.index])
    assert other.index not in read


def test_nothing_is_released_while_an_index_cannot_be_read(
    ecr: ECRClient, kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecr.create_repository(repositoryName=NAME)
    pushed = push_as_buildx(ecr, NAME, "v1", dict.fromkeys(["linux/amd64", "linux/arm64"]))
    kept(KeepInUse(("ECS",), grace=1))
    running.images = {pushed.index}
    at()
    running.images = set()
    at(days=1)
    running.images = {pushed.images["linux/arm64"]}
    batch_get_image = HeldImages.batch_get_image

    def refusing(self: HeldImages, digests: Any) -> Any:
        found, refused = batch_get_image(self, [each for each in digests if each != pushed.index])
        return found, refused | {each: UserError("KmsError.") for each in digests if each == pushed.index}

    with monkeypatch.context() as patched:
        patched.setattr(HeldImages, "batch_get_image", refusing)
        assert said(at(days=3)) == ["KmsError."]
    assert pushed.index in held(ecr)
    at(days=3)
    at(days=5)
    assert held(ecr) == {pushed.index, pushed.images["linux/arm64"]}


# Two looks at once


@contextmanager
def beside(request: str, work: Callable[[], object]) -> Iterator[None]:
    """From the first request of this name on, another thread does something that has to wait for the look."""
    made, thread = getattr(HeldImages, request), Thread(target=work)
    waits: list[bool] = []

    def meanwhile(self: HeldImages, *arguments: Any) -> Any:
        patched.undo()
        thread.start()
        thread.join(0.5)
        waits.append(thread.is_alive())
        return made(self, *arguments)

    with pytest.MonkeyPatch.context() as patched, pytest.MonkeyPatch.context() as waiting:
        waiting.setattr(deadline, "POLL_SECONDS", 0.05)
        patched.setattr(HeldImages, request, meanwhile)
        yield
        thread.join()
    # An assertion in the look would be a fault of it.
    assert waits == [True]


@pytest.fixture
def unused(images: dict[str, str], kept: Declare, running: Running, at: At) -> str:
    """The digest of v1, which was in use, and whose day of grace lasts."""
    kept(KeepInUse(("ECS",), grace=1))
    running.images = {images["v1"]}
    at()
    running.images = set()
    at(days=1)
    return images["v1"]


def test_an_image_that_begins_to_run_while_it_is_released_is_held_again(
    ecr: ECRClient, unused: str, at: At, told: list[ControllerEvent]
) -> None:
    told.clear()
    with beside("batch_delete_image", lambda: Look(HOME).at_uses([Use(NAME, unused, "ECS", "a task")])):
        at(days=3)
    assert held(ecr) == {unused}
    assert Holds(NAME).all() == (Hold(unused, "a task"),)
    assert [each.name for each in told] == ["ImageReleased", "ImageHeld"]


def test_two_looks_that_hold_an_image_at_once_send_one_event(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, told: list[ControllerEvent]
) -> None:
    kept()
    running.images = {images["v1"]}
    with beside("put_image", lambda: Look(HOME).at_uses([Use(NAME, images["v1"], "ECS", "a task")])):
        at()
    assert held(ecr) == {images["v1"]}
    assert [each.name for each in told] == ["ImageHeld"]


@pytest.mark.parametrize(
    ("request_", "begins"),
    # The last look at what is declared comes before the image is described.
    [("batch_delete_image", "a look"), ("describe_image", "a start")],
)
def test_what_runs_is_held_if_a_resource_declares_something_while_holds_end(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, request_: str, begins: str
) -> None:
    kept()
    running.images = {images["v1"]}
    at()
    kept(None)

    def declare() -> None:
        kept()
        if begins == "a look":
            Look(HOME).at(NAME)
        else:
            Look(HOME).at_uses([Use(NAME, images["v1"], "ECS", "a task")])

    with beside(request_, declare):
        at()
    assert held(ecr) == {images["v1"]}
    assert [each.keep for each in Declarations().of(NAME).declarations] == [ECS]


@pytest.mark.parametrize("begins", ["a look", "a start"])
def test_what_is_held_while_the_declaration_ends_is_released(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, begins: str
) -> None:
    kept()
    running.images = {images["v1"]}

    def end() -> None:
        kept(None)
        Look(HOME).at(NAME)

    with beside("put_image", end):
        if begins == "a look":
            at()
        else:
            Look(HOME).at_uses([Use(NAME, images["v1"], "ECS", "a task")])
    assert tags(ecr, images["v1"]) == {"v1"}
    assert (Declarations().all(), Holds(NAME).all()) == ((), ())


def test_a_look_that_waits_for_too_long_is_worth_a_retry(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = {images["v1"]}
    monkeypatch.setattr(deadline, "POLL_SECONDS", 15)
    looks = [Look(HOME), Look(HOME)]
    token = DEADLINE.set(time.time() + 12)
    try:
        with lock(f"in-use-lock/repository/{NAME}", ""):
            looks[0].at(NAME)
            looks[1].at_uses([Use(NAME, images["v1"], "ECS", "a task")])
    finally:
        DEADLINE.reset(token)
    assert [said(look) for look in looks] == [[f"Another invocation is tagging the images of {NAME}."]] * 2
    assert all(look.is_worth_a_retry for look in looks)


def test_a_task_that_starts_is_held_at_once_and_ends_no_hold(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept(KeepInUse(("ECS",), grace=1))
    running.images = {images["v1"]}
    at()
    look = Look(HOME)
    look.at_uses([Use(NAME, images["v2"], "ECS", "a task"), Use("other/app", images["v2"], "ECS", "a task")])
    assert held(ecr) == set(images.values())
    assert look.tally["ImagesHeld"] == 1
    assert {each.unused_since for each in Holds(NAME).all()} == {None}


def test_a_start_that_no_source_of_the_repository_tells_is_ignored(
    ecr: ECRClient, images: dict[str, str], kept: Declare
) -> None:
    kept(KeepInUse(("Lambda",)))
    Look(HOME).at_uses([Use(NAME, images["v2"], "ECS", "a task")])
    assert held(ecr) == set()


def test_a_start_of_what_is_held_describes_this_image_alone(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = {images["v1"]}
    at()
    for name in ("describe_images", "batch_get_image", "put_image"):
        monkeypatch.setattr(HeldImages, name, None)
    look = Look(HOME)
    look.at_uses([Use(NAME, images["v1"], "ECS", "a task")])
    assert said(look) == []


def test_a_start_holds_what_an_earlier_look_could_not(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = {images["v1"]}
    with monkeypatch.context() as patched:
        patched.setattr(HeldImages, "put_image", raising(UserError("It is full.")))
        assert said(at()) == ["It is full."]
    Look(HOME).at_uses([Use(NAME, images["v1"], "ECS", "a task")])
    assert held(ecr) == {images["v1"]}


def test_a_start_of_images_that_are_gone_or_named_by_a_tag(
    ecr: ECRClient, images: dict[str, str], kept: Declare
) -> None:
    kept()
    look = Look(HOME)
    look.at_uses([Use(NAME, each, "ECS", "a task") for each in ("v2", f"sha256:{'0' * 64}", "gone")])
    kept(name="no/repository")
    look.at_uses([Use("no/repository", "v1", "ECS", "a task")])
    assert (said(look), held(ecr)) == ([], {images["v2"]})


# Declarations that change meanwhile


def test_nothing_more_is_released_once_a_resource_declares_something(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = set(images.values())
    at()
    kept(None)
    removed = HeldImages.batch_delete_image

    def declaring(self: HeldImages, tag: str) -> None:
        removed(self, tag)
        kept()

    with monkeypatch.context() as patched:
        patched.setattr(HeldImages, "batch_delete_image", declaring)
        assert at().tally["ImagesReleased"] == 1
    assert [each.keep for each in Declarations().of(NAME).declarations] == [ECS]
    # The look that the resource waits for comes after this one.
    at()
    assert held(ecr) == set(images.values())


def test_a_declaration_that_is_put_while_an_ended_one_is_deleted_stays(
    ecr: ECRClient, images: dict[str, str], kept: Declare
) -> None:
    kept(None)
    ended = Declarations().of(NAME).ended
    kept()
    Declarations().forget(ended)
    assert [each.keep for each in Declarations().of(NAME).declarations] == [ECS]


def test_a_repository_that_is_created_meanwhile_stays_declared(
    ecr: ECRClient, kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    def creating(_self: HeldImages) -> None:
        kept()  # after it was created, and after this look found no repository

    kept(None)
    monkeypatch.setattr(HeldImages, "describe_images", creating)
    at()
    assert [each.keep for each in Declarations().of(NAME).declarations] == [ECS]


def test_a_declaration_ends_only_when_all_its_tags_are_removed(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = set(images.values())
    at()
    kept(None)
    with monkeypatch.context() as patched:
        patched.setattr(HeldImages, "batch_delete_image", raising(RetryableError("A throttle.")))
        look = at()
    assert look.is_worth_a_retry
    assert len(Declarations().of(NAME).ended) == 1
    at()
    assert (held(ecr), Declarations().all(), Holds(NAME).all()) == (set(), (), ())


# All repositories


def test_what_fails_at_one_repository_does_not_stop_the_others(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.images = {images["v1"]}
    kept()
    for name in ("a/broken", "b/odd"):
        ecr.create_repository(repositoryName=name)
        kept(name=name)
    described = HeldImages.describe_images
    errors: dict[str, Exception] = {"a/broken": RetryableError("A throttle."), "b/odd": ValueError("odd")}

    def failing(self: HeldImages) -> Any:
        if self._repository in errors:
            raise errors[self._repository]
        return described(self)

    monkeypatch.setattr(HeldImages, "describe_images", failing)
    look = Look(HOME)
    look.at_all()
    assert held(ecr) == {images["v1"]}
    assert sorted(said(look)) == ["A throttle.", "The controller failed because of a defect (ValueError)."]
    assert not look.is_worth_a_retry
    assert look.tally["ImagesInUse"] == 1


def test_a_look_without_time_left_says_so_and_changes_nothing(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running
) -> None:
    kept()
    running.images = {images["v1"]}
    token = DEADLINE.set(time.time() + 5)
    try:
        look = Look(HOME)
        look.at_all()
    finally:
        DEADLINE.reset(token)
    assert said(look) == [f"There was no time left for {NAME}."]
    assert look.is_worth_a_retry
    assert held(ecr) == set()


def test_a_look_ends_with_its_deadline_and_says_so_once(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept()
    running.images = set(images.values())
    pace = Pace(1 / 60)
    pace.wait()
    monkeypatch.setattr(adapter, "_puts", pace)
    token, began = DEADLINE.set(time.time() + 20), time.monotonic()
    try:
        look = Look(HOME)
        look.at(NAME)
    finally:
        DEADLINE.reset(token)
    assert said(look) == ["The controller makes no AWS calls after its deadline."]
    assert look.is_worth_a_retry
    assert time.monotonic() - began < 15


def test_a_tag_that_another_look_put_meanwhile_is_no_fault_in_an_immutable_repository(
    ecr: ECRClient, images: dict[str, str]
) -> None:
    tag = tag_of(images["v1"])

    class Immutable:
        exceptions = ecr.exceptions
        describe_images = staticmethod(ecr.describe_images)

        def put_image(self, **_arguments: Any) -> None:
            error: Any = {"Error": {"Code": "ImageTagAlreadyExistsException", "Message": "immutable"}}
            raise ecr.exceptions.ImageTagAlreadyExistsException(error, "PutImage")

    [found] = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": images["v1"]}])["images"]
    adapter_ = HeldImages(NAME, Immutable())  # type: ignore[arg-type]
    with pytest.raises(UserError, match="because it is immutable"):
        adapter_.put_image(found, tag)
    ecr.put_image(repositoryName=NAME, imageManifest=found["imageManifest"], imageTag=tag)
    adapter_.put_image(found, tag)


def test_an_interrupted_move_is_finished_and_a_tag_of_somebody_stays(
    ecr: ECRClient, images: dict[str, str], kept: Declare, running: Running, at: At
) -> None:
    kept()
    [found] = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": images["v2"]}])["images"]
    for tag in (tag_of(images["v1"]), "ecr-controller-in-use-mine"):
        ecr.put_image(repositoryName=NAME, imageManifest=found["imageManifest"], imageTag=tag)
    Holds(NAME).put(Hold(images["v1"], "a task", 1))
    at()
    assert tags(ecr, images["v2"]) == {"v2", "ecr-controller-in-use-mine"}
    assert Holds(NAME).all() == ()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_stray_tag_is_known_until_it_is_removed(
    ecr: ECRClient,
    images: dict[str, str],
    kept: Declare,
    running: Running,
    at: At,
    monkeypatch: pytest.MonkeyPatch,
    is_deleted: bool,
) -> None:
    kept(None)
    [found] = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": images["v2"]}])["images"]
    ecr.put_image(repositoryName=NAME, imageManifest=found["imageManifest"], imageTag=tag_of(images["v1"]))
    Holds(NAME).put(Hold(images["v1"], "a task", 1))
    if is_deleted:
        ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": images["v1"]}])
    with monkeypatch.context() as patched:
        patched.setattr(HeldImages, "batch_delete_image", raising(RetryableError("A throttle.")))
        assert at().is_worth_a_retry
    assert [each.digest for each in Holds(NAME).all()] == [images["v1"]]
    assert len(Declarations().of(NAME).ended) == 1
    at()
    assert tags(ecr, images["v2"]) == {"v2"}
    assert (Declarations().all(), Holds(NAME).all()) == ((), ())


def test_500_images_of_10_000_that_run_need_few_requests_but_for_their_tags(
    kept: Declare, running: Running, at: At, monkeypatch: pytest.MonkeyPatch, parts: PartsTable
) -> None:
    every = [f"sha256:{number:012x}{'0' * 52}" for number in range(10_000)]
    calls: Counter[str] = Counter()

    class Large:
        exceptions = SimpleNamespace(
            ImageAlreadyExistsException=KeyError,
            ImageTagAlreadyExistsException=KeyError,
            LimitExceededException=KeyError,
            RepositoryNotFoundException=KeyError,
        )

        def get_paginator(self, _operation: str) -> Any:
            return SimpleNamespace(paginate=self._pages)

        def _pages(self, **_arguments: Any) -> Any:
            for start in range(0, len(every), 1000):
                calls["DescribeImages"] += 1
                yield {"imageDetails": [{"imageDigest": d, "imagePushedAt": 0} for d in every[start : start + 1000]]}

        def batch_get_image(self, imageIds: Any, **_arguments: Any) -> Any:  # noqa: N803
            calls["BatchGetImage"] += 1
            return {"images": [{"imageId": each, "imageManifest": "{}"} for each in imageIds]}

        def put_image(self, **_arguments: Any) -> None:
            calls["PutImage"] += 1

    for module in (look_module, holding):
        monkeypatch.setattr(module, "HeldImages", lambda name: HeldImages(name, Large()))  # type: ignore[arg-type]
    kept()
    running.images = set(every[::20])
    look = at()
    assert (look.faults, look.tally["ImagesHeld"]) == ([], 500)
    assert calls == {"DescribeImages": 10, "BatchGetImage": 5, "PutImage": 500}
    assert len(Holds(NAME).all()) == 500
