"""Routes: which scans of which images are delivered to which targets, and how routes are found.

A route is stored under the pattern of repositories that it names. Those that match ``a/b/c`` are under ``a/b/c``,
``a/b/*``, ``a/*`` and ``*``, so finding them takes one read a level, however many routes there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ecr_controller import patterns

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ecr_controller.event_routing.events import ScanCompleted
    from ecr_controller.shared_documents.converge import Part

ANY_STATUS = "*"


@dataclass(frozen=True)
class Route:
    """One route. ``image_tags`` are patterns, of which one must match one tag; without any, every image matches,
    untagged ones too. ``targets`` are ARNs."""

    repositories: str
    targets: tuple[str, ...]
    image_tags: tuple[str, ...] = ()
    scan_status: str = "COMPLETE"
    minimum_severity: str | None = None

    def selects(self, scan: ScanCompleted) -> bool:
        """Whether the route selects the scan of an image in its repositories."""
        has_tag = not self.image_tags or any(self._names(tag) for tag in scan.image_tags)
        return has_tag and self._selects_whatever_its_tags(scan)

    def depends_on_tags(self, scan: ScanCompleted) -> bool:
        """Whether tags of an image without any could have the route select its scan."""
        return bool(self.image_tags) and self._selects_whatever_its_tags(scan)

    def _selects_whatever_its_tags(self, scan: ScanCompleted) -> bool:
        return self.scan_status in (scan.status, ANY_STATUS) and (
            self.minimum_severity is None or scan.reaches(self.minimum_severity)
        )

    def _names(self, tag: str) -> bool:
        return any(expression.fullmatch(tag) for expression in self._expressions)

    @cached_property
    def _expressions(self) -> tuple[re.Pattern[str], ...]:
        # Kept with the route, so that the patterns of many routes do not push each other out of the cache.
        return tuple(map(patterns.compiled, self.image_tags))

    def content(self) -> dict[str, Any]:
        """The route as it is stored, without its repositories, which are its key."""
        return {
            "targets": list(self.targets),
            "imageTags": list(self.image_tags),
            "scanStatus": self.scan_status,
            "minimumSeverity": self.minimum_severity,
        }

    @classmethod
    def from_content(cls, repositories: str, content: Mapping[str, Any]) -> Route:
        """The route that is stored under these repositories with this content."""
        return cls(
            repositories,
            tuple(content["targets"]),
            tuple(content["imageTags"]),
            content["scanStatus"],
            content["minimumSeverity"],
        )


def patterns_matching(repository: str) -> tuple[str, ...]:
    """The patterns that match a repository, from its own name to ``*``: one more than the name has levels."""
    levels = repository.split("/")
    above = ("/".join(levels[:depth]) + "/*" for depth in range(len(levels) - 1, 0, -1))
    return (repository, *above, "*")


def targets_of(scan: ScanCompleted, routes_under: Callable[[str], Iterable[Route]]) -> tuple[str, ...]:
    """The targets of all routes that select the scan, each once, in the order of the routes."""

    routes = routes_of(scan, routes_under)
    return tuple(dict.fromkeys(target for route in routes if route.selects(scan) for target in route.targets))


def routes_of(scan: ScanCompleted, routes_under: Callable[[str], Iterable[Route]]) -> Iterator[Route]:
    """All routes for the repository of the scan."""
    for key in patterns_matching(scan.repository_name):
        yield from routes_under(key)


def storage_key(pattern: str) -> str:
    """The target in the table of parts under which the routes of a pattern are stored."""
    return f"scan-route/{pattern}"


def reader(query_parts: Callable[[str], Iterable[Part]]) -> Callable[[str], tuple[Route, ...]]:
    """A function that reads the routes under a pattern, each pattern once; make a new one for each batch of events."""

    @cache
    def routes_under(pattern: str) -> tuple[Route, ...]:
        return tuple(Route.from_content(pattern, part.content) for part in query_parts(storage_key(pattern)))

    return routes_under
