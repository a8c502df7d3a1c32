"""What uses images, as the controller sees it: with the credentials of the user, and without the controller."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.custom_resource.request import Home
from ecr_controller.errors import ControllerError
from ecr_controller.in_use import usage
from ecr_controller.in_use.ecs import Clusters
from ecr_controller.in_use.functions import ImageFunctions
from ecr_controller.in_use.inspector import Inspector
from ecr_controller.in_use.planning import used_images
from ecr_controller.in_use.sources import uses_of
from ecr_controller.lifecycle.holds import tag_of
from ecr_controller.lifecycle.keep_in_use import ECS, INSPECTOR, LAMBDA
from ecrctl import console
from ecrctl.inputs import ecr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_sts import STSClient

    from ecr_controller.in_use.usage import Usage, Use
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.keep_in_use import KeepInUse


@dataclass(frozen=True, slots=True)
class UsedImage:
    """An image in use; of one that the repository does not have any more, the digest or the tag. ``expires_by`` is the
    priority of the rule that would expire or archive it now."""

    repository: str
    image: Image | str
    user: str
    is_held: bool = False
    expires_by: int | None = None

    @property
    def is_missing(self) -> bool:
        """Whether the repository does not have it."""
        return isinstance(self.image, str)


class Usages:
    """The sources, each read once. Raises UserError and RetryableError, and BotoCoreError before AWS is reached."""

    def __init__(self, region: str | None, profile: str | None) -> None:
        self._region, self._profile = region, profile
        self._read = cache(self._uses_of)

    def of(self, sources: Iterable[str]) -> Usage:
        """What these sources know; those that cannot be read are named."""
        uses: dict[str, tuple[Use, ...]] = {}
        unread: dict[str, ControllerError] = {}
        for source in sources:
            try:
                with console.progress(f"Reading {source}"):
                    uses[source] = self._read(source)
            except ControllerError as error:
                unread[source] = error
        return usage.Usage(tuple(chain.from_iterable(uses.values())), frozenset(uses), unread)

    def held(self, repository: str, images: Sequence[Image], keep: KeepInUse, now: datetime) -> tuple[Image, ...]:
        """The images as they are after a look: those in use have the tag that holds them."""
        found = self.of(keep.sources)
        for fault in found.faults(keep.sources):
            console.print_note(f"{fault} A deployment would fail.")
        used = used_images(images, found.of(repository, keep.sources), keep, now)
        return tuple(_held(image) if image.digest in used else image for image in images)

    def _uses_of(self, source: str) -> tuple[Use, ...]:
        home = self._home
        if source == INSPECTOR:
            images = Inspector(self._client("inspector2")).list_images(home.account, datetime.now(UTC))
            found = (usage.use_of_arn(each.arn, source, each.user, home) for each in images)
            return usage.distinct(use for use in found if use is not None)
        containers = {
            ECS: lambda: Clusters(self._client("ecs")).list_containers(),
            LAMBDA: lambda: ImageFunctions(self._client("lambda")).list_containers(),
        }[source]()
        return usage.distinct(uses_of(containers, source, home))

    @cached_property
    def _home(self) -> Home:
        return _Caller(self._client("sts")).get_caller_identity()

    def _client(self, service: str) -> Any:
        return ecr.client_of(service, self._region, self._profile)


@aws.translates_errors
class _Caller:
    """The account of the credentials."""

    _sts: aws.Client[STSClient] = aws.Client("sts")

    def __init__(self, sts: STSClient) -> None:
        self._sts = sts

    def get_caller_identity(self) -> Home:
        """GetCallerIdentity: the account, and the Region of the client."""
        _, partition, _, _, account, _ = self._sts.get_caller_identity()["Arn"].split(":", 5)
        return Home(partition, self._sts.meta.region_name, account)


def _held(image: Image) -> Image:
    tag = tag_of(image.digest)
    return image if tag in image.tags else replace(image, tags=(*image.tags, tag))
