"""A batch of a queue: each message on its own, within the deadline, and never lost without a reason."""

from __future__ import annotations

import json
import time
from contextvars import copy_context
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.sqs_batch import MAX_REASON, BatchResult, DeadLetterQueue, Message, process, process_records
from tests.unit.event_routing.fakes import FakeDeadLetters, record

if TYPE_CHECKING:
    from collections.abc import Callable

DEFECT = "The controller failed because of a defect (ZeroDivisionError). Its log has the details."


def raising(errors: dict[str, BaseException]) -> Callable[[Message], None]:
    """Work that fails for some bodies."""

    def work(message: Message) -> None:
        if message.body in errors:
            raise errors[message.body]

    return work


@pytest.mark.parametrize(
    ("error", "receives", "failed", "letters"),
    [
        (UserError("No such target."), 1, [], [("b", "No such target.")]),
        (RetryableError("Busy."), 1, ["b"], []),
        (RetryableError("Busy."), 5, [], [("b", "Busy.")]),
        (ZeroDivisionError(), 4, ["b"], []),
        (ZeroDivisionError(), 5, [], [("b", DEFECT)]),
    ],
)
def test_a_message_that_fails_is_delivered_again_or_kept_with_its_reason_and_its_neighbours_are_processed(
    error: BaseException, receives: int, failed: list[str], letters: list[tuple[str, str]]
) -> None:
    done: list[str] = []

    def work(message: Message) -> None:
        raising({"b": error})(message)
        done.append(message.body)

    records = [record(body, message_id=body, receives=receives) for body in ("a", "b", "c")]
    dead_letters = FakeDeadLetters()
    result = process_records(records, work, dead_letters, 5)
    assert done == ["a", "c"]
    assert (result, dead_letters.letters) == (BatchResult(failed, len(letters)), letters)


def test_the_work_sees_whether_a_message_is_delivered_for_the_last_time() -> None:
    seen: list[Message] = []
    process_records([record("a", receives=4), record("b", receives=5)], seen.append, FakeDeadLetters(), 5)
    assert seen == [Message("a", is_last_receive=False), Message("b", is_last_receive=True)]


def test_a_message_that_the_dead_letter_queue_does_not_accept_stays_on_its_queue() -> None:
    class Full:
        def send_message(self, body: str, reason: str) -> None:
            raise UserError("AWS rejected SendMessage.")

    result = process_records([record("a", message_id="a")], raising({"a": UserError("No.")}), Full(), 5)
    assert result == BatchResult(["a"], 0)


@dataclass
class Context:
    seconds: float

    def get_remaining_time_in_millis(self) -> int:
        return round(self.seconds * 1000)


@pytest.fixture
def queue(moto: None, monkeypatch: pytest.MonkeyPatch) -> str:
    url: str = aws.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]
    monkeypatch.setenv("DEAD_LETTERS", url)
    monkeypatch.setenv("MAX_RECEIVES", "5")
    return url


def received(queue: str) -> list[Any]:
    shown = aws.client("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
    return [(each["Body"], each["MessageAttributes"]["Reason"]["StringValue"]) for each in shown.get("Messages", [])]


def test_an_event_of_a_queue_is_processed_within_the_time_of_the_function(queue: str) -> None:
    deadlines, began = list[float](), time.time()
    records = [record("a", message_id="a"), record("b", message_id="b")]

    def work(message: Message) -> None:
        deadlines.append(DEADLINE.get())
        raising({"a": UserError("No."), "b": RetryableError("Busy.")})(message)

    result = copy_context().run(process, {"Records": records}, Context(60), work)
    assert result.response == {"batchItemFailures": [{"itemIdentifier": "b"}]}
    assert received(queue) == [("a", "No.")]
    assert all(deadline - began == pytest.approx(45, abs=5) for deadline in deadlines)


def test_after_the_deadline_no_aws_call_is_made_and_the_rest_is_delivered_again(queue: str) -> None:
    records = [record("a", message_id="a"), record("b", message_id="b")]
    work = raising({"a": UserError("No."), "b": UserError("No.")})
    result = copy_context().run(process, {"Records": records}, Context(1), work)
    assert result == BatchResult(["a", "b"], 0)


def test_a_reason_is_cut_and_has_no_control_characters(queue: str) -> None:
    DeadLetterQueue().send_message(json.dumps({"id": 1}), "a\nb\x00" + "x" * 3_000)
    [(body, reason)] = received(queue)
    assert body == '{"id": 1}'
    assert reason == "a b " + "x" * (MAX_REASON - 4)


@pytest.mark.parametrize(
    ("size", "limit"), [(262_144 - 500, 262_144), (262_144, 262_144), (1_048_576 - 300, 1_048_576)]
)
def test_a_reason_takes_the_room_that_a_large_body_leaves(
    monkeypatch: pytest.MonkeyPatch, size: int, limit: int
) -> None:
    sent: list[dict[str, Any]] = []
    queue = DeadLetterQueue()
    sqs: Any = SimpleNamespace(send_message=lambda **message: sent.append(message))
    queue._sqs = sqs
    queue.send_message("x" * size, "é" * 3000)
    [message] = sent
    [reason] = [each["StringValue"] for each in message["MessageAttributes"].values()] or [""]
    assert message["MessageBody"] == "x" * size
    assert len(reason) <= MAX_REASON
    room = limit - size - len("ReasonString")
    assert max(0, room - 1) <= len(reason.encode()) <= max(0, room)
