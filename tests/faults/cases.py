"""One fault in one request of a scenario, what CloudFormation does then, and what must hold after each step."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.account import difference, foreign
from tests.faults.cloudformation import Stack
from tests.faults.faults import KINDS, PASSING, Met, is_read
from tests.faults.functions import Broken, Severe
from tests.faults.scenarios import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.cloudformation import Json
    from tests.faults.functions import Answer
    from tests.faults.laboratory import Delivery, Laboratory
    from tests.faults.scenarios import Scenario

LOGICAL_ID = "Subject"
ROLLED_BACK = "rolled-back"
AGAIN = "delivered-again"
NEIGHBOUR = "neighbour-failed"
ABANDONED = ("deleted-with-old-properties", "deleted-with-new-properties")


@dataclass(frozen=True, slots=True)
class CaseId:
    """A case: ``<scenario>/<fault>/<number of the call>/<how it goes on>``."""

    scenario: str
    kind: str
    number: int
    ending: str

    def __str__(self) -> str:
        return f"{self.scenario}/{self.kind}/{self.number}/{self.ending}"


@dataclass(slots=True)
class Prepared:
    """A scenario up to its request. ``initial`` is the state before the stack, ``before`` that before the Update; the
    request without a fault makes these ``calls``, has this ``status`` and leads to ``after``."""

    scenario: Scenario
    version: str
    stack: Stack
    initial: Json
    before: Json
    physical: str = ""
    replaced: str = ""
    calls: tuple[str, ...] = ()
    status: str = ""
    after: Json = field(default_factory=dict)
    followed: dict[tuple[str, ...], tuple[Broken | None, list[str]]] = field(default_factory=dict)


class Deployment:
    """The requests for one resource of one stack, with the states in which CloudFormation makes them."""

    def __init__(self, lab: Laboratory, scenario: Scenario, stack: Stack) -> None:
        self.lab, self.scenario, self.stack = lab, scenario, stack

    @property
    def physical(self) -> str:
        """The present physical ID."""
        return self.stack.resources[LOGICAL_ID].physical

    def event(self, kind: str, status: str, declared: Json | None, old: Json | None = None) -> Json:
        """A request, made now: ``status`` is that of the stack."""
        self.stack.status = status
        return self.stack.request(kind, self.scenario.type, LOGICAL_ID, declared or {}, old)

    def create(self) -> Json:
        """The Create of what the scenario declares first."""
        scenario = self.scenario
        return self.event(
            "Create", "CREATE_IN_PROGRESS", scenario.declared if scenario.before is None else scenario.before
        )

    def update(self) -> Json:
        """The Update to what it declares."""
        return self.event("Update", "UPDATE_IN_PROGRESS", self.scenario.declared, self.scenario.before)

    def roll_back(self) -> Json:
        """The Update back."""
        return self.event("Update", "UPDATE_ROLLBACK_IN_PROGRESS", self.scenario.before, self.scenario.declared)

    def delete(self, declared: Json | None, status: str = "DELETE_IN_PROGRESS") -> Json:
        """The Delete of the present physical resource."""
        return self.event("Delete", status, declared)

    def clean_up(self, physical: str, declared: Json | None, *, rollback: bool = False) -> Json:
        """The Delete of a physical resource that was replaced."""
        self.stack.status = f"UPDATE_{'ROLLBACK_' if rollback else ''}COMPLETE_CLEANUP_IN_PROGRESS"
        return self.stack.clean_up(self.scenario.type, LOGICAL_ID, declared or {}, physical)

    def deliver(self, event: Json, fault: Met | None = None, *, again: bool = False) -> Delivery:
        """The answer to the request, which the stack takes unless it is of a clean-up."""
        dead = fault is not None and fault.kind == "death" and fault.number == 0
        cleaning = "CLEANUP" in self.stack.status
        if dead and again:
            self.lab.functions.die_before(event)
            dead, fault = False, None
        delivered = self.lab.deliver(event, fault, again=again, dead=dead)
        if not cleaning:
            self.stack.answered(event, delivered.answer.status, delivered.answer.physical)
        return delivered


def prepare(lab: Laboratory, scenario: Scenario) -> Prepared:
    """Carry out what is before the request, and the request itself without a fault."""
    stack = Stack("ours", "11111111-2222-3333-4444-555555555555")
    lab.moto.forget_all_but(lab.blank)
    lab.reset(lab.blank, stack, scenario.name)
    prepared = Prepared(scenario, "", stack, initial=lab.account.state(), before={})
    deployment = Deployment(lab, scenario, stack)
    if scenario.step not in (Step.CREATE, Step.FAILED_CREATE):
        _succeed(deployment, deployment.create())
    prepared.before = lab.account.state()
    if scenario.meddle:
        scenario.meddle(lab.account)
    match scenario.step:
        case Step.ROLLBACK | Step.CLEAN_UP:
            prepared.replaced = deployment.physical
            _succeed(deployment, deployment.update())
        case Step.FAILED_UPDATE:
            _die_at_the_end(deployment, deployment.update())
        case Step.FAILED_CREATE:
            _die_at_the_end(deployment, deployment.create())
    if LOGICAL_ID in stack.resources:
        prepared.physical = deployment.physical
    prepared.version, prepared.stack = lab.moto.version, copy.deepcopy(stack)
    _record(lab, prepared)
    return prepared


def _succeed(deployment: Deployment, event: Json) -> None:
    answer = deployment.deliver(event).answer
    if not answer.succeeded:
        raise Broken(f"The {event['RequestType']} before the scenario is answered FAILED", answer.reason)


def _die_at_the_end(deployment: Deployment, event: Json) -> None:
    """Have the function die after the last call that it makes."""
    lab = deployment.lab
    version = lab.moto.version
    calls = lab.deliver(event).calls
    lab.moto.go_to(version)
    deployment.deliver(event, Met("death", len(calls), lab.clock))


def _record(lab: Laboratory, prepared: Prepared) -> None:
    case = Case(lab, prepared, "none", 0)
    delivered = case.request()
    prepared.calls, prepared.status = delivered.calls, delivered.answer.status
    if delivered.answer.succeeded == prepared.scenario.refused:
        raise Broken(f"Without a fault it is answered {prepared.status}", delivered.answer.reason)
    case.clean_up(delivered.answer)
    prepared.after = lab.account.state()


def faults(prepared: Prepared, kinds: tuple[str, ...] = KINDS) -> Iterator[tuple[str, int]]:
    """Every fault of these kinds at every call, and none at all."""
    yield "none", 0
    for kind in kinds:
        for number in range(kind != "death", len(prepared.calls) + 1):
            # A read that is late, or whose answer is lost, is like one that is not done.
            if not (number and is_read(prepared.calls[number - 1]) and kind in ("late", "lost-try", "lost-call")):
                yield kind, number


def endings(scenario: Scenario, kind: str) -> list[str]:
    """How it can go on after a request with a fault of this kind."""
    found = [ROLLED_BACK]
    if kind == "death":
        found.append(AGAIN)
    if scenario.step is Step.UPDATE and not scenario.refused:
        found += [NEIGHBOUR] if kind in (*PASSING, "none") else ABANDONED
    return found


@dataclass(slots=True)
class Reached:
    """Where a request has led: the version of the account, the stack and the answer."""

    version: str
    stack: Stack
    answer: Answer
    log: list[str]

    def key(self, ending: str) -> tuple[str, ...]:
        """Equal for what goes on in the same way."""
        resource = self.stack.resources.get(LOGICAL_ID)
        return ending, self.version, self.answer.status, self.answer.physical, repr(resource), str(self.stack.count)


class Case:
    """One fault in the request of a scenario, in a laboratory that is set back first; then each way to go on."""

    def __init__(self, lab: Laboratory, prepared: Prepared, kind: str, number: int) -> None:
        self.lab, self.prepared, self.kind, self.number = lab, prepared, kind, number
        self.scenario = prepared.scenario
        self._set(prepared.version, prepared.stack)
        self._foreign = self._foreign_now()

    def _set(self, version: str, stack: Stack) -> None:
        self.stack = copy.deepcopy(stack)
        self.lab.reset(version, self.stack, f"{self.scenario.name}/{self.kind}/{self.number}")
        self.deployment = Deployment(self.lab, self.scenario, self.stack)

    def reach(self, *, again: bool) -> Reached:
        """Make the request. Raises Broken where something does not hold."""
        answer = self.request(again=again).answer
        if (self.kind in (*PASSING, "none") or again) and answer.status != self.prepared.status:
            raise Broken(f"It is answered {answer.status} because of a fault that passes", answer.reason)
        return Reached(self.lab.moto.version, copy.deepcopy(self.stack), answer, list(self.lab.log))

    def follow(self, reached: Reached, ending: str) -> None:
        """Go on from there. Raises Broken where something does not hold.

        What follows meets no fault, so it is the same for all cases that have led to the same state.
        """
        known, key = self.prepared.followed, reached.key(ending)
        if key not in known:
            known[key] = self._broken_after(reached, ending)
        broken, log = known[key]
        self.lab.log[:] = [*reached.log, *log]
        if broken is not None:
            raise broken

    def _broken_after(self, reached: Reached, ending: str) -> tuple[Broken | None, list[str]]:
        self._set(reached.version, reached.stack)
        self.ending = ending
        try:
            self._follow(reached.answer)
        except Broken as broken:
            return broken, list(self.lab.log)
        return None, []

    def _follow(self, answer: Answer) -> None:
        match self.scenario.step:
            case Step.CREATE:
                self._after_create(answer)
            case Step.UPDATE:
                self._after_update(answer)
            case Step.ROLLBACK | Step.FAILED_UPDATE:
                self._after_rollback(answer)
            case _:
                self._after_delete(answer)

    def event(self) -> Json:
        """The request that the scenario is about."""
        deployment, scenario = self.deployment, self.scenario
        match scenario.step:
            case Step.CREATE:
                return deployment.create()
            case Step.UPDATE:
                return deployment.update()
            case Step.ROLLBACK | Step.FAILED_UPDATE:
                return deployment.roll_back()
            case Step.FAILED_CREATE:
                return deployment.delete(scenario.declared, "ROLLBACK_IN_PROGRESS")
            case Step.DELETE:
                return deployment.delete(scenario.declared)
            case Step.CLEAN_UP:
                return deployment.clean_up(self.prepared.replaced, scenario.before)

    def request(self, *, again: bool = False) -> Delivery:
        """It, with the fault."""
        fault = None if self.kind == "none" else Met(self.kind, self.number, self.lab.clock)
        delivered = self.deployment.deliver(self.event(), fault, again=again)
        self.check_foreign()
        return delivered

    # ---------------------------------------------------------------- what follows
    def step(self, event: Json) -> Answer:
        """A request without a fault, which must succeed."""
        answer = self.deployment.deliver(event).answer
        self.check_foreign()
        if not answer.succeeded:
            raise Broken(f"The {event['RequestType']} that follows is answered FAILED", answer.reason)
        return answer

    def clean_up(self, answer: Answer) -> None:
        """The Delete of what the request replaced, if it did."""
        scenario, physical = self.scenario, self.prepared.physical
        if not answer.succeeded or answer.physical == physical:
            return
        if scenario.step is Step.UPDATE:
            self.step(self.deployment.clean_up(physical, scenario.before))
        elif scenario.step in (Step.ROLLBACK, Step.FAILED_UPDATE):
            self.step(self.deployment.clean_up(physical, scenario.declared, rollback=True))

    def _after_create(self, answer: Answer) -> None:
        if answer.succeeded:
            self.must_be(self.prepared.after, "It is answered SUCCESS, but is not as without the fault")
            self._delete_the_stack(self.scenario.declared)
            return
        self.step(self.deployment.delete(self.scenario.declared, "ROLLBACK_IN_PROGRESS"))
        self.must_be(self.prepared.initial, "The Create was rolled back, but it is not as before")

    def _after_update(self, answer: Answer) -> None:
        scenario, ending = self.scenario, self.ending
        if answer.succeeded and ending != NEIGHBOUR:
            self.clean_up(answer)
            self.must_be(self.prepared.after, "It is answered SUCCESS, but is not as without the fault")
            self._delete_the_stack(scenario.declared)
        elif ending in ABANDONED:
            self._delete_the_stack(scenario.before if ending == ABANDONED[0] else scenario.declared)
        else:
            current = self.deployment.physical
            back = self.step(self.deployment.roll_back())
            if back.physical != current:
                self.step(self.deployment.clean_up(current, scenario.declared, rollback=True))
            self._rolled_back()

    def _after_rollback(self, answer: Answer) -> None:
        if not answer.succeeded:  # UPDATE_ROLLBACK_FAILED, then ContinueUpdateRollback
            answer = self.step(self.deployment.roll_back())
        self.clean_up(answer)
        self._rolled_back()

    def _rolled_back(self) -> None:
        if self.scenario.meddle is None:
            self.must_be(self.prepared.before, "The Update was rolled back, but it is not as before")
        self._delete_the_stack(self.scenario.before)

    def _after_delete(self, answer: Answer) -> None:
        if not answer.succeeded and not self.scenario.refused:
            self.step(self.event())
        self.must_be(self.prepared.after, "It was deleted, but is not as without the fault")
        if self.scenario.step is Step.CLEAN_UP:
            self._delete_the_stack(self.scenario.declared)
        elif not self.scenario.refused:
            self.must_be(self.prepared.initial, "It was deleted, but is not as before the stack")

    def _delete_the_stack(self, declared: Json | None) -> None:
        self.step(self.deployment.delete(declared))
        self.must_be(self.prepared.initial, "The stack was deleted, but it is not as before")

    # ---------------------------------------------------------------- what must hold
    def must_be(self, wanted: Json, otherwise: str) -> None:
        """Raises Broken if the account is in another state."""
        if lines := difference(wanted, self.lab.account.state()):
            raise Broken(otherwise, *lines)

    def check_foreign(self) -> None:
        """Raises Broken if something of others is not as it was."""
        if lines := difference(self._foreign, self._foreign_now()):
            raise Severe("Something of others was changed", *lines)

    def _foreign_now(self) -> Json:
        return foreign(self.lab.account.state(), self.lab.theirs.id)
