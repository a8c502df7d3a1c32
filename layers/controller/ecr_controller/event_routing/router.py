"""Delivers an event to each target of the routes that select it, whether or not deliveries to others fail."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ecr_controller.errors import ControllerError, RetryableError
from ecr_controller.event_routing import targets
from ecr_controller.event_routing.deliveries import Claim
from ecr_controller.event_routing.messages import message
from ecr_controller.event_routing.routes import deliveries_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_controller.event_routing.events import EcrEvent
    from ecr_controller.event_routing.routes import Delivery, Route
    from ecr_controller.event_routing.targets import Target

logger = logging.getLogger(__name__)


class Deliveries(Protocol):
    """The record of deliveries: `deliveries.DeliveriesTable`."""

    def claim(self, event: str, target: str, claimant: str, until: float) -> Claim:
        """Begin a delivery."""

    def mark(self, event: str, target: str) -> None:
        """Record that it was made."""

    def release(self, event: str, target: str, claimant: str) -> None:
        """Record that it failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed delivery, its reason, and whether to retry it."""

    target: str
    reason: str
    retryable: bool

    def __str__(self) -> str:
        return f"{self.target}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RouteResult:
    """The number of deliveries made now, and those that failed."""

    deliveries: int
    failures: tuple[Failure, ...]


class Router:
    """Routes events, with the claims of one invocation, which end at ``until`` (a ``time.time()``).

    ``parse`` turns an ARN into a target.
    """

    def __init__(
        self, deliveries: Deliveries, claimant: str, until: float, parse: Callable[[str], Target] = targets.parse
    ) -> None:
        self._deliveries = deliveries
        self._claimant = claimant
        self._until = until
        self._parse = parse

    def route(self, event: EcrEvent, routes: Iterable[Route]) -> RouteResult:
        """Deliver to every target of the routes that has not received the event."""
        deliveries, failures = 0, []
        for delivery in deliveries_of(routes):
            try:
                deliveries += self._deliver(delivery, event)
            except ControllerError as error:
                logger.warning("Event %s was not delivered to %s: %s", event.event_id, delivery.target, error)
                failures.append(Failure(delivery.target, str(error), isinstance(error, RetryableError)))
        return RouteResult(deliveries, tuple(failures))

    def _deliver(self, delivery: Delivery, event: EcrEvent) -> int:
        """1 if it was delivered now, 0 if it was delivered before."""
        target = self._parse(delivery.target)
        return self.once(event.event_id, delivery.key, lambda: target.deliver(message(event, delivery.form)))

    def once(self, event_id: str, target: str, work: Callable[[], None]) -> int:
        """Do what is done once for an event and a target: 1 if it was done now, 0 if it was done before."""
        claim = self._deliveries.claim(event_id, target, self._claimant, self._until)
        if claim is Claim.UNDER_WAY:
            raise RetryableError(
                "Another invocation of the function is delivering the event, or stopped a moment ago while it did."
            )
        if claim is Claim.DELIVERED:
            return 0
        try:
            work()
        except ControllerError:
            self._deliveries.release(event_id, target, self._claimant)
            raise
        self._deliveries.mark(event_id, target)
        return 1
