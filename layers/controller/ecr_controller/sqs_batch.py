"""A batch of an Amazon SQS queue: each message on its own, so that one that fails does not hold up the others.

A message that is rejected, and one that fails at its last receive, goes to the dead-letter queue with the reason. It is
lighter than the batch processor of Powertools, whose import takes longer than all else that a batch function imports.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ecr_controller import aws
from ecr_controller.config import config
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

# Kept for reporting what failed: a call that begins before the deadline takes 13 seconds at most, 3 to connect and
# 10 to read.
ANSWER_SECONDS = 15.0
MAX_REASON = 2000  # characters
# The body and the attributes of a message, in bytes: of queues since August 2025, and of those before.
MAX_MESSAGE = 1_048_576
MAX_OLDER_MESSAGE = 262_144


class RemainingTime(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the function."""


class DeadLetters(Protocol):
    """Where messages go that cannot be processed."""

    def send_message(self, body: str, reason: str) -> None:
        """Keep the message, with the reason."""


@aws.translates_errors
class DeadLetterQueue:
    """The queue DEAD_LETTERS. It receives the message unchanged, so that it can be redriven."""

    _sqs: aws.Client[SQSClient] = aws.Client("sqs")

    def send_message(self, body: str, reason: str) -> None:
        """SendMessage, with the reason as the message attribute `Reason`, as far as there is room for it."""
        fitting = _fitting(body, reason)
        self._sqs.send_message(
            QueueUrl=config().dead_letters,
            MessageBody=body,
            MessageAttributes={"Reason": {"DataType": "String", "StringValue": fitting}} if fitting else {},
        )


def _fitting(body: str, reason: str) -> str:
    """The part of a reason that fits into a message with the body."""
    # SQS rejects control characters.
    printable = "".join(each if each.isprintable() else " " for each in reason[:MAX_REASON])
    size = len(body.encode("utf-8", "surrogatepass"))
    limit = MAX_OLDER_MESSAGE if size <= MAX_OLDER_MESSAGE else MAX_MESSAGE
    room = max(0, limit - size - len("Reason" + "String"))
    return printable.encode()[:room].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the queue. At its last receive, the queue does not deliver it again. ``sent_at`` is a time of
    `time.time`."""

    body: str
    is_last_receive: bool = False
    sent_at: float = 0.0


@dataclass(slots=True)
class BatchResult:
    """The ids of the messages that the queue delivers again, and the number of messages sent to dead letters."""

    failed: list[str] = field(default_factory=list)
    dead_letters: int = 0

    @property
    def response(self) -> dict[str, Any]:
        """What the handler returns to Lambda, with ReportBatchItemFailures."""
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in self.failed]}


def process(event: Mapping[str, Any], context: RemainingTime, work: Callable[[Message], None]) -> BatchResult:
    """Process the event of a queue: ``work`` gets each message.

    It may raise UserError, which rejects the message, and RetryableError or a defect, after which the queue delivers it
    again. After the deadline no AWS call is made, so the remaining messages are delivered again.
    """
    DEADLINE.set(time.time() + context.get_remaining_time_in_millis() / 1000 - ANSWER_SECONDS)
    return process_records(event["Records"], work, DeadLetterQueue(), int(config().max_receives))


def process_records(
    records: Sequence[Mapping[str, Any]], work: Callable[[Message], None], dead_letters: DeadLetters, max_receives: int
) -> BatchResult:
    """As `process`. A message has its last receive when it was received ``max_receives`` times."""
    result = BatchResult()
    for record in records:
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        message = Message(
            record["body"], receives >= max_receives, int(record["attributes"].get("SentTimestamp", 0)) / 1000
        )
        reason, is_rejected = _failure(record["messageId"], message, work)
        if reason is None:
            continue
        if (is_rejected or message.is_last_receive) and _is_sent(record, reason, dead_letters):
            result.dead_letters += 1
        else:
            result.failed.append(record["messageId"])
    return result


def _failure(message_id: str, message: Message, work: Callable[[Message], None]) -> tuple[str | None, bool]:
    """Why the message failed, or None, and whether a retry is useless."""
    try:
        work(message)
    except UserError as error:
        return str(error), True
    except RetryableError as error:
        logger.warning("Message %s failed, and a retry may succeed: %s", message_id, error)
        return str(error), False
    except Exception as error:  # a defect, which must not stop the other messages
        logger.exception("Message %s failed because of a defect", message_id)
        return f"The controller failed because of a defect ({type(error).__name__}). Its log has the details.", False
    return None, False


def _is_sent(record: Mapping[str, Any], reason: str, dead_letters: DeadLetters) -> bool:
    logger.error("Message %s is sent to the dead-letter queue: %s", record["messageId"], reason)
    try:
        dead_letters.send_message(record["body"], reason)
    except Exception:  # the message stays on its queue, which delivers it again
        logger.exception("Message %s could not be sent to the dead-letter queue", record["messageId"])
        return False
    return True
