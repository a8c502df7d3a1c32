"""What a resync costs: planning 100,000 repositories, and looking at one that has not changed.

A local server stands for AWS. The time of planning is shown beside that of listing alone, in the same run.
"""

from __future__ import annotations

import logging
import os
import tracemalloc
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from benchmarks import _canned_aws
from ecr_controller import aws
from ecr_controller.baselines.baseline import reader
from ecr_controller.custom_resource.request import Home
from ecr_controller.resync import leftovers, planner
from ecr_controller.resync.batch import Batch
from ecr_controller.resync.messages import of_repository, parse
from ecr_controller.resync.repository import Resync
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORIES, PAGE = 100_000, 1_000
HOME = Home("aws", "eu-west-1", "123456789012")
UNCHANGED = 50


class _Registry:
    """Pages of repositories, and a queue that takes every message."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def describe_page(self, token: str | None) -> tuple[list[Any], str | None]:
        start = int(token or 0)
        self.calls["DescribeRepositories"] += 1
        page = [_repository(number) for number in range(start, min(start + PAGE, REPOSITORIES))]
        return page, str(start + PAGE) if start + PAGE < REPOSITORIES else None

    def send_messages(self, bodies: list[str]) -> None:
        self.calls["SendMessageBatch"] += 1
        assert len(bodies) <= 10


def _repository(number: int) -> Any:
    name = f"team-{number % 100}/app-{number}"
    arn = f"arn:aws:ecr:eu-west-1:123456789012:repository/{name}"
    return {**_canned_aws.REPOSITORY, "repositoryName": name, "repositoryArn": arn}


def plan() -> tuple[float, float, float, Counter[str]]:
    """Seconds of listing alone, seconds of the plan, the largest memory in MB, and the calls."""
    registry = _Registry()
    started, token = perf_counter(), None
    while True:
        _, token = registry.describe_page(token)
        if token is None:
            break
    listing = perf_counter() - started
    registry.calls.clear()
    with (
        patch.object(planner, "Repositories", lambda: registry),
        patch.object(planner, "ResyncQueue", lambda: registry),
        patch.object(leftovers, "of_repositories", lambda: iter(())),
    ):
        started = perf_counter()
        assert planner.plan_resync({}) == REPOSITORIES
        seconds = perf_counter() - started
        calls = Counter(registry.calls)
        tracemalloc.start()
        planner.plan_resync({})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return listing, seconds, peak / 1e6, calls


def unchanged() -> Counter[str]:
    """The calls for some repositories without baseline that no stack declares."""
    with _canned_aws.canned_aws() as server:
        names = {"ENDPOINT_URL": server.url, "DEFAULT_REGION": "eu-west-1"}
        names |= {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}
        environment = {f"AWS_{name}": value for name, value in names.items()} | {"PARTS_TABLE": "parts"}
        with patch.dict(os.environ, environment):
            aws.client.cache_clear()
            resync = Resync(Batch(HOME, "invocation"), reader(PartsTable().query_parts, HOME))
            wanted = list(_wanted())
            resync.run(wanted[0])  # makes the clients, and reads the baselines
            server.clear()
            for each in wanted[1:]:
                resync.run(each)
            aws.client.cache_clear()
        return Counter(call.operation for call in server.calls)


def _wanted() -> Iterator[Any]:
    for number in range(0, 100 * (UNCHANGED + 1), 100):
        wanted = parse(of_repository(_repository(number)))
        assert wanted is not None
        yield wanted


def main() -> None:
    """Print the tables."""
    logging.disable()
    console = Console()
    listing, seconds, megabytes, calls = plan()
    table = Table("Plan of 100,000 repositories", "", title="Resync", title_style="")
    table.columns[1].justify = "right"
    table.add_row("time beside listing alone", f"{seconds / listing:.1f}")
    table.add_row("largest memory (MB)", f"{megabytes:.0f}")
    for operation, number in sorted(calls.items()):
        table.add_row(operation, f"{number:,}")
    console.print(table)
    calls = unchanged()
    table = Table("A repository that has not changed", "")
    table.columns[1].justify = "right"
    for operation, number in sorted(calls.items()):
        table.add_row(operation, f"{number / UNCHANGED:.1f}")
    console.print(table)
    logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()
