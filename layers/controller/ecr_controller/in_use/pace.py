"""A pace of calls, so that the controller leaves others their part of a rate that the account shares."""

from __future__ import annotations

import time
from threading import Lock

from ecr_controller.deadline import refuse_after_deadline


class Pace:
    """At most ``rate`` calls a second, by all threads that share it."""

    def __init__(self, rate: float) -> None:
        self._seconds, self._next, self._lock = 1 / rate, 0.0, Lock()

    def wait(self) -> None:
        """Wait until the next call may be made. Raises TooLateError if that is after the deadline."""
        with self._lock:
            turn = max(time.monotonic(), self._next)
            delay = turn - time.monotonic()
            refuse_after_deadline(delay)
            self._next = turn + self._seconds
        time.sleep(max(0.0, delay))
