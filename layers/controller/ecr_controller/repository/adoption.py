"""The record of what an adopted repository was before its adoption, so that it is given back so.

It also has the values that were put: only those are replaced when the repository is given back, whatever the
properties of that request say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.repository import ownership

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.repository.changes import Setting
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository.record import Record
    from ecr_controller.repository.spec import RepositorySpec


class AdoptionRecord:
    """The record of one repository that the resource of a request adopts. Raises UserError and RetryableError."""

    def __init__(self, request: Request[Any], repository: str) -> None:
        # Few repositories are adopted, and every cold start would pay for these imports.
        from ecr_controller.repository.record import StoredRecord
        from ecr_controller.shared_documents.ledger import owner_of

        self._request = request
        self._stored = StoredRecord(f"adopted-repository/{repository}", owner_of(request))

    def read(self) -> Record | None:
        """The stored record."""
        return self._stored.read()

    def begin(self, settings: Sequence[Setting[Any]], found: Repository, spec: RepositorySpec) -> Record:
        """Store the repository as it was found. A record that is there already is kept."""
        from ecr_controller.repository.record import Record

        record = Record.begun(self._request.request_id, settings, found, spec)
        if self._stored.begin(record):
            return record
        stored = self.read()
        if stored is not None and (
            stored.request_id == record.request_id or ownership.is_ours(found.tags, self._request)
        ):
            return stored
        # It is of an adoption that ended: our tags go before the record does.
        self.write(record)
        return record

    def write(self, record: Record) -> None:
        """Replace the record."""
        self._stored.write(record)

    def remove(self) -> None:
        """Delete the record, or do nothing if there is none."""
        self._stored.remove()
