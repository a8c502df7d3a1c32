"""The five kinds of target: parsed from their ARNs, verified, and delivered to."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.stub import Stubber

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.event_routing import targets
from ecr_controller.event_routing.messages import message
from ecr_controller.event_routing.reading import parse as parse_events
from tests.unit.event_routing.samples import documented, scan

HOME = "eu-west-1:123456789012"
ARNS = {
    "topic": f"arn:aws:sns:{HOME}:findings",
    "queue": f"arn:aws:sqs:{HOME}:findings",
    "function": f"arn:aws:lambda:{HOME}:function:findings",
    "state machine": f"arn:aws:states:{HOME}:stateMachine:findings",
    "event bus": f"arn:aws:events:{HOME}:event-bus/findings",
}


MESSAGE = message(scan(), "ScanCompleted")


@pytest.mark.parametrize("kind", ARNS)
def test_an_arn_determines_the_kind_the_name_and_the_home(kind: str) -> None:
    found = targets.parse(ARNS[kind])
    assert (found.kind, found.name, found.account, found.region) == (kind, "findings", "123456789012", "eu-west-1")


def test_a_function_may_have_an_alias_and_a_queue_an_order() -> None:
    assert targets.parse(f"{ARNS['function']}:live").name == "findings"
    assert targets.parse(f"{ARNS['queue']}.fifo").is_fifo
    assert not targets.parse(ARNS["queue"]).is_fifo


@pytest.mark.parametrize(
    "arn",
    [
        "findings",
        "arn:aws:s3:::bucket",
        "arn:aws:sns:eu-west-1:123456789012:findings:7d6f1c80",
        "arn:aws:events:eu-west-1:123456789012:rule/findings",
        "arn:aws:lambda:eu-west-1:123456789012:layer:findings",
        "arn:aws:states:eu-west-1:123456789012:execution:findings:1",
        "arn:aws:sqs:eu-west-1::findings",
    ],
)
def test_any_other_arn_is_refused(arn: str) -> None:
    with pytest.raises(UserError, match="is not the ARN of an SNS topic"):
        targets.parse(arn)


@pytest.mark.parametrize("kind", ["topic", "queue", "function", "state machine", "event bus"])
def test_a_target_that_is_not_there_is_refused(moto: None, kind: str) -> None:
    with pytest.raises(UserError, match=r"AWS rejected (Get|Describe)"):
        targets.parse(ARNS[kind]).verify()


def test_a_target_that_is_there_is_fine(moto: None) -> None:
    aws.client("sns").create_topic(Name="findings")
    aws.client("sqs").create_queue(QueueName="findings")
    aws.client("events").create_event_bus(Name="findings")
    for kind in ("topic", "queue", "event bus"):
        targets.parse(ARNS[kind]).verify()


@pytest.mark.parametrize("kind", ["topic", "queue", "function", "state machine", "event bus"])
def test_a_target_that_is_gone_is_a_lasting_failure(moto: None, kind: str) -> None:
    with pytest.raises(UserError):
        targets.parse(ARNS[kind]).deliver(MESSAGE)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def stubbed(monkeypatch: pytest.MonkeyPatch, service: str) -> Stubber:
    aws.client.cache_clear()
    client = aws.client(service)
    monkeypatch.setattr(aws, "client", lambda _service: client)
    return Stubber(client)


def text() -> str:
    return json.dumps(scan().scan_document(), separators=(",", ":"))


ORDER = {"MessageGroupId": "my-repository-name", "MessageDeduplicationId": MESSAGE.delivery_id}
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012"
EXPECTED: dict[str, tuple[str, str, str, dict[str, Any], dict[str, Any]]] = {
    "topic": ("sns", "publish", ARNS["topic"], {"TopicArn": ARNS["topic"], "Message": text()}, {}),
    "fifo topic": (
        "sns",
        "publish",
        f"{ARNS['topic']}.fifo",
        {"TopicArn": f"{ARNS['topic']}.fifo", "Message": text(), **ORDER},
        {},
    ),
    "queue": ("sqs", "send_message", ARNS["queue"], {"QueueUrl": f"{URL}/findings", "MessageBody": text()}, {}),
    "fifo queue": (
        "sqs",
        "send_message",
        f"{ARNS['queue']}.fifo",
        {"QueueUrl": f"{URL}/findings.fifo", "MessageBody": text(), **ORDER},
        {},
    ),
    "function": (
        "lambda",
        "invoke",
        ARNS["function"],
        {"FunctionName": ARNS["function"], "InvocationType": "Event", "Payload": text().encode()},
        {"StatusCode": 202},
    ),
    "state machine": (
        "stepfunctions",
        "start_execution",
        ARNS["state machine"],
        {"stateMachineArn": ARNS["state machine"], "name": f"ecr-{MESSAGE.delivery_id}", "input": text()},
        {"executionArn": "arn:aws:states:x", "startDate": 0},
    ),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_each_kind_receives_the_scan_in_its_own_way(
    credentials: None, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    service, operation, arn, parameters, answer = EXPECTED[case]
    with stubbed(monkeypatch, service) as stub:
        stub.add_response(operation, answer, parameters)
        targets.parse(arn).deliver(MESSAGE)
        stub.assert_no_pending_responses()


def test_an_event_has_one_delivery_id_in_each_format_and_for_each_of_its_repositories() -> None:
    long = "platform/services/payment-gateway/"
    names = ["a/b", "a-b", f"{long}backend-a", f"{long}backend-b", "x" * 256]
    changed = documented("ecr-scan-resource-change-frequency")
    one = changed["detail"]["repositories"][0]
    changed["detail"]["repositories"] = [{**one, "repository-name": name, "repository-arn": name} for name in names]
    messages = [message(each, form) for each in parse_events(changed) for form in ("Json", "Text")]
    messages += [message(scan(), form) for form in ("ScanCompleted", "Json")]
    ids = [each.delivery_id for each in messages]
    assert len(set(ids)) == len(ids) == 12
    # Of Step Functions and of FIFO topics and queues; SQS and SNS accept the same characters and more.
    assert all(re.fullmatch(r"[\w-]{1,76}", each) for each in ids)
    assert ids == [message(each, form).delivery_id for each in parse_events(changed) for form in ("Json", "Text")] + [
        message(scan(), form).delivery_id for form in ("ScanCompleted", "Json")
    ]


def test_an_execution_that_is_there_already_is_a_delivery(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with stubbed(monkeypatch, "stepfunctions") as stub:
        stub.add_client_error("start_execution", "ExecutionAlreadyExists", http_status_code=400)
        targets.parse(ARNS["state machine"]).deliver(MESSAGE)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        ({"EventId": "1"}, None),
        ({"ErrorCode": "InternalFailure", "ErrorMessage": "again"}, RetryableError),
        ({"ErrorCode": "MalformedDetail"}, UserError),
    ],
)
def test_an_event_bus_is_described_and_its_response_for_the_event_is_checked(
    credentials: None, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str], raised: type[Exception] | None
) -> None:
    entry = {
        "EventBusName": ARNS["event bus"],
        "Source": "ecr-controller",
        "DetailType": "ECR Scan Completed",
        "Detail": text(),
        "Resources": [scan().repository_arn],
    }
    with stubbed(monkeypatch, "events") as stub:
        stub.add_response("describe_event_bus", {"Name": "findings"}, {"Name": "findings"})
        stub.add_response("put_events", {"Entries": [answer]}, {"Entries": [entry]})
        if raised is None:
            targets.parse(ARNS["event bus"]).deliver(MESSAGE)
        else:
            with pytest.raises(raised, match="PutEvents failed"):
                targets.parse(ARNS["event bus"]).deliver(MESSAGE)
        stub.assert_no_pending_responses()


def test_the_table_of_kinds_has_each_kind_once_under_its_service() -> None:
    assert {kind.kind for kind in targets.KINDS.values()} == set(ARNS)
    assert all(kind.service == service for service, kind in targets.KINDS.items())


def test_a_mail_has_a_subject(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = message(scan(), "Text")
    expected = {"TopicArn": ARNS["topic"], "Message": mail.text, "Subject": mail.subject}
    with stubbed(monkeypatch, "sns") as stub:
        stub.add_response("publish", {}, expected)
        targets.parse(ARNS["topic"]).deliver(mail)
        stub.assert_no_pending_responses()


def test_an_event_goes_to_a_bus_under_a_type_of_its_own() -> None:
    assert message(scan(), "Json").detail_type == "ECR Event"
    assert MESSAGE.detail_type == "ECR Scan Completed"
