"""The tags of an image in an index, which are those of the index: the image itself usually has none.

One look at a repository a batch of events finds the tagged indexes. What an index names never changes, so it is read
once in the life of the execution environment.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

from ecr_controller.errors import UserError
from ecr_controller.manifests import entries_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_controller.event_routing.ecr import TaggedIndex
    from ecr_controller.manifests import Entry

    # The tags of all indexes in a repository that name a digest. May raise RetryableError and UserError.
    TagReader = Callable[[str, str], tuple[str, ...]]

LEVELS = 5
REMEMBERED = 20_000
# By the digest of an index: what it names.
_entries: dict[str, tuple[Entry, ...]] = {}


class Indexes(Protocol):
    """Where indexes are found: `ecr.ImageIndexes`."""

    def describe_images(self, repository: str) -> Sequence[TaggedIndex]:
        """The tagged indexes."""

    def batch_get_image(self, repository: str, digests: Sequence[str]) -> dict[str, str]:
        """The manifests of indexes by digest."""


def tag_reader(indexes: Indexes) -> TagReader:
    """A reader that looks at each repository once; make a new one for each batch of events."""
    tagged: Callable[[str], Sequence[TaggedIndex]] = cache(indexes.describe_images)

    def tags_of(repository: str, digest: str) -> tuple[str, ...]:
        found = tagged(repository)
        _read(indexes, repository, [index.digest for index in found])
        return tuple(dict.fromkeys(tag for index in found if _names(index.digest, digest) for tag in index.tags))

    return tags_of


def _read(indexes: Indexes, repository: str, digests: Iterable[str]) -> None:
    """Remember what these indexes and the indexes in them name, as far as that is not known."""
    if len(_entries) > REMEMBERED:
        _entries.clear()
    level = [digest for digest in digests if digest not in _entries]
    for _ in range(LEVELS):
        if not level:
            return
        read = {digest: _parse(text) for digest, text in indexes.batch_get_image(repository, level).items()}
        _entries.update(read)
        nested = {entry.digest for entries in read.values() for entry in entries if entry.is_list}
        level = sorted(nested - _entries.keys())


def _parse(manifest: str) -> tuple[Entry, ...]:
    try:
        return entries_of(manifest)
    except UserError:
        return ()  # it can name nothing


def _names(index: str, digest: str) -> bool:
    level = {index}
    for _ in range(LEVELS):
        entries = [entry for each in level for entry in _entries.get(each, ())]
        if any(entry.digest == digest for entry in entries):
            return True
        level = {entry.digest for entry in entries if entry.is_list}
    return False
