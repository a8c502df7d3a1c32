"""Amazon Inspector: whether it scans images, and which of them are in use."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.images import push_as_buildx, push_image
from tests.integration.emulator.calls import as_role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.emulator.process import Emulator

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def inspector(cloud: Emulator) -> Any:
    return cloud.client("inspector2")


@pytest.fixture
def enhanced(cloud: Emulator) -> Iterator[None]:
    """Enhanced scanning of all repositories during the test."""
    ecr = cloud.client("ecr")
    rule = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    yield
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])


def in_use(inspector: Any, repository: str, **criteria: Any) -> dict[str, Any]:
    """What is covered in a repository, by digest."""
    named = {"ecrRepositoryName": [{"comparison": "EQUALS", "value": repository}], **criteria}
    pages = inspector.get_paginator("list_coverage").paginate(filterCriteria=named)
    resources = [each for page in pages for each in page["coveredResources"]]
    assert {each["resourceType"] for each in resources} <= {"AWS_ECR_CONTAINER_IMAGE"}
    return {each["resourceId"].rpartition("/")[2]: each["resourceMetadata"]["ecrImage"] for each in resources}


def test_the_account_has_image_scanning_where_the_registry_has_enhanced_scanning(
    cloud: Emulator, inspector: Any
) -> None:
    def statuses() -> tuple[str, str, str]:
        [account] = inspector.batch_get_account_status()["accounts"]
        registry = cloud.client("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
        return account["state"]["status"], account["resourceState"]["ecr"]["status"], registry["scanType"]

    assert statuses() == ("DISABLED", "DISABLED", "BASIC")
    inspector.enable(resourceTypes=["ECR"])
    assert statuses() == ("ENABLED", "ENABLED", "ENHANCED")
    inspector.disable(resourceTypes=["ECR"])
    assert statuses() == ("DISABLED", "DISABLED", "BASIC")


@pytest.mark.usefixtures("enhanced")
def test_an_image_is_in_use_by_pods_as_its_annotations_say(cloud: Emulator, inspector: Any, repository: str) -> None:
    ecr = cloud.client("ecr")
    last_week = NOW - timedelta(days=7)
    unused = push_image(ecr, repository, "unused", content="unused")
    used = push_image(ecr, repository, "used", in_use_at=last_week, pulled=last_week)
    runs = push_image(ecr, repository, "runs", in_use_count=3)
    found = in_use(inspector, repository)
    assert found[unused] == {"tags": ["unused"], "inUseCount": 0}
    assert found[used] == {"tags": ["used"], "inUseCount": 0, "lastInUseAt": last_week, "imagePulledAt": last_week}
    assert found[runs]["inUseCount"] == 3
    assert found[runs]["lastInUseAt"] >= NOW
    for criteria, expected in (
        ({"ecrImageInUseCount": [{"lowerInclusive": 1}]}, {runs}),
        ({"ecrImageInUseCount": [{"upperInclusive": 0}]}, {used, unused}),
        ({"ecrImageLastInUseAt": [{"startInclusive": last_week}]}, {used, runs}),
        ({"ecrImageLastInUseAt": [{"endInclusive": NOW - timedelta(days=1)}]}, {used}),
        ({"ecrImageTags": [{"comparison": "NOT_EQUALS", "value": "used"}]}, {unused, runs}),
    ):
        assert set(in_use(inspector, repository, **criteria)) == expected


@pytest.mark.usefixtures("enhanced")
def test_an_image_is_in_use_by_tasks(cloud: Emulator, inspector: Any, repository: str) -> None:
    ecs, cluster = cloud.client("ecs"), f"cluster-{uuid.uuid4().hex[:8]}"
    ecs.create_cluster(clusterName=cluster)
    pushed = push_as_buildx(cloud.client("ecr"), repository, "v1", {"linux/amd64": None})
    image = f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/{repository}:v1"
    ecs.register_task_definition(family=cluster, containerDefinitions=[{"name": "main", "image": image}])
    [task] = ecs.run_task(cluster=cluster, taskDefinition=cluster)["tasks"]
    shown = in_use(inspector, repository)[pushed.images["linux/amd64"]]
    assert (shown["inUseCount"], shown["lastInUseAt"] >= NOW) == (1, True)
    ecs.stop_task(cluster=cluster, task=task["taskArn"])
    shown = in_use(inspector, repository)[pushed.images["linux/amd64"]]
    assert (shown["inUseCount"], shown["lastInUseAt"] >= NOW) == (0, True)


@pytest.mark.usefixtures("enhanced")
def test_coverage_comes_in_pages(cloud: Emulator, inspector: Any, repository: str) -> None:
    for number in range(3):
        push_image(cloud.client("ecr"), repository, f"v{number}", content=f"v{number}")
    named = {"ecrRepositoryName": [{"comparison": "EQUALS", "value": repository}]}
    pages = inspector.get_paginator("list_coverage").paginate(filterCriteria=named, PaginationConfig={"PageSize": 2})
    assert [len(each["coveredResources"]) for each in pages] == [2, 1]


def test_nothing_is_covered_without_enhanced_scanning(cloud: Emulator, inspector: Any, repository: str) -> None:
    push_image(cloud.client("ecr"), repository, "v1", in_use_count=1)
    assert in_use(inspector, repository) == {}
    inspector.enable(resourceTypes=["ECR"])
    assert len(in_use(inspector, repository)) == 1
    inspector.disable(resourceTypes=["ECR"])


@pytest.mark.usefixtures("enhanced")
def test_the_coverage_needs_its_permission(cloud: Emulator, repository: str) -> None:
    push_image(cloud.client("ecr"), repository, "v1")
    limited = as_role(cloud, "inspector2", {"Action": "inspector2:ListCoverage", "Resource": "*"})
    assert len(in_use(limited, repository)) == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.batch_get_account_status()
