"""The settings of a repository, and the difference between what ECR has and what is declared, as changes.

A new setting is one class here, a row of `settings`, and its property in `spec` and in the schema.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ecr_controller.errors import ControllerError, RetryableError
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import is_policy
from ecr_controller.repository.model import Mutability
from ecr_controller.repository.spec import RepositorySpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.repository.ecr import Repositories
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository_policy.document import ResourceStatements
    from ecr_controller.repository_policy.statement import Statement

T = TypeVar("T")
TagValues = dict[str, str | None]  # None is the absence of the tag

logger = logging.getLogger(__name__)

NOTHING = RepositorySpec()


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One setting of one repository that changes from ``old`` to ``new``."""

    setting: Setting[T]
    old: T
    new: T

    def apply(self, repository: Repository) -> None:
        """The call that the change needs, or two for tags that are added and tags that are removed."""
        self.setting.put(repository, self)

    def reverted(self) -> Change[T]:
        """The change that undoes it."""
        return Change(self.setting, self.new, self.old)

    def __str__(self) -> str:
        return f"{self.setting.name}: {_shown(self.old)} -> {_shown(self.new)}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


class Setting(ABC, Generic[T]):
    """One setting of a repository. A change of it is one call, so that it can be undone."""

    name: ClassVar[str]
    is_shared: ClassVar[bool] = False
    """Whether it is a part of a document that other resources share. Then its change does not need the ownership of the
    repository, and a RetryableError of it keeps the changes before it, so that the retry continues from there."""

    @abstractmethod
    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[T] | None:
        """What must change, if anything. ``before`` is what the previous template declared."""

    @abstractmethod
    def put(self, repository: Repository, change: Change[T]) -> None:
        """Set the new value of the change."""

    def create_arguments(self, _spec: RepositorySpec) -> dict[str, Any]:
        """What CreateRepository takes of it."""
        return {}


class ValueSetting(Setting[T]):
    """A setting with one value, which CreateRepository takes in the same form as its own Put.

    What was declared before and no longer is returns to ECR's default; what was never declared is left as it is.
    """

    default: T

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories

    @abstractmethod
    def declared(self, spec: RepositorySpec) -> T | None:
        """The declared value, or None."""

    @abstractmethod
    def observed(self, found: Repository) -> T:
        """The value that the repository has."""

    @abstractmethod
    def arguments(self, value: T) -> dict[str, Any]:
        """The value as ECR's API takes it."""

    def is_equivalent(self, value: T, other: T) -> bool:
        """Whether both values have the same effect."""
        return value == other

    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[T] | None:
        wanted, has = self.declared(spec), self.observed(found)
        if wanted is None and self.declared(before) is not None:
            wanted = self.default
        return None if wanted is None or self.is_equivalent(wanted, has) else Change(self, has, wanted)

    def create_arguments(self, spec: RepositorySpec) -> dict[str, Any]:
        declared = self.declared(spec)
        return {} if declared is None else self.arguments(declared)


class ImageScanOnPush(ValueSetting[bool]):
    """Whether an image is scanned when it is pushed."""

    name = "ImageScanOnPush"
    default = False

    def declared(self, spec: RepositorySpec) -> bool | None:
        return spec.scan_on_push

    def observed(self, found: Repository) -> bool:
        return found.scan_on_push

    def arguments(self, value: bool) -> dict[str, Any]:
        return {"imageScanningConfiguration": {"scanOnPush": value}}

    def put(self, repository: Repository, change: Change[bool]) -> None:
        self._repositories.put_image_scanning_configuration(repository.name, self.arguments(change.new))


class ImageTagMutability(ValueSetting[Mutability]):
    """Whether tags can be overwritten."""

    name = "ImageTagMutability"
    default = Mutability()

    def declared(self, spec: RepositorySpec) -> Mutability | None:
        return spec.mutability

    def observed(self, found: Repository) -> Mutability:
        return found.mutability

    def is_equivalent(self, value: Mutability, other: Mutability) -> bool:
        return value.is_equivalent_to(other)

    def arguments(self, value: Mutability) -> dict[str, Any]:
        filters = [{"filterType": "WILDCARD", "filter": each} for each in value.exclusion_filters]
        excluded = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
        return {"imageTagMutability": value.value, **excluded}

    def put(self, repository: Repository, change: Change[Mutability]) -> None:
        self._repositories.put_image_tag_mutability(repository.name, self.arguments(change.new))


class Tags(Setting[TagValues]):
    """The declared tags, and ours. Tags of others stay. A value holds the tags that differ."""

    name = "Tags"

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories

    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[TagValues] | None:
        wanted: TagValues = {**dict.fromkeys(before.tags), **spec.tags}
        changed = {key: value for key, value in wanted.items() if found.tags.get(key) != value}
        return Change(self, {key: found.tags.get(key) for key in changed}, changed) if changed else None

    def put(self, repository: Repository, change: Change[TagValues]) -> None:
        self._repositories.tag_resource(repository.arn, change.new)


class LifecyclePolicyText(Setting[str | None]):
    """The lifecycle policy, as its text; None is no policy. One that is no longer declared is deleted if it is still
    the one that was declared."""

    name = "LifecyclePolicy"

    def __init__(self) -> None:
        self._policies = LifecyclePolicies()

    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[str | None] | None:
        wanted, was, has = spec.lifecycle_policy, before.lifecycle_policy, found.lifecycle_text
        if wanted is not None:
            return None if is_policy(has, wanted) else Change(self, has, wanted.text())
        if was is None or has is None:
            return None
        if is_policy(has, was):
            return Change(self, has, None)
        logger.warning("The lifecycle policy of %s is not the one that was declared; it is kept", found.name)
        return None

    def put(self, repository: Repository, change: Change[str | None]) -> None:
        self._policies.put_lifecycle_policy(repository.name, change.new)


class PolicyStatements(Setting["tuple[Statement, ...]"]):
    """The statements in the repository policy, which other resources share. Only putting them shows whether the policy
    has them, so declared statements are always a change; a policy that agrees is not written.

    ECR may not know a new principal yet: that is retried, without deleting the repository and creating it again.
    """

    name = "PolicyStatements"
    is_shared = True

    def __init__(self, request: Request[RepositorySpec]) -> None:
        self._request = request

    def change(
        self, _found: Repository, spec: RepositorySpec, before: RepositorySpec
    ) -> Change[tuple[Statement, ...]] | None:
        if not spec.statements and not before.statements:
            return None
        return Change(self, before.statements, spec.statements)

    def put(self, repository: Repository, change: Change[tuple[Statement, ...]]) -> None:
        if change.new:
            self._of(repository.name).declare(change.new, change.old)
        else:
            self.withdraw(repository.name)

    def withdraw(self, repository: str, only_of: str | None = None) -> None:
        """Remove the statements. With ``only_of``, only if the request with that id put them there."""
        self._of(repository).withdraw(only_of)

    def _of(self, repository: str) -> ResourceStatements:
        # Few repositories have statements, and every cold start would pay for this import.
        from ecr_controller.repository_policy.document import ResourceStatements

        return ResourceStatements(self._request, repository)


def settings(repositories: Repositories, request: Request[RepositorySpec]) -> tuple[Setting[Any], ...]:
    """All settings, in the order in which they are changed: our tags claim the lifecycle policy before it is put."""
    return (
        ImageScanOnPush(repositories),
        ImageTagMutability(repositories),
        Tags(repositories),
        LifecyclePolicyText(),
        PolicyStatements(request),
    )


def difference(
    settings: Iterable[Setting[Any]], found: Repository, spec: RepositorySpec, before: RepositorySpec = NOTHING
) -> list[Change[Any]]:
    """What must change on ``found``, in order. ``before`` is what the previous template declared."""
    changes = (setting.change(found, spec, before) for setting in settings)
    return [change for change in changes if change is not None]


def apply(
    changes: Sequence[Change[Any]], repository: Repository, undo: Callable[[Sequence[Change[Any]]], None]
) -> None:
    """Apply the changes in order. If one fails, ``undo`` gets those that were applied; if it fails too, that is logged.

    Raises what the failed change raises.
    """
    done: list[Change[Any]] = []
    for change in changes:
        try:
            change.apply(repository)
        except BaseException as error:
            if not (isinstance(error, RetryableError) and change.setting.is_shared):
                _undo(repository, done, undo)
            raise
        done.append(change)
        logger.info("%s: %s", repository.name, change)


def _undo(repository: Repository, done: Sequence[Change[Any]], undo: Callable[[Sequence[Change[Any]]], None]) -> None:
    try:
        undo(done)
    except ControllerError as error:
        logger.warning("%s could not be restored: %s", repository.name, error)


def revert(changes: Sequence[Change[Any]], repository: Repository) -> None:
    """Undo the changes, the last one first."""
    for change in reversed(changes):
        change.reverted().apply(repository)
