"""The work on one queued event: parse it, route it, and count what happened."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import ControllerError, RetryableError, UserError
from ecr_controller.event_routing import reading
from ecr_controller.event_routing.events import MalformedEvent
from ecr_controller.event_routing.router import Failure
from ecr_controller.event_routing.routes import routes_of, selecting
from ecr_controller.event_routing.scans import ScanCompleted
from ecr_controller.event_routing.windows import FindingWindows, is_held, parse_ended, window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_controller.event_routing.events import EcrEvent
    from ecr_controller.event_routing.index_tags import TagReader
    from ecr_controller.event_routing.router import Router
    from ecr_controller.event_routing.routes import Route
    from ecr_controller.event_routing.windows import Window
    from ecr_controller.sqs_batch import Message

# Within this time of a scan, an image without tags may still become part of an index. It is shorter than the pause
# before the queue delivers an event again.
INDEX_SECONDS = 300


@dataclass(slots=True)
class Tally:
    """What happened in a batch. ``events`` is by name, ``scans`` by the highest severity; ``ages`` are seconds from the
    event to its routing."""

    events: Counter[str] = field(default_factory=Counter)
    scans: Counter[str] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    deliveries: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class EventRouting:
    """Routes the events of one batch."""

    router: Router
    routes_under: Callable[[str], Iterable[Route]]
    tags_of: TagReader
    partition: str = "aws"
    held: FindingWindows = field(default_factory=FindingWindows)
    tally: Tally = field(default_factory=Tally)

    def route(self, message: Message) -> None:
        """Route what one event reports. Raises RetryableError if a retry may deliver the rest, and UserError if none
        follows."""
        body = _json(message.body)
        ended = parse_ended(body)
        found = () if ended else reading.parse(body, self.partition)
        routed = [self._route(event, may_wait=not message.is_last_receive) for event in found]
        failures = [failure for each in routed for failure in each]
        failures += self._close(ended) if ended else []
        reasons = "; ".join(map(str, failures))
        if not message.is_last_receive and any(failure.retryable for failure in failures):
            raise RetryableError(reasons)
        for event in found:
            self._count(event)
        if reasons:
            raise UserError(reasons)

    def _route(self, event: EcrEvent, *, may_wait: bool) -> list[Failure]:
        event, failures = self._with_tags(event, may_wait=may_wait)
        routes = list(selecting(event, self.routes_under))
        for route in routes:
            if is_held(event, route):
                failures += self._hold(event, route)
        return failures + self._deliver(event, [each for each in routes if not is_held(event, each)])

    def _deliver(self, event: EcrEvent, routes: Iterable[Route]) -> list[Failure]:
        result = self.router.route(event, routes)
        self.tally.deliveries += result.deliveries
        self.tally.failures += len(result.failures)
        return list(result.failures)

    def _hold(self, event: EcrEvent, route: Route) -> list[Failure]:
        """Add the event to those that the route sums, once."""
        try:
            self.router.once(event.event_id, window_of(route, 0).key, lambda: self.held.hold(event, route))
        except ControllerError as error:
            return [Failure("The findings of the route", str(error), isinstance(error, RetryableError))]
        return []

    def _close(self, ended: Window) -> list[Failure]:
        """Deliver what a route summed."""
        closed = self.held.close(ended)
        return [] if closed is None else self._deliver(closed[1], [closed[0]])

    def _with_tags(self, event: EcrEvent, *, may_wait: bool) -> tuple[EcrEvent, list[Failure]]:
        """The scan of an image without tags with those of its indexes, if a route depends on them.

        If they cannot be read, the event is routed without them, and that is a failure.
        """
        if not isinstance(event, ScanCompleted) or event.image_tags or event.image_digest is None:
            return event, []
        if not any(each.depends_on_tags(event) for each in routes_of(event, self.routes_under)):
            return event, []
        where = f"The image indexes in {event.repository_name}"
        try:
            tags = self.tags_of(event.repository_name, event.image_digest)
        except ControllerError as error:
            return event, [Failure(where, str(error), isinstance(error, RetryableError))]
        if not tags and may_wait and event.time and time.time() - event.time.timestamp() < INDEX_SECONDS:
            # The index is pushed after its images, so a fast scan may end before.
            return event, [Failure(where, f"none names the image {event.image_digest} yet.", retryable=True)]
        return replace(event, image_tags=tags), []

    def _count(self, event: EcrEvent) -> None:
        self.tally.events[event.name] += 1
        if isinstance(event, ScanCompleted):
            self.tally.scans[(event.worst or "NONE") if event.status == "COMPLETE" else "NOT_SCANNED"] += 1
        if event.time:
            self.tally.ages.append(max(0.0, time.time() - event.time.timestamp()))


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent(f"The message is not an EventBridge event, because it is not JSON ({error}).") from None
