"""The protocol of a CloudFormation custom resource: one request in, exactly one answer out, whatever happens.

The work runs in a thread of its own, so that its deadline holds even if it hangs: the main thread then answers FAILED
and returns, and no later answer can follow. Only the standard library is imported here.

Source: "Custom resource reference" in the AWS CloudFormation user guide; the rules of the CDK's provider framework.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ecr_controller.custom_resource import answer, properties
from ecr_controller.custom_resource.boundaries import OutsideBoundaries
from ecr_controller.custom_resource.request import Request, Result, refuse_malformed
from ecr_controller.deadline import DEADLINE, UNDO_DEADLINE
from ecr_controller.errors import Faults, InvalidProperties, RetryableError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home

    Report = Callable[[Request[Any], UserError | None], None]

S = TypeVar("S")
T = TypeVar("T")
logger = logging.getLogger(__name__)

# The part of the function's time that is kept for the answer: a quarter, at most this many seconds. Its first half is
# for a call that is under way: connecting and reading take at most 13 seconds. The functions have 300 seconds or more.
ANSWER_SECONDS = 30.0
# The part before it that is kept for the undo of work that failed: an eighth, at most this many seconds.
UNDO_SECONDS = 30.0
LONGEST_PAUSE = 16.0


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    log_group_name: str
    log_stream_name: str
    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the function."""


class Resource(Protocol[S]):
    """One type of custom resource. Each verb may run twice for one request, and must then do no harm.

    The verbs may raise UserError and RetryableError; the latter is retried until the deadline.
    """

    type_name: str
    """Without ``Custom::``; its properties are declared in ``schemas/<type_name>.json``."""

    def parse(self, values: Values, faults: Faults, home: Home) -> S | None:
        """What the valid values declare; None if required ones are missing. Adds faults beyond those of the schema."""

    def repositories(self, request: Request[S]) -> Iterable[str]:
        """The names and patterns of all repositories that the request may concern: those that are declared, those that
        were declared before, and that of the physical id. Raises InvalidProperties."""

    def create(self, request: Request[S]) -> Result:
        """Create it, or undo what was begun and raise."""

    def update(self, request: Request[S]) -> Result:
        """Change it in place, or create a replacement and return its physical id."""

    def delete(self, request: Request[S]) -> None:
        """Delete what is ours. What does not exist counts as deleted."""

    def delete_failed_create(self, request: Request[S], create_request_id: str) -> None:
        """Delete what the Create with that request id left."""


class Authority(Protocol):
    """Who may do what: `authority.Authority`."""

    def verify(self, request: Request[Any]) -> None:
        """Raise UserError unless CloudFormation makes the request."""

    def authorize(self, request: Request[Any], repositories: Iterable[str]) -> None:
        """Raise OutsideBoundaries unless the stack may manage the repositories."""


def serve(
    event: Mapping[str, Any],
    context: LambdaContext,
    resources: Sequence[Resource[Any]],
    authority: Authority,
    report: Report = lambda _request, _error: None,
) -> str:
    """Carry out the request with the resource of its type, and answer it: "SUCCESS" or "FAILED".

    ``report`` is called after the answer, with what the user can fix, if that is why it failed.

    Raises answer.NotDelivered if CloudFormation does not accept the answer; Lambda's on-failure destination then tries
    again. Raises LookupError, before anything is done, for an event that cannot be answered.
    """
    seconds = context.get_remaining_time_in_millis() / 1000
    kept, end, url = min(ANSWER_SECONDS, seconds / 4), time.time() + seconds, answer.response_url(event)
    deadlines = _Deadlines(end - kept - min(UNDO_SECONDS, seconds / 8), end - kept, end - kept / 2)
    request: Request[Any] = Request.from_event(event, deadlines.work)
    log = f"{context.log_group_name}, stream {context.log_stream_name}, request {context.aws_request_id}"
    outcome = _outcome(event, request, _Server(resources, authority), deadlines, log)
    answer.send(url, outcome.body, until=end - kept / 16)
    logger.info(
        "%s of %s answered %s",
        request.type,
        request.logical_id,
        outcome.status,
        extra={"physical_id": outcome.physical_id},
    )
    report(request, outcome.error)
    return outcome.status


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The answer with its status and its physical id, and the error that the user can fix."""

    status: str
    physical_id: str
    body: bytes
    error: UserError | None = None


@dataclass(frozen=True, slots=True)
class _Deadlines:
    """Until when the work and its undo begin AWS calls, and until when the answer waits for the last one to end."""

    work: float
    undo: float
    wait: float


def _outcome(
    event: Mapping[str, Any],
    request: Request[Any],
    server: _Server,
    deadlines: _Deadlines,
    log: str,
) -> _Outcome:
    """The outcome. The reason of a failure is written for the stack event."""
    refusal: UserError | None = None
    try:
        result = _within_deadline(lambda: server.carry_out(event, request), deadlines)
        body = answer.success(event, result.physical_id, result.data, no_echo=result.no_echo)
    except (UserError, answer.TooLarge) as error:
        logger.warning("%s of %s failed: %s", request.type, request.logical_id, error)
        refusal = error if isinstance(error, UserError) else None
        reason = str(error)
    except RetryableError as error:
        logger.warning("%s of %s failed at its deadline: %s", request.type, request.logical_id, error)
        reason = f"{error} The controller retried until its deadline. Try the deployment again."
    except _DeadlineExceeded:
        logger.exception("%s of %s did not finish before its deadline", request.type, request.logical_id)
        reason = f"The controller did not finish before its deadline. Its log shows what was done: {log}"
    except BaseException as error:  # an answer must follow whatever happens, SystemExit included
        logger.exception("%s of %s failed because of a defect", request.type, request.logical_id)
        reason = f"The controller failed because of a defect ({type(error).__name__}). Its log has the details: {log}"
    else:
        return _Outcome("SUCCESS", result.physical_id, body)
    return _Outcome("FAILED", request.physical_id, answer.failure(event, reason, log), refusal)


class _DeadlineExceeded(Exception):
    """The deadline came before the work was done."""


def _within_deadline(work: Callable[[], Result], deadlines: _Deadlines) -> Result:
    """The result of the work, or what it raised. Raises _DeadlineExceeded, and abandons the work."""
    outcome: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()

    def run() -> None:
        DEADLINE.set(deadlines.work)
        UNDO_DEADLINE.set(deadlines.undo)
        try:
            outcome.put(work())
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            outcome.put(error)

    threading.Thread(target=run, name="custom-resource", daemon=True).start()
    try:
        found = outcome.get(timeout=max(0.0, deadlines.wait - time.time()))
    except queue.Empty:
        raise _DeadlineExceeded from None
    if isinstance(found, BaseException):
        raise found
    return found


@dataclass(frozen=True, slots=True)
class _Server:
    """Serves the requests of some types of resources."""

    resources: Sequence[Resource[Any]]
    authority: Authority

    def carry_out(self, event: Mapping[str, Any], request: Request[Any]) -> Result:
        """Verify the request before all else, parse its properties once, and carry it out, with retries."""
        refuse_malformed(event)
        _retried(request, lambda: self.authority.verify(request))
        known = {f"Custom::{each.type_name}": each for each in self.resources}
        # A token of one type alone also serves AWS::CloudFormation::CustomResource, and other names of the same type.
        resource = self.resources[0] if len(self.resources) == 1 else known.get(request.resource_type)
        if resource is None:
            return _refuse_type(request, known)
        parsed_request = parsed(event, request, resource)
        try:
            names = resource.repositories(parsed_request)
            _retried(request, lambda: self.authority.authorize(parsed_request, names))
        except OutsideBoundaries as error:
            if not request.undoes_create:
                raise
            logger.info("Nothing was created, so nothing is deleted: %s", error)
            return Result(request.physical_id)
        return _retried(request, lambda: _dispatch(resource, parsed_request))


def _refuse_type(request: Request[Any], known: Iterable[str]) -> Result:
    if request.type == "Delete":
        logger.warning("Nothing was deleted: this function creates no resources of type %s", request.resource_type)
        return Result(request.physical_id)
    raise UserError(
        f"ServiceToken supports {' and '.join(known)}, not {request.resource_type}. Specify the service token of "
        "the type."
    )


def parsed(event: Mapping[str, Any], request: Request[Any], resource: Resource[S]) -> Request[S]:
    """The request with its properties parsed. They are validated in a Create and an Update, and never in a Delete."""
    new, old = event.get("ResourceProperties") or {}, event.get("OldResourceProperties") or {}
    if request.type == "Delete":
        return request.declaring(resource.type_name, None, None, old=_parse(resource, new, request.home, Faults()))
    faults = Faults()
    declared = _parse(resource, new, request.home, faults)
    invalid = InvalidProperties(f"Custom::{resource.type_name}", faults) if faults else None
    before = _parse(resource, old, request.home, Faults()) if request.type == "Update" else None
    return request.declaring(resource.type_name, declared, invalid, old=before)


def _parse(resource: Resource[S], declared: Any, home: Home, faults: Faults) -> S | None:
    return resource.parse(properties.check(resource.type_name, declared, faults), faults, home)


def _retried(request: Request[Any], work: Callable[[], T]) -> T:
    """The result, after retries with full jitter as long as RetryableError is raised and there is time."""
    pause = 0.5
    while True:
        try:
            return work()
        except RetryableError as error:
            wait = random.uniform(0, pause)
            if time.time() + wait >= request.deadline:
                raise
            logger.info("%s of %s is retried in %.1f s: %s", request.type, request.logical_id, wait, error)
            time.sleep(wait)
            pause = min(LONGEST_PAUSE, 2 * pause)


def _dispatch(resource: Resource[S], request: Request[S]) -> Result:
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
    raise UserError(f"RequestType {request.type} is not Create, Update or Delete.")
