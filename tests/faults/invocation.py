"""One run of a Lambda function: the AWS calls it makes, the fault that it meets, and whether its process lives."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

_numbers = itertools.count(1)
_start, _join = threading.Thread.start, threading.Thread.join


class Died(BaseException):
    """The process has ended: no code of it runs any more, as far as AWS and CloudFormation can see."""


class Fault(Protocol):
    """Something that happens to the calls of an invocation."""

    def meet(self, call: Call, send: Callable[[], Any]) -> Any:
        """The response to one HTTP try of a call. ``send`` has AWS carry it out."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP try of one AWS call: the ``number``-th call of its invocation, the ``attempt``-th try of that call."""

    invocation: Invocation
    operation: Any
    number: int
    attempt: int

    @property
    def name(self) -> str:
        """``ecr:CreateRepository``."""
        return name_of(self.operation)


def name_of(operation: Any) -> str:
    """``ecr:CreateRepository`` for a model of botocore."""
    return f"{operation.service_model.service_name}:{operation.name}"


@dataclass(eq=False)
class Invocation:
    """See above. ``calls`` are the names of all calls so far."""

    fault: Fault | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    calls: list[str] = field(default_factory=list)
    late_calls: list[str] = field(default_factory=list)
    attempt: int = 0
    dead: bool = False
    answered: bool = False
    raised: BaseException | None = None
    threads: list[threading.Thread] = field(default_factory=list)

    def die(self) -> None:
        """End the process, in the midst of a call."""
        self.dead = True
        raise Died

    def run(self, work: Callable[[], object]) -> threading.Thread:
        """Start the work in a thread of this invocation."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - Lambda reports what a handler raises
                self.raised = error

        thread = threading.Thread(target=guarded, daemon=True)
        self.adopt(thread)
        _start(thread)
        return thread

    def adopt(self, thread: threading.Thread) -> None:
        """Make the thread one of this invocation."""
        vars(thread)["invocation"] = self
        self.threads.append(thread)

    def finish(self) -> None:
        """Wait until all threads of the invocation have ended."""
        for thread in self.threads:
            _join(thread, 30)
            if thread.is_alive():
                raise TimeoutError(f"The invocation hangs after {self.calls}.")


def current() -> Invocation | None:
    """The invocation to which this thread belongs."""
    found: Invocation | None = vars(threading.current_thread()).get("invocation")
    return found


def install(stack: ExitStack) -> None:
    """Have the threads that an invocation starts belong to it, until the stack is closed."""

    def start(thread: threading.Thread) -> None:
        invocation = current()
        if invocation is not None:
            invocation.adopt(thread)
        _start(thread)

    stack.enter_context(patch.object(threading.Thread, "start", start))
