"""What an adopted repository was before its adoption, recorded in the table of parts, so that it is given back so.

The record is written before anything is changed. It also has the values that were put: only those are replaced when
the repository is given back, whatever the properties of that request say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.repository import ownership

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.repository.changes import Setting
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository.spec import RepositorySpec

    Settings = Iterable[Setting[Any]]


@dataclass(frozen=True, slots=True)
class Record:
    """``was`` has the values before the adoption, ``put`` for each value that is ours the ones that it may have now.

    The keys are the names of settings, and ``Tags.<key>`` for each tag; the values are those of JSON.
    """

    request_id: str
    was: Mapping[str, Any]
    put: Mapping[str, list[Any]]

    def content(self) -> dict[str, Any]:
        """As it is stored."""
        return {"request": self.request_id, "was": self.was, "put": self.put}

    def ended(self, setting: Setting[Any], found: Repository, spec: RepositorySpec) -> dict[str, Any]:
        """What goes back to its value before the adoption: no longer declared, and still as it was put."""
        has, declared = setting.observed_values(found), setting.declared_values(spec)
        return {
            key: self.was.get(key)
            for key, put in self.put.items()
            if key.partition(".")[0] == setting.name
            and key not in declared
            and any(setting.is_same(has.get(key), each) for each in put)
            and not setting.is_same(has.get(key), self.was.get(key))
        }

    def before_change(self, settings: Settings, found: Repository, spec: RepositorySpec) -> Record:
        """With what is there now and was put by us, and what is about to be put."""
        put: dict[str, list[Any]] = {}
        for setting in settings:
            has, declared = setting.observed_values(found), setting.declared_values(spec)
            mine = [key for key in self.put if key.partition(".")[0] == setting.name]
            for key in dict.fromkeys([*mine, *declared]):
                values = [v for v in self.put.get(key, []) if key not in has or setting.is_same(v, has[key])]
                if key in declared and declared[key] not in values:
                    values.append(declared[key])
                put |= {key: values} if values else {}
        return replace(self, put=put)

    def after_change(self, settings: Settings, spec: RepositorySpec) -> Record:
        """With what is declared alone."""
        return replace(self, put=_put(settings, spec))


def _put(settings: Settings, spec: RepositorySpec) -> dict[str, list[Any]]:
    return {key: [value] for setting in settings for key, value in setting.declared_values(spec).items()}


class AdoptionRecord:
    """The record of one repository that the resource of a request adopts. Raises UserError and RetryableError."""

    def __init__(self, request: Request[Any], repository: str) -> None:
        # Few repositories are adopted, and every cold start would pay for these imports.
        from ecr_controller.shared_documents.ledger import owner_of
        from ecr_controller.shared_documents.parts import PartsTable

        self._request, self._table = request, PartsTable()
        self._target, self._owner = f"adopted-repository/{repository}", owner_of(request)

    def read(self) -> Record | None:
        """The stored record."""
        for part in self._table.query_parts(self._target):
            if part.owner == self._owner:
                return Record(part.content["request"], part.content["was"], part.content["put"])
        return None

    def begin(self, settings: Settings, found: Repository, spec: RepositorySpec) -> Record:
        """Store the repository as it was found. A record that is there already is kept."""
        was = {key: value for setting in settings for key, value in setting.observed_values(found).items()}
        record = Record(self._request.request_id, was, _put(settings, spec))
        if self._table.put_part_once(self._target, self._owner, record.content()):
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
        self._table.put_part(self._target, self._owner, record.content())

    def remove(self) -> None:
        """Delete the record, or do nothing if there is none."""
        self._table.delete_part(self._target, self._owner)
