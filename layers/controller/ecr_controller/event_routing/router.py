"""From an event to its deliveries: each target of the routes that take the scan is told, whatever becomes of others."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ecr_controller.errors import ControllerError, RetryableError
from ecr_controller.event_routing import targets
from ecr_controller.event_routing.deliveries import Claim
from ecr_controller.event_routing.routes import targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_controller.event_routing.events import ScanCompleted
    from ecr_controller.event_routing.routes import Route
    from ecr_controller.event_routing.targets import Target

logger = logging.getLogger(__name__)


class Deliveries(Protocol):
    """The memory of what was delivered: `deliveries.DeliveriesTable`."""

    def claim(self, event: str, target: str, claimant: str, until: float) -> Claim:
        """Begin a delivery."""

    def mark(self, event: str, target: str) -> None:
        """It was made."""

    def release(self, event: str, target: str, claimant: str) -> None:
        """It failed."""


class Targets(Protocol):
    """What tells targets: `sending.Sender`."""

    def send(self, target: Target, scan: ScanCompleted) -> None:
        """Tell one of them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A target that was not told, why, and whether time may mend it."""

    target: str
    reason: str
    passing: bool

    def __str__(self) -> str:
        return f"{self.target}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Told:
    """What a scan came to: how many targets were told now, and those that were not."""

    deliveries: int
    failures: tuple[Failure, ...]


class Router:
    """Routes scans, with the claims of one invocation, which end at ``until`` (``time.time()``)."""

    def __init__(self, deliveries: Deliveries, sender: Targets, claimant: str, until: float) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._claimant = claimant
        self._until = until

    def route(self, scan: ScanCompleted, routes_under: Callable[[str], Iterable[Route]]) -> Told:
        """Tell every target that was not told yet. Raises what reading the routes raises."""
        deliveries, failures = 0, []
        for arn in targets_of(scan, routes_under):
            try:
                deliveries += self._deliver(arn, scan)
            except ControllerError as error:
                logger.warning("%s was not told of %s: %s", arn, scan.event_id, error)
                failures.append(Failure(arn, str(error), isinstance(error, RetryableError)))
        return Told(deliveries, tuple(failures))

    def _deliver(self, arn: str, scan: ScanCompleted) -> int:
        """1 if the target was told now, 0 if it was told before."""
        target = targets.parse(arn)
        claim = self._deliveries.claim(scan.event_id, arn, self._claimant, self._until)
        if claim is Claim.UNDER_WAY:
            raise RetryableError("It is being told by another invocation, or by one that died a moment ago.")
        if claim is Claim.DELIVERED:
            return 0
        try:
            self._sender.send(target, scan)
        except ControllerError:
            self._deliveries.release(scan.event_id, arn, self._claimant)
            raise
        self._deliveries.mark(scan.event_id, arn)
        return 1
