"""Where botocore meets the network: calls are counted, meet their fault, and are answered by moto or a stand-in.

moto usually answers before any other handler of botocore's event `before-send`; here it does after them, as the network
does, so that the controller's own handlers run.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.endpoint import Endpoint
from botocore.retries.quota import RetryQuota
from botocore.signers import RequestSigner
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

from tests.faults.invocation import Call, Died, current, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

    from tests.faults.moto_state import Moto

    StandIn = Callable[[Any], "tuple[int, str] | None"]

_make_request: Any = vars(Endpoint)["make_request"]


class Wire:
    """The network between the functions and AWS. A stand-in may return None: moto then answers."""

    def __init__(self, stand_ins: Mapping[str, StandIn], moto: Moto) -> None:
        self._stand_ins, self._moto = stand_ins, moto
        self._lock = threading.RLock()
        self._here = threading.local()

    def install(self, stack: ExitStack) -> None:
        """Take over botocore's network, until the stack is closed."""

        def make_request(endpoint: Any, operation: Any, request: Any) -> Any:
            self._here.operation = operation
            self._count(operation)
            return _make_request(endpoint, operation, request)

        stack.enter_context(patch.object(Endpoint, "make_request", make_request))
        stack.enter_context(patch.object(Endpoint, "_send", lambda _endpoint, request: self._send(request)))
        stack.enter_context(patch.object(BotocoreStubber, "__call__", lambda *_args, **_event: None))
        stack.enter_context(patch.object(RequestSigner, "sign", lambda *_args, **_more: None))  # nobody verifies it
        # The quota belongs to a client, so one case would use up the retries of the next.
        stack.enter_context(patch.object(RetryQuota, "acquire", lambda _quota, _amount: True))

    @staticmethod
    def _count(operation: Any) -> None:
        invocation = current()
        if invocation is None:
            return
        if invocation.dead:
            raise Died
        invocation.attempt = 0
        if not _tells(invocation, operation):
            invocation.calls.append(name_of(operation))

    def _send(self, request: Any) -> Any:
        invocation, operation = current(), self._here.operation
        if invocation is None:
            return self._answer(request, operation)
        if invocation.dead:
            raise Died
        if _tells(invocation, operation):
            return self._answer(request, operation)
        invocation.attempt += 1
        if invocation.answered:
            invocation.late_calls.append(name_of(operation))
        if invocation.fault is None:
            return self._answer(request, operation)
        call = Call(invocation, operation, len(invocation.calls), invocation.attempt)
        return invocation.fault.meet(call, lambda: self._answer(request, operation))

    def _answer(self, request: Any, operation: Any) -> AWSResponse:
        stand_in = self._stand_ins.get(operation.name)
        with self._lock:
            if stand_in is not None and (answer := stand_in(request)) is not None:
                return response(operation, *answer)
            status, headers, body = self._moto.answer(request, operation)
        return AWSResponse(request.url, status, headers, MockRawResponse(body))


def _tells(invocation: Any, operation: Any) -> bool:
    """Whether the call tells what was done, after the answer. It changes nothing, and CloudFormation goes on."""
    return invocation.answered and name_of(operation) == "events:PutEvents"


def response(operation: Any, status: int, body: str, code: str = "") -> AWSResponse:
    """A response of AWS in the format of the service."""
    headers: Any = {"content-type": "text/xml" if is_query(operation) else "application/x-amz-json-1.1"}
    if code:
        headers["x-amzn-errortype"] = code
    return AWSResponse("", status, headers, MockRawResponse(body))


def error(operation: Any, status: int, code: str, message: str) -> AWSResponse:
    """An error of AWS in the format of the service."""
    return response(operation, *error_body(code, message, status, query=is_query(operation)), code=code)


def error_body(code: str, message: str, status: int = 400, *, query: bool) -> tuple[int, str]:
    """The HTTP status and the body of an error."""
    if query:
        detail = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
        return status, f"<ErrorResponse><Error>{detail}</Error><RequestId>r</RequestId></ErrorResponse>"
    return status, json.dumps({"__type": code, "message": message})


def is_query(operation: Any) -> bool:
    """Whether the service answers in XML."""
    return str(operation.service_model.resolved_protocol) == "query"
