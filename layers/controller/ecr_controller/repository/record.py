"""What a repository was before settings were put on it, and what was put, recorded in the table of parts.

A record is written before anything is changed, so that whatever comes next can give the repository back: only values
that are still as they were put are replaced by those before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_controller.repository.changes import Setting
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository.spec import RepositorySpec
    from ecr_controller.shared_documents.converge import Part

    Settings = Iterable[Setting[Any]]


@dataclass(frozen=True, slots=True)
class Record:
    """``was`` has the values before, ``put`` for each value that is ours the ones that it may have now.

    The keys are the names of settings, and ``Tags.<key>`` for each tag; the values are those of JSON.
    """

    request_id: str
    """What began it: the request of an adoption, or the repository of that name."""
    was: Mapping[str, Any]
    put: Mapping[str, list[Any]]

    @classmethod
    def begun(cls, request_id: str, settings: Settings, found: Repository, spec: RepositorySpec) -> Record:
        """The repository as it is found, with what is about to be put."""
        was = {key: value for setting in settings for key, value in setting.observed_values(found).items()}
        return cls(request_id, was, put_by(settings, spec))

    @classmethod
    def from_part(cls, part: Part) -> Record:
        """As it is stored."""
        return cls(part.content["request"], part.content["was"], part.content["put"])

    def content(self) -> dict[str, Any]:
        """As it is stored."""
        return {"request": self.request_id, "was": self.was, "put": self.put}

    def ended(self, setting: Setting[Any], found: Repository, spec: RepositorySpec) -> dict[str, Any]:
        """What goes back to its value before: no longer declared, and still as it was put."""
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
        return replace(self, put=put_by(settings, spec))


def put_by(settings: Settings, spec: RepositorySpec) -> dict[str, list[Any]]:
    """What the settings are set to, each key with its one value."""
    return {key: [value] for setting in settings for key, value in setting.declared_values(spec).items()}


class StoredRecord:
    """The record of one owner, under a target of the table. May raise UserError and RetryableError."""

    def __init__(self, target: str, owner: str) -> None:
        self._table, self._target, self._owner = PartsTable(), target, owner

    def read(self) -> Record | None:
        """The stored record."""
        for part in self._table.query_parts(self._target):
            if part.owner == self._owner:
                return Record.from_part(part)
        return None

    def begin(self, record: Record) -> bool:
        """Store it, unless one is stored, which stays; False then."""
        return self._table.put_part_once(self._target, self._owner, record.content())

    def write(self, record: Record) -> None:
        """Replace the record."""
        self._table.put_part(self._target, self._owner, record.content())

    def remove(self) -> None:
        """Delete the record, or do nothing if there is none."""
        self._table.delete_part(self._target, self._owner)
