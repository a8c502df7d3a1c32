"""The faults that a call of a function can meet.

A throttle, an error or a time-out comes for one HTTP try, which botocore repeats, or for all tries of a call, so that
the controller sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.faults import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.clock import Clock
    from tests.faults.invocation import Call

    Reaction = Callable[["Met", Call, Callable[[], Any]], Any]

ENDPOINT = "https://aws.invalid"
READS = ("BatchGet", "Describe", "Get", "List", "Query")
LATE = 8.0  # seconds after the deadline, less than the time-out of a read


def is_read(call: str) -> bool:
    """Whether the call, such as ``ecr:ListTagsForResource``, changes nothing."""
    return call.partition(":")[2].startswith(READS)


def _throttled(call: Call) -> Any:
    service = call.operation.service_model.service_name
    code = {"iam": "Throttling", "sns": "Throttled", "cloudformation": "Throttling"}.get(service, "ThrottlingException")
    return wire.error(call.operation, 429 if code == "Throttled" else 400, code, "Rate exceeded")


def _failed(call: Call) -> Any:
    codes = {"ecr": "ServerException", "dynamodb": "InternalServerError", "iam": "ServiceFailure"}
    code = codes.get(call.operation.service_model.service_name, "InternalFailure")
    return wire.error(call.operation, 500, code, "Internal error")


def _denied(call: Call) -> Any:
    query = wire.is_query(call.operation)
    code, status = ("AccessDenied", 403) if query else ("AccessDeniedException", 400)
    return wire.error(call.operation, status, code, f"The function is not authorized to perform {call.name}")


def _lost(send: Callable[[], Any]) -> Any:
    send()
    raise ReadTimeoutError(endpoint_url=ENDPOINT, error="the answer is lost")


def _unreachable() -> Any:
    raise ConnectTimeoutError(endpoint_url=ENDPOINT, error="no connection")


@dataclass(slots=True)
class Met:
    """A fault of that kind at the ``number``-th call; 0 is before the first. ``hit`` is the call that met it."""

    kind: str
    number: int
    clock: Clock
    hit: str = ""

    def meet(self, call: Call, send: Callable[[], Any]) -> Any:
        """The response to one HTTP try."""
        if call.number == self.number and not self.hit:
            self.hit = call.name
        kind, _, extent = self.kind.rpartition("-")
        if not self._reaches(call, extent):
            return send()
        match kind:
            case "throttled":
                return _throttled(call)
            case "error":
                return _failed(call)
            case "denied":
                return _denied(call)
            case "lost":
                return _lost(send)
            case "unreachable":
                return _unreachable()
        return self._end(call, send)

    def _reaches(self, call: Call, extent: str) -> bool:
        here = call.number == self.number
        match extent:
            case "try" | "late":
                return here and call.attempt == 1
            case "forever":
                return bool(self.hit) and call.name == self.hit
            case "everywhere":
                return call.number >= self.number
        return here

    def _end(self, call: Call, send: Callable[[], Any]) -> Any:
        if self.kind == "late":
            # It begins a second before the deadline.
            self.clock.now = max(self.clock.now, self.clock.next_end() - 1)
            answer = send()
            self.clock.advance(LATE + 1, settled=lambda: call.invocation.answered)
            return answer
        send()
        return call.invocation.die()


PASSING = tuple(
    f"{kind}-{extent}" for kind in ("throttled", "error", "lost", "unreachable") for extent in ("try", "call")
)
"""Faults that must not be seen in the answer."""

KINDS = (*PASSING, "throttled-forever", "denied-forever", "error-everywhere", "late", "death")
WORST = ("death", "throttled-call", "denied-forever", "late")
"""Those of the quick run. A throttle of a whole call makes the controller repeat what it began; a death leaves it to
the next request; a denial makes it undo; after a late response its answer comes before the end of the work."""
