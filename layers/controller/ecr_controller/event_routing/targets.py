"""The kinds of target that receive events, one class each. A new kind is one class and its place in `KINDS`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from ecr_controller.event_routing.messages import Message

SOURCE = "ecr-controller"
_ARN = re.compile(r"arn:[a-z0-9-]+:(?P<service>[a-z]+):(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<rest>.+)")


@dataclass(frozen=True)
class Target(ABC):
    """A resource that receives events, of an account and a Region."""

    service: ClassVar[str]
    """The service in its ARN."""
    kind: ClassVar[str]
    """What the AWS documentation calls it."""
    pattern: ClassVar[str]
    """What follows the account in its ARN; the group is its name."""
    parameter: ClassVar[str]
    """The parameter of the controller's stack that names those which are allowed."""

    arn: str
    name: str
    account: str
    region: str

    @property
    def is_fifo(self) -> bool:
        """Whether a message needs a group and an id for deduplication."""
        return self.name.endswith(".fifo")

    @abstractmethod
    def verify(self) -> None:
        """Read it, to see whether it exists and the controller may use it. Raises UserError and RetryableError.

        The role that verifies has the bounds of the role that delivers.
        """

    @abstractmethod
    def deliver(self, message: Message) -> None:
        """Send a message to it. Raises UserError, if a retry is useless, and RetryableError."""


@aws.translates_errors
class Topic(Target):
    """An Amazon SNS topic."""

    service, kind, pattern = "sns", "topic", r"([\w-]+(?:\.fifo)?)"
    parameter = "ScanTargetTopics"
    _sns: ClassVar[aws.Client[SNSClient]] = aws.Client("sns")

    def verify(self) -> None:
        """GetTopicAttributes."""
        self._sns.get_topic_attributes(TopicArn=self.arn)

    def deliver(self, message: Message) -> None:
        """Publish."""
        subject: Any = {"Subject": message.subject} if message.subject else {}
        self._sns.publish(TopicArn=self.arn, Message=message.text, **subject, **_ordering(self, message))


@aws.translates_errors
class Queue(Target):
    """An Amazon SQS queue."""

    service, kind, pattern = "sqs", "queue", r"([\w-]+(?:\.fifo)?)"
    parameter = "ScanTargetQueues"
    _sqs: ClassVar[aws.Client[SQSClient]] = aws.Client("sqs")

    def verify(self) -> None:
        """GetQueueAttributes."""
        self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])

    def deliver(self, message: Message) -> None:
        """SendMessage."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=message.text, **_ordering(self, message))

    @property
    def _url(self) -> str:
        return f"{self._sqs.meta.endpoint_url}/{self.account}/{self.name}"


@aws.translates_errors
class Function(Target):
    """An AWS Lambda function, or an alias or version of one."""

    service, kind, pattern = "lambda", "function", r"function:([\w-]+)(?::[\w$-]+)?"
    parameter = "ScanTargetFunctions"
    _lambda: ClassVar[aws.Client[LambdaClient]] = aws.Client("lambda")

    def verify(self) -> None:
        """GetFunctionConfiguration."""
        self._lambda.get_function_configuration(FunctionName=self.arn)

    def deliver(self, message: Message) -> None:
        """Invoke, asynchronously."""
        self._lambda.invoke(FunctionName=self.arn, InvocationType="Event", Payload=message.text.encode())


@aws.translates_errors
class StateMachine(Target):
    """An AWS Step Functions state machine, or an alias or version of one."""

    service, kind, pattern = "states", "state machine", r"stateMachine:([\w-]+)(?::[\w-]+)?"
    parameter = "ScanTargetStateMachines"
    _stepfunctions: ClassVar[aws.Client[SFNClient]] = aws.Client("stepfunctions")

    def verify(self) -> None:
        """DescribeStateMachine."""
        self._stepfunctions.describe_state_machine(stateMachineArn=self.arn)

    def deliver(self, message: Message) -> None:
        """StartExecution. The name makes a second start of a standard state machine for the same event a no-op."""
        try:
            self._stepfunctions.start_execution(
                stateMachineArn=self.arn, name=f"ecr-{message.delivery_id}", input=message.text
            )
        except self._stepfunctions.exceptions.ExecutionAlreadyExists:
            return


@aws.translates_errors
class EventBus(Target):
    """An Amazon EventBridge event bus."""

    service, kind, pattern = "events", "event bus", r"event-bus/([\w./-]+)"
    parameter = "ScanTargetEventBuses"
    _events: ClassVar[aws.Client[EventBridgeClient]] = aws.Client("events")
    _RETRYABLE: ClassVar = ("InternalFailure", "InternalException", "ThrottlingException")

    def verify(self) -> None:
        """DescribeEventBus."""
        self._events.describe_event_bus(Name=self.name)

    def deliver(self, message: Message) -> None:
        """DescribeEventBus and PutEvents, which accepts and drops events for a bus that does not exist."""
        self._events.describe_event_bus(Name=self.name)
        entry: Any = {
            "EventBusName": self.arn,
            "Source": SOURCE,
            "DetailType": message.detail_type,
            "Detail": message.text,
            "Resources": [message.repository_arn] if message.repository_arn else [],
        }
        [answer] = self._events.put_events(Entries=[entry])["Entries"]
        if "ErrorCode" in answer:
            reason = f"PutEvents failed ({answer['ErrorCode']}: {answer.get('ErrorMessage', 'no message')})."
            raise RetryableError(reason) if answer["ErrorCode"] in self._RETRYABLE else UserError(reason)


KINDS: dict[str, type[Target]] = {kind.service: kind for kind in (Topic, Queue, Function, StateMachine, EventBus)}


def parse(arn: str) -> Target:
    """The target that an ARN names. Raises UserError, whose message continues the name of the property."""
    found = _ARN.fullmatch(arn)
    kind = KINDS.get(found["service"]) if found else None
    resource = re.fullmatch(kind.pattern, found["rest"]) if found and kind else None
    if found is None or kind is None or resource is None:
        raise UserError(
            f"{arn} is not the ARN of an SNS topic, an SQS queue, a Lambda function, a Step Functions state machine or "
            "an event bus"
        )
    return kind(arn, resource[1], found["account"], found["region"])


def _ordering(target: Target, message: Message) -> dict[str, Any]:
    """What a FIFO topic or queue needs: the repository as the group, of at most 128 characters, and the event once."""
    if not target.is_fifo:
        return {}
    return {"MessageGroupId": message.group[:128] or "controller", "MessageDeduplicationId": message.delivery_id}
