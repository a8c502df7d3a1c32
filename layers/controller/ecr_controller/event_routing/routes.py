"""Routes: which events of which images are delivered to which targets, and how routes are found.

A route is stored under the pattern of repositories that it names. Those that match ``a/b/c`` are under ``a/b/c``,
``a/b/*``, ``a/*`` and ``*``, so finding them takes one read a level, however many routes there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_controller import patterns
from ecr_controller.event_routing.api_calls import CALLED
from ecr_controller.event_routing.scans import SCAN_COMPLETED, ScanCompleted
from ecr_controller.patterns import patterns_matching
from ecr_controller.severity import at_least

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ecr_controller.event_routing.events import EcrEvent
    from ecr_controller.shared_documents.converge import Part

ANY_STATUS = "*"


class Delivery(NamedTuple):
    """A target, and the format in which it receives an event."""

    target: str
    form: str

    @property
    def key(self) -> str:
        """What a delivery is recorded under."""
        return self.target if self.form == SCAN_COMPLETED else f"{self.target}#{self.form}"


@dataclass(frozen=True)
class Route:
    """One route. ``image_tags`` are patterns, of which one must match one tag; without any, every image matches,
    untagged ones too. ``targets`` are ARNs. ``api_calls`` narrows the event `Called`; none means all of them.
    With ``window_minutes``, findings are summed: see `windows`."""

    repositories: str
    targets: tuple[str, ...]
    image_tags: tuple[str, ...] = ()
    scan_status: str = "COMPLETE"
    minimum_severity: str | None = None
    events: tuple[str, ...] = (SCAN_COMPLETED,)
    api_calls: tuple[str, ...] = ()
    form: str = SCAN_COMPLETED
    includes_controller: bool = False
    window_minutes: int = 0

    def selects(self, event: EcrEvent) -> bool:
        """Whether the route selects the event of an image in its repositories."""
        has_tag = not self.image_tags or any(self._names(tag) for tag in event.image_tags)
        return has_tag and self._selects_whatever_its_tags(event)

    def depends_on_tags(self, event: EcrEvent) -> bool:
        """Whether tags of an image without any could have the route select its event."""
        return bool(self.image_tags) and self._selects_whatever_its_tags(event)

    def _selects_whatever_its_tags(self, event: EcrEvent) -> bool:
        if event.name not in self.events or (event.by_controller and not self.includes_controller):
            return False
        if isinstance(event, ScanCompleted):
            has_status = self.scan_status in (event.status, ANY_STATUS)
            return has_status and (self.minimum_severity is None or event.reaches(self.minimum_severity))
        if event.name == CALLED and self.api_calls:
            return event.details["apiCall"] in self.api_calls
        if "severity" in event.details and self.minimum_severity is not None:
            return event.details["severity"] in at_least(self.minimum_severity)
        return True

    def _names(self, tag: str) -> bool:
        return any(expression.fullmatch(tag) for expression in self._expressions)

    @cached_property
    def _expressions(self) -> tuple[re.Pattern[str], ...]:
        # Kept with the route, so that the patterns of many routes do not push each other out of the cache.
        return tuple(map(patterns.compiled, self.image_tags))

    @property
    def deliveries(self) -> Iterator[Delivery]:
        """To each of its targets."""
        return (Delivery(target, self.form) for target in self.targets)

    def content(self) -> dict[str, Any]:
        """The route as it is stored, without its repositories, which are its key."""
        return {
            "targets": list(self.targets),
            "imageTags": list(self.image_tags),
            "scanStatus": self.scan_status,
            "minimumSeverity": self.minimum_severity,
            "events": list(self.events),
            "apiCalls": list(self.api_calls),
            "format": self.form,
            "includesController": self.includes_controller,
            "window": self.window_minutes,
        }

    @classmethod
    def from_content(cls, repositories: str, content: Mapping[str, Any]) -> Route:
        """The route that is stored under these repositories with this content. The first version had scans only."""
        return cls(
            repositories,
            tuple(content["targets"]),
            tuple(content["imageTags"]),
            content["scanStatus"],
            content["minimumSeverity"],
            tuple(content.get("events", (SCAN_COMPLETED,))),
            tuple(content.get("apiCalls", ())),
            content.get("format", SCAN_COMPLETED),
            content.get("includesController", False),
            content.get("window", 0),
        )


def deliveries_of(routes: Iterable[Route]) -> tuple[Delivery, ...]:
    """The deliveries of routes, each once, in the order of the routes."""
    return tuple(dict.fromkeys(delivery for route in routes for delivery in route.deliveries))


def selecting(event: EcrEvent, routes_under: Callable[[str], Iterable[Route]]) -> Iterator[Route]:
    """All routes that select the event."""
    return (route for route in routes_of(event, routes_under) if route.selects(event))


def routes_of(event: EcrEvent, routes_under: Callable[[str], Iterable[Route]]) -> Iterator[Route]:
    """All routes for the repository of the event."""
    for key in patterns_matching(event.repository_name):
        yield from routes_under(key)


def storage_key(pattern: str) -> str:
    """The target in the table of parts under which the routes of a pattern are stored, for scans and other events."""
    return f"scan-route/{pattern}"


def reader(query_parts: Callable[[str], Iterable[Part]]) -> Callable[[str], tuple[Route, ...]]:
    """A function that reads the routes under a pattern, each pattern once; make a new one for each batch of events."""

    @cache
    def routes_under(pattern: str) -> tuple[Route, ...]:
        return tuple(Route.from_content(pattern, part.content) for part in query_parts(storage_key(pattern)))

    return routes_under
