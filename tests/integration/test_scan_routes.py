"""``Custom::ECRImageScanRoute`` and the router as a user meets them, on real events of the embedded AWS."""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from local.images import push_as_buildx, push_image
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator
    from local.stack import Stack

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="the findings of a scan cannot be chosen on a real AWS")

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "messages" / "ScanCompleted.json").read_text(encoding="utf-8"))
DOCUMENTED = ROOT / "tests" / "unit" / "event_routing" / "documented"


class Queues:
    """Queues of the test's own, and the two of the controller."""

    def __init__(self, aws: Emulator, prefix: str, controller_stack: str) -> None:
        self._sqs, self._sns = aws.client("sqs"), aws.client("sns")
        self._prefix = prefix
        outputs = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"][0]["Outputs"]
        urls = {each["OutputKey"]: each["OutputValue"] for each in outputs}
        self.scans, self.dead_letters = urls["ScanQueue"], urls["ScanDeadLetters"]
        self.made: list[str] = []

    def make(self, name: str | None = None, **attributes: str) -> str:
        """The URL of a new queue."""
        name = name or f"{self._prefix}-{uuid.uuid4().hex[:6]}"
        self.made.append(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        return self.made[-1]

    def subscribe(self, topic: str, **attributes: str) -> str:
        """The URL of a new queue that gets what is published to the topic."""
        url = self.make()
        sns: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn(url),
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [sns]})
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self._sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn(url), Attributes=attributes)
        return url

    def arn(self, url: str) -> str:
        arn: str = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return arn

    def delete(self, url: str) -> None:
        self._sqs.delete_queue(QueueUrl=url)

    def retry_after(self, seconds: int) -> None:
        """Have the controller's queue show an event again so soon."""
        self._sqs.set_queue_attributes(QueueUrl=self.scans, Attributes={"VisibilityTimeout": str(seconds)})

    def take(self, url: str, *, within: float = 20) -> dict[str, Any]:
        """The next message, which is then deleted."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            shown = self._sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"])
            for message in shown.get("Messages", []):
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found: dict[str, Any] = message
                return found
            time.sleep(0.1)
        raise AssertionError(f"nothing came to {url} within {within} s")

    def scan(self, url: str) -> dict[str, Any]:
        """The next message as a ScanCompleted, held against its schema."""
        document: dict[str, Any] = json.loads(self.take(url)["Body"])
        jsonschema.validate(document, SCHEMA)
        return document

    def dead_letter(self, event_of: str) -> dict[str, Any]:
        """The next dead letter, which must be about that repository."""
        message = self.take(self.dead_letters)
        assert event_of in message["Body"]
        return message

    def redrive(self, message: dict[str, Any]) -> None:
        """What StartMessageMoveTask does, which MiniStack lacks."""
        self._sqs.send_message(QueueUrl=self.scans, MessageBody=message["Body"])

    def is_empty(self, url: str, *, after: float = 1.0) -> bool:
        time.sleep(after)
        return not self._sqs.receive_message(QueueUrl=url).get("Messages")


@pytest.fixture
def queues(aws: Emulator, prefix: str, controller_stack: str) -> Iterator[Queues]:
    made = Queues(aws, prefix, controller_stack)
    made.retry_after(2)
    yield made
    for url in made.made:
        made.delete(url)


@pytest.fixture
def repository(ecr: ECRClient, name: str) -> str:
    ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    return name


@pytest.fixture
def routes(controller_stack: str) -> Callable[..., str]:
    """Makes a template with one Custom::ECRImageScanRoute for each set of properties."""

    def make(*declared: dict[str, Any]) -> str:
        token = {"Fn::ImportValue": f"{controller_stack}-ECRImageScanRoute"}
        resources = {
            f"Route{i}": {"Type": "Custom::ECRImageScanRoute", "Properties": {"ServiceToken": token, **properties}}
            for i, properties in enumerate(declared)
        }
        outputs = {"RouteId": {"Value": {"Fn::GetAtt": ["Route0", "RouteId"]}}}
        return json.dumps({"Resources": resources, "Outputs": outputs})

    return make


def example(kind: str) -> str:
    return (ROOT / "examples" / f"scan-to-{kind}.yaml").read_text(encoding="utf-8")


def account_of(aws: Emulator) -> str:
    account: str = aws.client("sts").get_caller_identity()["Account"]
    return account


def test_the_images_of_an_index_are_selected_by_its_tags(
    stack: Stack, routes: Callable[..., str], ecr: ECRClient, repository: str, queues: Queues
) -> None:
    queue = queues.make()
    declared = {"RepositoryName": repository, "ImageTags": ["prod*"], "ScanStatus": "*", "Targets": [queues.arn(queue)]}
    assert stack.deploy(routes(declared)).succeeded
    platforms = {"linux/amd64": "LOW=1", "linux/arm64": "HIGH=2"}
    push_as_buildx(ecr, repository, "dev", platforms, content="dev")
    pushed = push_as_buildx(ecr, repository, "prod-1", platforms, content="prod")

    scans = [queues.scan(queue) for _ in range(4)]
    assert all(scan["imageTags"] == ["prod-1"] for scan in scans)
    assert {scan["imageDigest"]: scan["scanStatus"] for scan in scans} == {
        **dict.fromkeys(pushed.images.values(), "COMPLETE"),
        **dict.fromkeys(pushed.attestations.values(), "UNSUPPORTED_IMAGE"),
    }
    assert queues.is_empty(queue)


def test_a_scan_is_delivered_to_a_queue_and_to_a_topic(
    aws: Emulator, stack: Stack, routes: Callable[..., str], ecr: ECRClient, repository: str, queues: Queues
) -> None:
    topic = aws.client("sns").create_topic(Name=stack.name)["TopicArn"]
    queue, subscriber = queues.make(), queues.subscribe(topic, RawMessageDelivery="true")
    deployed = stack.deploy(routes({"RepositoryName": repository, "Targets": [queues.arn(queue), topic]}))
    assert deployed.succeeded, deployed
    assert deployed.outputs["RouteId"].endswith(f":{repository}")

    digest = push_image(ecr, repository, "v1", findings="CRITICAL=1,LOW=3")

    message = queues.scan(queue)
    assert queues.scan(subscriber) == message
    assert (message["repositoryName"], message["imageDigest"], message["imageTags"]) == (repository, digest, ["v1"])
    assert (message["scanType"], message["scanStatus"], message["findingTotal"]) == ("BASIC", "COMPLETE", 4)
    assert message["findingSeverityCounts"] | {"CRITICAL": 1, "LOW": 3, "HIGH": 0} == message["findingSeverityCounts"]
    assert message["originalEvent"]["source"] == "aws.ecr"

    assert stack.delete().succeeded
    push_image(ecr, repository, "v2", content="v2")
    assert queues.is_empty(queue, after=3)


def test_routes_take_what_they_declare_and_change_in_place(
    stack: Stack, routes: Callable[..., str], ecr: ECRClient, repository: str, prefix: str, queues: Queues
) -> None:
    releases, failures, bad = queues.make(), queues.make(), queues.make()
    declared: list[dict[str, Any]] = [
        {"RepositoryName": f"{prefix}/*", "ImageTags": ["prod-*"], "Targets": [queues.arn(releases)]},
        {"RepositoryName": repository, "ScanStatus": "FAILED", "Targets": [queues.arn(failures)]},
        {"RepositoryName": repository, "MinimumSeverity": "HIGH", "Targets": [queues.arn(bad)]},
    ]
    assert stack.deploy(routes(*declared)).succeeded
    push_image(ecr, repository, "prod-1", content="1", findings="MEDIUM=1")
    push_image(ecr, repository, None, content="2", scan_status="FAILED")
    push_image(ecr, repository, "dev", content="3", findings="HIGH=2")
    assert queues.scan(releases)["imageTags"] == ["prod-1"]
    failed = queues.scan(failures)
    assert (failed["scanStatus"], failed["imageTags"]) == ("FAILED", [])
    assert queues.scan(bad)["imageTags"] == ["dev"]

    declared[0] = {"RepositoryName": repository, "ImageTags": ["dev-*"], "Targets": [queues.arn(releases)]}
    assert stack.deploy(routes(*declared)).succeeded
    push_image(ecr, repository, "prod-2", content="4")
    push_image(ecr, repository, "dev-2", content="5")
    assert queues.scan(releases)["imageTags"] == ["dev-2"]
    assert all(queues.is_empty(url) for url in (releases, failures, bad))


@pytest.mark.parametrize("kind", ["queue", "topic", "function", "state-machine", "bus"])
def test_the_example_of_each_kind_of_target_works(
    aws: Emulator, stack: Stack, ecr: ECRClient, repository: str, queues: Queues, controller_stack: str, kind: str
) -> None:
    deployed = stack.deploy(example(kind), Controller=controller_stack, Repositories=repository)
    assert deployed.succeeded, deployed
    if kind == "topic":
        queue = queues.subscribe(deployed.outputs["TopicArn"])
    push_image(ecr, repository, "prod-1", findings="CRITICAL=1", scan_status="FAILED" if kind == "topic" else None)
    match kind:
        case "queue":
            assert queues.scan(deployed.outputs["QueueUrl"])["repositoryName"] == repository
        case "topic":
            assert json.loads(json.loads(queues.take(queue)["Body"])["Message"])["scanStatus"] == "FAILED"
        case "bus":
            event = json.loads(queues.take(deployed.outputs["QueueUrl"])["Body"])
            assert (event["source"], event["detail"]["repositoryName"]) == ("ecr-controller", repository)
        case "function":
            assert repository in logged(aws, deployed.outputs["FunctionName"])
        case "state-machine":
            assert started(aws, deployed.outputs["StateMachineArn"])["repositoryName"] == repository


def logged(aws: Emulator, function: str) -> str:
    """What the function wrote to its log, once there is something."""
    logs = aws.client("logs")
    for _ in range(100):
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]
        lines = [
            event["message"]
            for group in groups
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ]
        if any("sha256" in line or "prod-1" in line for line in lines):
            break
        time.sleep(0.2)
    return "\n".join(lines)


def started(aws: Emulator, state_machine: str) -> dict[str, Any]:
    """The input of the one execution of the state machine, once there is one."""
    states = aws.client("stepfunctions")
    for _ in range(100):
        executions = states.list_executions(stateMachineArn=state_machine)["executions"]
        if executions:
            [execution] = executions
            message = states.describe_execution(executionArn=execution["executionArn"])["input"]
            found: dict[str, Any] = json.loads(message)
            return found
        time.sleep(0.2)
    raise AssertionError("no execution was started")


def test_scans_of_a_repository_come_to_a_fifo_queue_in_a_group_of_their_own(
    stack: Stack, routes: Callable[..., str], ecr: ECRClient, repository: str, prefix: str, queues: Queues
) -> None:
    queue = queues.make(f"{prefix}-{uuid.uuid4().hex[:6]}.fifo", FifoQueue="true")
    assert stack.deploy(routes({"RepositoryName": repository, "Targets": [queues.arn(queue)]})).succeeded
    push_image(ecr, repository, "v1")
    message = queues.take(queue)
    assert message["Attributes"]["MessageGroupId"] == repository
    assert re.fullmatch("ScanCompleted-[0-9a-f]{32}", message["Attributes"]["MessageDeduplicationId"])


def test_a_deleted_target_ends_in_the_dead_letter_queue_delays_no_other_and_can_be_redriven(
    stack: Stack, routes: Callable[..., str], ecr: ECRClient, repository: str, queues: Queues
) -> None:
    deleted, neighbour = queues.make(), queues.make()
    arn = queues.arn(deleted)
    assert stack.deploy(routes({"RepositoryName": repository, "Targets": [arn, queues.arn(neighbour)]})).succeeded
    queues.delete(deleted)
    queues.made.remove(deleted)

    push_image(ecr, repository, "v1")

    assert queues.scan(neighbour)["imageTags"] == ["v1"]
    letter = queues.dead_letter(repository)
    reason = letter["MessageAttributes"]["Reason"]["StringValue"]
    assert reason.startswith(f"{arn}: AWS rejected SendMessage (")
    assert "NonExistentQueue" in reason or "QueueDoesNotExist" in reason

    again = queues.make(arn.rpartition(":")[2])
    queues.redrive(letter)
    assert queues.scan(again)["imageTags"] == ["v1"]
    assert queues.is_empty(neighbour, after=2)
    assert queues.is_empty(queues.dead_letters, after=0)


def test_what_was_delivered_is_not_repeated_when_a_neighbour_is_retried(
    aws: Emulator,
    stack: Stack,
    routes: Callable[..., str],
    repository: str,
    prefix: str,
    controller_stack: str,
    queues: Queues,
) -> None:
    slow, neighbour = queues.make(), queues.make()
    targets = [queues.arn(slow), queues.arn(neighbour)]
    assert stack.deploy(routes({"RepositoryName": repository, "Targets": targets})).succeeded
    event = enhanced(aws, repository)
    # An invocation that claimed the delivery and crashed a moment ago; its claim ends after two seconds.
    left = {"claimant": {"S": "dead"}, "until": {"N": str(int(time.time()) + 2)}}
    table = physical_id(aws, controller_stack, "DeliveriesTable")
    key = {"event": {"S": event["id"]}, "target": {"S": targets[0]}}
    aws.client("dynamodb").put_item(TableName=table, Item=key | left)

    for _ in range(2):  # EventBridge delivers at least once
        aws.client("sqs").send_message(QueueUrl=queues.scans, MessageBody=json.dumps(event))

    assert queues.scan(neighbour)["eventId"] == event["id"]
    assert queues.scan(slow)["eventId"] == event["id"]
    assert queues.is_empty(neighbour, after=3)
    assert queues.is_empty(slow, after=0)


def enhanced(aws: Emulator, repository: str) -> dict[str, Any]:
    """An enhanced scan's event as Inspector sends it."""
    event: dict[str, Any] = json.loads((DOCUMENTED / "inspector2-scan-initial-complete.json").read_text("utf-8"))
    arn = f"arn:aws:ecr:{aws.region}:{account_of(aws)}:repository/{repository}"
    event["detail"]["repository-name"] = arn
    return event | {"id": str(uuid.uuid4()), "resources": [arn]}


def physical_id(aws: Emulator, stack: str, logical_id: str) -> str:
    found = aws.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    physical: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return physical


def test_an_enhanced_event_is_replayed_through_a_source_of_the_user(
    aws: Emulator, stack: Stack, routes: Callable[..., str], repository: str, prefix: str, queues: Queues
) -> None:
    queue = queues.make()
    assert stack.deploy(routes({"RepositoryName": f"{prefix}/*", "Targets": [queues.arn(queue)]})).succeeded
    event = enhanced(aws, repository)
    entry: Any = {
        "Source": f"{prefix}.replay",
        "DetailType": event["detail-type"],
        "Resources": event["resources"],
        "Detail": json.dumps(event["detail"]),
    }
    answer = aws.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    message = queues.scan(queue)
    assert (message["repositoryName"], message["scanType"]) == (repository, "ENHANCED")
    assert (message["scanStatus"], message["originalScanStatus"]) == ("COMPLETE", "INITIAL_SCAN_COMPLETE")


def test_a_poison_message_ends_in_the_dead_letter_queue_with_a_reason(aws: Emulator, queues: Queues) -> None:
    poison = f"this is {uuid.uuid4()}"
    aws.client("sqs").send_message(QueueUrl=queues.scans, MessageBody=poison)
    letter = queues.dead_letter(poison)
    assert "is not JSON" in letter["MessageAttributes"]["Reason"]["StringValue"]


def test_targets_that_are_not_there_or_out_of_bounds_are_refused_when_declared(
    aws: Emulator, stack: Stack, routes: Callable[..., str], repository: str
) -> None:
    home = f"{aws.region}:{account_of(aws)}"
    targets = {
        ("topic", "ScanTargetTopics"): f"arn:aws:sns:{home}:nobody",
        ("queue", "ScanTargetQueues"): f"arn:aws:sqs:{home}:nobody",
        ("event bus", "ScanTargetEventBuses"): f"arn:aws:events:{home}:event-bus/nobody",
        ("function", "ScanTargetFunctions"): f"arn:aws:lambda:{home}:function:elsewhere",
        ("state machine", "ScanTargetStateMachines"): f"arn:aws:states:{home}:stateMachine:elsewhere",
    }
    refused = stack.deploy(routes({"RepositoryName": repository, "Targets": list(targets.values())}))
    assert refused.status == "ROLLBACK_COMPLETE"
    [reason, *_] = refused.reasons
    assert "has 5 invalid properties" in reason
    for i, ((kind, parameter), arn) in enumerate(targets.items()):
        refusal = f"the {kind} {arn} does not exist or the controller cannot access it. The parameter {parameter} of"
        assert f"Targets[{i}]: {refusal}" in reason


def test_a_target_of_another_account_or_region_is_refused(
    aws: Emulator, stack: Stack, routes: Callable[..., str], repository: str
) -> None:
    elsewhere = [f"arn:aws:sns:{aws.region}:999999999999:topic", f"arn:aws:sqs:ap-south-2:{account_of(aws)}:queue"]
    refused = stack.deploy(routes({"RepositoryName": repository, "Targets": elsewhere}))
    assert refused.status == "ROLLBACK_COMPLETE"
    assert refused.reasons[0].count("is not in the controller's account and Region") == 2


def test_the_routers_role_cannot_reach_a_target_outside_its_bounds(
    aws: Emulator, stack: Stack, routes: Callable[..., str], repository: str, controller_stack: str, queues: Queues
) -> None:
    queue = queues.make()
    assert stack.deploy(routes({"RepositoryName": repository, "Targets": [queues.arn(queue)]})).succeeded
    home = f"{aws.region}:{account_of(aws)}"
    outside = [
        f"arn:aws:lambda:{home}:function:elsewhere",
        f"arn:aws:states:{home}:stateMachine:elsewhere",
        f"arn:aws:sns:{aws.region}:999999999999:elsewhere",
        f"arn:aws:events:ap-south-2:{account_of(aws)}:event-bus/{stack.name}",
    ]
    aws.client("events").create_event_bus(Name=stack.name)  # here, so that nothing but the role is in the way there
    forge_route(aws, controller_stack, repository, outside)
    aws.client("sqs").send_message(QueueUrl=queues.scans, MessageBody=json.dumps(enhanced(aws, repository)))
    assert queues.scan(queue)["repositoryName"] == repository
    reason = queues.dead_letter(repository)["MessageAttributes"]["Reason"]["StringValue"]
    for arn, operation in zip(outside, ("Invoke", "StartExecution", "Publish", "PutEvents"), strict=True):
        assert f"{arn}: AWS rejected {operation} (A" in reason, reason
    assert reason.lower().count("not authorized") == len(outside)


def forge_route(aws: Emulator, controller_stack: str, repository: str, targets: list[str]) -> None:
    """Write a route as an intruder in the table would."""
    content = {"targets": targets, "imageTags": [], "scanStatus": "*", "minimumSeverity": None}
    item = {"target": f"scan-route/{repository}", "owner": "forged", "content": json.dumps(content)}
    table = physical_id(aws, controller_stack, "PartsTable")
    aws.client("dynamodb").put_item(TableName=table, Item={name: {"S": value} for name, value in item.items()})
