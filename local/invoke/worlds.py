"""What each event in events/ needs in AWS, so that it is answered as its name says.

`make invoke` creates it in the AWS that it uses, the unit tests in moto. What exists already is not changed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from local.images import push_as_buildx, push_image
from local.invoke.invocation import addressed_to, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REPOSITORY, ROLE, GROUP, QUEUE, STACK = "team/app", "web", "developers", "findings", "shop"
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
KEEP_NINE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
    "action": {"type": "expire"},
}
TEMPLATE = {"Resources": {"Anything": {"Type": "AWS::SQS::Queue"}}}


class Aws(Protocol):
    """An AWS account and Region."""

    def client(self, service: str) -> Any:
        """A boto3 client."""


@dataclass(frozen=True, slots=True)
class World:
    """What exists before an event: resources, each created by a function that returns a description; then the results
    of other events, ``<function>/<event>``. ``in_stack``: the function calls DescribeStacks for the event's stack."""

    resources: tuple[Callable[[Aws], str], ...] = ()
    events: tuple[str, ...] = ()
    in_stack: bool = False


def prepare(aws: Aws, name: str, answer_to: Callable[[str], Mapping[str, Any]]) -> Iterator[str]:
    """Create what an event needs, and describe it, one thing at a time. ``answer_to`` runs another event and returns
    the answer to CloudFormation."""
    world = WORLDS.get(name, World())
    for make in world.resources:
        yield make(aws)
    for earlier in world.events:
        answer = answer_to(earlier)
        yield " ".join(filter(None, [f"the event {earlier}: {answer['Status']}", answer.get("Reason")]))


def event(aws: Aws, name: str, url: str) -> dict[str, Any]:
    """The event, with another ResponseURL, and with a stack that exists if the function describes it."""
    request = addressed_to(url, load(name))
    in_stack = WORLDS.get(name, World()).in_stack
    return request | ({"StackId": stack_id(aws)} if in_stack else {})


def repository(aws: Aws) -> str:
    ecr = aws.client("ecr")
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=REPOSITORY)
    return f"the repository {REPOSITORY}"


def image(tag: str, findings: str) -> Callable[[Aws], str]:
    """An image, and what a scan of it finds on the embedded AWS."""

    def push(aws: Aws) -> str:
        ecr = aws.client("ecr")
        with suppress(ecr.exceptions.ImageTagAlreadyExistsException):
            push_image(ecr, REPOSITORY, tag, content=tag, findings=findings)
        return f"the image {REPOSITORY}:{tag}, with the findings {findings}"

    return push


def lifecycle_policy(aws: Aws) -> str:
    ecr = aws.client("ecr")
    try:
        ecr.get_lifecycle_policy(repositoryName=REPOSITORY)
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        ecr.put_lifecycle_policy(repositoryName=REPOSITORY, lifecyclePolicyText=json.dumps({"rules": [KEEP_NINE]}))
    return f"a lifecycle policy of {REPOSITORY}"


def role(aws: Aws) -> str:
    iam = aws.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    return f"the role {ROLE}"


def group(aws: Aws) -> str:
    iam = aws.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_group(GroupName=GROUP)
    return f"the group {GROUP}"


def kept(aws: Aws) -> str:
    """What a stack with KeepInUse stores, which it does not under `sam local invoke`."""
    dynamodb = aws.client("dynamodb")
    [table] = [each for each in dynamodb.list_tables()["TableNames"] if "PartsTable" in each]
    keep = {"sources": ["ECS", "Lambda"], "pulledWithin": None, "grace": 7}
    content = json.dumps({"type": "ECRRepository", "keep": keep})
    item = {
        "target": "keep-in-use/repositories",
        "owner": f"{REPOSITORY}|stack|Images",
        "content": content,
        "since": "0",
    }
    dynamodb.put_item(TableName=table, Item={name: {"S": value} for name, value in item.items()})
    return f"a resource that keeps the images of {REPOSITORY} in use"


def service(aws: Aws) -> str:
    """A service of Amazon ECS that runs v1."""
    ecs, uri = aws.client("ecs"), _uri(aws)
    ecs.create_cluster(clusterName=STACK)
    if not ecs.describe_services(cluster=STACK, services=["web"])["services"]:
        containers = [{"name": "web", "image": f"{uri}:v1", "memory": 128}]
        ecs.register_task_definition(family="web", containerDefinitions=containers)
        ecs.create_service(cluster=STACK, serviceName="web", taskDefinition="web", desiredCount=0)
    return f"the service web in the cluster {STACK}"


def function(aws: Aws) -> str:
    """A function with the image v1."""
    functions, trusted = aws.client("lambda"), f"arn:aws:iam::123456789012:role/{ROLE}"
    role(aws)
    with suppress(functions.exceptions.ResourceConflictException):
        functions.create_function(
            FunctionName="api", Role=trusted, PackageType="Image", Code={"ImageUri": f"{_uri(aws)}:v1"}
        )
    return "the function api"


def _uri(aws: Aws) -> str:
    return str(
        aws.client("ecr").describe_repositories(repositoryNames=[REPOSITORY])["repositories"][0]["repositoryUri"]
    )


def queue(aws: Aws) -> str:
    aws.client("sqs").create_queue(QueueName=QUEUE)
    return f"the queue {QUEUE}"


def stack_id(aws: Aws) -> str:
    """The id of the stack of the events, which is created if it does not exist."""
    cloudformation = aws.client("cloudformation")
    try:
        found = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    except cloudformation.exceptions.ClientError:
        found = cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    return str(found["StackId"])


def index(aws: Aws) -> str:
    """An image index for two platforms, with a critical finding in one of them."""
    if not aws.client("ecr").list_images(repositoryName=REPOSITORY)["imageIds"]:
        push_as_buildx(aws.client("ecr"), REPOSITORY, "multi", {"linux/amd64": "LOW=1", "linux/arm64": "CRITICAL=1"})
    return f"an image index with the tag multi in {REPOSITORY}"


V1 = image("v1", "LOW=3")
VULNERABLE = World((repository, image("vulnerable", "CRITICAL=1,HIGH=2,LOW=3")))
NEW_REPOSITORY = World()
STACKS_REPOSITORY = World(events=("repository/create",))
STACKS_POLICY = World((repository,), ("lifecycle_policy/create",))
GRANTED = World((repository, role), ("grant/create",))
TO_BE_SCANNED, SCANNED = World((repository, V1)), World((repository, V1), ("image_scan/create",), in_stack=True)
RESOLVED = World((repository, V1), ("image_scan/resolve-image",), in_stack=True)
ROUTE = World(events=("image_scan_route/create",))
EVENTS_TO_QUEUE = World((queue,), ("image_scan_route/create-for-events",))
ROUTE_TO_QUEUE = World((queue,), ("image_scan_route/create-for-a-queue",))

# An event that is not here needs nothing.
WORLDS = {
    "baseline/delete": World((), ("baseline/create",)),
    "baseline/update": World((), ("baseline/create",)),
    "grant/create": World((repository, role)),
    "grant/create-for-a-service": World((repository,)),
    "grant/create-for-an-account": World((repository,)),
    "grant/create-for-an-organization": World((repository,)),
    "grant/create-public-gallery-token": World((group,)),
    "grant/create-token": World((role,)),
    "grant/delete": GRANTED,
    "grant/update": GRANTED,
    "image_scan/create": TO_BE_SCANNED,
    "image_scan/create-by-digest": TO_BE_SCANNED,
    "image_scan/create-refused": VULNERABLE,
    "image_scan/create-tolerant": VULNERABLE,
    "image_scan/delete": SCANNED,
    "image_scan/create-for-an-index": World((repository, index)),
    "image_scan/forget-image": RESOLVED,
    "image_scan/replace": World((repository, V1, image("v2", "MEDIUM=1")), ("image_scan/create",), in_stack=True),
    "image_scan/resolve-image": TO_BE_SCANNED,
    "image_scan/resolve-image-again": RESOLVED,
    "image_scan/resolve-missing-image": World((repository,)),
    "image_scan/update": SCANNED,
    "image_scan_route/create-for-a-queue": World((queue,)),
    "image_scan_route/create-for-events": World((queue,)),
    "image_scan_route/delete": ROUTE,
    "image_scan_route/update": ROUTE,
    "in_use/function-updated": World((repository, V1, function, kept)),
    "in_use/one-repository": World((repository, V1, service, kept)),
    "in_use/schedule": World((repository, V1, service, kept)),
    "in_use/service-deployed": World((repository, V1, service, kept)),
    "in_use/task-runs": World((repository, V1, kept)),
    "lifecycle_policy/create": World((repository,)),
    "lifecycle_policy/delete": STACKS_POLICY,
    "lifecycle_policy/delete-of-a-failed-create": STACKS_POLICY,
    "lifecycle_policy/replace-the-policy-of-another": World((repository, lifecycle_policy)),
    "lifecycle_policy/update": STACKS_POLICY,
    "plan_rescans/schedule": World((repository,)),
    "plan_resync/one-repository": World((repository,)),
    "plan_resync/schedule": World((repository,)),
    "repository/adopt": World((repository,)),
    "repository/delete": STACKS_REPOSITORY,
    "repository/delete-of-a-failed-create": STACKS_REPOSITORY,
    "repository/replace": STACKS_REPOSITORY,
    "repository/update": STACKS_REPOSITORY,
    "rescan/repository": World((repository, V1, queue), ("image_scan_route/create-for-a-queue",)),
    "resync/first-push": World((repository,), ("baseline/create",)),
    "resync/repository": World((repository,), ("baseline/create",)),
    "route_scan/archived": EVENTS_TO_QUEUE,
    "route_scan/basic": ROUTE_TO_QUEUE,
    "route_scan/batch-with-poison": ROUTE_TO_QUEUE,
    "route_scan/called": EVENTS_TO_QUEUE,
    "route_scan/deleted": EVENTS_TO_QUEUE,
    "route_scan/enhanced": ROUTE_TO_QUEUE,
    "route_scan/failed": ROUTE_TO_QUEUE,
    "route_scan/finding": EVENTS_TO_QUEUE,
    "route_scan/guard-refused": EVENTS_TO_QUEUE,
    "route_scan/pull-through-failed": EVENTS_TO_QUEUE,
    "route_scan/pulled-through": EVENTS_TO_QUEUE,
    "route_scan/pushed": EVENTS_TO_QUEUE,
    "route_scan/referrer-restored": EVENTS_TO_QUEUE,
    "route_scan/replicated": EVENTS_TO_QUEUE,
    "route_scan/replication-failed": EVENTS_TO_QUEUE,
    "route_scan/restored": EVENTS_TO_QUEUE,
    "route_scan/scan-frequency-changed": EVENTS_TO_QUEUE,
    "route_scan/untagged": ROUTE_TO_QUEUE,
}
