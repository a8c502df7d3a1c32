"""A look that ends at any request, before or after it took effect, leaves what the next look finishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.in_use import ecr as adapter
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.held import Holds
from ecr_controller.lifecycle.holds import tag_of
from ecr_controller.lifecycle.keep_in_use import KeepInUse
from ecr_controller.shared_documents.parts import PartsTable
from local.images import push_image
from tests.unit.in_use.conftest import NAME, held, tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.in_use.look import Look
    from tests.unit.in_use.conftest import Running

    At = Callable[..., Look]
    Declare = Callable[..., None]

LOCK = f"in-use-lock/repository/{NAME}"
# No look of these tests makes as many requests.
MOST = 60


class CrashError(BaseException):
    """The process ends here: nothing handles it, and it makes no request afterwards."""


class Requests:
    """All requests to AWS, which end the process at one of them."""

    def __init__(self, moment: str) -> None:
        self.made, self.last = 0, float("inf")
        for service in ("ecr", "dynamodb"):
            events = aws.client(service).meta.events
            events.register("before-call", self._before)
            if moment == "after":
                events.register("after-call", self._after)
        self._is_before = moment == "before"

    def _before(self, **_request: Any) -> None:
        if self.made > self.last or (self._is_before and self.made == self.last):
            raise CrashError
        self.made += 1

    def _after(self, **_answer: Any) -> None:
        if self.made > self.last:
            raise CrashError


@pytest.fixture(autouse=True)
def without_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter._puts, "wait", lambda: None)


def crash(requests: Requests, number: int, look: Callable[[], object]) -> bool:
    """Whether the look ended at the request of that number. Its lock runs out."""
    requests.made, requests.last = 0, number
    try:
        look()
    except CrashError:
        return True
    finally:
        requests.last = float("inf")
        PartsTable().delete_part(LOCK, "holder")
    return False


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("ends", [False, True])
def test_the_next_look_finishes(
    ecr: ECRClient, kept: Declare, running: Running, at: At, moment: str, ends: bool
) -> None:
    requests, number, crashed = Requests(moment), 0, True
    while crashed:
        ecr.create_repository(repositoryName=NAME)
        images = [push_image(ecr, NAME, tag, content=tag) for tag in ("v1", "v2", "v3")]
        kept(KeepInUse(("ECS",), grace=1))
        running.images = set(images[:2])
        at()
        # One that is released, one that stays held, and one that begins to run.
        running.images = set(images[1:])
        at(days=1)
        ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag_of(images[2])}])
        Holds(NAME).forget(images[2])
        if ends:
            kept(None)
        crashed = crash(requests, number, lambda: at(days=3))
        assert at(days=3).faults == []
        assert {digest: tags(ecr, digest) for digest in images} == {
            digest: {tag} | ({tag_of(digest)} if digest in running.images and not ends else set())
            for digest, tag in zip(images, ("v1", "v2", "v3"), strict=True)
        }
        assert {hold.digest for hold in Holds(NAME).all()} == held(ecr)
        assert (Declarations().all() == ()) is ends
        ecr.delete_repository(repositoryName=NAME, force=True)
        for hold in Holds(NAME).all():
            Holds(NAME).forget(hold.digest)
        number += 1
    assert 10 < number < MOST
