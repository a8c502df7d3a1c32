"""How many rounds and writes 2 to 200 parallel writers require to converge on one document.

Each writer is a thread that declares its part. The store and the document are in memory, with the latencies of DynamoDB
and ECR drawn at random: 5 to 15 ms, and 30 to 90 ms. CloudFormation starts all resources at once that do not depend
on each other; in the second table, their starts are spread over time. The benchmark runs ten times as fast as the times
that it prints.
"""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from ecr_controller.errors import RetryableError
from ecr_controller.shared_documents import converge
from ecr_controller.shared_documents.converge import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WRITERS = (2, 5, 10, 20, 50, 100, 200)
SCALE = 0.1
STORE_SECONDS = (0.005, 0.015)
DOCUMENT_SECONDS = (0.030, 0.090)


def takes(bounds: tuple[float, float]) -> None:
    """Half of the time of an operation, which takes effect in the middle."""
    time.sleep(random.uniform(*bounds) / 2 * SCALE)


@dataclass
class Store:
    """The parts, in memory."""

    parts: dict[str, Part] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put_part(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        takes(STORE_SECONDS)
        with self.lock:
            self.parts[owner] = Part(owner, content)
        takes(STORE_SECONDS)

    def delete_part(self, target: str, owner: str) -> None:
        takes(STORE_SECONDS)
        with self.lock:
            self.parts.pop(owner, None)
        takes(STORE_SECONDS)

    def query_parts(self, target: str) -> tuple[Part, ...]:
        takes(STORE_SECONDS)
        with self.lock:
            parts = tuple(self.parts[owner] for owner in sorted(self.parts))
        takes(STORE_SECONDS)
        return parts


@dataclass
class Document:
    """The document that all writers share. Each writer has its own view, which counts its operations."""

    shared: list[tuple[Part, ...]]
    rounds: int = 0
    writes: int = 0
    seconds: float = 0.0
    gave_up: int = 0

    def read(self) -> tuple[Part, ...]:
        self.rounds += 1
        takes(DOCUMENT_SECONDS)
        document = self.shared[-1]
        takes(DOCUMENT_SECONDS)
        return document

    def write(self, document: tuple[Part, ...]) -> None:
        self.writes += 1
        takes(DOCUMENT_SECONDS)
        self.shared[:] = [document]
        takes(DOCUMENT_SECONDS)

    def render(self, current: tuple[Part, ...], parts: Sequence[Part]) -> tuple[Part, ...]:
        return tuple(parts)


def write(store: Store, owner: int, document: Document, delay: float) -> None:
    """Declare a part after a delay, and retry until it succeeds."""
    time.sleep(delay * SCALE)
    start = time.monotonic()
    while True:
        try:
            converge.declare(store, "target", f"owner-{owner:03}", {"owner": owner}, document)
        except RetryableError:
            document.gave_up += 1
        else:
            document.seconds = (time.monotonic() - start) / SCALE
            return


def run(writers: int, spread: float) -> list[Document]:
    """The view of each writer. The writers start within ``spread`` seconds."""
    store, shared = Store(), [tuple[Part, ...]()]
    views = [Document(shared) for _ in range(writers)]
    with ThreadPoolExecutor(writers) as threads:
        for owner, view in enumerate(views):
            threads.submit(write, store, owner, view, random.uniform(0, spread))
    if shared[-1] != store.query_parts("target") or len(shared[-1]) != writers:
        raise AssertionError("The document does not contain the parts.")
    return views


def table(title: str, per_writer: float) -> Table:
    """One row for each number of writers, which start within ``per_writer`` seconds each."""
    made = Table(
        "writers", "rounds: mean", "most", "writes: mean", "most", "seconds: mean", "most", "gave up", title=title
    )
    for column in made.columns:
        column.justify = "right"
    for writers in WRITERS:
        views = run(writers, per_writer * writers)
        cells = [f"{writers}"]
        for name, form in (("rounds", ".0f"), ("writes", ".0f"), ("seconds", ".1f")):
            values = [float(getattr(view, name)) for view in views]
            cells += [f"{sum(values) / writers:.2f}", f"{max(values):{form}}"]
        made.add_row(*cells, f"{sum(view.gave_up for view in views)}")
    return made


def main() -> None:
    """Print the tables."""
    random.seed(1)
    converge.FIRST_PAUSE *= SCALE
    converge.LONGEST_PAUSE *= SCALE
    console = Console()
    console.print(table("All at once", 0.0))
    console.print(table("Ten per second", 0.1))


if __name__ == "__main__":
    main()
