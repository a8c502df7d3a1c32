"""Images in use are kept, as a user meets it, with the roles of the functions enforced."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.lifecycle.holds import tag_of
from local.expire import expire
from local.grace import let_days_pass
from local.images import push_as_buildx, push_image
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator
    from local.stack import Stack

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="tasks would need a network and images with layers")

LONG_AGO = datetime.now(UTC) - timedelta(days=30)
UNTAGGED_GO = [{"TagStatus": "untagged", "MaxImageAge": 1}]
KEEP = {"Sources": ["ECS", "Lambda"], "GraceDays": 7}


@pytest.fixture
def declared(controller_stack: str) -> Callable[..., str]:
    """Makes a template of the lifecycle policy of a repository, or of another type, that keeps images in use."""

    def make(name: str, kind: str = "ECRLifecyclePolicy", **properties: Any) -> str:
        token = {"Fn::ImportValue": f"{controller_stack}-{kind}"}
        declared = {"RepositoryName": name, "LifecycleRules": UNTAGGED_GO, "KeepInUse": KEEP, **properties}
        resource = {"Type": f"Custom::{kind}", "Properties": {"ServiceToken": token, **declared}}
        return json.dumps({"Resources": {"Declared": resource}})

    return make


@pytest.fixture
def outputs(aws: Emulator, controller_stack: str) -> dict[str, str]:
    stacks = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}


@pytest.fixture
def look(aws: Emulator, outputs: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """Looks at what runs, at all repositories or at one."""

    def call(repository: str = "") -> dict[str, Any]:
        payload = json.dumps({"RepositoryName": repository} if repository else {})
        answer = aws.client("lambda").invoke(FunctionName=outputs["InUseFunction"], Payload=payload)
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    return call


@pytest.fixture
def days_pass(aws: Emulator, outputs: dict[str, str]) -> Callable[[str, int], None]:
    """Sets the clock of the holds of a repository."""

    def call(repository: str, days: int) -> None:
        let_days_pass(aws.client("dynamodb"), outputs["PartsTable"], repository, days)

    return call


class Service:
    """A service of Amazon ECS that runs one image."""

    def __init__(self, aws: Emulator, name: str, image: str) -> None:
        self._ecs, self.name = aws.client("ecs"), name.replace("/", "-")
        self._prefix = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com"
        self._ecs.create_cluster(clusterName=self.name)
        self._ecs.create_service(
            cluster=self.name, serviceName="web", taskDefinition=self._define(image), desiredCount=1
        )

    def update(self, image: str) -> None:
        """Deploy another image."""
        self._ecs.update_service(
            cluster=self.name, service="web", taskDefinition=self._define(image), forceNewDeployment=True
        )

    def delete(self) -> None:
        """End the service."""
        self._ecs.delete_service(cluster=self.name, service="web", force=True)

    def _define(self, image: str) -> str:
        containers = [{"name": "web", "image": f"{self._prefix}/{image}", "memory": 128}]
        made = self._ecs.register_task_definition(family=self.name, containerDefinitions=containers)
        return str(made["taskDefinition"]["taskDefinitionArn"])


@pytest.fixture
def service(aws: Emulator) -> Iterator[Callable[[str, str], Service]]:
    made: list[Service] = []

    def make(name: str, image: str) -> Service:
        made.append(Service(aws, name, image))
        return made[-1]

    yield make
    for each in made:
        each.delete()


def tags(ecr: ECRClient, name: str, digest: str) -> set[str] | None:
    found = {each["imageDigest"]: each for each in ecr.describe_images(repositoryName=name)["imageDetails"]}
    return set(found[digest].get("imageTags", ())) if digest in found else None


def is_held(ecr: ECRClient, name: str, digest: str) -> bool:
    return tag_of(digest) in (tags(ecr, name, digest) or ())


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within 60 s"
        time.sleep(0.2)


def policy(ecr: ECRClient, name: str) -> list[Any]:
    try:
        text = ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return []
    rules: list[Any] = json.loads(text)["rules"]
    return rules


def test_an_image_that_runs_outlives_its_tag_and_goes_when_its_days_of_grace_are_over(
    stack: Stack,
    ecr: ECRClient,
    name: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
    look: Callable[..., dict[str, Any]],
    days_pass: Callable[[str, int], None],
) -> None:
    ecr.create_repository(repositoryName=name)
    old = push_image(ecr, name, "latest", content="v1", created=LONG_AGO)
    runs = service(name, f"{name}:latest")
    new = push_image(ecr, name, "latest", content="v2", created=LONG_AGO)
    assert tags(ecr, name, old) == set()
    deployed = stack.deploy(declared(name))
    assert deployed.succeeded, deployed
    assert tags(ecr, name, old) == {tag_of(old)}
    assert expire(ecr, name) == []
    # The service moves on, and the image stays for the days of grace.
    runs.update(f"{name}:latest")
    assert look(name)["faults"] == []
    days_pass(name, 6)
    look(name)
    assert is_held(ecr, name, old)
    assert expire(ecr, name) == []
    days_pass(name, 2)
    look(name)
    assert tags(ecr, name, old) == set()
    assert tags(ecr, name, new) == {"latest", tag_of(new)}
    assert expire(ecr, name) == [old]
    assert tags(ecr, name, old) is None


def test_what_cannot_be_seen_leaves_the_policy_as_it_is(
    stack: Stack, ecr: ECRClient, name: str, declared: Callable[..., str]
) -> None:
    ecr.create_repository(repositoryName=name)
    deployed = stack.deploy(declared(name, KeepInUse={"Sources": ["Inspector"]}))
    assert not deployed.succeeded
    assert any("Amazon Inspector does not scan the images of Amazon ECR" in each for each in deployed.reasons)
    assert policy(ecr, name) == []


def test_fifty_rules_leave_no_room(stack: Stack, name: str, ecr: ECRClient, declared: Callable[..., str]) -> None:
    ecr.create_repository(repositoryName=name)
    rules = [{"TagPrefixList": [f"v{number}"], "MaxImageCount": 1} for number in range(50)]
    deployed = stack.deploy(declared(name, LifecycleRules=rules))
    assert any("has 50 rules, but can have 49 with KeepInUse" in each for each in deployed.reasons)
    assert policy(ecr, name) == []


def test_a_task_that_starts_between_two_looks_is_held(
    stack: Stack,
    ecr: ECRClient,
    name: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
) -> None:
    ecr.create_repository(repositoryName=name)
    digest = push_image(ecr, name, "v1", content="v1", created=LONG_AGO)
    assert stack.deploy(declared(name)).succeeded
    assert not is_held(ecr, name, digest)
    service(name, f"{name}:v1")
    wait_until(lambda: is_held(ecr, name, digest))


def test_images_of_an_index_in_use_stay(
    stack: Stack,
    ecr: ECRClient,
    name: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
) -> None:
    ecr.create_repository(repositoryName=name)
    pushed = push_as_buildx(ecr, name, "latest", {"linux/amd64": None, "linux/arm64": None}, created=LONG_AGO)
    service(name, f"{name}:latest")
    push_image(ecr, name, "latest", content="v2")
    assert stack.deploy(declared(name)).succeeded
    assert expire(ecr, name) == []
    assert tags(ecr, name, pushed.index) == {tag_of(pushed.index)}
    assert all(tags(ecr, name, digest) == set() for digest in pushed.images.values())


def test_a_guard_counts_images_in_use_as_kept(
    stack: Stack,
    ecr: ECRClient,
    name: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
) -> None:
    ecr.create_repository(repositoryName=name)
    push_image(ecr, name, "latest", content="v1", created=LONG_AGO)
    service(name, f"{name}:latest")
    push_image(ecr, name, "latest", content="v2", created=LONG_AGO)
    deployed = stack.deploy(declared(name, LifecycleGuard={"MaxImages": 0}))
    assert deployed.succeeded, deployed


def test_tags_go_with_the_last_stack_that_keeps_the_images(
    stack: Stack,
    ecr: ECRClient,
    name: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
) -> None:
    # A repository with immutable tags; the tag of the hold is one more.
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    digest = push_image(ecr, name, "v1", content="v1")
    service(name, f"{name}:v1")
    assert stack.deploy(declared(name, "ECRRepository", OnExisting="Adopt")).succeeded
    assert tags(ecr, name, digest) == {"v1", tag_of(digest)}
    assert len(policy(ecr, name)) == 2
    assert stack.delete().succeeded
    wait_until(lambda: tags(ecr, name, digest) == {"v1"})
    assert policy(ecr, name) == []


def test_the_image_of_a_function_is_held(
    aws: Emulator, stack: Stack, ecr: ECRClient, name: str, declared: Callable[..., str]
) -> None:
    ecr.create_repository(repositoryName=name)
    digest = push_image(ecr, name, "live", content="v1", created=LONG_AGO)
    uri = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{name}:live"
    function = name.replace("/", "-")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName=function, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    functions = aws.client("lambda")
    functions.create_function(FunctionName=function, Role=role, PackageType="Image", Code={"ImageUri": uri})
    try:
        push_image(ecr, name, "live", content="v2", created=LONG_AGO)
        assert stack.deploy(declared(name)).succeeded
        assert tags(ecr, name, digest) == {tag_of(digest)}
        assert expire(ecr, name) == []
    finally:
        functions.delete_function(FunctionName=function)


def test_a_baseline_keeps_images_in_use_and_gives_them_back(
    aws: Emulator,
    stack: Stack,
    ecr: ECRClient,
    name: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
) -> None:
    repository = f"{name}/app"
    ecr.create_repository(repositoryName=repository)
    digest = push_image(ecr, repository, "latest", content="v1", created=LONG_AGO)
    service(repository, f"{repository}:latest")
    push_image(ecr, repository, "latest", content="v2", created=LONG_AGO)
    assert stack.deploy(declared(f"{name}/*", "ECRRepositoryBaseline")).succeeded
    wait_until(lambda: len(policy(ecr, repository)) == 2)
    assert is_held(ecr, repository, digest)
    assert expire(ecr, repository) == []
    assert stack.delete().succeeded
    wait_until(lambda: policy(ecr, repository) == [] and not is_held(ecr, repository, digest))
    assert tags(ecr, repository, digest) == set()


def test_images_of_pods_and_images_that_were_pulled_are_held(
    aws: Emulator, stack: Stack, ecr: ECRClient, name: str, declared: Callable[..., str]
) -> None:
    now = datetime.now(UTC)
    ecr.create_repository(repositoryName=name)
    in_pod = push_image(ecr, name, "pod", content="pod", created=LONG_AGO, in_use_count=2)
    pulled = push_image(ecr, name, "pulled", content="pulled", created=LONG_AGO, pulled=now - timedelta(days=9))
    neither = push_image(ecr, name, "old", content="old", created=LONG_AGO, pulled=now - timedelta(days=11))
    every = {"filter": "*", "filterType": "WILDCARD"}
    rule: Any = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [every]}
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    try:
        keep = {"Sources": ["Inspector"], "PulledWithinDays": 10}
        rules = [{"MaxImageAge": 20}]
        deployed = stack.deploy(declared(name, LifecycleRules=rules, KeepInUse=keep))
        assert deployed.succeeded, deployed
    finally:
        ecr.put_registry_scanning_configuration(scanType="BASIC")
    assert (is_held(ecr, name, in_pod), is_held(ecr, name, pulled), is_held(ecr, name, neither)) == (True, True, False)
    assert expire(ecr, name) == [neither]


def test_events_tell_what_is_held_and_the_push_of_its_tag_is_not_routed(
    aws: Emulator,
    stack: Stack,
    other_stack: Stack,
    ecr: ECRClient,
    prefix: str,
    name: str,
    controller_stack: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
) -> None:
    queue = aws.client("sqs").create_queue(QueueName=f"{prefix}-{name.rpartition('/')[2]}")["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{queue.rpartition('/')[2]}"
    ecr.create_repository(repositoryName=name)
    digest = push_image(ecr, name, "v1", content="v1", created=LONG_AGO)
    route = {
        "ServiceToken": {"Fn::ImportValue": f"{controller_stack}-ECREventRoute"},
        "RepositoryName": name,
        "Events": ["Pushed", "ImageHeld"],
        "Targets": [arn],
    }
    resources = {"Route": {"Type": "Custom::ECREventRoute", "Properties": route}}
    assert other_stack.deploy(json.dumps({"Resources": resources})).succeeded
    service(name, f"{name}:v1")
    assert stack.deploy(declared(name)).succeeded
    [message] = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    told = json.loads(message["Body"])
    assert (told["event"], told["imageDigest"], told["repositoryName"]) == ("ImageHeld", digest, name)
    aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    push_image(ecr, name, "v2", content="v2")
    found = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(each["Body"])["imageTags"] for each in found] == [["v2"]]


# ecrctl


def ecrctl(aws: Emulator, *arguments: str, given: str = "") -> tuple[int, str]:
    done = subprocess.run(
        ["ecrctl", *arguments], input=given, env=aws.environment(), capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_ecrctl_shows_what_runs_before_and_after_it_is_kept(
    aws: Emulator,
    stack: Stack,
    ecr: ECRClient,
    name: str,
    declared: Callable[..., str],
    service: Callable[[str, str], Service],
) -> None:
    ecr.create_repository(repositoryName=name)
    old = push_image(ecr, name, "latest", content="v1", created=LONG_AGO)
    runs = service(name, f"{name}:latest")
    push_image(ecr, name, "latest", content="v2", created=LONG_AGO)
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
    rule = {"rulePriority": 7, "selection": selection, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps({"rules": [rule]}))
    expected = {
        "repositoryName": name,
        "digest": old,
        "tags": [],
        "inUseBy": f"service:web in the cluster {runs.name}",
        "isMissing": False,
        "isKeptInUse": False,
        "expiresByRule": 7,
    }
    code, output = ecrctl(aws, "in-use", "--prefix", name, "--output", "json")
    assert (code, json.loads(output)["images"]) == (2, [expected])
    assert "expires, rule 7" in ecrctl(aws, "in-use", "--prefix", name)[1]
    # The plan of a template shows what a deployment would keep.
    template = declared(name, OnExisting="Replace")
    plan = ("lifecycle", "plan", "--template", "-", "--output", "json")
    code, output = ecrctl(aws, *plan, given=template)
    assert code == 0, output
    without = json.loads(template)
    del without["Resources"]["Declared"]["Properties"]["KeepInUse"]
    assert ecrctl(aws, *plan, given=json.dumps(without))[0] == 2
    assert stack.deploy(template).succeeded
    code, output = ecrctl(aws, "in-use", "--prefix", name, "--output", "json")
    assert (code, json.loads(output)["images"]) == (0, [expected | {"isKeptInUse": True, "expiresByRule": None}])
    [shown] = json.loads(ecrctl(aws, "status", "--prefix", name, "--output", "json")[1])["repositories"]
    assert shown["imagesKeptInUse"] == 1
    # An image that runs, and that is gone.
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": old}])
    code, output = ecrctl(aws, "in-use", "--prefix", name)
    assert (code, "missing in the repository" in output) == (0, True)
    # A source that cannot be read.
    code, output = ecrctl(aws, "in-use", "--prefix", name, "--source", "Inspector")
    assert (code, "Not read: Inspector cannot be read." in " ".join(output.split())) == (3, True)
