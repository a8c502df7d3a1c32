"""The work on one queued event: parse it, route it, and count what happened."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import ControllerError, RetryableError, UserError
from ecr_controller.event_routing import events
from ecr_controller.event_routing.router import Failure
from ecr_controller.event_routing.routes import routes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_controller.event_routing.events import ScanCompleted
    from ecr_controller.event_routing.index_tags import TagReader
    from ecr_controller.event_routing.router import Router
    from ecr_controller.event_routing.routes import Route
    from ecr_controller.sqs_batch import Message

# Within this time of a scan, an image without tags may still become part of an index. It is shorter than the pause
# before the queue delivers an event again.
INDEX_SECONDS = 300


@dataclass(slots=True)
class Tally:
    """What happened in a batch. ``scans`` is by the highest severity; ``ages`` are seconds from scan to routing."""

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
    tally: Tally = field(default_factory=Tally)

    def route(self, message: Message) -> None:
        """Route one event. Raises RetryableError if a retry may deliver the rest, and UserError if none follows."""
        scan = events.parse(_json(message.body), self.partition)
        if scan is None:
            return
        scan, unread = self._with_tags(scan, may_wait=not message.is_last_receive)
        result = self.router.route(scan, self.routes_under)
        failures = [*unread, *result.failures]
        self.tally.deliveries += result.deliveries
        self.tally.failures += len(result.failures)
        reasons = "; ".join(map(str, failures))
        if not message.is_last_receive and any(failure.retryable for failure in failures):
            raise RetryableError(reasons)
        self._count(scan)
        if reasons:
            raise UserError(reasons)

    def _with_tags(self, scan: ScanCompleted, *, may_wait: bool) -> tuple[ScanCompleted, list[Failure]]:
        """The scan of an image without tags with those of its indexes, if a route depends on them.

        If they cannot be read, the event is routed without them, and that is a failure.
        """
        if scan.image_tags or not any(each.depends_on_tags(scan) for each in routes_of(scan, self.routes_under)):
            return scan, []
        where = f"The image indexes in {scan.repository_name}"
        try:
            tags = self.tags_of(scan.repository_name, scan.image_digest)
        except ControllerError as error:
            return scan, [Failure(where, str(error), isinstance(error, RetryableError))]
        if not tags and may_wait and scan.time and time.time() - scan.time.timestamp() < INDEX_SECONDS:
            # The index is pushed after its images, so a fast scan may end before.
            return scan, [Failure(where, f"none names the image {scan.image_digest} yet.", retryable=True)]
        return replace(scan, image_tags=tags), []

    def _count(self, scan: ScanCompleted) -> None:
        self.tally.scans[(scan.worst or "NONE") if scan.status == "COMPLETE" else "NOT_SCANNED"] += 1
        if scan.time:
            self.tally.ages.append(max(0.0, time.time() - scan.time.timestamp()))


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise events.MalformedEvent(
            f"The message is not an EventBridge event, because it is not JSON ({error})."
        ) from None
