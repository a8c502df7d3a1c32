"""Which resources keep the images of a repository in use, as the table of parts has it.

All are under one target, so that a look at every repository finds them with one query. One that ends stays, without
what it declared, until a look has removed the tags.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.keep_in_use import KeepInUse, combined
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.shared_documents.converge import Part

TARGET = "keep-in-use/repositories"
_TYPE, _KEEP, _VERSION = "type", "keep", "version"


@dataclass(frozen=True, slots=True)
class Kept:
    """What one resource declares of a repository; ``keep`` is None if it no longer does.

    ``version`` tells a declaration that was stored from the next one of the same resource.
    """

    repository: str
    owner: str
    type_name: str
    keep: KeepInUse | None
    version: str = ""


@dataclass(frozen=True, slots=True)
class KeptRepository:
    """A repository, and all that was declared of it."""

    name: str
    declarations: tuple[Kept, ...] = ()

    @property
    def keep(self) -> KeepInUse | None:
        """What keeps an image, if anything does."""
        keeps = [each.keep for each in self.declarations if each.keep is not None]
        return combined(keeps) if keeps else None

    @property
    def ended(self) -> tuple[Kept, ...]:
        """The declarations that end."""
        return tuple(each for each in self.declarations if each.keep is None)


class Declarations:
    """The declarations in the table of parts. Raises UserError and RetryableError."""

    def __init__(self) -> None:
        self._table = PartsTable()

    def of(self, repository: str) -> KeptRepository:
        """Those of one repository."""
        return KeptRepository(repository, self._read(f"{repository}|"))

    def all(self) -> tuple[KeptRepository, ...]:
        """Those of all repositories, by their name."""
        found: dict[str, list[Kept]] = {}
        for each in self._read(""):
            found.setdefault(each.repository, []).append(each)
        return tuple(KeptRepository(name, tuple(kept)) for name, kept in sorted(found.items()))

    def put(self, kept: Kept) -> None:
        """Store a declaration, with a version of its own; one without ``keep`` as ended."""
        keep = None if kept.keep is None else kept.keep.content()
        content = {_TYPE: kept.type_name, _KEEP: keep}
        self._table.put_part(TARGET, _owner(kept), content, {_VERSION: uuid.uuid4().hex})

    def forget(self, kept: Iterable[Kept]) -> None:
        """Delete declarations that were read, but for those that were stored again since then."""
        for each in kept:
            self._table.delete_marked(TARGET, _owner(each), {_VERSION: each.version})

    def _read(self, beginning: str) -> tuple[Kept, ...]:
        return tuple(map(_kept, self._table.query_parts(TARGET, beginning)))


def _owner(kept: Kept) -> str:
    return f"{kept.repository}|{kept.owner}"


def _kept(part: Part) -> Kept:
    repository, _, owner = part.owner.partition("|")
    keep = part.content[_KEEP]
    return Kept(
        repository,
        owner,
        part.content[_TYPE],
        None if keep is None else KeepInUse.from_content(keep),
        part.marks.get(_VERSION, ""),
    )
