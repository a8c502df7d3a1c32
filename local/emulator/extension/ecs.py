"""Tasks and services of Amazon ECS, without containers.

Where there is no Docker, MiniStack's tasks run as soon as they start. It does not look at their images, has no service
revisions, no pages of clusters and services, and emits no event.

Source: "Container image resolution" and "Amazon ECS task state change events" in the ECS documentation. The tasks of a
deployment run the image that a tag named when its first task started, and a task whose image is gone does not start.
The scheduler of ECS then tries again after a while; here it does with the next change of the service.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import ecs

from local.emulator.extension import events
from local.emulator.extension.references import by_digest, digest_of
from local.emulator.extension.store import Fault, Json, page

if TYPE_CHECKING:
    from collections.abc import Callable

    Operation = Callable[[Json], Json]

_own = dict(ecs._ACTION_MAP)  # noqa: SLF001
_ministack_make_deployment = ecs._make_deployment  # noqa: SLF001
_ministack_mark_task_stopped = ecs._mark_task_stopped  # noqa: SLF001
_ministack_reconcile = ecs._reconcile_service_tasks  # noqa: SLF001


def install() -> None:
    """Replace what MiniStack looks up at each request."""
    operations: dict[str, Operation] = {
        "DescribeServiceDeployments": describe_service_deployments,
        "DescribeServiceRevisions": describe_service_revisions,
        "DescribeServices": describe_services,
        "DescribeTasks": describe_tasks,
        "ListClusters": list_clusters,
        "ListServiceDeployments": list_service_deployments,
        "ListServices": list_services,
        "ListTasks": list_tasks,
        "RunTask": run_task,
        "StopTask": stop_task,
    }
    ecs._ACTION_MAP.update({name: _answering(operation) for name, operation in operations.items()})  # noqa: SLF001
    ecs._run_task = _answering(run_task)  # noqa: SLF001
    ecs._make_deployment = make_deployment  # noqa: SLF001
    ecs._mark_task_stopped = mark_task_stopped  # noqa: SLF001
    ecs._reconcile_service_tasks = reconcile_service_tasks  # noqa: SLF001


def _answering(operation: Operation) -> Callable[[Json], Any]:
    def answer(data: Json) -> Any:
        try:
            return json_response(operation(data))
        except Fault as fault:
            return error_response_json(fault.code, fault.message)

    return answer


def own(operation: str, data: Json) -> Json:
    """What MiniStack's own operation answers. Raises Fault where it refuses."""
    status, _, body = _own[operation](data)
    answer: Json = json.loads(body)
    if status != 200:
        raise Fault(answer["__type"], answer["message"])
    return answer


# Tasks


def run_task(data: Json) -> Json:
    """Start tasks. The scheduler of services calls this too, with the ID of a deployment."""
    definition = _definition(data.get("taskDefinition", ""))
    deployment = _deployment(data.get("_deploymentId"))
    started = {"startedBy": deployment["id"]} if deployment else {}
    answer = own("RunTask", {"group": f"family:{definition.get('family')}", **data, **started})
    tasks = [ecs._tasks[each["taskArn"]] for each in answer["tasks"]]  # noqa: SLF001
    for task in tasks:
        _start(task, definition, {} if deployment is None else deployment.setdefault("_image_digests", {}))
    return answer | {"tasks": [ecs._sanitize(task) for task in tasks]}  # noqa: SLF001


def _start(task: Json, definition: Json, pinned: dict[str, str]) -> None:
    """Find the images of a task, pinned ones by their digests, and pin the others. Stop the task where one is gone."""
    consistent = {
        each["name"] for each in definition["containerDefinitions"] if each.get("versionConsistency") != "disabled"
    }
    for container in task["containers"]:
        name, reference = container["name"], container["image"]
        if name in pinned:
            reference = by_digest(reference, pinned[name])
        digest = digest_of(reference)
        if digest is None:
            _fail(task, reference)
            return
        container["imageDigest"] = digest
        if name in consistent:
            pinned[name] = digest
    events.task_changed(ecs._sanitize(task))  # noqa: SLF001


def _fail(task: Json, reference: str) -> None:
    attempts = "pull image manifest has been retried 1 time(s)"
    reason = f"CannotPullContainerError: {attempts}: failed to resolve ref {reference}: {reference}: not found"
    # With the code, MiniStack would at once start another task that fails.
    _ministack_mark_task_stopped(task["taskArn"], task, reason, "")
    task["stopCode"] = "TaskFailedToStart"
    events.task_changed(ecs._sanitize(task))  # noqa: SLF001


def mark_task_stopped(arn: str, task: Json, *how: Any, **more: Any) -> bool:
    """Stop a task, and emit the event."""
    stopped: bool = _ministack_mark_task_stopped(arn, task, *how, **more)
    if stopped:
        events.task_changed(ecs._sanitize(task))  # noqa: SLF001
    return stopped


def stop_task(data: Json) -> Json:
    """Stop a task. That of a service is replaced."""
    answer = own("StopTask", data)
    group, cluster = answer["task"]["group"], _cluster(data)
    if group.startswith("service:"):
        ecs._reconcile_service_tasks(cluster, f"{cluster}/{group.removeprefix('service:')}")  # noqa: SLF001
    return answer


def describe_tasks(data: Json) -> Json:
    if len(data["tasks"]) > 100:
        raise Fault("InvalidParameterException", "Tasks cannot have more than 100 elements")
    return own("DescribeTasks", data)


def list_tasks(data: Json) -> Json:
    _existing_cluster(data)
    return own("ListTasks", data)


def tasks_by_image() -> defaultdict[str, list[Json]]:
    """The tasks of this account and Region, also those that stopped, by the digests of their images."""
    tasks: defaultdict[str, list[Json]] = defaultdict(list)
    for task in ecs._tasks.values():  # noqa: SLF001
        for digest in {each["imageDigest"] for each in task["containers"] if "imageDigest" in each}:
            tasks[digest].append(task)
    return tasks


# Services


def make_deployment(*arguments: Any) -> Json:
    """A deployment that is in progress until its tasks run, also the first one of a service."""
    deployment: Json = _ministack_make_deployment(*arguments)
    return deployment | {"rolloutState": "IN_PROGRESS", "rolloutStateReason": ""}


def reconcile_service_tasks(cluster: str, key: str) -> None:
    """Start and stop the tasks of a service, and emit what happens to its deployment."""
    service: Json = ecs._services.get(key) or {}  # noqa: SLF001
    deployment: Json | None = ecs._primary_deployment(service)  # noqa: SLF001
    history = service.setdefault("_history", [])
    if deployment is not None and deployment not in history:
        history.append(deployment)
        _set_state(service, deployment, "IN_PROGRESS")
    _ministack_reconcile(cluster, key)
    if deployment is not None and deployment["rolloutState"] == "COMPLETED":
        _set_state(service, deployment, "COMPLETED")


def _set_state(service: Json, deployment: Json, state: str) -> None:
    if deployment.get("_emitted") != state:
        deployment["_emitted"] = state
        events.deployment_changed(service["serviceArn"], deployment, state)


def list_clusters(data: Json) -> Json:
    shown, following = page(own("ListClusters", data)["clusterArns"], data)
    return {"clusterArns": shown, **following}


def list_services(data: Json) -> Json:
    _existing_cluster(data)
    shown, following = page(own("ListServices", data)["serviceArns"], {"maxResults": 10} | data)
    return {"serviceArns": shown, **following}


def describe_services(data: Json) -> Json:
    if len(data["services"]) > 10:
        raise Fault("InvalidParameterException", "Services cannot have more than 10 elements")
    answer = own("DescribeServices", data)
    for shown in answer["services"]:
        service = _service(shown["serviceArn"])
        deployments = [_deployment(each["id"]) or each for each in shown["deployments"]]
        shown["currentServiceDeployment"] = _arn(service, deployments[0], "service-deployment")
        shown["currentServiceRevisions"] = [_summary(service, each) for each in deployments]
    return answer


def list_service_deployments(data: Json) -> Json:
    name = ecs._resolve_service_ref(data["service"])[0]  # noqa: SLF001
    service: Json | None = ecs._services.get(f"{_cluster(data)}/{name}")  # noqa: SLF001
    if service is None:
        raise Fault("ServiceNotFoundException", "Service not found.")
    all_of_it = [_service_deployment(service, each) for each in reversed(service["_history"])]
    statuses = data.get("status") or {each["status"] for each in all_of_it}
    shown, following = page([each for each in all_of_it if each["status"] in statuses], data)
    briefs = [
        {name: value for name, value in each.items() if name not in ("targetServiceRevision", "updatedAt")}
        | {"targetServiceRevisionArn": each["targetServiceRevision"]["arn"]}
        for each in shown
    ]
    return {"serviceDeployments": briefs, **following}


def describe_service_deployments(data: Json) -> Json:
    known = {each["serviceDeploymentArn"]: each for each in (_service_deployment(*one) for one in _all_deployments())}
    found, failures = _found(known, data["serviceDeploymentArns"])
    return {"serviceDeployments": found, "failures": failures}


def describe_service_revisions(data: Json) -> Json:
    known = {each["serviceRevisionArn"]: each for each in (_revision(*one) for one in _all_deployments())}
    found, failures = _found(known, data["serviceRevisionArns"])
    return {"serviceRevisions": found, "failures": failures}


def _found(known: dict[str, Json], arns: list[str]) -> tuple[list[Json], list[Json]]:
    if len(arns) > 20:
        raise Fault("InvalidParameterException", "There cannot be more than 20 elements")
    failures = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]
    return [known[arn] for arn in arns if arn in known], failures


def _service_deployment(service: Json, deployment: Json) -> Json:
    finished = deployment["rolloutState"] == "COMPLETED"
    ended = {"finishedAt": deployment["updatedAt"]} if finished else {}
    return ended | {
        "serviceDeploymentArn": _arn(service, deployment, "service-deployment"),
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "createdAt": deployment["createdAt"],
        "startedAt": deployment["createdAt"],
        "updatedAt": deployment["updatedAt"],
        "targetServiceRevision": _summary(service, deployment),
        "status": "SUCCESSFUL" if finished else "IN_PROGRESS",
    }


def _revision(service: Json, deployment: Json) -> Json:
    """A service revision, with the digests of the images once its first task started."""
    digests, definition = deployment.get("_image_digests", {}), _definition(deployment["taskDefinition"])
    images = [
        {"containerName": each["name"], "image": each["image"]}
        | ({"imageDigest": digests[each["name"]]} if each["name"] in digests else {})
        for each in definition.get("containerDefinitions", [])
    ]
    revision: Json = ecs._sanitize(  # noqa: SLF001
        {
            "serviceRevisionArn": _arn(service, deployment, "service-revision"),
            "serviceArn": service["serviceArn"],
            "clusterArn": service["clusterArn"],
            "taskDefinition": deployment["taskDefinition"],
            "launchType": deployment["launchType"],
            "containerImages": images,
            "createdAt": deployment["createdAt"],
        }
    )
    return revision


def _summary(service: Json, deployment: Json) -> Json:
    counts = {f"{what}TaskCount": deployment[f"{what}Count"] for what in ("running", "pending")}
    requested = {"requestedTaskCount": deployment["desiredCount"]}
    return {"arn": _arn(service, deployment, "service-revision"), **requested, **counts}


def _arn(service: Json, deployment: Json, kind: str) -> str:
    """The ARN of the service revision of a deployment, which ends with a number, or of the service deployment."""
    identifier = deployment["id"].removeprefix("ecs-svc/")
    end = str(int(identifier, 16))[:19] if kind == "service-revision" else identifier
    prefix, _, path = service["serviceArn"].partition(":service/")
    return f"{prefix}:{kind}/{path}/{end}"


def _all_deployments() -> list[tuple[Json, Json]]:
    """All deployments of this account and Region, each with its service."""
    services: list[Json] = list(ecs._services.values())  # noqa: SLF001
    return [(service, deployment) for service in services for deployment in service.get("_history", [])]


def _deployment(identifier: str | None) -> Json | None:
    return next((deployment for _, deployment in _all_deployments() if deployment["id"] == identifier), None)


def _service(arn: str) -> Json:
    service: Json = next(each for each in ecs._services.values() if each["serviceArn"] == arn)  # noqa: SLF001
    return service


def _definition(reference: str) -> Json:
    definition: Json = ecs._task_defs.get(ecs._resolve_td_key(reference)) or {}  # noqa: SLF001
    return definition


def _cluster(data: Json) -> str:
    return str(ecs._resolve_cluster_name(data.get("cluster")))  # noqa: SLF001


def _existing_cluster(data: Json) -> None:
    if _cluster(data) not in ecs._clusters:  # noqa: SLF001
        raise Fault("ClusterNotFoundException", "Cluster not found.")


# Authorization

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
# The operations that are checked on a resource, with its type and the parameters that name it; the others on `*`.
RESOURCES = {
    "CreateService": ("service", "serviceName"),
    "DeleteCluster": ("cluster", "cluster"),
    "DeleteService": ("service", "service"),
    "DescribeClusters": ("cluster", "clusters"),
    "DescribeServiceDeployments": ("service-deployment", "serviceDeploymentArns"),
    "DescribeServiceRevisions": ("service-revision", "serviceRevisionArns"),
    "DescribeServices": ("service", "services"),
    "DescribeTasks": ("task", "tasks"),
    "ListServiceDeployments": ("service", "service"),
    "RunTask": ("task-definition", "taskDefinition"),
    "StopTask": ("task", "task"),
    "UpdateService": ("service", "service"),
}


def resource_of(operation: str, data: Json) -> str:
    """The ARN that a request is checked on. Of several, where each is checked on AWS, their common beginning."""
    if operation not in RESOURCES:
        return "*"
    kind, parameter = RESOURCES[operation]
    named = data.get(parameter) or "default"
    name = named if isinstance(named, str) else named[0] if len(named) == 1 else "*"
    if name.startswith("arn:"):
        return name
    if kind == "task-definition":
        name = ecs._resolve_td_key(name) or name  # noqa: SLF001
    path = f"{_cluster(data)}/{name}" if kind in ("service", "task") else name
    return f"arn:aws:ecs:{get_region()}:{get_account_id()}:{kind}/{path}"


def context_of(operation: str, data: Json) -> Json:
    """The condition keys of a request: the cluster, where it is about one."""
    about_none = operation in ("CreateCluster", "DescribeClusters", "DescribeTaskDefinition", "ListClusters")
    arn = f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{_cluster(data)}"
    return {} if about_none else {"ecs:cluster": arn}
