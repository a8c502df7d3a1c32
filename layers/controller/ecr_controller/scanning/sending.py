"""Telling a target of a scan, each kind in its own way. What declares routes never imports this: it may not send."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.scanning.clients import TargetClients

if TYPE_CHECKING:
    from ecr_controller.event_routing.events import ScanCompleted
    from ecr_controller.event_routing.targets import Target

SOURCE, DETAIL_TYPE = "ecr-controller", "ECR Scan Completed"
_PASSING = ("InternalFailure", "InternalException", "ThrottlingException")


@aws.adapter
class Sender(TargetClients):
    """Sends to targets. `send` may raise UserError, when trying again cannot help, and RetryableError."""

    def send(self, target: Target, scan: ScanCompleted) -> None:
        """Publish, SendMessage, Invoke (asynchronous), StartExecution, or DescribeEventBus and PutEvents."""
        text = json.dumps(scan.document(), separators=(",", ":"))
        match target.kind:
            case "topic":
                self._sns.publish(TopicArn=target.arn, Message=text, **_ordered(target, scan))
            case "queue":
                self._sqs.send_message(QueueUrl=self._queue_url(target), MessageBody=text, **_ordered(target, scan))
            case "function":
                self._lambda.invoke(FunctionName=target.arn, InvocationType="Event", Payload=text.encode())
            case "state machine":
                self._start(target, scan, text)
            case _:
                self._put_event(target, scan, text)

    def _start(self, target: Target, scan: ScanCompleted, text: str) -> None:
        # The name makes a second start of a standard state machine for the same event a no-op.
        name = re.sub(r"[^\w-]", "-", f"ecr-scan-{scan.event_id}", flags=re.ASCII)[:80]
        try:
            self._stepfunctions.start_execution(stateMachineArn=target.arn, name=name, input=text)
        except self._stepfunctions.exceptions.ExecutionAlreadyExists:
            return

    def _put_event(self, target: Target, scan: ScanCompleted, text: str) -> None:
        # PutEvents takes events for a bus that is not there, and drops them.
        self._events.describe_event_bus(Name=target.name)
        entry: Any = {
            "EventBusName": target.arn,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": text,
            "Resources": [scan.repository_arn],
        }
        [answer] = self._events.put_events(Entries=[entry])["Entries"]
        if "ErrorCode" in answer:
            told = f"PutEvents failed ({answer['ErrorCode']}: {answer.get('ErrorMessage', 'no message')})."
            raise RetryableError(told) if answer["ErrorCode"] in _PASSING else UserError(told)


def _ordered(target: Target, scan: ScanCompleted) -> dict[str, Any]:
    """What a FIFO topic or queue wants: the order of a repository, and each event once. At most 128 characters."""
    if not target.is_fifo:
        return {}
    return {"MessageGroupId": scan.repository_name[:128], "MessageDeduplicationId": scan.event_id[:128]}
