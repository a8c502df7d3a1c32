"""The images that are held in a repository, as the table of parts has them.

A hold is stored before its tag is put, and deleted after the tag is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.in_use.planning import Hold
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Mapping

_USER, _UNUSED = "user", "unusedSince"


class Holds:
    """The holds of one repository. Raises UserError and RetryableError."""

    def __init__(self, repository: str) -> None:
        self._table, self._target = PartsTable(), f"held-image/{repository}"
        self._marks: dict[str, Mapping[str, str]] = {}

    def all(self) -> tuple[Hold, ...]:
        """All of them, by digest."""
        parts = self._table.query_parts(self._target)
        self._marks = {part.owner: part.marks for part in parts}
        return tuple(Hold(part.owner, part.content[_USER], part.content[_UNUSED]) for part in parts)

    def is_used(self, digest: str) -> bool:
        """Whether the image is held because it is in use, and not because its days of grace last."""
        found = self._table.query_parts(self._target, digest)
        return any(part.content[_UNUSED] is None for part in found)

    def put(self, hold: Hold) -> None:
        """Store one."""
        self._table.put_part(self._target, hold.digest, {_USER: hold.user, _UNUSED: hold.unused_since})

    def forget(self, digest: str) -> None:
        """Delete one that `all` returned, unless it was stored again since then."""
        if digest in self._marks:
            self._table.delete_marked(self._target, digest, self._marks[digest])
