"""The images of published versions of functions, so that each is asked for once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = "in-use-snapshot/versions"
# Of DynamoDB: an item has 400 KB. Versions of a function that do not fit are asked for each time.
_LONGEST = 380_000


class Version(NamedTuple):
    """What a version runs: the hash of its code, as ListFunctions has it, and the URI of its image with the digest.

    A number is not used again ("Manage Lambda function versions"). The hash is compared all the same.
    """

    code: str
    uri: str


class Versions:
    """The versions that are known, by the name of the function and their number: none."""

    def all(self) -> Mapping[str, Mapping[str, Version]]:
        """All of them."""
        return {}

    def store(self, function: str, versions: Mapping[str, Version]) -> None:
        """Replace those of a function."""

    def forget(self, function: str) -> None:
        """Forget those of a function that does not exist any more."""


class StoredVersions(Versions):
    """Those in the table of parts. Raises UserError and RetryableError."""

    def __init__(self) -> None:
        self._table = PartsTable()

    def all(self) -> Mapping[str, Mapping[str, Version]]:
        """All of them."""
        return {
            part.owner: {number: Version(*each) for number, each in part.content.items()}
            for part in self._table.query_parts(TARGET)
        }

    def store(self, function: str, versions: Mapping[str, Version]) -> None:
        """Replace those of a function."""
        kept: dict[str, list[str]] = {}
        length = 0
        for number, version in reversed(list(versions.items())):
            length += len(json.dumps({number: version}))
            if length > _LONGEST:
                break
            kept[number] = list(version)
        self._table.put_part(TARGET, function, kept)

    def forget(self, function: str) -> None:
        """Forget those of a function that does not exist any more."""
        self._table.delete_part(TARGET, function)
