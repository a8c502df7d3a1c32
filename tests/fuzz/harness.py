"""The handlers in functions/, run on anything: what they answer, what they call, and what must hold in every case.

The account, the network and the clock are those of `tests/faults`. AWS_SAM_LOCAL is set, so that what a function asks
CloudFormation about a request, if anything, is left out: that is no subject here.
"""

from __future__ import annotations

import json
import os
import random
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ecr_controller import sqs_batch
from ecr_controller.custom_resource.properties import PROTOCOL, load
from ecr_controller.event_routing.routes import Route, storage_key
from ecr_controller.shared_documents.parts import PartsTable
from tests.faults.account import QUEUE, TOPIC
from tests.faults.cloudformation import Stack
from tests.faults.faults import is_read
from tests.faults.functions import _checked, _load
from tests.faults.invocation import Invocation
from tests.faults.laboratory import Laboratory
from tests.fuzz.documents import STACK_UUID
from tests.unit.deployed import environment_of

if TYPE_CHECKING:
    from types import TracebackType

    from tests.faults.functions import Answer

Json = dict[str, Any]
EVERY = tuple(load("ECREventRoute")["properties"]["Events"]["items"]["enum"])
BATCH_FUNCTIONS = ("route_scan", "rescan")
MOST_VERSIONS = 2_000  # of moto's state, before they are forgotten


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one event: the answers as CloudFormation took them, the AWS calls, and what the handler raised."""

    bodies: list[bytes]
    calls: list[str]
    raised: BaseException | None
    returned: Any = None

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        return [name for name in self.calls if not is_read(name)]


class Harness:
    """See above."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._lab = stack.enter_context(Laboratory())
            self._functions = self._lab.functions
            for folder in BATCH_FUNCTIONS:
                environment = environment_of(folder, self._lab.account.controller) | {"MAX_RECEIVES": "5"}
                self._functions._environments[folder] = environment
                os.environ.update(environment)
                self._functions._handlers[folder] = _load(folder, stack)
            os.environ["AWS_SAM_LOCAL"] = "true"
            self._lab.cloudformation.add(Stack("shop", STACK_UUID, status="UPDATE_IN_PROGRESS"))
            os.environ.update(self._functions._environments["route_scan"])
            routes = {
                "fuzz|Route": Route("*", (QUEUE["one"],), scan_status="*"),
                "fuzz|Events": Route("*", (QUEUE["one"],), events=EVERY, form="Json", scan_status="*"),
                "fuzz|Mail": Route("*", (TOPIC,), events=EVERY, form="Text", scan_status="*"),
                "fuzz|Chat": Route("*", (TOPIC,), events=EVERY, form="Chatbot", scan_status="*"),
            }
            for owner, route in routes.items():
                PartsTable().put_part(storage_key("*"), owner, route.content())
            self.dead_letters = _DeadLetters(stack)
            self._start = self._lab.moto.keep()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self, folder: str, event: Any, *, respond_at: Json | None = None) -> Outcome:
        """Run a function on an event, in the account as it was at the start. ``respond_at`` is the map, in the event,
        whose ResponseURL is to be that of CloudFormation."""
        moto = self._lab.moto
        if len(moto._kept) > MOST_VERSIONS:
            moto.forget_all_but(self._start)
        moto.go_to(self._start)
        self._lab.clock.reset()
        self.dead_letters.clear()
        random.seed(0)
        invocation, returned = Invocation(), []
        functions = self._functions
        addressed = functions._addressed({}, invocation)["ResponseURL"]
        if respond_at is not None:
            respond_at["ResponseURL"] = addressed
        handler, environment = functions._handlers[folder], functions._environments[folder]
        for each in functions._environments.values():
            for name in each:
                os.environ.pop(name, None)
        os.environ.update(environment)
        context = _context(self._lab)
        invocation.run(lambda: returned.append(handler(event, context)))
        invocation.finish()
        bodies = [taken.body for taken in functions._answers.of(invocation)]
        return Outcome(bodies, invocation.calls, invocation.raised, returned[0] if returned else None)

    def delivered(self) -> set[str]:
        """The ids of the events that were delivered."""
        rows = self._lab.moto.contents()["rows"][self._lab.account.controller["DeliveriesTable"]]
        return {row["event"] for row in rows if "delivered" in row}


def _context(lab: Laboratory) -> Any:
    from tests.faults.functions import SECONDS, _Context

    return _Context(lab.clock, lab.clock.now + SECONDS)


class _DeadLetters(list[tuple[str, str]]):
    """The bodies and reasons that were sent to a dead-letter queue."""

    def __init__(self, stack: ExitStack) -> None:
        from unittest.mock import patch

        super().__init__()
        real = sqs_batch.DeadLetterQueue.send_message

        def send(queue: Any, body: str, reason: str) -> None:
            self.append((body, reason))
            real(queue, body, reason)

        stack.enter_context(patch.object(sqs_batch.DeadLetterQueue, "send_message", send))


def answer_of(event: Json, outcome: Outcome) -> Answer:
    """The one answer to a request. Fails unless there is one, it is valid, and reports no defect."""
    from tests.unit.custom_resource.response_server import Taken

    assert outcome.raised is None, repr(outcome.raised)
    assert len(outcome.bodies) == 1, outcome.bodies
    answer = _checked(event, Taken("PUT", "", {}, outcome.bodies[0]))
    assert "defect" not in answer.reason, answer.reason
    return answer


def is_surely_invalid(type_: str, declared: Any) -> bool:
    """Whether properties are invalid, whatever their values: they have one that is unknown, or are no map."""
    if not isinstance(declared, dict):
        return True
    return not declared.keys() <= {*load(type_.removeprefix("Custom::"))["properties"], *PROTOCOL}


def record(body: str, number: int, receives: int = 1) -> Json:
    """A record of a batch."""
    return {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": str(receives)}}


def text_of(event: Any) -> str:
    """The body of a message. A text is taken as it is, without what SQS does not accept."""
    return event.encode(errors="replace").decode() if isinstance(event, str) else json.dumps(event)
