"""The difference between a repository as it is and as it is declared, as changes that can be printed and undone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ecr_controller.lifecycle.rules import is_policy
from ecr_controller.repository.model import Mutability, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_controller.repository.model import Declaration, Encryption, Repository

logger = logging.getLogger(__name__)

Setting = Literal["ImageScanOnPush", "ImageTagMutability", "LifecyclePolicy", "Tags"]


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that goes from ``old`` to ``new``; it takes one call, or two for tags that come and tags that go.

    The values: a bool, a Mutability, a policy text or None, and for tags those that differ, None being no such tag.
    """

    setting: Setting
    old: Any
    new: Any

    def undone(self) -> Change:
        """The change that takes this one back."""
        return Change(self.setting, self.new, self.old)

    def __str__(self) -> str:
        return f"{self.setting}: {self.old} -> {self.new}"


_NOTHING = Settings()


def difference(found: Repository, declared: Settings, before: Settings = _NOTHING) -> list[Change]:
    """What must change on ``found``. ``before`` is what the last version of the template declared.

    What was declared before and no longer is goes back to ECR's default; what was never declared is left as it is.
    """
    return [
        *_scan_on_push(found, declared, before),
        *_mutability(found, declared, before),
        *_tags(found, declared, before),
        *_lifecycle_policy(found, declared, before),
    ]


def _scan_on_push(found: Repository, declared: Settings, before: Settings) -> Iterator[Change]:
    default = None if before.scan_on_push is None else False
    wanted = default if declared.scan_on_push is None else declared.scan_on_push
    if wanted is not None and wanted != found.scan_on_push:
        yield Change("ImageScanOnPush", found.scan_on_push, wanted)


def _mutability(found: Repository, declared: Settings, before: Settings) -> Iterator[Change]:
    wanted = declared.mutability or (before.mutability and Mutability())
    if wanted and not wanted.means(found.mutability):
        yield Change("ImageTagMutability", found.mutability, wanted)


def _tags(found: Repository, declared: Settings, before: Settings) -> Iterator[Change]:
    wanted: dict[str, str | None] = dict.fromkeys(before.tags) | dict(declared.tags)
    changed = {key: value for key, value in wanted.items() if found.tags.get(key) != value}
    if changed:
        yield Change("Tags", {key: found.tags.get(key) for key in changed}, changed)


def _lifecycle_policy(found: Repository, declared: Settings, before: Settings) -> Iterator[Change]:
    wanted, was = declared.lifecycle_policy, before.lifecycle_policy
    if wanted is not None and not is_policy(found.lifecycle_text, wanted):
        yield Change("LifecyclePolicy", found.lifecycle_text, wanted.text())
    if wanted is None and was is not None and found.lifecycle_text is not None:
        if is_policy(found.lifecycle_text, was):
            yield Change("LifecyclePolicy", found.lifecycle_text, None)
        else:
            logger.warning("The lifecycle policy of %s is not the one declared before; it is left as it is", found.name)


def needs_other_encryption(found: Encryption, declared: Declaration, before: Declaration) -> bool:
    """Whether the declared encryption is another one than the repository has, which ECR cannot change."""
    wanted = declared.encryption
    if wanted is None:
        return before.encryption is not None and found.type != "AES256"
    if wanted.key is None and before.encryption is not None and before.encryption.key is not None:
        return wanted.type != found.type or found.key == before.encryption.key
    return wanted.type != found.type or wanted.key not in (None, found.key)
