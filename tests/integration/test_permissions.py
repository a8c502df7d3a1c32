"""What each role of the controller may do and what not, tried with its own credentials on the deployed roles."""

from __future__ import annotations

import contextlib
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from ecr_controller.event_routing.messages import EVENT_DETAIL_TYPE, SCAN_DETAIL_TYPE
from ecr_controller.event_routing.targets import SOURCE
from ecr_controller.repository import ownership
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

    As = Callable[[str, str], Any]

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="only Lambda can assume the roles")

STACK = "arn:aws:cloudformation:eu-west-1:{account}:stack/shop/1"
ELSEWHERE = STACK.format(account="999999999999")
OURS = STACK.format(account="123456789012")
CREATED, ADOPTED = "created request 2026-11-26T12:00:00Z", "adopted request 2026-11-26T12:00:00Z"
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@pytest.fixture(scope="module")
def as_role(aws: Emulator, controller_stack: str) -> As:
    """A client of a service with the credentials of a role, which is known by its logical ID."""
    cloudformation, sts = aws.client("cloudformation"), aws.client("sts")

    def client(role: str, service: str) -> Any:
        found = cloudformation.describe_stack_resource(StackName=controller_stack, LogicalResourceId=role)
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        arn = f"arn:aws:iam::{aws.account}:role/{name}"
        # MiniStack lets the root of the account assume what a service can. The trust policy is that of the template.
        session = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return aws.client(
            service,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    return client


@pytest.fixture(scope="module")
def physical(aws: Emulator, controller_stack: str) -> dict[str, str]:
    """The physical IDs of the controller's resources."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=controller_stack)
    summaries = [each for page in pages for each in page["StackResourceSummaries"]]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in summaries}


@pytest.fixture
def repository(ecr: ECRClient, name: str) -> Iterator[Callable[..., str]]:
    """Makes the repository `name` with these tags, and returns its ARN."""

    def make(**tags: str) -> str:
        made = ecr.create_repository(
            repositoryName=name, tags=listed({f"ecr-controller:{k}": v for k, v in tags.items()})
        )
        return made["repository"]["repositoryArn"]

    yield make
    with contextlib.suppress(ecr.exceptions.RepositoryNotFoundException):
        ecr.delete_repository(repositoryName=name, force=True)


@pytest.fixture
def outside(ecr: ECRClient) -> Iterator[str]:
    """A repository that RepositoryNames does not name, with the tags of one that the controller created."""
    name = f"other/{uuid.uuid4().hex[:6]}"
    tags = {ownership.STACK_ID: OURS, ownership.ORIGIN: CREATED}
    ecr.create_repository(repositoryName=name, tags=listed(tags))
    yield name
    ecr.delete_repository(repositoryName=name)


def listed(tags: dict[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def is_denied(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether IAM denies the call. Any other error, and none, is False."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False


# Repositories


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"origin": CREATED},
        {"stack-id": OURS},
        {"stack-id": OURS, "origin": ADOPTED},
        {"stack-id": OURS, "origin": "created"},
        {"stack-id": ELSEWHERE, "origin": CREATED},
    ],
    ids=["foreign", "of no stack", "without an origin", "adopted", "of an unknown request", "of another account"],
)
def test_a_repository_that_no_stack_created_is_not_deleted(
    as_role: As, repository: Callable[..., str], name: str, tags: dict[str, str]
) -> None:
    repository(**tags)
    assert is_denied(as_role("RepositoryRole", "ecr").delete_repository, repositoryName=name, force=True)


def test_a_repository_that_a_stack_created_is_deleted(as_role: As, repository: Callable[..., str], name: str) -> None:
    repository(**{"stack-id": OURS, "origin": CREATED})
    as_role("RepositoryRole", "ecr").delete_repository(repositoryName=name)


@pytest.mark.parametrize("origin", [None, ADOPTED, "created"])
def test_a_repository_is_not_created_without_its_origin(as_role: As, name: str, origin: str | None) -> None:
    tags = {ownership.STACK_ID: OURS, **({ownership.ORIGIN: origin} if origin else {})}
    create = as_role("RepositoryRole", "ecr").create_repository
    assert is_denied(create, repositoryName=name, tags=listed(tags))
    assert is_denied(create, repositoryName=name)


def test_a_repository_is_created_with_it(as_role: As, ecr: ECRClient, name: str) -> None:
    tags = {ownership.STACK_ID: OURS, ownership.ORIGIN: CREATED}
    as_role("RepositoryRole", "ecr").create_repository(repositoryName=name, tags=listed(tags))
    ecr.delete_repository(repositoryName=name)


@pytest.mark.parametrize("tags", [{ownership.ORIGIN: CREATED}, {ownership.ORIGIN: CREATED, "team": "web"}])
def test_an_adopted_repository_does_not_become_a_created_one(
    as_role: As, repository: Callable[..., str], tags: dict[str, str]
) -> None:
    arn = repository(**{"stack-id": OURS, "origin": ADOPTED})
    assert is_denied(as_role("RepositoryRole", "ecr").tag_resource, resourceArn=arn, tags=listed(tags))


@pytest.mark.parametrize(
    ("origin", "tags"),
    [
        (None, {ownership.ORIGIN: ADOPTED, ownership.STACK_ID: OURS}),
        (None, {"team": "web"}),
        (ADOPTED, {ownership.ORIGIN: ADOPTED}),
        (ADOPTED, {ownership.REPLACEMENT: "team/other", "team": "web"}),
        (CREATED, {ownership.ORIGIN: CREATED}),
        (CREATED, {ownership.ORIGIN: ADOPTED}),
    ],
)
def test_the_tags_that_the_controller_puts_are_allowed(
    as_role: As, repository: Callable[..., str], origin: str | None, tags: dict[str, str]
) -> None:
    arn = repository(**({"origin": origin} if origin else {}))
    as_role("RepositoryRole", "ecr").tag_resource(resourceArn=arn, tags=listed(tags))


def test_the_limit_of_iam_a_repository_without_an_origin_can_be_tagged_as_created(
    as_role: As, repository: Callable[..., str]
) -> None:
    # CreateRepository with tags needs this right. The code never does it.
    arn = repository(**{"stack-id": OURS})
    as_role("RepositoryRole", "ecr").tag_resource(resourceArn=arn, tags=listed({ownership.ORIGIN: CREATED}))


def test_the_lifecycle_function_puts_and_removes_its_own_tag_alone(as_role: As, repository: Callable[..., str]) -> None:
    arn = repository(**{"stack-id": OURS, "origin": ADOPTED, "lifecycle-policy": "shop/1 Rules"})
    limited = as_role("LifecyclePolicyRole", "ecr")
    limited.tag_resource(resourceArn=arn, tags=listed({ownership.LIFECYCLE_POLICY: "shop/1 Rules"}))
    for tags in ({"team": "web"}, {ownership.ORIGIN: CREATED}, {ownership.LIFECYCLE_POLICY: "x", "team": "web"}):
        assert is_denied(limited.tag_resource, resourceArn=arn, tags=listed(tags))
    for keys in ([ownership.ORIGIN], [ownership.LIFECYCLE_POLICY, ownership.STACK_ID]):
        assert is_denied(limited.untag_resource, resourceArn=arn, tagKeys=keys)
    limited.untag_resource(resourceArn=arn, tagKeys=[ownership.LIFECYCLE_POLICY])


OF_A_REPOSITORY: dict[str, dict[str, dict[str, Any]]] = {
    "RepositoryRole": {
        "delete_repository": {},
        "describe_images": {},
        "get_lifecycle_policy": {},
        "put_image_tag_mutability": {"imageTagMutability": "MUTABLE"},
        "put_lifecycle_policy": {"lifecyclePolicyText": "{}" + " " * 100},
        "set_repository_policy": {"policyText": "{}"},
    },
    "LifecyclePolicyRole": {
        "describe_images": {},
        "get_lifecycle_policy": {},
        "put_lifecycle_policy": {"lifecyclePolicyText": "{}" + " " * 100},
        "start_lifecycle_policy_preview": {},
    },
    "GrantRole": {"get_repository_policy": {}, "set_repository_policy": {"policyText": "{}"}},
    "ImageScanRole": {"start_image_scan": {"imageId": {"imageTag": "v1"}}},
    "RescanRole": {"start_image_scan": {"imageId": {"imageTag": "v1"}}},
}


@pytest.mark.parametrize("role", OF_A_REPOSITORY)
def test_no_repository_outside_repository_names_is_touched(
    as_role: As, repository: Callable[..., str], name: str, outside: str, role: str
) -> None:
    repository(**{"stack-id": ELSEWHERE})
    limited = as_role(role, "ecr")
    for method, arguments in OF_A_REPOSITORY[role].items():
        call = getattr(limited, method)
        assert is_denied(call, repositoryName=outside, **arguments), method
        assert method == "delete_repository" or not is_denied(call, repositoryName=name, **arguments), method


def test_no_repository_outside_repository_names_is_created_or_tagged(as_role: As, aws: Emulator, outside: str) -> None:
    limited, tags = as_role("RepositoryRole", "ecr"), listed({ownership.ORIGIN: CREATED})
    arn = f"arn:aws:ecr:{aws.region}:{aws.account}:repository/{outside}"
    assert is_denied(limited.create_repository, repositoryName=f"{outside}-2", tags=tags)
    assert is_denied(limited.tag_resource, resourceArn=arn, tags=tags)
    assert is_denied(limited.untag_resource, resourceArn=arn, tagKeys=[ownership.ORIGIN])


NOTHING_ELSE: dict[str, dict[str, Any]] = {
    "batch_delete_image": {"imageIds": [{"imageTag": "v1"}]},
    "put_image": {"imageManifest": "{}"},
    "get_download_url_for_layer": {"layerDigest": "sha256:" + "0" * 64},
}


@pytest.mark.parametrize("role", [*OF_A_REPOSITORY, "ImageScanRouteRole", "RouteScanRole", "OnFailureRole"])
def test_no_role_pulls_pushes_or_deletes_images(
    as_role: As, repository: Callable[..., str], name: str, role: str
) -> None:
    repository(**{"stack-id": OURS, "origin": CREATED})
    limited = as_role(role, "ecr")
    for method, arguments in NOTHING_ELSE.items():
        assert is_denied(getattr(limited, method), repositoryName=name, **arguments), method


# Targets of scan routes


def test_the_router_puts_no_events_but_its_own(as_role: As, aws: Emulator, prefix: str) -> None:
    events, limited = aws.client("events"), as_role("RouteScanRole", "events")
    name = f"{prefix}-{uuid.uuid4().hex[:6]}"
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    entry = {"EventBusName": bus, "Source": SOURCE, "DetailType": SCAN_DETAIL_TYPE, "Detail": "{}"}
    for allowed in (entry, entry | {"DetailType": EVENT_DETAIL_TYPE}):
        assert limited.put_events(Entries=[allowed])["FailedEntryCount"] == 0
    for wrong in ({"Source": "aws.ecr"}, {"Source": "billing"}, {"DetailType": "ECR Image Scan"}):
        assert is_denied(limited.put_events, Entries=[entry | wrong])
        assert is_denied(limited.put_events, Entries=[entry, entry | wrong])
    assert is_denied(limited.put_events, Entries=[entry | {"EventBusName": "default"}])
    events.delete_event_bus(Name=name)


@pytest.mark.skipif(ON_REAL_AWS, reason="it sends events that routes of the account may take for real")
@pytest.mark.parametrize(
    "role", ["RepositoryRole", "LifecyclePolicyRole", "GrantRole", "ImageScanRouteRole", "ImageScanRole"]
)
def test_a_function_sends_only_events_of_the_controller(as_role: Callable[..., Any], role: str) -> None:
    limited = as_role(role, "events")
    entry = {"Source": SOURCE, "DetailType": "ECR Controller Repository Adopted", "Detail": "{}"}
    assert limited.put_events(Entries=[entry])["FailedEntryCount"] == 0
    for wrong in ({"Source": "aws.ecr"}, {"DetailType": SCAN_DETAIL_TYPE}, {"DetailType": EVENT_DETAIL_TYPE}):
        assert is_denied(limited.put_events, Entries=[entry | wrong])


def test_no_queue_of_the_controller_is_a_target(as_role: As, physical: dict[str, str]) -> None:
    queues = {"ScanQueue", "ScanDeadLetters", "RescanQueue", "RescanDeadLetters"}
    delivering, verifying = as_role("RouteScanRole", "sqs"), as_role("ImageScanRouteRole", "sqs")
    for queue in queues:
        assert is_denied(verifying.get_queue_attributes, QueueUrl=physical[queue], AttributeNames=["QueueArn"]), queue
    for queue in queues - {"ScanDeadLetters"}:
        assert is_denied(delivering.send_message, QueueUrl=physical[queue], MessageBody="{}"), queue


def test_the_router_sends_to_its_dead_letter_queue(as_role: As, aws: Emulator, physical: dict[str, str]) -> None:
    url, sqs = physical["ScanDeadLetters"], aws.client("sqs")
    as_role("RouteScanRole", "sqs").send_message(QueueUrl=url, MessageBody="{}")
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize(("start", "allowed"), [("{prefix}-", True), ("other-", False)])
def test_queues_and_topics_are_bounded_by_the_parameters(
    as_role: As, aws: Emulator, prefix: str, start: str, allowed: bool
) -> None:
    name = start.format(prefix=prefix) + uuid.uuid4().hex[:6]
    sqs, sns = aws.client("sqs"), aws.client("sns")
    url, topic = sqs.create_queue(QueueName=name)["QueueUrl"], sns.create_topic(Name=name)["TopicArn"]
    for role, service, method, arguments in (
        ("ImageScanRouteRole", "sqs", "get_queue_attributes", {"QueueUrl": url}),
        ("RouteScanRole", "sqs", "send_message", {"QueueUrl": url, "MessageBody": "{}"}),
        ("ImageScanRouteRole", "sns", "get_topic_attributes", {"TopicArn": topic}),
        ("RouteScanRole", "sns", "publish", {"TopicArn": topic, "Message": "{}"}),
    ):
        assert is_denied(getattr(as_role(role, service), method), **arguments) is not allowed, method
    sqs.delete_queue(QueueUrl=url)
    sns.delete_topic(TopicArn=topic)


# IAM


def test_the_grant_function_attaches_the_token_policies_alone(
    as_role: As, aws: Emulator, physical: dict[str, str], prefix: str
) -> None:
    iam, limited = aws.client("iam"), as_role("GrantRole", "iam")
    role = f"{prefix}-{uuid.uuid4().hex[:6]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    for policy in ("AuthorizationTokenPolicy", "PublicGalleryAuthorizationTokenPolicy"):
        limited.attach_role_policy(RoleName=role, PolicyArn=physical[policy])
        limited.detach_role_policy(RoleName=role, PolicyArn=physical[policy])
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    for own in (role, physical["GrantRole"]):
        assert is_denied(limited.attach_role_policy, RoleName=own, PolicyArn=admin)
        assert is_denied(limited.put_role_policy, RoleName=own, PolicyName="all", PolicyDocument="{}")
    iam.delete_role(RoleName=role)


# Tables

PREFIXES = (
    *("repository-policy", "adopted-repository", "attached-policies", "scan-route"),
    *("baseline", "baseline-repository", "declared-repository", "held-image", "in-use-lock"),
    *("image-index", "in-use-snapshot", "keep-in-use"),
)
OWNERS = (
    "ECRRepository",
    "ECRLifecyclePolicy",
    "ECRRepositoryBaseline",
    "ECRRepositoryGrant",
    "ECRAuthorizationTokenGrant",
    "ECREventRoute",
    "ECRImageScanRoute",
)
KEYS = (*PREFIXES, *(f"owner/{each}" for each in OWNERS))
READS = {
    "RepositoryRole": {
        *("repository-policy", "adopted-repository", "declared-repository", "keep-in-use", "owner/ECRRepository")
    },
    "LifecyclePolicyRole": {"declared-repository", "keep-in-use", "owner/ECRLifecyclePolicy"},
    "InUseRole": {"held-image", "image-index", "in-use-lock", "in-use-snapshot", "keep-in-use"},
    "GrantRole": {
        *("repository-policy", "attached-policies", "owner/ECRRepositoryGrant", "owner/ECRAuthorizationTokenGrant")
    },
    "ImageScanRouteRole": {"scan-route", "owner/ECREventRoute", "owner/ECRImageScanRoute"},
    "RouteScanRole": {"scan-route"},
    "RescanRole": {"scan-route"},
    "ImageScanRole": set(),
    "PlanRescansRole": set(),
    "BaselineRole": {"baseline", "owner/ECRRepositoryBaseline"},
    "ResyncRole": {
        *("adopted-repository", "baseline", "baseline-repository", "declared-repository", "keep-in-use"),
        "repository-policy",
        "owner/ECRRepositoryBaseline",
    },
    "OnFailureRole": set(),
}
READ_ONLY = {"RouteScanRole", "RescanRole"}


@pytest.mark.parametrize("role", READS)
def test_a_role_reads_and_writes_its_own_part_of_the_table_alone(
    as_role: As, physical: dict[str, str], role: str
) -> None:
    limited, table = as_role(role, "dynamodb"), physical["PartsTable"]
    for key in KEYS:
        item = {"target": {"S": f"{key}/test"}, "owner": {"S": "test"}}
        query = {"KeyConditionExpression": "target = :t", "ExpressionAttributeValues": {":t": item["target"]}}
        assert is_denied(limited.query, TableName=table, **query) is (key not in READS[role]), key
        is_written = key in READS[role] and role not in READ_ONLY
        assert is_denied(limited.put_item, TableName=table, Item=item) is not is_written, key
        assert is_denied(limited.delete_item, TableName=table, Key=item) is not is_written, key
    assert is_denied(limited.scan, TableName=table)
    assert is_denied(limited.delete_table, TableName=table)


def test_the_plan_of_a_resync_removes_what_stacks_left_and_nothing_else(as_role: As, physical: dict[str, str]) -> None:
    limited, table = as_role("PlanResyncRole", "dynamodb"), physical["PartsTable"]
    limited.scan(TableName=table, Limit=1)
    for key in KEYS:
        item = {"target": {"S": f"{key}/test"}, "owner": {"S": "test"}}
        assert is_denied(limited.put_item, TableName=table, Item=item), key
        is_removed = key.startswith(("owner/", "scan-route")) or key == "baseline"
        assert is_denied(limited.delete_item, TableName=table, Key=item) is not is_removed, key


def test_the_table_of_parts_is_not_deleted_by_mistake(aws: Emulator, physical: dict[str, str]) -> None:
    dynamodb = aws.client("dynamodb")
    with pytest.raises(dynamodb.exceptions.ClientError, match="deletion protection"):
        dynamodb.delete_table(TableName=physical["PartsTable"])


def test_the_key_of_the_user_encrypts_queues_and_logs(
    aws: Emulator, controller_stack: str, physical: dict[str, str]
) -> None:
    parameters = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"][0]["Parameters"]
    [key] = [each["ParameterValue"] for each in parameters if each["ParameterKey"] == "KmsKey"]
    sqs, logs = aws.client("sqs"), aws.client("logs")
    for queue in ("ScanQueue", "ScanDeadLetters", "RescanQueue", "RescanDeadLetters"):
        shown = sqs.get_queue_attributes(QueueUrl=physical[queue], AttributeNames=["All"])["Attributes"]
        assert shown["KmsMasterKeyId"] == key
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{controller_stack}/")["logGroups"]
    assert {group["kmsKeyId"] for group in groups} == {key}
    assert len(groups) == len([name for name in physical if name.endswith("LogGroup")])
