"""The protocol of a CloudFormation custom resource: one request in, exactly one answer out, whatever happens.

The work runs in a thread of its own, so that its deadline is kept even by work that hangs: the main thread then answers
FAILED, returns, and no later answer can follow. Only the standard library is imported here.

Source: "Custom resource reference" in the CloudFormation user guide; the rules of the CDK's provider framework.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ecr_controller.custom_resource import answer
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

# Of the function's time, what is kept for answering: a quarter, at most this many seconds.
ANSWER_SECONDS = 30.0
LONGEST_PAUSE = 16.0


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    log_group_name: str
    log_stream_name: str
    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the function."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of CloudFormation, without the signed ResponseURL.

    ``physical_id`` is never empty: see `answer.physical_id_of`. ``deadline`` is a ``time.time()``.
    """

    type: str
    request_id: str
    stack_id: str
    logical_id: str
    resource_type: str
    physical_id: str
    properties: Mapping[str, Any]
    old_properties: Mapping[str, Any]
    deadline: float

    @classmethod
    def from_event(cls, event: Mapping[str, Any], deadline: float) -> Request:
        """The request in the event. Raises KeyError where even an answer would miss something."""
        return cls(
            type=event.get("RequestType", ""),
            request_id=event["RequestId"],
            stack_id=event["StackId"],
            logical_id=event["LogicalResourceId"],
            resource_type=event.get("ResourceType", ""),
            physical_id=answer.physical_id_of(event),
            properties=event.get("ResourceProperties") or {},
            old_properties=event.get("OldResourceProperties") or {},
            deadline=deadline,
        )

    @property
    def stack_name(self) -> str:
        """The name in ``arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID``."""
        return self.stack_id.split("/")[1] if "/" in self.stack_id else self.stack_id


@dataclass(frozen=True, slots=True)
class Result:
    """What a request came to: the physical id, which is what `Ref` gives, and the attributes for `GetAtt`."""

    physical_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    no_echo: bool = False


class _TooLate(Exception):
    """The deadline came before the work was done."""


class Resource(Protocol):
    """One type of custom resource. Each method may be called twice for one request, and must then do no harm."""

    def create(self, request: Request) -> Result:
        """Make it, or take back what was begun and raise."""

    def update(self, request: Request) -> Result:
        """Change it in place, or make a replacement and return its physical id."""

    def delete(self, request: Request) -> None:
        """Take away what is ours. Properties may be invalid; what is gone already is a success."""

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """Take away what the Create with that request id left behind."""


def serve(event: Mapping[str, Any], context: LambdaContext, resource: Resource) -> str:
    """Do what the request asks and answer it: "SUCCESS" or "FAILED".

    Raises answer.NotDelivered when CloudFormation did not take the answer; Lambda's on-failure destination tries again.
    Raises KeyError, before anything is done, for an event that nobody could answer.
    """
    seconds = context.get_remaining_time_in_millis() / 1000
    kept, end, url = min(ANSWER_SECONDS, seconds / 4), time.time() + seconds, event["ResponseURL"]
    request = Request.from_event(event, deadline=end - kept)
    log = f"{context.log_group_name}, stream {context.log_stream_name}, request {context.aws_request_id}"
    status, physical_id, body = _outcome(event, request, resource, log)
    answer.send(url, body, until=end - kept / 2)
    logger.info("%s of %s answered %s", request.type, request.logical_id, status, extra={"physical_id": physical_id})
    return status


def _outcome(event: Mapping[str, Any], request: Request, resource: Resource, log: str) -> tuple[str, str, bytes]:
    """The status, the physical id and the answer with both; a failure's reason is in words for the stack event."""
    try:
        result = _within_deadline(lambda: _persistently(resource, request), request.deadline)
        body = answer.success(event, result.physical_id, result.data, no_echo=result.no_echo)
    except (UserError, answer.TooLarge) as error:
        logger.warning("%s of %s refused: %s", request.type, request.logical_id, error)
        reason = str(error)
    except RetryableError as error:
        logger.warning("%s of %s ran out of time: %s", request.type, request.logical_id, error)
        reason = f"{error} It was tried until the time was up; try the deployment again."
    except _TooLate:
        logger.exception("%s of %s took too long", request.type, request.logical_id)
        reason = f"The controller took too long and stopped. Its log says how far it came: {log}"
    except BaseException as error:  # an answer must follow whatever happens, SystemExit included
        logger.exception("%s of %s met a defect", request.type, request.logical_id)
        reason = f"The controller met a defect ({type(error).__name__}). Its log has the details: {log}"
    else:
        return "SUCCESS", result.physical_id, body
    return "FAILED", request.physical_id, answer.failure(event, reason, log)


def _within_deadline(work: Callable[[], Result], deadline: float) -> Result:
    """The result of the work, or what it raised. Raises _TooLate at the deadline, and leaves the work behind."""
    outcome: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()

    def run() -> None:
        DEADLINE.set(deadline)
        try:
            outcome.put(work())
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            outcome.put(error)

    threading.Thread(target=run, name="custom-resource", daemon=True).start()
    try:
        found = outcome.get(timeout=max(0.0, deadline - time.time()))
    except queue.Empty:
        raise _TooLate from None
    if isinstance(found, BaseException):
        raise found
    return found


def _persistently(resource: Resource, request: Request) -> Result:
    """Do it, and again after a pause with full jitter as long as it raises RetryableError and there is time."""
    pause = 0.5
    while True:
        try:
            return _dispatch(resource, request)
        except RetryableError as error:
            wait = random.uniform(0, pause)
            if time.time() + wait >= request.deadline:
                raise
            logger.info("%s of %s is tried again in %.1f s: %s", request.type, request.logical_id, wait, error)
            time.sleep(wait)
            pause = min(LONGEST_PAUSE, 2 * pause)


def _dispatch(resource: Resource, request: Request) -> Result:
    failed_create = request.physical_id.startswith(answer.FAILED_CREATE)
    match request.type:
        case "Create":
            return resource.create(request)
        case "Update":
            return resource.create(request) if failed_create else resource.update(request)
        case "Delete":
            if failed_create:
                resource.delete_failed_create(request, request.physical_id.removeprefix(answer.FAILED_CREATE))
            else:
                resource.delete(request)
            return Result(request.physical_id)
    raise UserError(f"RequestType {request.type} is none of Create, Update and Delete.")
