"""Replacements in memory for the router's table, targets and dead letters, with faults on demand."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ecr_controller.event_routing.deliveries import Claim

if TYPE_CHECKING:
    from ecr_controller.event_routing.messages import Message
    from ecr_controller.event_routing.targets import Target


@dataclass
class FakeDeliveries:
    """The memory of deliveries: None is done, else the claimant and the end of the claim. ``now`` is its clock."""

    kept: dict[tuple[str, str], tuple[str, float] | None] = field(default_factory=dict)
    now: float = 0.0

    def claim(self, event: str, target: str, claimant: str, until: float) -> Claim:
        found = self.kept.get((event, target), ("", -1.0))
        if found is None:
            return Claim.DELIVERED
        if found[0] != claimant and found[1] >= self.now:
            return Claim.UNDER_WAY
        self.kept[event, target] = (claimant, until)
        return Claim.OURS

    def mark(self, event: str, target: str) -> None:
        self.kept[event, target] = None

    def release(self, event: str, target: str, claimant: str) -> None:
        found = self.kept.get((event, target))
        if found is not None and found[0] == claimant:
            del self.kept[event, target]


def no_tags(_repository: str, _digest: str) -> tuple[str, ...]:
    """No index names any image."""
    return ()


@dataclass
class FakeTargets:
    """What targets received, and the errors that a target answers with, one after another."""

    received: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: dict[str, list[BaseException]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)

    def parse(self, arn: str) -> Target:
        """The target of that ARN."""
        return cast("Target", FakeTarget(arn, self))

    def deliver(self, arn: str, message: Message) -> None:
        if self.errors.get(arn):
            raise self.errors[arn].pop(0)
        self.received[json.loads(message.text)["eventId"], arn] += 1
        self.messages.append(message)


@dataclass(frozen=True)
class FakeTarget:
    """One of them."""

    arn: str
    targets: FakeTargets

    def deliver(self, message: Message) -> None:
        self.targets.deliver(self.arn, message)


@dataclass
class FakeDeadLetters:
    """The messages, with the reasons."""

    letters: list[tuple[str, str]] = field(default_factory=list)

    def send_message(self, body: str, reason: str) -> None:
        self.letters.append((body, reason))


def record(event: Any, *, receives: int = 1, message_id: str = "m") -> dict[str, Any]:
    """A record of an SQS batch; text is its body as it is."""
    body = event if isinstance(event, str) else json.dumps(event)
    return {"messageId": message_id, "body": body, "attributes": {"ApproximateReceiveCount": str(receives)}}
