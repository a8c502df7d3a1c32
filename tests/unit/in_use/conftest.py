"""A repository on moto, and looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.custom_resource.request import Home
from ecr_controller.in_use import holding, look
from ecr_controller.in_use.declared import Declarations, Kept
from ecr_controller.in_use.look import Look
from ecr_controller.in_use.usage import Usage, Use
from ecr_controller.lifecycle.holds import TAG_PREFIX
from ecr_controller.lifecycle.keep_in_use import KeepInUse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.controller_events import ControllerEvent
    from ecr_controller.errors import ControllerError
    from ecr_controller.shared_documents.parts import PartsTable

NAME = "team/app"
HOME = Home("aws", "eu-west-1", "123456789012")
OWNER = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1|Repository"
ECS = KeepInUse(("ECS",))


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[ControllerEvent]:
    """The events of the controller."""
    events: list[ControllerEvent] = []
    monkeypatch.setattr(holding, "emit", events.extend)
    return events


@pytest.fixture
def kept(parts: PartsTable) -> Callable[..., None]:
    """Declares what keeps the images of the repository, or that nothing does."""

    def declare(keep: KeepInUse | None = ECS, owner: str = OWNER, name: str = NAME) -> None:
        Declarations().put(Kept(name, owner, "ECRRepository", keep))

    return declare


class Running:
    """What runs: images by digest or tag, and the sources that cannot be read."""

    def __init__(self) -> None:
        self.images: set[str] = set()
        self.unread: dict[str, ControllerError] = {}

    def usage(self, wanted: Any, _home: Home, _earliest: float) -> Usage:
        """As `read_usage`."""
        uses = (Use(NAME, image, "ECS", "service:web in the cluster shop") for image in sorted(self.images))
        unread = {each: why for each, why in self.unread.items() if each in wanted}
        return Usage(tuple(uses), frozenset(wanted) - unread.keys(), unread)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    made = Running()
    monkeypatch.setattr(look, "read_usage", made.usage)
    return made


@pytest.fixture
def at(running: Running, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Look]:
    """Looks at the repository, some days from now."""

    def run(days: float = 0) -> Look:
        made = Look(HOME)
        with monkeypatch.context() as patched:
            patched.setattr(look, "datetime", later(days))
            made.at(NAME)
        return made

    return run


def later(days: float) -> Any:
    """A `datetime` whose now is some days from now."""
    from datetime import datetime, timedelta

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=days)

    return Later


def tags(ecr: ECRClient, digest: str) -> set[str] | None:
    """The tags of an image, or None if it does not exist."""
    found = {each["imageDigest"]: each for each in ecr.describe_images(repositoryName=NAME)["imageDetails"]}
    return set(found[digest].get("imageTags", ())) if digest in found else None


def held(ecr: ECRClient) -> set[str]:
    """The digests of the images with a tag that holds them."""
    images = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    return {
        each["imageDigest"]
        for each in images
        if f"{TAG_PREFIX}{each['imageDigest'][7:19]}" in each.get("imageTags", ())
    }
