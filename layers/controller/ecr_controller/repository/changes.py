"""The difference between a repository as it is and as it is declared, as changes that can be printed and undone."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ecr_controller.deadline import undoing
from ecr_controller.errors import ControllerError, RetryableError
from ecr_controller.repository.spec import RepositorySpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_controller.repository.model import Repository
    from ecr_controller.repository.record import Record

    Undo = Callable[[Sequence["Change[Any]"]], None]

T = TypeVar("T")

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
        describe = self.setting.describe
        return f"{self.setting.name}: {describe(self.old)} -> {describe(self.new)}"


class Setting(ABC, Generic[T]):
    """One setting of a repository. A change of it is one call, so that it can be undone."""

    name: ClassVar[str]
    field: ClassVar[str]
    """Of `RepositorySpec`."""
    is_shared: ClassVar[bool] = False
    """Whether it is a part of a document that other resources share. Then its change does not need the ownership of the
    repository, and a RetryableError of it keeps the changes before it, so that the retry continues from there."""

    @abstractmethod
    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[T] | None:
        """What must change, if anything. ``before`` is what the previous template declared."""

    @abstractmethod
    def put(self, repository: Repository, change: Change[T]) -> None:
        """Set the new value of the change."""

    def describe(self, value: T) -> str:
        """The value for people, as a template has it."""
        if isinstance(value, bool):
            return str(value).lower()
        return "none" if value is None else str(value)

    def change_adopted(
        self, found: Repository, spec: RepositorySpec, before: RepositorySpec, _record: Record
    ) -> Change[T] | None:
        """What must change on an adopted repository, if anything. What is no longer declared goes back to its value
        before the adoption, where it is recorded."""
        return self.change(found, spec, before)

    def observed_values(self, _found: Repository) -> dict[str, Any]:
        """What is recorded of a repository before its adoption, as JSON values by key: see `Record`."""
        return {}

    def declared_values(self, _spec: RepositorySpec) -> dict[str, Any]:
        """What is declared, in the same form."""
        return {}

    def is_same(self, value: Any, other: Any) -> bool:
        """Whether two of these values have the same effect."""
        return bool(value == other)

    def restricted(self, spec: RepositorySpec, keep: Callable[[str], bool]) -> RepositorySpec:
        """The spec with this setting only if its key is kept; for tags, with those whose keys are."""
        return spec if keep(self.name) else replace(spec, **{self.field: getattr(NOTHING, self.field)})

    def create_arguments(self, _spec: RepositorySpec) -> dict[str, Any]:
        """What CreateRepository takes of it."""
        return {}


def difference(
    settings: Iterable[Setting[Any]], found: Repository, spec: RepositorySpec, before: RepositorySpec = NOTHING
) -> list[Change[Any]]:
    """What must change on ``found``, in order. ``before`` is what the previous template declared."""
    changes = (setting.change(found, spec, before) for setting in settings)
    return [change for change in changes if change is not None]


def difference_of_adopted(
    settings: Iterable[Setting[Any]], found: Repository, spec: RepositorySpec, before: RepositorySpec, record: Record
) -> list[Change[Any]]:
    """What must change on an adopted repository, in order."""
    changes = (setting.change_adopted(found, spec, before, record) for setting in settings)
    return [change for change in changes if change is not None]


def apply(changes: Sequence[Change[Any]], repository: Repository, undo: Undo | None = None) -> None:
    """Apply the changes in order. If one fails, ``undo`` gets those that were applied; if it fails too, that is logged.

    Raises what the failed change raises.
    """
    done: list[Change[Any]] = []
    for change in changes:
        try:
            change.apply(repository)
        except BaseException as error:
            if undo is not None and not (isinstance(error, RetryableError) and change.setting.is_shared):
                try_undo(repository, lambda: undo(done))
            raise
        done.append(change)
        if change.old != change.new:
            logger.info("%s: %s", repository.name, change)


def try_undo(repository: Repository, undo: Callable[[], None]) -> None:
    """Call ``undo`` after an error, which is the one to report: an error of ``undo`` is logged."""
    try:
        with undoing():
            undo()
    except ControllerError as error:
        logger.warning("The previous settings of %s could not be restored: %s", repository.name, error)


def revert(changes: Sequence[Change[Any]], repository: Repository) -> None:
    """Undo the changes, the last one first."""
    for change in reversed(changes):
        change.reverted().apply(repository)
