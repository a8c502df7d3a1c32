"""What resources of stacks declare of a repository, recorded in the table of parts, so that drift is seen.

It is stored as pending before a request changes the repository, and as settled after it: what the controller itself is
changing is no drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.config import is_sam_local
from ecr_controller.repository.changes import NOTHING, difference_of_adopted
from ecr_controller.repository.record import Record
from ecr_controller.shared_documents.ledger import owner_of
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.repository.changes import Change, Setting
    from ecr_controller.repository.model import Repository
    from ecr_controller.shared_documents.converge import Part

_STATE, _PENDING = "state", "pending"


@dataclass(frozen=True, slots=True)
class Declared:
    """What one resource declares. ``values`` are those of JSON, by the keys of `Record`; ``restores``: OnDrift is
    Restore."""

    owner: str
    type_name: str
    values: Mapping[str, Any]
    restores: bool
    is_pending: bool

    @classmethod
    def from_part(cls, part: Part) -> Declared:
        """As it is stored."""
        content = part.content
        is_pending = part.marks.get(_STATE) == _PENDING
        return cls(part.owner, content["type"], content["values"], content["restores"], is_pending)

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


def storage_key(repository: str) -> str:
    """The target in the table of parts under which the declarations of a repository are stored."""
    return f"declared-repository/{repository}"


def declared_of(repository: str) -> tuple[Declared, ...]:
    """All declarations of the repository. Raises UserError and RetryableError."""
    return tuple(map(Declared.from_part, PartsTable().query_parts(storage_key(repository))))


class Declaration:
    """What the resource of a request declares of a repository. Raises UserError and RetryableError.

    Under `sam local invoke` nothing is stored: no stack declares anything there.
    """

    def __init__(self, request: Request[Any], repository: str) -> None:
        self._request, self._target, self._owner = request, storage_key(repository), owner_of(request)
        self._table = PartsTable()

    def begin(self, values: Mapping[str, Any], *, restores: bool) -> None:
        """Store it as pending, before anything is changed."""
        self._put(values, {_STATE: _PENDING}, restores=restores)

    def settle(self, values: Mapping[str, Any], *, restores: bool) -> None:
        """Store it as what the repository has now."""
        self._put(values, {}, restores=restores)

    def remove(self) -> None:
        """Delete it, or do nothing if there is none."""
        if not is_sam_local():
            self._table.delete_part(self._target, self._owner)

    def _put(self, values: Mapping[str, Any], marks: Mapping[str, str], *, restores: bool) -> None:
        if not is_sam_local():
            content = {"type": self._request.type_name, "values": values, "restores": restores}
            self._table.put_part(self._target, self._owner, content, marks)


def values_of(settings: Iterable[Setting[Any]], spec: Any) -> dict[str, Any]:
    """What a spec declares, by the keys of `Record`."""
    return {key: value for each in settings for key, value in each.declared_values(spec).items()}
