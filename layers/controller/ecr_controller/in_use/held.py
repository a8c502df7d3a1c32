"""The images that are held in a repository, as the table of parts has them.

A hold is stored before its tag is put, and deleted after the tag is removed.
"""

from __future__ import annotations

from ecr_controller.in_use.planning import Hold
from ecr_controller.shared_documents.parts import PartsTable

_USER, _UNUSED = "user", "unusedSince"


class Holds:
    """The holds of one repository. Raises UserError and RetryableError."""

    def __init__(self, repository: str) -> None:
        self._table, self._target = PartsTable(), f"held-image/{repository}"

    def all(self) -> tuple[Hold, ...]:
        """All of them, by digest."""
        parts = self._table.query_parts(self._target)
        return tuple(Hold(part.owner, part.content[_USER], part.content[_UNUSED]) for part in parts)

    def put(self, hold: Hold) -> None:
        """Store one."""
        self._table.put_part(self._target, hold.digest, {_USER: hold.user, _UNUSED: hold.unused_since})

    def forget(self, digest: str) -> None:
        """Delete one."""
        self._table.delete_part(self._target, digest)
