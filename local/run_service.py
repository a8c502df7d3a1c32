"""`python -m local.run_service NAME REPOSITORY:TAG`: run an image of the embedded AWS as a service of Amazon ECS."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

import boto3

from local.progress import exit_code

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

CLUSTER = "local"


class NotRunningError(Exception):
    """A service could not start all of its tasks. The message has the reason of the latest that stopped."""


def run_service(ecs: Any, ecr: ECRClient, name: str, image: str, *, count: int = 1, cluster: str = CLUSTER) -> str:
    """Create a service that runs an image (`repository:tag`, or `repository@digest`), or deploy the image to it anew.

    Returns the digest that its tasks run. Raises NotRunningError.
    """
    repository = image.partition("@")[0].partition(":")[0]
    [found] = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    container = {"name": name, "image": found["repositoryUri"] + image.removeprefix(repository), "memory": 128}
    ecs.create_cluster(clusterName=cluster)
    defined = ecs.register_task_definition(family=name, containerDefinitions=[container])["taskDefinition"]
    wanted = {"cluster": cluster, "taskDefinition": defined["taskDefinitionArn"], "desiredCount": count}
    if any(each["status"] == "ACTIVE" for each in _services(ecs, cluster, name)):
        ecs.update_service(service=name, **wanted)
    else:
        ecs.create_service(serviceName=name, **wanted)
    return _running(ecs, cluster, name, defined["taskDefinitionArn"])


def _services(ecs: Any, cluster: str, name: str) -> Any:
    return ecs.describe_services(cluster=cluster, services=[name])["services"]


def _running(ecs: Any, cluster: str, name: str, definition: str) -> str:
    tasks = [
        task
        for status in ("RUNNING", "STOPPED")
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, family=name, desiredStatus=status)
        for task in _tasks(ecs, cluster, page["taskArns"])
        if task["taskDefinitionArn"] == definition
    ]
    if tasks[-1]["lastStatus"] == "STOPPED":
        raise NotRunningError(f"{name}: {tasks[-1]['stoppedReason']}")
    return str(tasks[0]["containers"][0]["imageDigest"])


def _tasks(ecs: Any, cluster: str, arns: list[str]) -> Any:
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []


def main() -> None:
    """Run it, and print the digest that runs. Raises NotRunningError."""
    parser = argparse.ArgumentParser(
        prog="python -m local.run_service",
        description="Run an image as a service of Amazon ECS on the embedded AWS, or deploy it to an existing service.",
    )
    parser.add_argument("name", metavar="NAME", help="the name of the service")
    parser.add_argument("image", metavar="REPOSITORY:TAG", help="an image, such as team/app:prod-1.0")
    parser.add_argument(
        "--count",
        metavar="TASKS",
        type=int,
        choices=range(1, 101),
        default=1,
        help="the number of tasks, from 1 to 100; default: 1",
    )
    parser.add_argument("--cluster", default=CLUSTER, help=f"the name of the cluster; default: {CLUSTER}")
    given = parser.parse_args()
    if "AWS_ENDPOINT_URL" not in os.environ:
        parser.error("AWS_ENDPOINT_URL is not set. Run the `export` commands that `make local` prints.")
    ecs: Any = boto3.client("ecs")
    digest = run_service(ecs, boto3.client("ecr"), given.name, given.image, count=given.count, cluster=given.cluster)
    print(f"{given.name} runs {given.image} {digest}")


if __name__ == "__main__":
    sys.exit(exit_code(main, NotRunningError))
