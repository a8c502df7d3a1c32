"""A look at what runs: 1,000 repositories, 5,000 tasks of 500 services, and 2,000 functions.

Stand-ins of the clients answer after a time that AWS may need, so that the paces of the controller show. The rates are
the calls of the busiest second.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from ecr_controller.custom_resource.request import Home
from ecr_controller.in_use import holding
from ecr_controller.in_use.ecr import HeldImages
from ecr_controller.in_use.ecs import Clusters
from ecr_controller.in_use.functions import ImageFunctions
from ecr_controller.in_use.look import Look
from ecr_controller.lifecycle.holds import tag_of
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HOME = Home("aws", "eu-west-1", "123456789012")
REPOSITORIES, CLUSTERS, SERVICES, TASKS, FUNCTIONS, IMAGES = 1_000, 10, 500, 5_000, 2_000, 50
# Seconds.
CONTROL_PLANE, DESCRIBE_IMAGES, DYNAMODB = 0.05, 0.15, 0.01
ARN = "arn:aws:ecs:eu-west-1:123456789012"


class Calls:
    """The calls of each operation, by second."""

    def __init__(self) -> None:
        self.seconds: dict[str, Counter[int]] = {}
        self._lock = Lock()

    def made(self, operation: str, latency: float) -> None:
        with self._lock:
            self.seconds.setdefault(operation, Counter())[int(time.monotonic())] += 1
        time.sleep(latency)

    def total(self, operation: str) -> int:
        return sum(self.seconds[operation].values())

    def rate(self, *operations: str) -> int:
        return max(sum((self.seconds[each] for each in operations), Counter[int]()).values())


def digest(number: int) -> str:
    return f"sha256:{number:012d}{'0' * 52}"


def uri(number: int) -> str:
    return f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app-{number % REPOSITORIES}"


class Pages:
    """A paginator."""

    def __init__(self, pages: Callable[..., Iterator[Any]]) -> None:
        self.paginate = pages


def ecs(calls: Calls) -> Any:
    """ECS with pages of 100 tasks and 10 services."""
    per_cluster, services = TASKS // CLUSTERS, SERVICES // CLUSTERS

    def listed(operation: str) -> Pages:
        def pages(cluster: str = "") -> Iterator[Any]:
            number, size, member, kind = {
                "list_clusters": (CLUSTERS, 100, "clusterArns", "cluster"),
                "list_tasks": (per_cluster, 100, "taskArns", "task"),
                "list_services": (services, 10, "serviceArns", "service"),
            }[operation]
            for start in range(0, number, size):
                calls.made(f"ecs {operation}", CONTROL_PLANE)
                yield {member: [f"{ARN}:{kind}/{cluster[-1:]}{n}" for n in range(start, min(start + size, number))]}

        return Pages(pages)

    def describe_tasks(cluster: str, tasks: list[str]) -> Any:
        calls.made("ecs describe_tasks", CONTROL_PLANE)
        numbers = [int(arn.rpartition("/")[2]) for arn in tasks]
        containers = [[{"image": uri(n), "imageDigest": digest(n % REPOSITORIES)}] for n in numbers]
        return {"tasks": [{"clusterArn": cluster, "containers": each} for each in containers]}

    def describe_services(cluster: str, services: list[str]) -> Any:
        calls.made("ecs describe_services", CONTROL_PLANE)
        definitions = [{"serviceName": each, "serviceArn": each, "taskDefinition": each} for each in services]
        return {"services": definitions}

    def describe_task_definition(**call: str) -> Any:
        calls.made("ecs describe_task_definition", CONTROL_PLANE)
        return {
            "taskDefinition": {"containerDefinitions": [{"image": uri(int(call["taskDefinition"].rpartition("/")[2]))}]}
        }

    return SimpleNamespace(
        get_paginator=listed,
        describe_tasks=describe_tasks,
        describe_services=describe_services,
        describe_task_definition=describe_task_definition,
    )


def functions(calls: Calls) -> Any:
    """Lambda with pages of 50 functions."""

    def pages(**_arguments: str) -> Iterator[Any]:
        for start in range(0, FUNCTIONS, 50):
            calls.made("lambda list_functions", CONTROL_PLANE)
            names = [str(number) for number in range(start, start + 50)]
            yield {"Functions": [{"FunctionName": n, "Version": "$LATEST", "PackageType": "Image"} for n in names]}

    def get_function(**call: str) -> Any:
        calls.made("lambda get_function", CONTROL_PLANE)
        number = int(call["FunctionName"])
        return {"Code": {"ResolvedImageUri": f"{uri(number)}@{digest(number % REPOSITORIES)}"}}

    errors = SimpleNamespace(ResourceNotFoundException=KeyError)
    return SimpleNamespace(get_paginator=lambda _: Pages(pages), get_function=get_function, exceptions=errors)


def ecr(calls: Calls) -> Any:
    """ECR, in whose repositories the image in use is held already, as at most looks."""

    def pages(**call: Any) -> Iterator[Any]:
        calls.made("ecr describe_images", DESCRIBE_IMAGES)
        number = int(call["repositoryName"].rpartition("-")[2])
        found = [{"imageDigest": digest(number + REPOSITORIES * n), "imagePushedAt": 0} for n in range(IMAGES)]
        found[0]["imageTags"] = [tag_of(digest(number)), "latest"]
        yield {"imageDetails": found}

    return SimpleNamespace(get_paginator=lambda _: Pages(pages), exceptions=SimpleNamespace())


def dynamodb(calls: Calls) -> Any:
    """A table with all declarations and holds."""

    def row(owner: str, content: Mapping[str, Any]) -> Any:
        return {"owner": {"S": owner}, "content": {"S": json.dumps(content)}, "target": {"S": "any"}}

    keep = {"type": "ECRRepository", "keep": {"sources": ["ECS", "Lambda"], "pulledWithin": None, "grace": 7}}

    def pages(**call: Any) -> Iterator[Any]:
        calls.made("dynamodb query", DYNAMODB)
        kind, _, name = call["ExpressionAttributeValues"][":target"]["S"].partition("/")
        if kind == "keep-in-use":
            yield {"Items": [row(f"team/app-{n}|stack|Images", keep) for n in range(REPOSITORIES)]}
        elif kind == "held-image":
            yield {"Items": [row(digest(int(name.rpartition("-")[2])), {"user": "a task", "unusedSince": None})]}
        else:
            yield {"Items": []}

    def write(**_arguments: Any) -> None:
        calls.made("dynamodb write", DYNAMODB)

    errors = SimpleNamespace(ConditionalCheckFailedException=KeyError)
    return SimpleNamespace(get_paginator=lambda _: Pages(pages), put_item=write, delete_item=write, exceptions=errors)


def main() -> None:
    """Print the table."""
    logging.disable()
    calls, made = Calls(), Look(HOME)
    clients = {Clusters: ("_ecs", ecs), ImageFunctions: ("_lambda", functions), HeldImages: ("_ecr", ecr)}
    clients[PartsTable] = ("_dynamodb", dynamodb)
    patches = [patch.object(adapter, name, client(calls)) for adapter, (name, client) in clients.items()]
    with patches[0], patches[1], patches[2], patches[3], patch.object(holding, "emit", lambda _events: None):
        started = time.perf_counter()
        made.at_all()
        seconds = time.perf_counter() - started
    assert made.faults == []
    assert made.tally["ImagesInUse"] == REPOSITORIES
    table = Table("Check of 1,000 repositories", "", "busiest second", title="Images in use", title_style="")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("seconds", f"{seconds:.0f}", "")
    for operation in sorted(calls.seconds):
        table.add_row(operation, f"{calls.total(operation):,}", str(calls.rate(operation)))
    every = [each for each in calls.seconds if each.startswith("ecs")]
    table.add_row("Amazon ECS, all", "", str(calls.rate(*every)))
    Console().print(table)
    logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()
