"""The ledger: what each resource of a stack holds, and where, in the table of parts.

An entry is written before anything is declared, in one transaction with the part, and removed after all of it is
withdrawn. So every later request of the resource finds what an earlier one began, whatever its properties say, and
finishes it or takes it back.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.request import LONGEST_CREATE
from ecr_controller.shared_documents.parts import PartsTable, Row
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.shared_documents.converge import Part

PREFIX = "owner/"
_PHYSICAL_ID = "physicalId"
_REQUEST, _MEMORY, _REPLACES, _STATE, _PENDING = "request", "memory", "replaces", "state", "pending"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a resource holds. ``held`` is its key: the target of its part, and what distinguishes the part.

    ``physical_id`` is the id of the resource that it belongs to. ``memory`` is what was there before. A pending entry
    belongs to a replacement of ``replaces`` whose request has not ended yet, or failed.
    """

    held: str
    physical_id: str
    request_id: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)
    replaces: str = ""
    is_pending: bool = False
    since: float = field(default=0.0, compare=False)

    @classmethod
    def from_part(cls, part: Part) -> Entry:
        """The entry that is stored."""
        return cls(
            part.owner,
            part.content[_PHYSICAL_ID],
            part.marks.get(_REQUEST, ""),
            json.loads(part.marks.get(_MEMORY, "{}")),
            part.marks.get(_REPLACES, ""),
            part.marks.get(_STATE) == _PENDING,
            part.since,
        )

    def row(self, target: str) -> Row:
        """The entry as it is stored."""
        marks = {_REQUEST: self.request_id}
        marks |= {_MEMORY: json.dumps(self.memory)} if self.memory else {}
        marks |= {_REPLACES: self.replaces} if self.replaces else {}
        marks |= {_STATE: _PENDING} if self.is_pending else {}
        return Row(target, self.held, {_PHYSICAL_ID: self.physical_id}, marks)


class Ledger:
    """What the resource of a request holds. Every method may raise UserError and RetryableError."""

    def __init__(self, request: Request[Any]) -> None:
        self._request = request
        self._target = f"{PREFIX}{request.type_name}/{owner_of(request)}"
        self._table = PartsTable()

    def entries(self) -> tuple[Entry, ...]:
        """All entries."""
        return tuple(map(Entry.from_part, self._table.query_parts(self._target)))

    def begin(self, held: str, physical_id: str, part: Row) -> None:
        """Store an entry and its part, before anything is declared."""
        self._table.write([self._entry(held, physical_id).row(self._target), part])

    def begin_once(self, held: str, physical_id: str, memory: Mapping[str, Any]) -> Entry | None:
        """Store an entry with what was there before; None if there is one already, which stays as it is."""
        entry = self._entry(held, physical_id, memory)
        row = entry.row(self._target)
        return entry if self._table.put_part_once(row.target, row.owner, row.content, row.marks) else None

    def put(self, entry: Entry) -> None:
        """Replace the entry."""
        row = entry.row(self._target)
        self._table.put_part(row.target, row.owner, row.content, row.marks)

    def end(self, held: str, part: Row | None = None) -> None:
        """Remove an entry and its part, after all of it is withdrawn."""
        if part is None:
            self._table.delete_part(self._target, held)
        else:
            self._table.write(deletes=[Row(self._target, held), part])

    def settle(self, physical_id: str, withdraw: Callable[[Entry], None], wanted: Sequence[str]) -> None:
        """End an Update whose resource has this physical id now, and holds what is ``wanted``.

        Withdraws what it no longer declares, and what a replacement left that failed. What belongs to the id before the
        Update stays: CloudFormation deletes it, or returns to it.
        """
        entries = self.entries()
        for entry in entries:
            if entry.physical_id == physical_id:
                is_left = entry.held not in wanted
            else:
                # What belongs to any other id was retained, unless it belongs to a replacement that failed.
                is_left = entry.is_pending or entry.replaces == self._request.physical_id
            if is_left:
                withdraw(entry)
        pending = [entry for entry in entries if entry.physical_id == physical_id and entry.is_pending]
        if pending:
            self._table.write([replace(entry, is_pending=False).row(self._target) for entry in pending])

    def to_delete(self, declared_id: str | None = None) -> list[Entry]:
        """The entries that go with the physical id of a Delete, and those of a replacement of it that failed.

        With an id that CloudFormation made up, the Create was never answered: what it began goes, and what was retained
        before it stays. ``declared_id`` is the physical id that belongs to the properties of the Delete.
        """
        if self._request.has_made_up_id:
            return self.of_create("")
        return [entry for entry in self.entries() if self._is_deleted(entry, declared_id)]

    def of_create(self, request_id: str) -> list[Entry]:
        """The entries that the Create with that id stored.

        With "", those of a Create that may never have been answered.
        """
        if request_id:
            return [entry for entry in self.entries() if entry.request_id == request_id]
        return [entry for entry in self.entries() if time.time() - entry.since < LONGEST_CREATE]

    def _entry(self, held: str, physical_id: str, memory: Mapping[str, Any] | None = None) -> Entry:
        before = self._request.physical_id
        is_replacement = (
            self._request.type == "Update" and not self._request.follows_failed_create and physical_id != before
        )
        return Entry(
            held,
            physical_id,
            self._request.request_id,
            memory or {},
            replaces=before if is_replacement else "",
            is_pending=is_replacement,
        )

    def _is_deleted(self, entry: Entry, declared_id: str | None) -> bool:
        if entry.replaces == self._request.physical_id:
            # The clean-up after a replacement has the properties before it.
            return entry.is_pending or entry.physical_id == declared_id or self._stack_is_deleted()
        return entry.physical_id == self._request.physical_id

    def _stack_is_deleted(self) -> bool:
        # The function may have ended between its last call and its answer, so that CloudFormation knows of no
        # replacement. Only a stack that is being deleted as a whole shows that.
        return Stacks().is_being_deleted(self._request.stack_id)


def owner_of(request: Request[Any], *more: str) -> str:
    """The owner of a part: the resource, and what distinguishes its parts of one target."""
    return "|".join([request.stack_id, request.logical_id, *more])
