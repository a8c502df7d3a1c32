"""The work on one queued event: parse it, route it, and count what happened."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.event_routing import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_controller.event_routing.events import ScanCompleted
    from ecr_controller.event_routing.router import Router
    from ecr_controller.event_routing.routes import Route
    from ecr_controller.sqs_batch import Message


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
    tally: Tally = field(default_factory=Tally)

    def route(self, message: Message) -> None:
        """Route one event. Raises RetryableError if a retry may deliver the rest, and UserError if none follows."""
        scan = events.parse(_json(message.body))
        if scan is None:
            return
        result = self.router.route(scan, self.routes_under)
        self.tally.deliveries += result.deliveries
        self.tally.failures += len(result.failures)
        reasons = "; ".join(map(str, result.failures))
        if not message.is_last_receive and any(failure.retryable for failure in result.failures):
            raise RetryableError(reasons)
        self._count(scan)
        if reasons:
            raise UserError(reasons)

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
