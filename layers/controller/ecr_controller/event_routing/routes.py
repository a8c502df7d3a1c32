"""Routes: which scans of which images go to which targets, and how they are found.

A route is kept under the pattern of repositories that it names. Those that can match ``a/b/c`` are under ``a/b/c``,
``a/b/*``, ``a/*`` and ``*``, so finding them is one look-up a level, however many routes there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ecr_controller.event_routing.events import ScanCompleted

ANY_STATUS = "*"


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``image_tags`` are patterns, of which one must match one tag; without any, every image matches,
    untagged ones too. ``targets`` are ARNs."""

    repositories: str
    targets: tuple[str, ...]
    image_tags: tuple[str, ...] = ()
    scan_status: str = "COMPLETE"
    minimum_severity: str | None = None

    def takes(self, scan: ScanCompleted) -> bool:
        """Whether the scan of an image in the route's repositories goes this way."""
        return (
            self.scan_status in (scan.status, ANY_STATUS)
            and (not self.image_tags or any(self._names(tag) for tag in scan.image_tags))
            and (self.minimum_severity is None or scan.reaches(self.minimum_severity))
        )

    def _names(self, tag: str) -> bool:
        return any(re.fullmatch(_expression(pattern), tag) for pattern in self.image_tags)

    def content(self) -> dict[str, Any]:
        """The route as it is kept, without its repositories, which are its key."""
        return {
            "targets": list(self.targets),
            "imageTags": list(self.image_tags),
            "scanStatus": self.scan_status,
            "minimumSeverity": self.minimum_severity,
        }

    @classmethod
    def kept(cls, repositories: str, content: Mapping[str, Any]) -> Route:
        """The route that is kept under these repositories with this content."""
        return cls(
            repositories,
            tuple(content["targets"]),
            tuple(content["imageTags"]),
            content["scanStatus"],
            content["minimumSeverity"],
        )


def keys(repository: str) -> tuple[str, ...]:
    """The patterns that match a repository, from its own name to ``*``: one more than the name has levels."""
    levels = repository.split("/")
    above = ("/".join(levels[:depth]) + "/*" for depth in range(len(levels) - 1, 0, -1))
    return (repository, *above, "*")


def targets_of(scan: ScanCompleted, routes_under: Callable[[str], Iterable[Route]]) -> tuple[str, ...]:
    """The targets of all routes that take the scan, each once, in the order of the routes."""

    def every() -> Iterator[str]:
        for key in keys(scan.repository_name):
            for route in routes_under(key):
                if route.takes(scan):
                    yield from route.targets

    return tuple(dict.fromkeys(every()))


def _expression(pattern: str) -> str:
    return ".*".join(re.escape(part) for part in pattern.split("*"))
