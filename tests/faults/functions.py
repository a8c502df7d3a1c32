"""The handlers in functions/, and the answers that they send."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from local import ROOT
from tests.faults.invocation import Invocation
from tests.unit.custom_resource.response_server import ResponseServer, Taken
from tests.unit.custom_resource.stand_ins import LambdaContext
from tests.unit.deployed import environment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

    from tests.faults.clock import Clock
    from tests.faults.cloudformation import Json
    from tests.faults.invocation import Fault

SECONDS = 300.0
FUNCTION_OF = {
    "Custom::ECRRepository": "repository",
    "Custom::ECRLifecyclePolicy": "lifecycle_policy",
    "Custom::ECRRepositoryBaseline": "baseline",
    "Custom::ECRRepositoryGrant": "grant",
    "Custom::ECRAuthorizationTokenGrant": "grant",
    "Custom::ECRPublicGalleryAuthorizationTokenGrant": "grant",
    "Custom::ECREventRoute": "image_scan_route",
    "Custom::ECRImageScanRoute": "image_scan_route",
    "Custom::ECRImageScan": "image_scan",
    "Custom::ECRImage": "image_scan",
}


class Broken(Exception):
    """An invariant does not hold: which, and how."""

    def __init__(self, what: str, *details: str) -> None:
        super().__init__(what)
        self.details = details


class Severe(Broken):
    """A promise is broken that holds in every order of requests: no known limit covers it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: str
    physical: str
    reason: str = ""
    data: Any = None

    @property
    def succeeded(self) -> bool:
        """Whether it is SUCCESS."""
        return self.status == "SUCCESS"


class _Answers(list[Taken]):
    """The answers that arrive, of all invocations. That of a dead process does not."""

    def __init__(self) -> None:
        super().__init__()
        self.sending: dict[int, Invocation] = {}

    def append(self, taken: Taken) -> None:
        invocation = self.sending[_number(taken)]
        if not invocation.dead:
            super().append(taken)
            invocation.answered = True

    def of(self, invocation: Invocation) -> list[Taken]:
        """Those of one invocation, which are no longer kept."""
        found = [taken for taken in self if _number(taken) == invocation.number]
        self[:] = [taken for taken in self if _number(taken) != invocation.number]
        del self.sending[invocation.number]
        return found


def _number(taken: Taken) -> int:
    return int(taken.target.split("?")[0].rpartition("/")[2])


class Functions:
    """The deployed functions. ``controller``: the physical ids of what their environment names, by logical id."""

    def __init__(self, clock: Clock, controller: dict[str, str]) -> None:
        self._clock = clock
        self._answers = _Answers()
        self._server = ResponseServer()
        self._server.taken = self._answers
        folders = {*FUNCTION_OF.values(), "on_failure"}
        self._environments = {folder: environment_of(folder, controller) for folder in folders}
        self._handlers: dict[str, Callable[[Any, Any], object]] = {}

    def install(self, stack: ExitStack) -> None:
        """Load the handlers, and take answers, until the stack is closed."""
        stack.enter_context(self._server)
        stack.enter_context(patch.dict(os.environ))
        for folder in self._environments:
            os.environ.update(self._environments[folder])
            self._handlers[folder] = _load(folder, stack)

    def deliver(self, event: Json, fault: Fault | None = None) -> tuple[Invocation, list[Answer]]:
        """Run the function of a request to its end, and return what it answers."""
        invocation = self.start(event, fault)
        invocation.finish()
        return invocation, self.answers(event, invocation)

    def start(self, event: Json, fault: Fault | None = None) -> Invocation:
        """Run the function of a request."""
        invocation = Invocation(fault)
        self._run(invocation, FUNCTION_OF[event["ResourceType"]], self._addressed(event, invocation))
        return invocation

    def die_before(self, event: Json) -> Invocation:
        """A function that dies before it does anything."""
        invocation = Invocation(dead=True)
        self._addressed(event, invocation)
        return invocation

    def answer_for(self, event: Json) -> tuple[Invocation, list[Answer]]:
        """Run the on-failure function for a request whose function died."""
        invocation = Invocation()
        failed = {
            "requestPayload": self._addressed(event, invocation),
            "responsePayload": {"errorType": "Runtime.ExitError"},
            "requestContext": {"condition": "RetriesExhausted", "functionArn": f"{event['ServiceToken']}:$LATEST"},
        }
        self._run(invocation, "on_failure", failed)
        invocation.finish()
        return invocation, self.answers(event, invocation)

    def answers(self, event: Json, invocation: Invocation) -> list[Answer]:
        """The answers of an invocation that has ended. Raises Broken if one is not valid."""
        return [_checked(event, taken) for taken in self._answers.of(invocation)]

    def _addressed(self, event: Json, invocation: Invocation) -> Json:
        self._answers.sending[invocation.number] = invocation
        return {**event, "ResponseURL": f"{self._server.address}/answers/{invocation.number}?Signature=secret"}

    def _run(self, invocation: Invocation, folder: str, event: Json) -> None:
        environment, handler = self._environments[folder], self._handlers[folder]
        _set(environment, {name for each in self._environments.values() for name in each})
        context = _Context(self._clock, self._clock.now + SECONDS)
        invocation.run(lambda: handler(event, context))


def _set(environment: Mapping[str, str], known: set[str]) -> None:
    for name in known - environment.keys():
        os.environ.pop(name, None)
    os.environ.update(environment)


class _Context(LambdaContext):
    """Lambda's context, by the clock of the functions."""

    def __init__(self, clock: Clock, end: float) -> None:
        super().__init__()
        self._clock, self._end = clock, end

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._end - self._clock.now) * 1000))


def _load(folder: str, stack: ExitStack) -> Callable[[Any, Any], object]:
    stack.enter_context(patch.object(sys, "path", [*sys.path, str(ROOT / "functions" / folder)]))
    spec = importlib.util.spec_from_file_location(f"faults_{folder}", ROOT / "functions" / folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], object] = module.handler
    return handler


def _checked(event: Json, taken: Taken) -> Answer:
    """The answer, if CloudFormation would accept it."""
    answer = json.loads(taken.body)
    given = event.get("PhysicalResourceId")
    status, physical, reason = (answer.get(key) or "" for key in ("Status", "PhysicalResourceId", "Reason"))
    rules = {
        "is at most 4,096 bytes": len(taken.body) <= 4096,
        "is a PUT without a content type": taken.method == "PUT" and not taken.headers.get("content-type"),
        "copies the ids": all(answer.get(key) == event[key] for key in ("RequestId", "StackId", "LogicalResourceId")),
        "has a Status": status in ("SUCCESS", "FAILED"),
        "has a PhysicalResourceId": bool(physical) and len(physical) <= 1024,
        "has a Reason, if it is FAILED": status == "SUCCESS" or bool(reason),
        "keeps the PhysicalResourceId, if it is FAILED": status == "SUCCESS" or given in (None, physical),
        "keeps the PhysicalResourceId of a Delete": event["RequestType"] != "Delete" or physical == given,
    }
    for rule, holds in rules.items():
        if not holds:
            raise Severe(f"An answer {rule}", taken.body.decode(errors="replace"))
    return Answer(status, physical, reason, answer.get("Data"))
