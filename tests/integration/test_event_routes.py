"""``Custom::ECREventRoute`` as a user meets it: every documented event arrives under its name."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import boto3
import jsonschema
import pytest

from ecr_controller.custom_resource.properties import load
from ecr_controller.event_routing import reading
from local import ROOT, deploy
from local.images import push_image
from local.stack import Stack
from tests.integration.conftest import ON_REAL_AWS
from tests.integration.test_scan_routes import Queues, account_of, queues, repository
from tests.unit.event_routing.samples import OTHERS, SCANS, documented

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

__all__ = ["queues", "repository"]

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="the events of Amazon ECR cannot be chosen on a real AWS")

SCHEMA = json.loads((ROOT / "schemas" / "messages" / "EcrEvent.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
ALL = load("ECREventRoute")["properties"]["Events"]["items"]["enum"]


@pytest.fixture
def event_routes(controller_stack: str) -> Callable[..., str]:
    """Makes a template with one Custom::ECREventRoute for each set of properties."""

    def make(*declared: dict[str, Any]) -> str:
        token = {"Fn::ImportValue": f"{controller_stack}-ECREventRoute"}
        resources = {
            f"Route{i}": {"Type": "Custom::ECREventRoute", "Properties": {"ServiceToken": token, **properties}}
            for i, properties in enumerate(declared)
        }
        return json.dumps({"Resources": resources})

    return make


def message(queues: Queues, url: str) -> dict[str, Any]:
    """The next message as an EcrEvent, held against its schema."""
    document: dict[str, Any] = json.loads(queues.take(url)["Body"])
    jsonschema.validate(document, SCHEMA)
    return document


def example(name: str) -> str:
    return (ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8")


def test_a_push_and_a_deletion_arrive(
    stack: Stack, ecr: ECRClient, repository: str, queues: Queues, controller_stack: str
) -> None:
    deployed = stack.deploy(example("event-route"), Controller=controller_stack, Repositories=repository)
    assert deployed.succeeded, deployed
    url = deployed.outputs["QueueUrl"]
    push_image(ecr, repository, "dev", content="dev")
    digest = push_image(ecr, repository, "v1", content="v1")
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])
    pushed, deleted = (message(queues, url) for _ in range(2))
    assert {pushed["event"], deleted["event"]} == {"Pushed", "Deleted"}
    for each in (pushed, deleted):
        assert (each["repositoryName"], each["imageDigest"], each["imageTags"]) == (repository, digest, ["v1"])
    assert queues.is_empty(url)


def test_people_get_a_mail_and_a_chat_message(
    stack: Stack, ecr: ECRClient, repository: str, queues: Queues, controller_stack: str
) -> None:
    deployed = stack.deploy(example("event-to-people"), Controller=controller_stack, Repositories=repository)
    assert deployed.succeeded, deployed
    mail, chat = (queues.subscribe(deployed.outputs[f"{each}TopicArn"]) for each in ("Mail", "Chat"))
    push_image(ecr, repository, "v1", content="v1", findings="HIGH=2")
    sent = json.loads(queues.take(mail)["Body"])
    assert sent["Subject"] == f"{repository}:v1 was pushed"
    assert sent["Message"].startswith(f"{repository}:v1 was pushed\n")
    notification = json.loads(json.loads(queues.take(chat)["Body"])["Message"])
    assert notification["source"] == "custom"
    assert notification["content"]["title"] == f"{repository}:v1 has 2 HIGH"


def renamed(name: str, repository: str, home: str) -> dict[str, Any]:
    """The documented event, about this repository."""
    event = documented(name)
    [before, *_] = {each.repository_name for each in reading.parse(event)}
    text = json.dumps(event)
    for each in {found.repository_name for found in reading.parse(event)}:
        text = re.sub(rf'(["/]){re.escape(each)}(?=["/])', rf"\g<1>{repository}", text)
    assert before != repository
    changed: dict[str, Any] = json.loads(re.sub(r"arn:aws:ecr:[\w-]+:\d{12}:", f"arn:aws:ecr:{home}:", text))
    return changed


@pytest.mark.parametrize("sample", [each for each in [*OTHERS, *SCANS] if each != "inspector2-coverage-ec2"])
def test_each_documented_event_is_delivered_where_its_name_says(
    aws: Emulator,
    stack: Stack,
    event_routes: Callable[..., str],
    repository: str,
    prefix: str,
    queues: Queues,
    sample: str,
) -> None:
    event = renamed(sample, repository, f"{aws.region}:{account_of(aws)}")
    expected = reading.parse(event)[0].name
    right, wrong = queues.make(), queues.make()
    declared = {"RepositoryName": repository, "IncludeController": True}
    others = [each for each in ALL if each != expected]
    routes = event_routes(
        declared | {"Events": [expected], "Targets": [queues.arn(right)]},
        declared | {"Events": others, "Targets": [queues.arn(wrong)]},
    )
    assert stack.deploy(routes).succeeded
    entry: Any = {
        "Source": f"{prefix}.replay",
        "DetailType": event["detail-type"],
        "Resources": event["resources"],
        "Detail": json.dumps(event["detail"]),
    }
    assert aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    found = message(queues, right)
    assert (found["event"], found["repositoryName"]) == (expected, repository)
    assert queues.is_empty(wrong, after=0.5)


def test_what_the_controller_does_and_refuses_arrives(
    stack: Stack,
    other_stack: Stack,
    template: Callable[..., str],
    event_routes: Callable[..., str],
    ecr: ECRClient,
    repository: str,
    queues: Queues,
) -> None:
    queue = queues.make()
    names = ["Adopted", "Released", "GuardRefused"]
    declared = {"RepositoryName": repository, "Events": names, "Targets": [queues.arn(queue)]}
    assert stack.deploy(event_routes(declared)).succeeded
    for number in range(3):
        push_image(ecr, repository, f"v{number}", content=str(number))
    adopting = {"RepositoryName": repository, "OnExisting": "Adopt"}
    assert other_stack.deploy(template(**adopting)).succeeded
    adopted = message(queues, queue)
    assert (adopted["event"], adopted["details"]["stackId"]) == ("Adopted", other_stack.id)

    guarded = adopting | {"LifecycleRules": [{"MaxImageCount": 1}], "LifecycleGuard": {"MaxImages": 1}}
    refused = other_stack.deploy(template(**guarded))
    assert not refused.succeeded
    found = message(queues, queue)
    assert found["event"] == "GuardRefused"
    assert found["details"]["message"] in refused.reasons[0]

    assert other_stack.delete().succeeded
    assert message(queues, queue)["event"] == "Released"
    assert queues.is_empty(queue)


def members() -> list[Any]:
    """The rows of the table of the CDK's members: each, with the properties that the page names for it."""
    [table] = re.findall(r"\| Member of `aws-ecr` \|.*?\n\n", PAGE, re.DOTALL)
    rows = re.findall(r"^\| `(on\w+)\(.*?\)` \| (.*) \|$", table, re.MULTILINE)
    return [pytest.param(cell, id=member) for member, cell in rows]


def test_the_page_has_all_members_of_the_cdk_for_events() -> None:
    assert [each.id for each in members()] == [
        *("onEvent", "onImageScanCompleted", "onCloudTrailEvent", "onCloudTrailImagePushed")
    ]


@pytest.mark.parametrize("cell", members())
def test_what_the_page_names_for_a_member_of_the_cdk_is_deployed(
    stack: Stack, event_routes: Callable[..., str], repository: str, queues: Queues, cell: str
) -> None:
    lists = {name: value.split(", ") for name, value in re.findall(r"`(Events|ApiCalls): \[([\w, ]+)\]`", cell)}
    tags = {"ImageTags": ["v1"]} if "`ImageTags`" in cell else {}
    targets = {"RepositoryName": repository, "Targets": [queues.arn(queues.make())]}
    deployed = stack.deploy(event_routes(targets | lists | tags))
    assert deployed.succeeded, deployed


@pytest.mark.parametrize(("account", "region"), [("222222222222", "eu-west-1"), ("222222222222", "eu-central-1")])
def test_events_are_forwarded_to_the_bus_of_another_account_and_region(
    aws: Emulator, prefix: str, built: Path, ecr: ECRClient, repository: str, account: str, region: str
) -> None:
    def hub(service: str) -> Any:
        make: Any = boto3.client
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
        return make(service, region, endpoint_url=aws.endpoint, **keys)

    stack = Stack(hub("cloudformation"), f"{prefix}-hub")
    deployed = stack.deploy(example("organization-hub"), OrganizationId="o-a1b2c3d4e5", BusName=f"{prefix}-hub")
    assert deployed.succeeded, deployed
    url = hub("sqs").create_queue(QueueName="all")["QueueUrl"]
    arn = hub("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events, bus = hub("events"), f"{prefix}-hub"
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "all", "Arn": arn}])
    name = f"{prefix}-member"
    parameters = {"RepositoryNames": f"{prefix}*", "OrganizationBus": deployed.outputs["BusArn"]}
    deploy.deploy(built, aws.environment(), name, parameters)
    try:
        push_image(ecr, repository, "v1", content="v1", findings="HIGH=1")
        sent = {"Source": "ecr-controller", "DetailType": "ECR Controller Repository Adopted", "Detail": "{}"}
        aws.client("events").put_events(Entries=[sent, sent | {"DetailType": "ECR Event"}])
        found: list[Any] = []
        end = time.monotonic() + 20
        while len(found) < 2 and time.monotonic() < end:
            received = hub("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            found += [json.loads(each["Body"]) for each in received.get("Messages", [])]
        assert sorted(each["detail-type"] for each in found) == ["ECR Controller Repository Adopted", "ECR Image Scan"]
        assert {(each["account"], each["region"]) for each in found} == {(account_of(aws), aws.region)}
    finally:
        member = Stack(aws.client("cloudformation"), name)
        member.delete()
        hub("sqs").delete_queue(QueueUrl=url)
        assert stack.delete().succeeded


def test_findings_of_minutes_are_one_message(
    aws: Emulator,
    stack: Stack,
    event_routes: Callable[..., str],
    repository: str,
    prefix: str,
    controller_stack: str,
    queues: Queues,
) -> None:
    queue = queues.make()
    declared = {"RepositoryName": repository, "Events": ["Finding"], "Window": 14, "Targets": [queues.arn(queue)]}
    assert stack.deploy(event_routes(declared)).succeeded
    event = renamed("inspector2-finding-ecr", repository, f"{aws.region}:{account_of(aws)}")
    for number in range(5):
        detail = json.dumps(event["detail"]).replace("FINDING_ID", str(number))
        entry: Any = {"Source": f"{prefix}.replay", "DetailType": event["detail-type"], "Detail": detail}
        aws.client("events").put_events(Entries=[entry])
    resources = aws.client("cloudformation").describe_stack_resources(StackName=controller_stack)["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}

    def rows() -> list[Any]:
        items = aws.client("dynamodb").scan(TableName=ids["DeliveriesTable"])["Items"]
        return [each for each in items if each["target"]["S"] == "Findings" and repository in each["route"]["S"]]

    end = time.monotonic() + 30
    while sum(len(row["findings"]["SS"]) for row in rows()) < 5 and time.monotonic() < end:
        time.sleep(0.2)
    # What the queue delivers after the period.
    for row in rows():
        _, route, start = row["event"]["S"].split("/")
        body = json.dumps({"detail-type": "window", "detail": {"route": route, "start": int(start)}})
        aws.client("sqs").send_message(QueueUrl=ids["FindingWindowQueue"], MessageBody=body)
    found = message(queues, queue)
    assert (found["event"], found["details"]["findingTotal"]) == ("Findings", 5)
