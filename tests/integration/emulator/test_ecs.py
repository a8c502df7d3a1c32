"""Tasks and services of Amazon ECS: the digests of their images, service revisions, events, pages, authorization."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.images import push_image
from tests.integration.emulator.calls import as_role, next_event, queue_of

if TYPE_CHECKING:
    from local.emulator.process import Emulator


@pytest.fixture
def ecs(cloud: Emulator) -> Any:
    return cloud.client("ecs")


@pytest.fixture
def cluster(ecs: Any) -> str:
    """A cluster of the test."""
    created = ecs.create_cluster(clusterName=f"cluster-{uuid.uuid4().hex[:8]}")
    return str(created["cluster"]["clusterName"])


def uri(cloud: Emulator, repository: str) -> str:
    return f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/{repository}"


def define(ecs: Any, family: str, *images: str, **more: Any) -> str:
    """Register a task definition with a container for each image; return its ARN."""
    containers: Any = [{"name": f"c{number}", "image": image, **more} for number, image in enumerate(images)]
    made = ecs.register_task_definition(family=family, containerDefinitions=containers)
    return str(made["taskDefinition"]["taskDefinitionArn"])


def running(ecs: Any, cluster: str) -> list[str | None]:
    """The digests of the containers that run in a cluster."""
    arns = ecs.list_tasks(cluster=cluster)["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    return [each.get("imageDigest") for task in tasks for each in task["containers"]]


def test_a_task_runs_the_image_that_its_reference_names_when_it_starts(
    cloud: Emulator, ecs: Any, cluster: str, repository: str
) -> None:
    ecr = cloud.client("ecr")
    first = push_image(ecr, repository, "latest", content="first")
    references = (uri(cloud, repository), f"{uri(cloud, repository)}@{first}", "public.ecr.aws/nginx/nginx:1")
    define(ecs, cluster, *references)
    [before] = ecs.run_task(cluster=cluster, taskDefinition=cluster)["tasks"]
    second = push_image(ecr, repository, "latest", content="second")
    ecs.run_task(cluster=cluster, taskDefinition=cluster)
    assert (before["lastStatus"], before["group"]) == ("RUNNING", f"family:{cluster}")
    assert [each["image"] for each in before["containers"]] == list(references)
    digests = running(ecs, cluster)
    assert [digests[:2], digests[3:5]] == [[first, first], [second, first]]
    assert str(digests[2]).startswith("sha256:")


def test_a_task_whose_image_is_gone_does_not_start(cloud: Emulator, ecs: Any, cluster: str, repository: str) -> None:
    define(ecs, cluster, f"{uri(cloud, repository)}:missing")
    [task] = ecs.run_task(cluster=cluster, taskDefinition=cluster)["tasks"]
    assert (task["lastStatus"], task.get("stopCode")) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert running(ecs, cluster) == []


def test_the_tasks_of_a_deployment_run_the_image_of_its_first_task(
    cloud: Emulator, ecs: Any, cluster: str, repository: str
) -> None:
    ecr = cloud.client("ecr")
    first = push_image(ecr, repository, "v1", content="first")
    definition = define(ecs, cluster, f"{uri(cloud, repository)}:v1")
    ecs.create_service(cluster=cluster, serviceName="web", taskDefinition=definition, desiredCount=1)
    second = push_image(ecr, repository, "v1", content="second")
    ecs.update_service(cluster=cluster, service="web", desiredCount=2)
    assert running(ecs, cluster) == [first, first]
    [task, _] = ecs.list_tasks(cluster=cluster, serviceName="web")["taskArns"]
    ecs.stop_task(cluster=cluster, task=task)
    assert running(ecs, cluster) == [first, first]
    ecs.update_service(cluster=cluster, service="web", forceNewDeployment=True)
    assert running(ecs, cluster) == [second, second]


def test_a_service_cannot_start_tasks_once_its_image_is_deleted(
    cloud: Emulator, ecs: Any, cluster: str, repository: str
) -> None:
    ecr = cloud.client("ecr")
    digest = push_image(ecr, repository, "v1")
    definition = define(ecs, cluster, f"{uri(cloud, repository)}:v1")
    ecs.create_service(cluster=cluster, serviceName="web", taskDefinition=definition, desiredCount=1)
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    ecs.update_service(cluster=cluster, service="web", desiredCount=3)
    [service] = ecs.describe_services(cluster=cluster, services=["web"])["services"]
    assert (service["desiredCount"], service["runningCount"]) == (3, 1)
    stopped = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
    reasons = [each["stoppedReason"] for each in ecs.describe_tasks(cluster=cluster, tasks=stopped)["tasks"]]
    assert len(reasons) == 2
    assert all(f"{repository}@{digest}: not found" in reason for reason in reasons)


def test_a_new_task_definition_replaces_the_tasks_and_makes_a_service_revision(
    cloud: Emulator, ecs: Any, cluster: str, repository: str
) -> None:
    ecr = cloud.client("ecr")
    digests = [push_image(ecr, repository, tag, content=tag) for tag in ("v1", "v2")]
    definitions = [define(ecs, cluster, f"{uri(cloud, repository)}:{tag}") for tag in ("v1", "v2")]
    ecs.create_service(cluster=cluster, serviceName="web", taskDefinition=definitions[0], desiredCount=2)
    ecs.update_service(cluster=cluster, service="web", taskDefinition=definitions[1])
    assert running(ecs, cluster) == [digests[1]] * 2
    [service] = ecs.describe_services(cluster=cluster, services=["web"])["services"]
    [current] = service.get("currentServiceRevisions", [{}])
    deployments = ecs.list_service_deployments(cluster=cluster, service="web")["serviceDeployments"]
    arns = [each["targetServiceRevisionArn"] for each in deployments]
    assert (current.get("arn"), current.get("runningTaskCount")) == (arns[0], 2)
    assert deployments[0]["serviceDeploymentArn"] == service["currentServiceDeployment"]
    assert [each["status"] for each in deployments] == ["SUCCESSFUL"] * 2
    [shown] = ecs.describe_service_deployments(serviceDeploymentArns=[service["currentServiceDeployment"]])[
        "serviceDeployments"
    ]
    assert shown["targetServiceRevision"]["arn"] == arns[0]
    described = ecs.describe_service_revisions(serviceRevisionArns=[*arns, f"{arns[0]}0"])
    assert [each["taskDefinition"] for each in described["serviceRevisions"]] == definitions[::-1]
    assert [each["containerImages"] for each in described["serviceRevisions"]] == [
        [{"containerName": "c0", "image": f"{uri(cloud, repository)}:{tag}", "imageDigest": digest}]
        for tag, digest in (("v2", digests[1]), ("v1", digests[0]))
    ]
    assert [each["reason"] for each in described["failures"]] == ["MISSING"]


def test_a_container_can_follow_its_tag(cloud: Emulator, ecs: Any, cluster: str, repository: str) -> None:
    ecr = cloud.client("ecr")
    first = push_image(ecr, repository, "v1", content="first")
    definition = define(ecs, cluster, f"{uri(cloud, repository)}:v1", versionConsistency="disabled")
    ecs.create_service(cluster=cluster, serviceName="web", taskDefinition=definition, desiredCount=1)
    second = push_image(ecr, repository, "v1", content="second")
    ecs.update_service(cluster=cluster, service="web", desiredCount=2)
    assert running(ecs, cluster) == [first, second]


def test_tasks_emit_events_when_they_start_and_stop(cloud: Emulator, ecs: Any, cluster: str, repository: str) -> None:
    arn = f"arn:aws:ecs:{cloud.region}:{cloud.account}:cluster/{cluster}"
    detail = {"clusterArn": [arn]}
    pattern = {"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"], "detail": detail}
    queue = queue_of(cloud, pattern)
    digest = push_image(cloud.client("ecr"), repository, "v1")
    definition = define(ecs, cluster, f"{uri(cloud, repository)}:v1")
    [task] = ecs.run_task(cluster=cluster, taskDefinition=definition)["tasks"]
    started = next_event(cloud, queue)
    assert (started["account"], started["region"]) == (cloud.account, cloud.region)
    assert started["resources"] == [task["taskArn"]]
    expected = {
        "taskArn": task["taskArn"],
        "taskDefinitionArn": definition,
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "group": f"family:{cluster}",
    }
    assert {name: started["detail"][name] for name in expected} == expected
    [container] = started["detail"]["containers"]
    assert (container["image"], container["imageDigest"]) == (f"{uri(cloud, repository)}:v1", digest)
    ecs.stop_task(cluster=cluster, task=task["taskArn"], reason="enough")
    stopped = next_event(cloud, queue)["detail"]
    assert [stopped[name] for name in ("lastStatus", "desiredStatus", "stoppedReason")] == [
        "STOPPED",
        "STOPPED",
        "enough",
    ]


def test_deployments_emit_events(cloud: Emulator, ecs: Any, cluster: str) -> None:
    arn = f"arn:aws:ecs:{cloud.region}:{cloud.account}:service/{cluster}/web"
    queue = queue_of(cloud, {"source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"], "resources": [arn]})
    definition = define(ecs, cluster, "public.ecr.aws/nginx/nginx:1")
    ecs.create_service(cluster=cluster, serviceName="web", taskDefinition=definition, desiredCount=1)
    messages: list[Any] = []
    while received := cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        messages += [json.loads(each["Body"])["detail"] for each in received]
    assert [(each["eventType"], each["eventName"]) for each in messages] == [
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
        ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    ]
    assert {each["deploymentId"].startswith("ecs-svc/") for each in messages} == {True}


def test_clusters_services_and_tasks_come_in_pages(cloud: Emulator, ecs: Any, cluster: str) -> None:
    definition = define(ecs, cluster, "public.ecr.aws/nginx/nginx:1")
    for number in range(12):
        ecs.create_service(cluster=cluster, serviceName=f"s{number}", taskDefinition=definition, desiredCount=1)
    pages = [each["serviceArns"] for each in ecs.get_paginator("list_services").paginate(cluster=cluster)]
    assert [len(each) for each in pages] == [10, 2]
    with pytest.raises(ecs.exceptions.InvalidParameterException):
        ecs.describe_services(cluster=cluster, services=[*pages[0], *pages[1]])
    shown = ecs.describe_services(cluster=cluster, services=[*pages[1], "missing"])
    assert [len(shown["services"]), [each["reason"] for each in shown["failures"]]] == [2, ["MISSING"]]
    tasks = ecs.get_paginator("list_tasks").paginate(cluster=cluster, PaginationConfig={"PageSize": 7})
    assert [len(each["taskArns"]) for each in tasks] == [7, 5]
    clusters = ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 1})
    assert all(len(each["clusterArns"]) == 1 for each in clusters)


def test_a_cluster_that_does_not_exist_is_a_fault(ecs: Any) -> None:
    for call in (ecs.list_tasks, ecs.list_services):
        with pytest.raises(ecs.exceptions.ClusterNotFoundException):
            call(cluster="missing")


def test_calls_are_checked_on_what_they_are_about(cloud: Emulator, ecs: Any, cluster: str) -> None:
    definition = define(ecs, cluster, "public.ecr.aws/nginx/nginx:1")
    ecs.create_service(cluster=cluster, serviceName="web", taskDefinition=definition, desiredCount=1)
    [task] = ecs.list_tasks(cluster=cluster)["taskArns"]
    prefix = f"arn:aws:ecs:{cloud.region}:{cloud.account}"
    here = {"ArnEquals": {"ecs:cluster": f"{prefix}:cluster/{cluster}"}}
    limited = as_role(
        cloud,
        "ecs",
        {"Action": "ecs:DescribeServices", "Resource": f"{prefix}:service/{cluster}/*"},
        {"Action": "ecs:DescribeTasks", "Resource": f"{prefix}:task/{cluster}/*"},
        {"Action": ["ecs:ListTasks", "ecs:ListServices"], "Resource": "*", "Condition": here},
    )
    assert len(limited.describe_services(cluster=cluster, services=["web"])["services"]) == 1
    assert len(limited.describe_tasks(cluster=cluster, tasks=[task, task])["tasks"]) == 2
    assert limited.list_tasks(cluster=cluster)["taskArns"] == [task]
    refused: Any = [
        lambda: limited.describe_services(cluster="other", services=["web"]),
        lambda: limited.describe_tasks(cluster="other", tasks=[task.replace(cluster, "other")]),
        lambda: limited.list_services(cluster="other"),
        lambda: limited.list_clusters(),
        lambda: limited.describe_task_definition(taskDefinition=definition),
        lambda: limited.stop_task(cluster=cluster, task=task),
    ]
    for call in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
