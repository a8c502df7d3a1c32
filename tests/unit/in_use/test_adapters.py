"""What the sources are asked, and what of their answers is a use. The models of the services check the answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use import functions
from ecr_controller.in_use.ecs import Clusters, Container
from ecr_controller.in_use.functions import ImageFunctions
from ecr_controller.in_use.inspector import InspectedImage, Inspector
from ecr_controller.in_use.versions import StoredVersions, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_controller.shared_documents.parts import PartsTable

ARN = "arn:aws:ecs:eu-west-1:123456789012"
CLUSTER, SERVICE, TASK = f"{ARN}:cluster/shop", f"{ARN}:service/shop/web", f"{ARN}:task/shop/1"
DEFINITION, REVISION = f"{ARN}:task-definition/web:3", f"{ARN}:service-revision/shop/web/7"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app"
DIGEST = f"sha256:{'a' * 64}"
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def stubbed(service: Any) -> tuple[Any, Stubber]:
    client = boto3.client(service, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    return client, Stubber(client)


@pytest.fixture
def ecs() -> Iterator[tuple[Clusters, Stubber]]:
    client, stubber = stubbed("ecs")
    with stubber:
        yield Clusters(client), stubber
    stubber.assert_no_pending_responses()


def with_service(stubber: Stubber, revisions: list[Any], **service: Any) -> None:
    stubber.add_response("list_clusters", {"clusterArns": [CLUSTER]})
    stubber.add_response("list_tasks", {"taskArns": []}, {"cluster": CLUSTER})
    stubber.add_response("list_services", {"serviceArns": [SERVICE]}, {"cluster": CLUSTER})
    described = {"serviceArn": SERVICE, "serviceName": "web", "taskDefinition": DEFINITION, **service}
    stubber.add_response("describe_services", {"services": [described]}, {"cluster": CLUSTER, "services": [SERVICE]})
    if revisions:
        stubber.add_response("describe_service_revisions", {"serviceRevisions": revisions})
    images = [{"name": "web", "image": f"{IMAGE}:v1"}, {"name": "sidecar", "image": f"{IMAGE}:envoy"}]
    stubber.add_response(
        "describe_task_definition", {"taskDefinition": {"containerDefinitions": images}}, {"taskDefinition": DEFINITION}
    )


def test_the_containers_of_tasks_have_the_digest_that_was_pulled(ecs: tuple[Clusters, Stubber]) -> None:
    clusters, stubber = ecs
    container = {"image": f"{IMAGE}:v1", "imageDigest": DIGEST}
    tasks = [
        {"group": "service:web", "clusterArn": CLUSTER, "lastStatus": "RUNNING", "containers": [container]},
        {"group": "family:job", "clusterArn": CLUSTER, "lastStatus": "PENDING", "containers": [{"image": "nginx"}]},
        {"group": "service:web", "clusterArn": CLUSTER, "lastStatus": "STOPPED", "containers": [container]},
    ]
    stubber.add_response("list_clusters", {"clusterArns": [CLUSTER]})
    stubber.add_response("list_tasks", {"taskArns": [TASK]}, {"cluster": CLUSTER})
    stubber.add_response("describe_tasks", {"tasks": tasks}, {"cluster": CLUSTER, "tasks": [TASK]})
    stubber.add_response("list_services", {"serviceArns": []}, {"cluster": CLUSTER})
    assert clusters.list_containers() == [
        Container(f"{IMAGE}:v1", DIGEST, "service:web in the cluster shop"),
        Container("nginx", None, "family:job in the cluster shop"),
    ]


def test_a_service_has_the_digests_that_its_revision_pinned_and_else_what_its_definition_names(
    ecs: tuple[Clusters, Stubber],
) -> None:
    clusters, stubber = ecs
    pinned = {"containerName": "web", "image": f"{IMAGE}:v1", "imageDigest": DIGEST}
    with_service(
        stubber,
        [{"serviceArn": SERVICE, "containerImages": [pinned]}],
        currentServiceRevisions=[{"arn": REVISION}],
    )
    assert clusters.list_containers() == [
        Container(f"{IMAGE}:v1", DIGEST, "service:web in the cluster shop"),
        Container(f"{IMAGE}:envoy", None, "service:web in the cluster shop"),
    ]


def test_a_service_that_runs_nothing_uses_what_its_definition_names(ecs: tuple[Clusters, Stubber]) -> None:
    clusters, stubber = ecs
    with_service(stubber, [], desiredCount=0, deployments=[{"taskDefinition": DEFINITION}])
    assert [each.uri for each in clusters.list_containers()] == [f"{IMAGE}:v1", f"{IMAGE}:envoy"]


def test_one_service_is_described_by_its_arn(ecs: tuple[Clusters, Stubber]) -> None:
    clusters, stubber = ecs
    described = {"serviceArn": SERVICE, "serviceName": "web", "taskDefinition": DEFINITION}
    stubber.add_response("describe_services", {"services": [described]}, {"cluster": "shop", "services": [SERVICE]})
    stubber.add_response(
        "describe_task_definition", {"taskDefinition": {"containerDefinitions": [{"image": f"{IMAGE}:v1"}]}}
    )
    assert clusters.describe_service(SERVICE) == [Container(f"{IMAGE}:v1", None, "service:web in the cluster shop")]


def test_a_throttle_of_a_source_is_worth_a_retry_and_a_refusal_is_not(ecs: tuple[Clusters, Stubber]) -> None:
    clusters, stubber = ecs
    for code, error in (("ThrottlingException", RetryableError), ("AccessDeniedException", UserError)):
        stubber.add_client_error("list_clusters", code, http_status_code=400)
        with pytest.raises(error):
            clusters.list_containers()


def test_a_cluster_that_is_deleted_meanwhile_does_not_hide_the_others(ecs: tuple[Clusters, Stubber]) -> None:
    clusters, stubber = ecs
    container = {"image": f"{IMAGE}:v1", "imageDigest": DIGEST}
    task = {"group": "family:job", "clusterArn": CLUSTER, "lastStatus": "RUNNING", "containers": [container]}
    stubber.add_response("list_clusters", {"clusterArns": [f"{ARN}:cluster/gone", CLUSTER]})
    stubber.add_client_error("list_tasks", "ClusterNotFoundException", http_status_code=400)
    stubber.add_response("list_tasks", {"taskArns": [TASK]}, {"cluster": CLUSTER})
    stubber.add_response("describe_tasks", {"tasks": [task]})
    stubber.add_response("list_services", {"serviceArns": []}, {"cluster": CLUSTER})
    assert clusters.list_containers() == [Container(f"{IMAGE}:v1", DIGEST, "family:job in the cluster shop")]


def test_a_service_with_an_arn_in_the_old_format_is_of_the_default_cluster(ecs: tuple[Clusters, Stubber]) -> None:
    clusters, stubber = ecs
    old = f"{ARN}:service/web"
    stubber.add_response("describe_services", {"services": []}, {"cluster": "default", "services": [old]})
    assert clusters.describe_service(old) == []
    stubber.add_client_error("describe_services", "ClusterNotFoundException", http_status_code=400)
    assert clusters.describe_service(old) == []


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stubs have an order."""
    monkeypatch.setattr(functions, "_THREADS", 1)


def test_a_published_version_is_asked_for_once(one_thread: None, parts: PartsTable) -> None:
    client, stubber = stubbed("lambda")
    code = {"Code": {"ResolvedImageUri": f"{IMAGE}@{DIGEST}"}}
    moving = {"Code": {"ImageUri": f"{IMAGE}:v1"}}

    def read(*listed: tuple[str, str, str], asked: dict[tuple[str, str], Any]) -> list[Container]:
        functions = [
            {"FunctionName": name, "Version": version, "CodeSha256": sha, "PackageType": "Image"}
            for name, version, sha in listed
        ]
        stubber.add_response("list_functions", {"Functions": functions})
        for (name, version), answer in asked.items():
            stubber.add_response("get_function", answer, {"FunctionName": name, "Qualifier": version})
        with stubber:
            found = ImageFunctions(client).list_containers(StoredVersions())
        stubber.assert_no_pending_responses()
        return found

    api, other = ("api", "$LATEST", "a"), ("api", "1", "a")
    tagged, gone = ("tagged", "1", "b"), ("gone", "1", "c")
    first = {api[:2]: code, other[:2]: code, tagged[:2]: moving, gone[:2]: code}
    found = read(api, other, tagged, gone, asked=first)
    assert read(api, other, tagged, gone, asked={api[:2]: code, tagged[:2]: moving}) == found
    # A version with other code is another one.
    assert read(("api", "1", "z"), asked={other[:2]: code}) == [found[1]]
    assert dict(StoredVersions().all()) == {"api": {"1": Version("z", f"{IMAGE}@{DIGEST}")}}


def test_versions_that_do_not_fit_into_an_item_are_asked_for_each_time(parts: PartsTable) -> None:
    uri = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{'a' * 250}@{DIGEST}"
    StoredVersions().store("api", {str(number): Version("z" * 44, uri) for number in range(2_000)})
    kept = StoredVersions().all()["api"]
    assert 500 < len(kept) < 1_500
    assert "1999" in kept


def test_all_versions_of_functions_with_images_are_asked_for_the_digest(one_thread: None) -> None:
    client, stubber = stubbed("lambda")
    listed = [
        {"FunctionName": "api", "Version": "$LATEST", "PackageType": "Image"},
        {"FunctionName": "api", "Version": "3", "PackageType": "Image"},
        {"FunctionName": "gone", "Version": "1", "PackageType": "Image"},
        {"FunctionName": "zip", "Version": "$LATEST", "PackageType": "Zip"},
    ]
    stubber.add_response("list_functions", {"Functions": listed}, {"FunctionVersion": "ALL"})
    for version in ("$LATEST", "3"):
        code = {"ImageUri": f"{IMAGE}:v1", "ResolvedImageUri": f"{IMAGE}@{DIGEST}", "Location": "https://signed"}
        stubber.add_response("get_function", {"Code": code}, {"FunctionName": "api", "Qualifier": version})
    stubber.add_client_error("get_function", "ResourceNotFoundException", http_status_code=404)
    with stubber:
        found = ImageFunctions(client).list_containers()
    stubber.assert_no_pending_responses()
    assert found == [
        Container(f"{IMAGE}@{DIGEST}", None, "function:api"),
        Container(f"{IMAGE}@{DIGEST}", None, "function:api version 3"),
    ]


def status(ecr: str) -> dict[str, Any]:
    state, enabled = (
        {"status": each, "errorCode": "ALREADY_ENABLED", "errorMessage": "none"} for each in (ecr, "ENABLED")
    )
    resources = {"ec2": enabled, "ecr": state}
    return {"accounts": [{"accountId": "123456789012", "state": enabled, "resourceState": resources}]}


def covered(digest: str, **image: Any) -> dict[str, Any]:
    arn = f"arn:aws:ecr:eu-west-1:123456789012:repository/team/app/{digest}"
    return {
        "resourceId": arn,
        "resourceType": "AWS_ECR_CONTAINER_IMAGE",
        "accountId": "123456789012",
        "scanType": "PACKAGE",
        "resourceMetadata": {"ecrImage": image},
    }


def test_inspector_tells_images_in_use_now_and_in_the_last_day() -> None:
    client, stubber = stubbed("inspector2")
    other = f"sha256:{'b' * 64}"
    stubber.add_response("batch_get_account_status", status("ENABLED"), {"accountIds": ["123456789012"]})
    stubber.add_response(
        "list_coverage", {"coveredResources": [covered(DIGEST, inUseCount=3)]}, {"filterCriteria": ANY}
    )
    recent = [covered(DIGEST, inUseCount=3), covered(other, lastInUseAt=NOW)]
    stubber.add_response("list_coverage", {"coveredResources": recent}, {"filterCriteria": ANY})
    with stubber:
        found = Inspector(client).list_images("123456789012", NOW)
    stubber.assert_no_pending_responses()
    beginning = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    assert found == [
        InspectedImage(f"{beginning}/{DIGEST}", "3 tasks and pods"),
        InspectedImage(f"{beginning}/{other}", "a task or a pod in the last 24 hours"),
    ]


@pytest.mark.parametrize("ecr", ["DISABLED", "ENABLING", "SUSPENDED"])
def test_inspector_that_does_not_scan_images_knows_nothing(ecr: str) -> None:
    client, stubber = stubbed("inspector2")
    stubber.add_response("batch_get_account_status", status(ecr))
    with stubber, pytest.raises(UserError, match="Enable enhanced scanning, or remove Inspector from Sources"):
        Inspector(client).list_images("123456789012", NOW)
