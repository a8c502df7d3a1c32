"""What a case needs, in one process: the account, CloudFormation, the functions, the network and the clock."""

from __future__ import annotations

import logging
import os
import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from unittest.mock import patch

from moto import mock_aws

from ecr_controller import aws
from tests.faults import invocation
from tests.faults.account import QUEUE, ROLE, Account
from tests.faults.clock import Clock
from tests.faults.cloudformation import REGION, CloudFormation, Json, Stack
from tests.faults.functions import Answer, Broken, Functions, Severe
from tests.faults.moto_state import Moto
from tests.faults.stand_ins import Ecr, stand_ins
from tests.faults.wire import Wire

if TYPE_CHECKING:
    from types import TracebackType

    from tests.faults.invocation import Fault

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "POWERTOOLS_METRICS_NAMESPACE": "faults",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of one request: the answer that CloudFormation took, and the AWS calls of the function."""

    answer: Answer
    calls: tuple[str, ...]


@dataclass
class Laboratory:
    """See above. ``log`` is what happened since the last `reset`."""

    clock: Clock = field(default_factory=Clock)
    log: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(mock_aws())
            stack.enter_context(patch.dict(os.environ, ENVIRONMENT))
            os.environ.pop("AWS_ENDPOINT_URL", None)
            logging.disable(logging.CRITICAL)
            stack.callback(logging.disable, logging.NOTSET)
            aws.client.cache_clear()
            stack.callback(aws.client.cache_clear)
            self.cloudformation = CloudFormation()
            self.moto = Moto()
            Wire(stand_ins(self.cloudformation, Ecr(Account.exists)), self.moto).install(stack)
            self.account = Account(self.moto)
            self.moto.keep()
            invocation.install(stack)
            self.clock.install(stack)
            self.functions = Functions(self.clock, self.account.controller)
            self.functions.install(stack)
            self.theirs = self._stack_of_others()
            self.blank = self.moto.version
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _stack_of_others(self) -> Stack:
        stack = self.cloudformation.add(Stack("theirs", "99999999-2222-3333-4444-555555555555"))
        declared: dict[str, tuple[str, Json]] = {
            "Repository": ("Custom::ECRRepository", {"RepositoryName": "theirs/app"}),
            "Grant": (
                "Custom::ECRRepositoryGrant",
                {
                    "RepositoryName": "shared/app",
                    "Grantee": ROLE["api"],
                    "Access": "Pull",
                    "AuthorizationToken": False,
                },
            ),
            "Token": ("Custom::ECRAuthorizationTokenGrant", {"Grantee": ROLE["worker"]}),
            "Route": ("Custom::ECRImageScanRoute", {"RepositoryName": "team/*", "Targets": [QUEUE["two"]]}),
        }
        stack.status = "CREATE_IN_PROGRESS"
        for logical_id, (type_, properties) in declared.items():
            event = stack.request("Create", type_, logical_id, properties)
            answer = self.deliver(event).answer
            if not answer.succeeded:
                raise Broken(f"The stack of others cannot be created: {answer.reason}")
            stack.answered(event, answer.status, answer.physical)
        stack.status = "CREATE_COMPLETE"
        return stack

    def reset(self, version: str, stack: Stack, seed: str) -> None:
        """Start over from a version of the account, with the stack as it was then."""
        self.moto.go_to(version)
        self.cloudformation.stacks = {self.theirs.id: self.theirs, stack.id: stack}
        self.clock.reset()
        self.log.clear()
        random.seed(seed)

    def deliver(self, event: Json, fault: Fault | None = None, *, again: bool = False, dead: bool = False) -> Delivery:
        """Deliver a request to its function. Where that dies, the on-failure function answers for it, or, with
        ``again``, the request is delivered once more. ``dead``: it dies before its first call.

        Raises Broken unless there is exactly one answer, and it is valid.
        """
        answers: list[Answer] = []
        if dead:
            run = self.functions.die_before(event)
        else:
            run, answers = self.functions.deliver(event, fault)
        calls, died = tuple(run.calls), run.dead
        if died and again:
            self._note(event, f"died after {len(calls)} calls", calls)
            answered = self.deliver(event)
            return Delivery(answered.answer, calls)
        if died:
            self._note(event, f"died after {len(calls)} calls", calls)
            _, answers = self.functions.answer_for(event)
        elif run.raised is not None:
            raise Severe(f"The handler raised {type(run.raised).__name__}", str(run.raised))
        if run.late_calls:
            raise Severe("The function called AWS after its answer", *run.late_calls)
        if len(answers) != 1:
            raise Severe(f"{len(answers)} answers to one request")
        self._note(event, f"{answers[0].status} {answers[0].physical} {answers[0].reason}", () if died else calls)
        return Delivery(answers[0], calls)

    def _note(self, event: Json, outcome: str, calls: tuple[str, ...]) -> None:
        request = f"{event['RequestType']} {event.get('PhysicalResourceId', '')}".strip()
        self.log.append(f"{request}: {outcome}" + (f"\n      {' '.join(calls)}" if calls else ""))
