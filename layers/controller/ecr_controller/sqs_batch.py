"""The dead-letter queue, as the router fills it: the event as it came, so that it can be redriven, with the reason."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ecr_controller import aws

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_REASON = 2000


@aws.adapter
class DeadLetterQueue:
    """The queue whose URL DEAD_LETTERS gives. `put` may raise UserError and RetryableError."""

    @property
    def _sqs(self) -> SQSClient:
        client: SQSClient = aws.client("sqs")
        return client

    def put(self, body: str, reason: str) -> None:
        """SendMessage, with the reason as the message attribute `Reason`."""
        # SQS refuses control characters.
        told = "".join(each if each.isprintable() else " " for each in reason)[:MAX_REASON]
        self._sqs.send_message(
            QueueUrl=os.environ["DEAD_LETTERS"],
            MessageBody=body,
            MessageAttributes={"Reason": {"DataType": "String", "StringValue": told}},
        )
