"""A batch of queued events: each on its own, so that one that fails takes no other with it.

It is lighter than Powertools Batch, whose import takes twice as long as all else that the router imports.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.event_routing import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ecr_controller.event_routing.events import ScanCompleted
    from ecr_controller.event_routing.router import Router
    from ecr_controller.event_routing.routes import Route

logger = logging.getLogger(__name__)


class DeadLetters(Protocol):
    """Where events go that cannot be delivered: `dead_letters.DeadLetterQueue`."""

    def put(self, body: str, reason: str) -> None:
        """Keep the event, with the reason."""


@dataclass(slots=True)
class Tally:
    """What a batch came to. ``ages`` are seconds from the end of a scan to its routing."""

    failed: list[str] = field(default_factory=list)
    scans: Counter[str] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    ignored: int = 0
    deliveries: int = 0
    failures: int = 0
    dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """How the records of one invocation are worked off. An event received ``max_receives`` times is given up."""

    router: Router
    routes_under: Callable[[str], Iterable[Route]]
    dead_letters: DeadLetters
    max_receives: int

    def work(self, records: Sequence[Mapping[str, Any]]) -> Tally:
        """Route each record; ``failed`` are the ids of those that the queue is to show again."""
        tally = Tally()
        for record in records:
            try:
                self._one(record, tally)
            except RetryableError as error:
                logger.warning("%s is tried again later: %s", record["messageId"], error)
                tally.failed.append(record["messageId"])
            except Exception:  # a defect, which must not take the neighbours with it
                logger.exception("%s met a defect", record["messageId"])
                tally.failed.append(record["messageId"])
        return tally

    def _one(self, record: Mapping[str, Any], tally: Tally) -> None:
        try:
            scan = events.read(_json(record["body"]))
            if scan is None:
                tally.ignored += 1
                return
            told = self.router.route(scan, self.routes_under)
        except UserError as error:
            self._give_up(record, str(error), tally)
            return
        tally.deliveries += told.deliveries
        tally.failures += len(told.failures)
        last = int(record["attributes"]["ApproximateReceiveCount"]) >= self.max_receives
        if not last and any(failure.passing for failure in told.failures):
            raise RetryableError("; ".join(map(str, told.failures)))
        if told.failures:
            self._give_up(record, "; ".join(map(str, told.failures)), tally)
        _count(scan, tally)

    def _give_up(self, record: Mapping[str, Any], reason: str, tally: Tally) -> None:
        logger.error("%s goes to the dead-letter queue: %s", record["messageId"], reason)
        self.dead_letters.put(record["body"], reason)
        tally.dead_letters += 1


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise events.MalformedEvent(f"This is not an EventBridge event: it is not JSON ({error}).") from None


def _count(scan: ScanCompleted, tally: Tally) -> None:
    """Each scan once, when its event is worked off."""
    tally.scans[(scan.worst or "NONE") if scan.status == "COMPLETE" else "NOT_SCANNED"] += 1
    if scan.time:
        tally.ages.append(max(0.0, time.time() - scan.time.timestamp()))
