"""A clock for the functions under test: sleeping and waiting take no time, and move it on.

Only the threads of an invocation see it. Its time passes only where something waits, so the same case always takes the
same time, on a busy machine too.
"""

from __future__ import annotations

import threading
import time
from queue import Queue
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.faults.invocation import current

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

START = 1_800_000_000.0
POLL = 0.002  # real seconds between two looks at the clock
_time, _sleep = time.time, time.sleep
_join, _wait = threading.Thread.join, threading.Condition.wait


class Clock:
    """The time of the functions. `advance` wakes, in their order, the threads whose waits end on the way."""

    def __init__(self) -> None:
        self.now = START
        self._waits: dict[int, float] = {}

    def reset(self) -> None:
        """Back to the start, for another case."""
        self.now = START
        self._waits.clear()

    def next_end(self) -> float:
        """When the first of the present waits ends: the deadline, while the worker of a request works."""
        for _ in range(500):
            if self._waits:
                break
            _sleep(0.001)  # the worker has been started, and is quicker than the thread that waits for it
        return min(self._waits.values(), default=self.now)

    def wait(self, seconds: float, ended: Callable[[float], bool]) -> bool:
        """Wait until something has ended, or the time is up. ``ended`` waits itself, for that many real seconds."""
        end = self.now + seconds
        if ended(0):
            return True
        self._waits[threading.get_ident()] = end
        try:
            while not ended(POLL):
                if self.now >= end:
                    return False
        finally:
            self._waits.pop(threading.get_ident(), None)
        return True

    def advance(self, seconds: float, settled: Callable[[], bool]) -> None:
        """Let time pass, for a caller that is not waiting itself. ``settled``: nobody else acts any more."""
        end = self.now + seconds
        while self.now < end:
            self.now = min([end, *self._waits.values()])
            self._settle(settled)

    def _settle(self, settled: Callable[[], bool]) -> None:
        """Let the threads act whose waits have ended, until they wait again."""
        for _ in range(500):
            waits = list(self._waits.values())
            if settled() or (waits and min(waits) > self.now):
                return
            _sleep(0.001)

    def install(self, stack: ExitStack) -> None:
        """Replace the clocks that the functions use, until the stack is closed."""
        stack.enter_context(patch("time.time", lambda: _time() if current() is None else self.now))
        stack.enter_context(patch("time.sleep", self._sleep))
        stack.enter_context(patch("queue.SimpleQueue", _queue_of(self)))
        stack.enter_context(patch.object(threading.Thread, "join", self._joining()))
        stack.enter_context(patch.object(threading.Condition, "wait", self._waiting()))

    def _sleep(self, seconds: float) -> None:
        if current() is None:
            _sleep(seconds)
        else:
            self.now += max(0.0, seconds)

    def _joining(self) -> Callable[..., None]:
        def join(thread: threading.Thread, timeout: float | None = None) -> None:
            def ended(seconds: float) -> bool:
                _join(thread, seconds)
                return not thread.is_alive()

            if current() is None or timeout is None:
                _join(thread, timeout)
            else:
                self.wait(timeout, ended)

        return join

    def _waiting(self) -> Callable[..., bool]:
        def wait(condition: threading.Condition, timeout: float | None = None) -> bool:
            if current() is None or timeout is None:
                return _wait(condition, timeout)
            return self.wait(timeout, lambda seconds: _wait(condition, seconds))

        return wait


def _queue_of(clock: Clock) -> type[Queue[Any]]:
    """A queue whose time-outs are by the clock."""

    class ClockedQueue(Queue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            if current() is not None and block and timeout is not None:
                with self.not_empty:
                    clock.wait(timeout, lambda seconds: self._qsize() > 0 or _wait(self.not_empty, seconds))
                block, timeout = False, None
            return super().get(block, timeout)

    return ClockedQueue
