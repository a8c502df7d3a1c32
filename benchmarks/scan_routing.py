"""How fast scans are routed: with increasing numbers of routes, with patterns that are made to be slow, and in a burst
of events with many failures.

DynamoDB and the targets are replaced in memory, so that only the work of the router is measured.
"""

from __future__ import annotations

import gc
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.event_routing.queued_events import EventRouting
from ecr_controller.event_routing.router import Router
from ecr_controller.event_routing.routes import Route, reader, storage_key
from ecr_controller.shared_documents.converge import Part
from ecr_controller.sqs_batch import process_records
from tests.unit.event_routing.fakes import FakeDeadLetters, FakeDeliveries, FakeTargets, no_tags, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.event_routing.deliveries import Claim
    from ecr_controller.event_routing.messages import Message

SIZES = (10, 1_000, 100_000)
EVENTS = 2_000
HOME = "eu-west-1:123456789012"
HEALTHY, FLAKY, GONE = (f"arn:aws:sqs:{HOME}:{name}" for name in ("healthy", "flaky", "gone"))
BATCH, MAX_RECEIVES, VISIBILITY_SECONDS, INVOCATION_SECONDS = 10, 5, 360, 60


class Store:
    """The table of parts, and how often it was read."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._parts: defaultdict[str, list[Part]] = defaultdict(list)
        self.reads = 0
        for number, route in enumerate(routes):
            self._parts[storage_key(route.repositories)].append(Part(f"stack|{number}", route.content()))

    def query_parts(self, target: str) -> tuple[Part, ...]:
        self.reads += 1
        return tuple(self._parts.get(target, ()))


def event(repository: str, number: int) -> dict[str, Any]:
    """The event of a basic scan."""
    return {
        "id": str(uuid.UUID(int=number)),
        "detail-type": "ECR Image Scan",
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2026-11-01T12:00:00Z",
        "region": "eu-west-1",
        "resources": [f"arn:aws:ecr:{HOME}:repository/{repository}"],
        "detail": {
            "scan-status": "COMPLETE",
            "repository-name": repository,
            "finding-severity-counts": {"HIGH": number % 3},
            "image-digest": f"sha256:{number:064x}",
            "image-tags": ["latest"],
        },
    }


def measure(size: int) -> tuple[float, float]:
    """Events per second, and reads per event. Half of the routes name a repository, half of them a prefix."""
    routes = [Route(f"team{n}/app" if n % 2 else f"team{n}/*", (HEALTHY,)) for n in range(size)]
    store, dice = Store(routes), random.Random(size)
    records = [record(event(f"team{dice.randrange(size)}/app", number)) for number in range(EVENTS)]
    router = Router(FakeDeliveries(), "one", 60, FakeTargets().parse)
    # In production the routes are in DynamoDB, where the garbage collector of Python does not visit them.
    gc.collect()
    gc.freeze()
    started = perf_counter()
    for each in records:
        # Each event is a batch of its own, so that no read is cached.
        routing = EventRouting(router, reader(store.query_parts), no_tags)
        process_records([each], routing.route, FakeDeadLetters(), MAX_RECEIVES)
    seconds = perf_counter() - started
    gc.unfreeze()
    return EVENTS / seconds, store.reads / EVENTS


HARMLESS = tuple(f"prod-{number}-*" for number in range(50))
# What a route may declare at most: 50 patterns with four wildcards, each of which nearly matches.
HOSTILE = tuple("*a*a*a*a" + "b" * (1 + number % 5) + str(number) for number in range(50))


def milliseconds(image_tags: tuple[str, ...], rounds: int = 200) -> float:
    """Of routing one event, of an image with four tags of 128 characters, past a route with these patterns."""
    store = Store([Route("*", (HEALTHY,), image_tags), Route("team/app", (HEALTHY,))])
    scanned = event("team/app", 1)
    scanned["detail"]["image-tags"] = [letter + "a" * 127 for letter in "wxyz"]
    routing = EventRouting(Router(FakeDeliveries(), "one", 60, FakeTargets().parse), reader(store.query_parts), no_tags)
    records = [record(scanned | {"id": str(number)}) for number in range(rounds)]
    started = perf_counter()
    process_records(records, routing.route, FakeDeadLetters(), MAX_RECEIVES)
    return (perf_counter() - started) / rounds * 1000


def _patterns_table() -> Table:
    rows = [(milliseconds(HARMLESS), milliseconds(HOSTILE)) for _ in range(5)]
    harmless, hostile = (min(each) for each in zip(*rows, strict=True))
    table = Table("50 patterns of a route, 4 tags", "milliseconds per event", title="", title_style="")
    table.columns[1].justify = "right"
    table.add_row("harmless", f"{harmless:.2f}")
    table.add_row("hostile", f"{hostile:.2f}")
    table.add_row("ratio", f"{hostile / harmless:.1f}")
    return table


class Death(BaseException):
    """The crash of an invocation."""


class LockedDeliveries(FakeDeliveries):
    """Deliveries claimed by several threads at a time. A claim is atomic, as in DynamoDB."""

    lock = threading.Lock()

    def claim(self, event: str, target: str, claimant: str, until: float) -> Claim:
        with self.lock:
            return super().claim(event, target, claimant, until)


@dataclass
class Troubled(FakeTargets):
    """One target does not exist, one fails in three of ten deliveries. One delivery of 500 crashes its invocation."""

    dice: random.Random = field(default_factory=lambda: random.Random(7))
    healed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, arn: str, message: Message) -> None:
        with self.lock:
            if not self.healed and self.dice.random() < 0.002:
                raise Death
            if not self.healed and arn == GONE:
                raise UserError("it does not exist")
            if not self.healed and arn == FLAKY and self.dice.random() < 0.3:
                raise RetryableError("it is throttled")
            super().deliver(arn, message)


@dataclass
class Queue:
    """The behavior of SQS that matters: messages that fail are received again, up to five times."""

    waiting: list[tuple[str, int]] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)

    def batches(self) -> list[list[dict[str, Any]]]:
        """Receive all messages once more."""
        shown = [(body, receives + 1) for body, receives in self.waiting]
        self.moved += [body for body, receives in shown if receives > MAX_RECEIVES]
        records = [record(b, receives=n, message_id=str(i)) for i, (b, n) in enumerate(shown) if n <= MAX_RECEIVES]
        self.waiting = []
        return [records[start : start + BATCH] for start in range(0, len(records), BATCH)]

    def show_again(self, records: Sequence[Mapping[str, Any]]) -> None:
        self.waiting += [(each["body"], int(each["attributes"]["ApproximateReceiveCount"])) for each in records]


@dataclass
class Burst:
    """A burst of events, and what happens to it."""

    count: int
    queue: Queue = field(default_factory=Queue)
    deliveries: LockedDeliveries = field(default_factory=LockedDeliveries)
    targets: Troubled = field(default_factory=Troubled)
    dead_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    invocations: int = 0
    deaths: int = 0
    wanted: set[tuple[str, str]] = field(default_factory=set)
    poison: int = 0

    def __post_init__(self) -> None:
        self.store = Store([Route("*", (HEALTHY,)), Route("team1/*", (FLAKY,)), Route("team2/app", (GONE,))])
        dice, bodies = random.Random(self.count), []
        for number in range(self.count):
            if number % 100 == 99:
                self.poison += 1
                bodies.append(f"poison {number}")
            elif number % 10 == 9:  # a duplicate of an earlier one
                bodies.append(dice.choice(bodies[-9:]))
            else:
                team = dice.randrange(4)
                made = event(f"team{team}/app", number)
                self.wanted |= {(made["id"], arn) for arn in (HEALTHY, *({1: [FLAKY], 2: [GONE]}.get(team, [])))}
                bodies.append(json.dumps(made))
        dice.shuffle(bodies)
        self.poison = sum(body.startswith("poison") for body in bodies)
        self.queue.waiting = [(body, 0) for body in bodies]

    def run(self, threads: int = 4) -> None:
        """Process the queue, by several invocations at a time."""
        with ThreadPoolExecutor(threads) as pool:
            while self.queue.waiting:
                list(pool.map(self._invoke, self.queue.batches()))
                self.deliveries.now += VISIBILITY_SECONDS

    def _invoke(self, records: list[dict[str, Any]]) -> None:
        self.invocations += 1
        claimant, until = str(uuid.uuid4()), self.deliveries.now + INVOCATION_SECONDS
        router = Router(self.deliveries, claimant, until, self.targets.parse)
        routing = EventRouting(router, reader(self.store.query_parts), no_tags)
        try:
            failed = set(process_records(records, routing.route, self.dead_letters, MAX_RECEIVES).failed)
        except Death:
            self.deaths += 1
            failed = {each["messageId"] for each in records}
        self.queue.show_again([each for each in records if each["messageId"] in failed])

    def redrive(self) -> None:
        """Repair the targets and redrive all dead letters, as StartMessageMoveTask does."""
        self.targets.healed = True
        letters = [body for body, _ in self.dead_letters.letters] + self.queue.moved
        self.dead_letters.letters.clear()
        self.queue.moved.clear()
        self.queue.waiting = [(body, 0) for body in letters]
        self.run()

    @property
    def twice(self) -> int:
        """Deliveries that were made more than once."""
        return sum(times > 1 for times in self.targets.received.values())

    @property
    def missing(self) -> set[tuple[str, str]]:
        """Deliveries that were not made."""
        return self.wanted - set(self.targets.received)

    @property
    def lost(self) -> int:
        """Deliveries that were not made and whose event is not in the dead-letter queue."""
        letters = [body for body, _ in self.dead_letters.letters] + self.queue.moved
        dead = {json.loads(body)["id"] for body in letters if body.startswith("{")}
        return sum(each not in dead for each, _ in self.missing)


def main() -> None:
    """Print the tables."""
    logging.disable()  # each failure is logged
    console = Console()
    table = Table("routes", "events per second", "reads per event", title="Routing team/app", title_style="")
    for column in table.columns:
        column.justify = "right"
    for size in SIZES:
        rate, reads = max(measure(size) for _ in range(3))
        table.add_row(f"{size:,}", f"{rate:,.0f}", f"{reads:.0f}")
    console.print(table)
    console.print(_patterns_table())
    console.print(_burst_table())
    logging.disable(logging.NOTSET)


def _burst_table() -> Table:
    burst = Burst(10_000)
    started = perf_counter()
    burst.run()
    seconds = perf_counter() - started
    rows: dict[str, int | str] = {
        "events": burst.count,
        "malformed events": burst.poison,
        "seconds": f"{seconds:.1f}",
        "invocations": burst.invocations,
        "crashed invocations": burst.deaths,
        "deliveries": sum(burst.targets.received.values()),
        "events in the dead-letter queue": len(burst.dead_letters.letters) + len(burst.queue.moved),
        "deliveries lost": burst.lost,
        "deliveries made twice": burst.twice,
    }
    burst.redrive()
    rows |= {
        "deliveries missing after a redrive": len(burst.missing),
        "deliveries made twice after a redrive": burst.twice,
    }
    table = Table("burst", "", title="", title_style="")
    table.columns[1].justify = "right"
    for name, value in rows.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else value)
    return table


if __name__ == "__main__":
    main()
