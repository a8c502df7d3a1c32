"""Findings that a route sums: one message a period, nothing lost, nothing twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from ecr_controller import aws
from ecr_controller.custom_resource.properties import SCHEMAS
from ecr_controller.event_routing import windows
from ecr_controller.event_routing.deliveries import DeliveriesTable
from ecr_controller.event_routing.messages import MAX_DESCRIPTION, MAX_TITLE, message, title
from ecr_controller.event_routing.queued_events import EventRouting
from ecr_controller.event_routing.reading import parse as parse_events
from ecr_controller.event_routing.router import Router
from ecr_controller.event_routing.routes import Route
from ecr_controller.event_routing.windows import Window, parse_ended, window_of
from ecr_controller.sqs_batch import process_records
from tests.unit.event_routing.fakes import FakeDeadLetters, FakeTargets, no_tags, record
from tests.unit.event_routing.samples import documented, event
from tests.unit.template.sam import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = json.loads((SCHEMAS / "messages" / "EcrEvent.json").read_text(encoding="utf-8"))
ROUTE = Route("*", ("target",), events=("Finding",), form="Json", window_minutes=10)
NOON = 1_793_534_400.0


class Clock:
    """The time that the windows see."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(windows, "time", made)
    return made


@pytest.fixture
def queue(moto: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The queue of the ends of periods, and the table."""
    declared = RESOURCES["DeliveriesTable"]["Properties"]
    keys = {each: declared[each] for each in ("AttributeDefinitions", "BillingMode", "KeySchema")}
    aws.client("dynamodb").create_table(TableName="deliveries", **keys)
    url: str = aws.client("sqs").create_queue(QueueName="windows")["QueueUrl"]
    monkeypatch.setenv("DELIVERIES_TABLE", "deliveries")
    monkeypatch.setenv("FINDING_WINDOWS", url)
    return url


@pytest.fixture
def sent(queue: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was sent to the queue."""
    assert queue
    found: list[dict[str, Any]] = []
    send = aws.client("sqs").send_message

    def sending(**given: Any) -> Any:
        found.append(given)
        return send(**given)

    monkeypatch.setattr(aws.client("sqs"), "send_message", sending)
    return found


@pytest.fixture
def work() -> Callable[..., FakeTargets]:
    """Routes events with ROUTE: the targets."""
    targets = FakeTargets()

    def run(*bodies: Any) -> FakeTargets:
        router = Router(DeliveriesTable(), "invocation", NOON + 1e6, targets.parse)
        routing = EventRouting(router, lambda key: (ROUTE,) if key == "*" else (), no_tags)
        dead_letters = FakeDeadLetters()
        result = process_records([record(each) for each in bodies], routing.route, dead_letters, 5)
        assert (result.failed, dead_letters.letters) == ([], [])
        return targets

    return run


def finding(number: int, severity: str = "HIGH") -> dict[str, Any]:
    """A documented finding, about another image and with another ID."""
    found: dict[str, Any] = documented("inspector2-finding-ecr")
    text = (
        json.dumps(found["detail"]).replace("FINDING_ID", f"id-{number}").replace("sha256:84f5", f"sha256:{number:04}")
    )
    return found | {"id": f"event-{number}", "detail": json.loads(text) | {"severity": severity}}


def test_findings_of_a_period_are_one_message_with_all_of_them(
    clock: Clock, sent: list[dict[str, Any]], work: Callable[..., FakeTargets]
) -> None:
    assert not work(*(finding(number) for number in range(3))).messages
    [scheduled] = sent
    assert 600 <= scheduled["DelaySeconds"] <= 605
    clock.now += 605
    targets = work(scheduled["MessageBody"], scheduled["MessageBody"])
    [delivered] = targets.messages
    document = json.loads(delivered.text)
    jsonschema.validate(document, SCHEMA)
    assert (document["event"], document["repositoryName"]) == ("Findings", None)
    details = document["details"]
    assert (details["findingTotal"], details["imageTotal"]) == (3, 3)
    assert details["findingSeverityCounts"] == {"HIGH": 3}
    assert {each["findingArn"].rpartition("/")[2] for each in details["findings"]} == {"id-0", "id-1", "id-2"}
    assert (details["from"], document["time"]) == ("2026-11-01T12:00:00Z", "2026-11-01T12:10:00Z")


def test_an_event_that_comes_twice_counts_once_also_in_the_next_period(
    clock: Clock, sent: list[dict[str, Any]], work: Callable[..., FakeTargets]
) -> None:
    work(finding(1), finding(1))
    clock.now += 700
    work(finding(1))
    assert len(sent) == 1
    assert json.loads(work(sent[0]["MessageBody"]).messages[0].text)["details"]["findingTotal"] == 1


def test_a_finding_after_the_end_opens_the_next_period(
    clock: Clock, sent: list[dict[str, Any]], work: Callable[..., FakeTargets]
) -> None:
    work(finding(1))
    work(sent[0]["MessageBody"])  # closed, by a clock that goes wrong
    work(finding(2))
    assert len(sent) == 2
    assert json.loads(sent[1]["MessageBody"])["detail"]["start"] == NOON + 600
    assert len(work(sent[1]["MessageBody"]).messages) == 2


def test_what_has_no_room_is_counted(
    clock: Clock, sent: list[dict[str, Any]], work: Callable[..., FakeTargets], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "MAX_FINDINGS", 2)
    monkeypatch.setattr(windows, "MAX_SHOWN", 1)
    work(*(finding(number) for number in range(5)))
    details = json.loads(work(sent[0]["MessageBody"]).messages[0].text)["details"]
    assert (details["findingTotal"], len(details["findings"])) == (5, 1)


def longest(number: int) -> dict[str, Any]:
    """A finding of which each member is as long as it can be, and longer."""
    found = finding(number)
    [resource] = found["detail"]["resources"]
    image = resource["details"]["awsEcrContainerImage"]
    image |= {"repositoryName": f"{number:04}" + "r" * 252, "imageTags": ["t" * 128] * 300}
    return found | {"detail": found["detail"] | {"title": "\u00e9" * 1000, "findingArn": f"{number}" + "f" * 1600}}


def test_a_row_has_room_for_as_many_findings_as_it_can_have_whatever_their_length(
    clock: Clock, sent: list[dict[str, Any]], work: Callable[..., FakeTargets]
) -> None:
    targets = work(*(longest(number) for number in range(windows.MAX_FINDINGS + 3)))
    [delivered] = work(sent[0]["MessageBody"]).messages
    details = json.loads(delivered.text)["details"]
    assert (details["findingTotal"], details["imageTotal"]) == (windows.MAX_FINDINGS + 3, windows.MAX_FINDINGS)
    assert len(details["findings"]) == windows.MAX_SHOWN
    assert len(delivered.text) < 256_000
    assert targets.messages


def test_a_message_for_a_channel_fits_what_the_channel_accepts() -> None:
    found = [windows.finding(parse_events(longest(number))[0]) for number in range(100)]
    summed = windows.summary(window_of(ROUTE, NOON), ROUTE, found, 0)
    content = json.loads(message(summed, "Chatbot").text)["content"]
    assert len(content["description"]) == MAX_DESCRIPTION
    assert content["description"].endswith(" ...")
    [one] = parse_events(longest(1))
    long = json.loads(message(one, "Chatbot").text)["content"]
    assert len(long["title"]) == MAX_TITLE
    assert "Open in the console>" in long["description"][-30:]


def test_a_period_without_a_row_is_nothing(queue: str, work: Callable[..., FakeTargets]) -> None:
    assert queue
    assert work(Window("gone", 0).message).messages == []


def test_the_end_is_sent_again_if_the_function_stopped_before_it_was_recorded(
    clock: Clock, sent: list[dict[str, Any]], work: Callable[..., FakeTargets], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException):
        pass

    def die(**_given: Any) -> None:
        raise Death

    send = aws.client("sqs").send_message
    monkeypatch.setattr(aws.client("sqs"), "send_message", die)
    with pytest.raises(Death):
        work(finding(1))
    monkeypatch.setattr(aws.client("sqs"), "send_message", send)
    work(finding(1))
    assert len(sent) == 1


@pytest.mark.parametrize(
    "body", [{}, [], {"detail-type": "window"}, {"detail-type": "window", "detail": {"route": 1, "start": "x"}}]
)
def test_another_message_is_no_end(body: Any) -> None:
    assert parse_ended(body) is None


def test_the_summary_reads_well() -> None:
    found = [windows.finding(event("inspector2-finding-ecr"))]
    summed = windows.summary(window_of(ROUTE, NOON), ROUTE, found, 0)
    assert title(summed) == "1 finding in 1 image of *"
    assert "MEDIUM CVE-2024-6119 - libssl3t64, openssl in inspector2:ubuntu_latest" in message(summed, "Text").text
