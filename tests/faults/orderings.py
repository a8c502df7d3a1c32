"""Requests in another order than one after the other: twice, at the same time, again after the end, or too late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError

from tests.faults.cases import LOGICAL_ID, Case, Prepared
from tests.faults.faults import ENDPOINT, is_read
from tests.faults.functions import Broken
from tests.faults.scenarios import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.clock import Clock
    from tests.faults.cloudformation import Json
    from tests.faults.functions import Answer
    from tests.faults.invocation import Call
    from tests.faults.laboratory import Laboratory

INVENTED = "ours-Subject-1ABCDEFGHIJK"
"""A physical ID as CloudFormation makes it up for a Create that nobody answered."""
MARKER = "ecr-controller:create-failed:"
AFTER_DEADLINE = 400.0  # seconds, more than a function has


@dataclass(slots=True)
class Interleaved:
    """Something else happens to its end before the ``number``-th call is sent."""

    number: int
    action: Callable[[], object]
    done: bool = False

    def meet(self, call: Call, send: Callable[[], Any]) -> Any:
        """The response to one HTTP try."""
        if call.number == self.number and not self.done:
            self.done = True
            self.action()
        return send()


@dataclass(slots=True)
class InFlight:
    """The ``number``-th call is sent, but AWS carries it out only after the function has stopped waiting for it."""

    number: int
    clock: Clock
    carry_out: Callable[[], Any] = lambda: None

    def meet(self, call: Call, send: Callable[[], Any]) -> Any:
        """The response to one HTTP try."""
        if call.number != self.number:
            return send()
        if call.attempt == 1:
            self.carry_out = send
            self.clock.next_end()
            self.clock.advance(AFTER_DEADLINE, settled=lambda: call.invocation.answered)
        raise ReadTimeoutError(endpoint_url=ENDPOINT, error="the time is up")


class Ordering:
    """One request of a scenario, and another one that does not wait for its end."""

    def __init__(self, lab: Laboratory, prepared: Prepared, number: int) -> None:
        self.case = Case(lab, prepared, "order", number)
        self.lab, self.prepared, self.number = lab, prepared, number
        self.event = self.case.event()
        self.deployment = self.case.deployment

    def delivered_twice(self) -> None:
        """The same request once more, after its end."""
        first, second = self._answer(self.event), self._answer(self.event)
        if (first.status, first.physical) != (second.status, second.physical):
            raise Broken("The second delivery is answered differently", str(first), str(second))
        self._take(first)
        self.case.clean_up(first)
        self.case.must_be(self.prepared.after, "Delivered twice, it is not as delivered once")

    def delivered_twice_at_once(self) -> None:
        """The same request, while it runs."""
        answers: list[Answer] = []
        self._answer(self.event, Interleaved(self.number, lambda: answers.append(self._answer(self.event))))
        self._take(answers[0])
        self.case.clean_up(answers[0])
        self.case.must_be(self.prepared.after, "Delivered twice at once, it is not as delivered once")

    def deleted_meanwhile(self) -> None:
        """The Delete of a Create that CloudFormation no longer waits for, while it runs."""
        self._answer(self.event, Interleaved(self.number, lambda: self._delete(MARKER + self.event["RequestId"])))
        self._gone()

    def rolled_back_meanwhile(self) -> None:
        """The rollback of an Update that CloudFormation no longer waits for, while it runs."""
        self._answer(self.event, Interleaved(self.number, lambda: self.case.step(self.deployment.roll_back())))
        self.case.must_be(self.prepared.before, "The Update was rolled back, but it is not as before")

    def unanswered(self) -> None:
        """A Create whose answer nobody could send, and its Delete with a physical ID that CloudFormation made up."""
        self._answer(self.event)
        self._delete(INVENTED)
        self._gone()

    def replayed(self) -> None:
        """A Create that is delivered again after the Delete."""
        self._delete(self._answer(self.event).physical)
        self._answer(self.event)
        self._gone()

    def in_flight(self) -> None:
        """A call of a request that takes effect after the request was rolled back."""
        late = InFlight(self.number, self.lab.clock)
        answer = self._answer(self.event, late)
        self._take(answer)
        if answer.succeeded:
            return
        if self.prepared.scenario.step is Step.CREATE:
            self._delete(answer.physical)
            late.carry_out()
            self._gone()
        else:
            self.case.step(self.deployment.roll_back())
            late.carry_out()
            self.case.must_be(self.prepared.before, "The Update was rolled back, but it is not as before")

    def _answer(self, event: Json, fault: Any = None) -> Answer:
        return self.lab.deliver(event, fault).answer

    def _take(self, answer: Answer) -> None:
        if self.prepared.scenario.step is not Step.CLEAN_UP:
            self.case.stack.answered(self.event, answer.status, answer.physical)

    def _delete(self, physical: str) -> None:
        self.case.stack.resources[LOGICAL_ID].physical = physical
        self.case.step(self.deployment.delete(self.prepared.scenario.declared, "ROLLBACK_IN_PROGRESS"))

    def _gone(self) -> None:
        self.case.must_be(self.prepared.initial, "It was deleted, but is not as before the stack")


def orderings(prepared: Prepared, *, thorough: bool) -> Iterator[tuple[str, list[int]]]:
    """Those that are possible, with the numbers of the calls at which the other request comes; 0 is after the end.

    Without ``thorough``, a second delivery comes only before calls that change something.
    """
    scenario, calls = prepared.scenario, range(1, len(prepared.calls) + 1)
    writes = [number for number in calls if not is_read(prepared.calls[number - 1])]
    yield "delivered-twice", [0]
    yield "delivered-twice-at-once", list(calls) if thorough else writes
    if scenario.refused:
        return
    if scenario.step is Step.CREATE:
        yield "unanswered", [0]
        yield "replayed", [0]
        yield "deleted-meanwhile", list(calls)
    if scenario.step is Step.UPDATE:
        yield "rolled-back-meanwhile", list(calls)
    if scenario.step in (Step.CREATE, Step.UPDATE):
        yield "in-flight", writes


def run_ordering(lab: Laboratory, prepared: Prepared, name: str, number: int) -> None:
    """Raises Broken where something does not hold."""
    getattr(Ordering(lab, prepared, number), name.replace("-", "_"))()
