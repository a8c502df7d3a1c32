"""The calls to Amazon ECS that find the images of tasks and services."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_controller import aws
from ecr_controller.in_use.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ecs import ECSClient

# Of the API: the most that a call describes.
_TASKS, _SERVICES, _REVISIONS = 100, 10, 20
# Calls a second, below the sustained rates of "Request throttling for the Amazon ECS API", which the account shares.
_RATE = 15.0


class Container(NamedTuple):
    """The image of a container as its definition names it, its digest if ECS resolved it, and what runs it."""

    uri: str
    digest: str | None
    user: str


@aws.translates_errors
class Clusters:
    """The clusters of this account and Region."""

    _ecs: aws.Client[ECSClient] = aws.Client("ecs")

    def __init__(self, ecs: ECSClient | None = None) -> None:
        if ecs is not None:
            self._ecs = ecs
        self._pace = Pace(_RATE)
        self._definitions: dict[str, list[str]] = {}

    def list_containers(self) -> list[Container]:
        """ListClusters, then ListTasks, DescribeTasks, ListServices and DescribeServices for each cluster, and
        DescribeServiceRevisions and DescribeTaskDefinition for the services."""
        found: list[Container] = []
        for cluster in self._listed(self._ecs.get_paginator("list_clusters"), "clusterArns"):
            try:
                found += self._of_tasks(cluster)
                services = self._listed(self._ecs.get_paginator("list_services"), "serviceArns", cluster=cluster)
                for group in _grouped(services, _SERVICES):
                    found += self._of_services(cluster, group)
            except self._ecs.exceptions.ClusterNotFoundException:
                continue  # it was deleted meanwhile
        return found

    def describe_service(self, service: str) -> list[Container]:
        """The same for one service, by its ARN; none if its cluster does not exist any more."""
        try:
            _, *clusters, _ = service.split("/")
            # An ARN in the old format names no cluster ("Amazon Resource Names (ARNs) and IDs" in the guide of ECS).
            return list(self._of_services(clusters[0] if clusters else "default", [service]))
        except self._ecs.exceptions.ClusterNotFoundException:
            return []

    def _of_tasks(self, cluster: str) -> Iterator[Container]:
        for group in _grouped(self._listed(self._ecs.get_paginator("list_tasks"), "taskArns", cluster=cluster), _TASKS):
            self._pace.wait()
            for task in self._ecs.describe_tasks(cluster=cluster, tasks=group)["tasks"]:
                yield from containers_of_task(task)

    def _of_services(self, cluster: str, arns: list[str]) -> Iterator[Container]:
        self._pace.wait()
        services = self._ecs.describe_services(cluster=cluster, services=arns)["services"]
        resolved = self._resolved(
            each["arn"] for service in services for each in service.get("currentServiceRevisions", ())
        )
        for service in services:
            user = f"service:{service['serviceName']} in the cluster {_name(cluster)}"
            images = resolved.get(service["serviceArn"], {})
            yield from (Container(uri, digest, user) for uri, digest in images.items())
            for uri in self._declared(service):
                if uri not in images:
                    yield Container(uri, None, user)

    def _resolved(self, revisions: Iterable[str]) -> dict[str, dict[str, str]]:
        """The digests that ECS pinned when it deployed the services, by the ARN of the service and the image."""
        found: dict[str, dict[str, str]] = {}
        for group in _grouped(revisions, _REVISIONS):
            self._pace.wait()
            for revision in self._ecs.describe_service_revisions(serviceRevisionArns=group)["serviceRevisions"]:
                pinned = {each["image"]: each.get("imageDigest") for each in revision.get("containerImages", ())}
                images = {uri: digest for uri, digest in pinned.items() if digest}
                found.setdefault(revision["serviceArn"], {}).update(images)
        return found

    def _declared(self, service: Any) -> Iterator[str]:
        """The images of the task definitions that the service runs, or is about to run."""
        sets = [service, *service.get("deployments", ()), *service.get("taskSets", ())]
        for definition in sorted({each["taskDefinition"] for each in sets if each.get("taskDefinition")}):
            if definition not in self._definitions:
                self._pace.wait()
                described = self._ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
                images = [each.get("image") for each in described["containerDefinitions"]]
                self._definitions[definition] = [each for each in images if each]
            yield from self._definitions[definition]

    def _listed(self, paginator: Any, member: str, **arguments: str) -> Iterator[str]:
        for page in paginator.paginate(**arguments):
            self._pace.wait()
            yield from page[member]


def containers_of_task(task: Mapping[str, Any]) -> Iterator[Container]:
    """The containers of a task, as DescribeTasks and the event ``ECS Task State Change`` have it."""
    user = f"{task.get('group') or 'a task'} in the cluster {_name(task.get('clusterArn', ''))}"
    if task.get("lastStatus") != "STOPPED":
        for each in task.get("containers", ()):
            if each.get("image"):
                yield Container(each["image"], each.get("imageDigest"), user)


def _name(cluster: str) -> str:
    return cluster.rpartition("/")[2]


def _grouped(each: Iterable[str], size: int) -> Iterator[list[str]]:
    left = iter(each)
    while group := list(islice(left, size)):
        yield group
