"""What stacks declare of a repository, as it is recorded, and where the repository differs from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.lifecycle.guard import Guard
from ecr_controller.repository.changes import NOTHING, difference_of_adopted
from ecr_controller.repository.declarations import PENDING, STATE, storage_key
from ecr_controller.repository.record import Record
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.repository.changes import Change, Setting
    from ecr_controller.repository.model import Repository
    from ecr_controller.shared_documents.converge import Part


@dataclass(frozen=True, slots=True)
class Declared:
    """What one resource declares. ``values`` are those of JSON, by the keys of `Record`; ``restores``: OnDrift is
    Restore."""

    owner: str
    type_name: str
    values: Mapping[str, Any]
    restores: bool
    is_pending: bool
    guard: Guard | None = None

    @classmethod
    def from_part(cls, part: Part) -> Declared:
        """As it is stored."""
        content = part.content
        is_pending = part.marks.get(STATE) == PENDING
        guard = Guard(*content["guard"]) if content["guard"] else None
        return cls(part.owner, content["type"], content["values"], content["restores"], is_pending, guard)

    @property
    def stack_id(self) -> str:
        """The stack of the resource."""
        return self.owner.split("|")[0]

    @property
    def logical_id(self) -> str:
        """The logical ID of the resource."""
        return self.owner.split("|")[1]

    def drift(self, settings: Sequence[Setting[Any]], found: Repository) -> list[Change[Any]]:
        """The changes from what the repository has to what is declared, without the statements of its policy."""
        has = {key: value for each in settings for key, value in each.observed_values(found).items()}
        # As if all that it has were put in the place of what is declared.
        record = Record("", self.values, {key: [has.get(key)] for key in self.values})
        return difference_of_adopted(settings, found, NOTHING, NOTHING, record)


def declared_of(repository: str) -> tuple[Declared, ...]:
    """All declarations of the repository. Raises UserError and RetryableError."""
    return tuple(map(Declared.from_part, PartsTable().query_parts(storage_key(repository))))
